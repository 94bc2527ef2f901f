# %% fast
def jump_reach(nums):
    far = 0
    for i, x in enumerate(nums):
        if i > far:
            break
        far = max(far, i + x)
    return min(far, len(nums) - 1)


# %% fast
def jump_reach(nums):
    far = 0
    i = 0
    while i <= far and i < len(nums):
        if i + nums[i] > far:
            far = i + nums[i]
        i += 1
    return min(far, len(nums) - 1)


# %% slow
def jump_reach(nums):
    reach = [True] + [False] * (len(nums) - 1)
    for i in range(1, len(nums)):
        for j in range(i):
            if reach[j] and j + nums[j] >= i:
                reach[i] = True
    far = max(i for i in range(len(nums)) if reach[i])
    return min(far, len(nums) - 1)


# %% slow
def jump_reach(nums):
    seen = [0]
    for i in seen:
        for j in range(i + 1, min(i + nums[i] + 1, len(nums))):
            if j not in seen:
                seen.append(j)
    far = max(seen)
    return min(far, len(nums) - 1)
