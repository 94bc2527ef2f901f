# %% fast
from bisect import bisect_left, bisect_right

def count_queries(nums, queries):
    return [bisect_right(nums, q) - bisect_left(nums, q) for q in queries]


# %% fast
from collections import Counter

def count_queries(nums, queries):
    counts = Counter(nums)
    return [counts[q] for q in queries]


# %% slow
def count_queries(nums, queries):
    return [nums.count(q) for q in queries]


# %% slow
def count_queries(nums, queries):
    result = []
    for q in queries:
        total = 0
        for x in nums:
            if x == q:
                total += 1
        result.append(total)
    return result


# %% slow
def count_queries(nums, queries):
    return [sum(1 for x in nums if x == q) for q in queries]
