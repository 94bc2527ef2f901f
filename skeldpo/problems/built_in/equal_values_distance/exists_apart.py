# %% fast
def check_distance(nums, k):
    first = {}
    for i, x in enumerate(nums):
        if x in first and i - first[x] >= k:
            return True
        if x not in first:
            first[x] = i
    return False


# %% fast
def check_distance(nums, k):
    seen = set()
    for i in range(k, len(nums)):
        seen.add(nums[i - k])
        if nums[i] in seen:
            return True
    return False


# %% slow
def check_distance(nums, k):
    n = len(nums)
    for i in range(n):
        for j in range(i + k, n):
            if nums[i] == nums[j]:
                return True
    return False


# %% slow
def check_distance(nums, k):
    for i, x in enumerate(nums):
        if x in nums[i + k:]:
            return True
    return False
