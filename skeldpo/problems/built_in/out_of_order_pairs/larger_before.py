# %% fast
from bisect import bisect_right, insort

def count_order(nums):
    seen = []
    result = []
    for x in nums:
        result.append(len(seen) - bisect_right(seen, x))
        insort(seen, x)
    return result


# %% fast
def count_order(nums):
    rank = {x: i + 1 for i, x in enumerate(sorted(set(nums)))}
    tree = [0] * (len(rank) + 1)
    result = []
    for i, x in enumerate(nums):
        total = i
        j = rank[x]
        while j > 0:
            total -= tree[j]
            j -= j & -j
        result.append(total)
        j = rank[x]
        while j <= len(rank):
            tree[j] += 1
            j += j & -j
    return result


# %% slow
def count_order(nums):
    result = []
    for i in range(len(nums)):
        total = 0
        for j in range(i):
            if nums[j] > nums[i]:
                total += 1
        result.append(total)
    return result


# %% slow
def count_order(nums):
    return [sum(1 for y in nums[:i] if y > x) for i, x in enumerate(nums)]
