# %% fast
from collections import Counter

def clean_list(nums):
    counts = Counter(nums)
    return [x for x in counts if counts[x] > 1]


# %% fast
def clean_list(nums):
    counts = {}
    for x in nums:
        counts[x] = counts.get(x, 0) + 1
    result = []
    for x in counts:
        if counts[x] > 1:
            result.append(x)
    return result


# %% slow
def clean_list(nums):
    result = []
    for x in nums:
        if nums.count(x) > 1 and x not in result:
            result.append(x)
    return result


# %% slow
def clean_list(nums):
    result = []
    for i in range(len(nums)):
        if nums[i] not in nums[:i] and nums[i] in nums[i + 1:]:
            result.append(nums[i])
    return result
