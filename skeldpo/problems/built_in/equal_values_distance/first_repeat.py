# %% fast
def check_distance(nums, k):
    last = {}
    for i, x in enumerate(nums):
        if x in last and i - last[x] <= k:
            return i
        last[x] = i
    return -1


# %% fast
def check_distance(nums, k):
    seen = set()
    for i, x in enumerate(nums):
        if i > k:
            seen.remove(nums[i - k - 1])
        if x in seen:
            return i
        seen.add(x)
    return -1


# %% slow
def check_distance(nums, k):
    for i in range(len(nums)):
        for j in range(max(0, i - k), i):
            if nums[i] == nums[j]:
                return i
    return -1


# %% slow
def check_distance(nums, k):
    for i, x in enumerate(nums):
        if x in nums[max(0, i - k):i]:
            return i
    return -1
