# %% fast
def check_distance(nums, k):
    last = {}
    for i, x in enumerate(nums):
        if x in last and i - last[x] <= k:
            return True
        last[x] = i
    return False


# %% fast
def check_distance(nums, k):
    seen = set()
    for i, x in enumerate(nums):
        if i > k:
            seen.remove(nums[i - k - 1])
        if x in seen:
            return True
        seen.add(x)
    return False


# %% slow
def check_distance(nums, k):
    n = len(nums)
    for i in range(n):
        for j in range(i + 1, min(n, i + k + 1)):
            if nums[i] == nums[j]:
                return True
    return False


# %% slow
def check_distance(nums, k):
    for i, x in enumerate(nums):
        if x in nums[max(0, i - k):i]:
            return True
    return False
