# %% fast
def check_distance(nums, k):
    last = {}
    total = 0
    for i, x in enumerate(nums):
        if x in last and i - last[x] <= k:
            total += 1
        last[x] = i
    return total


# %% fast
def check_distance(nums, k):
    places = {}
    for i, x in enumerate(nums):
        places.setdefault(x, []).append(i)
    total = 0
    for p in places.values():
        total += sum(1 for i, j in zip(p, p[1:]) if j - i <= k)
    return total


# %% slow
def check_distance(nums, k):
    total = 0
    for i, x in enumerate(nums):
        if x in nums[max(0, i - k):i]:
            total += 1
    return total


# %% slow
def check_distance(nums, k):
    total = 0
    for i in range(len(nums)):
        for j in range(max(0, i - k), i):
            if nums[i] == nums[j]:
                total += 1
                break
    return total
