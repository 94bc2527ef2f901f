# %% fast
def jump_reach(nums):
    jumps = end = far = 0
    for i in range(len(nums) - 1):
        far = max(far, i + nums[i])
        if i == end:
            if far == end:
                return -1
            jumps += 1
            end = far
    return jumps


# %% fast
def jump_reach(nums):
    best = [0]
    for i in range(len(nums)):
        if i == len(best):
            return -1
        while len(best) <= min(i + nums[i], len(nums) - 1):
            best.append(best[i] + 1)
    return best[-1]


# %% slow
def jump_reach(nums):
    best = [0] + [len(nums)] * (len(nums) - 1)
    for i in range(1, len(nums)):
        for j in range(i):
            if j + nums[j] >= i:
                best[i] = min(best[i], best[j] + 1)
    return best[-1] if best[-1] < len(nums) else -1


# %% slow
def jump_reach(nums):
    best = [0]
    for i in range(1, len(nums)):
        best.append(1 + min([best[j] for j in range(i) if j + nums[j] >= i], default=len(nums)))
    return best[-1] if best[-1] < len(nums) else -1
