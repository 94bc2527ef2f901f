# %% fast
from bisect import bisect_left

def longest_subsequence(values):
    tails = []
    for x in values:
        i = bisect_left(tails, x)
        if i == len(tails):
            tails.append(x)
        else:
            tails[i] = x
    return len(tails)


# %% fast
def longest_subsequence(values):
    tails = []
    for x in values:
        low, high = 0, len(tails)
        while low < high:
            mid = (low + high) // 2
            if tails[mid] < x:
                low = mid + 1
            else:
                high = mid
        tails[low:low + 1] = [x]
    return len(tails)


# %% slow
def longest_subsequence(values):
    nums = values
    best = [1] * len(nums)
    for i in range(len(nums)):
        for j in range(i):
            if nums[j] < nums[i]:
                best[i] = max(best[i], best[j] + 1)
    return max(best, default=0)


# %% slow
def longest_subsequence(values):
    nums = values
    best = []
    for i, x in enumerate(nums):
        best.append(1 + max([best[j] for j in range(i) if nums[j] < x], default=0))
    return max(best, default=0)


# %% slow
def longest_subsequence(values):
    best = []
    for x in values:
        here = 0
        for y, length in best:
            if y < x and length > here:
                here = length
        best.append((x, here + 1))
    best = [length for x, length in best]
    return max(best, default=0)
