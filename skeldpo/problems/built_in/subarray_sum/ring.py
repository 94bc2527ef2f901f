# %% fast
def subarray_sum(nums):
    if not nums:
        return 0
    low = high = best = worst = nums[0]
    for x in nums[1:]:
        high = max(x, high + x)
        low = min(x, low + x)
        best = max(best, high)
        worst = min(worst, low)
    return max(best, sum(nums) - worst) if best > 0 else best


# %% fast
from itertools import accumulate

def subarray_sum(nums):
    best = max(accumulate(nums, lambda s, x: max(x, s + x)), default=0)
    worst = min(accumulate(nums, lambda s, x: min(x, s + x)), default=0)
    if best <= 0:
        return best
    return max(best, sum(nums) - worst)


# %% slow
def subarray_sum(nums):
    if not nums:
        return 0
    best = nums[0]
    for i in range(len(nums)):
        total = 0
        for x in nums[i:] + nums[:i]:
            total += x
            best = max(best, total)
    return best


# %% slow
from itertools import accumulate

def subarray_sum(nums):
    return max((max(accumulate(nums[i:] + nums[:i])) for i in range(len(nums))), default=0)
