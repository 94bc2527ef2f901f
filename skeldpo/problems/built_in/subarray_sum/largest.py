# %% fast
def subarray_sum(nums):
    if not nums:
        return 0
    best = here = nums[0]
    for x in nums[1:]:
        here = max(x, here + x)
        best = max(best, here)
    return best


# %% fast
def subarray_sum(nums):
    sums = []
    total = edge = 0
    for x in nums:
        total += x
        sums.append(total - edge)
        edge = min(edge, total)
    return max(sums, default=0)


# %% slow
def subarray_sum(nums):
    if not nums:
        return 0
    best = nums[0]
    for i in range(len(nums)):
        total = 0
        for j in range(i, len(nums)):
            total += nums[j]
            best = max(best, total)
    return best


# %% slow
from itertools import accumulate

def subarray_sum(nums):
    return max((max(accumulate(nums[i:])) for i in range(len(nums))), default=0)
