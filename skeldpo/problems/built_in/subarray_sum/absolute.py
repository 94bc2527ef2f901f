# %% fast
def subarray_sum(nums):
    total = low = high = 0
    for x in nums:
        total += x
        low = min(low, total)
        high = max(high, total)
    return high - low


# %% fast
def subarray_sum(nums):
    best = low = high = 0
    for x in nums:
        low = min(0, low + x)
        high = max(0, high + x)
        best = max(best, high, -low)
    return best


# %% slow
def subarray_sum(nums):
    best = 0
    for i in range(len(nums)):
        total = 0
        for j in range(i, len(nums)):
            total += nums[j]
            best = max(best, abs(total))
    return best


# %% slow
from itertools import accumulate

def subarray_sum(nums):
    return max((max(map(abs, accumulate(nums[i:]))) for i in range(len(nums))), default=0)
