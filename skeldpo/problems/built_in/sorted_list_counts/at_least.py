# %% fast
from bisect import bisect_left

def count_queries(nums, queries):
    return [len(nums) - bisect_left(nums, q) for q in queries]


# %% fast
def count_queries(nums, queries):
    result = []
    for q in queries:
        low = 0
        high = len(nums)
        while low < high:
            mid = (low + high) // 2
            if nums[mid] < q:
                low = mid + 1
            else:
                high = mid
        result.append(len(nums) - low)
    return result


# %% slow
def count_queries(nums, queries):
    return [sum(1 for x in nums if x >= q) for q in queries]


# %% slow
def count_queries(nums, queries):
    result = []
    for q in queries:
        total = 0
        for x in nums:
            if x >= q:
                total += 1
        result.append(total)
    return result


# %% slow
def count_queries(nums, queries):
    result = []
    for q in queries:
        i = len(nums)
        while i > 0 and nums[i - 1] >= q:
            i -= 1
        result.append(len(nums) - i)
    return result
