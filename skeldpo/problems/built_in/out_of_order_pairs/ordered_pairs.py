# %% fast
from bisect import bisect_left, insort

def count_order(nums):
    seen = []
    total = 0
    for x in nums:
        total += bisect_left(seen, x)
        insort(seen, x)
    return total


# %% fast
def count_order(nums):
    order = sorted(range(len(nums)), key=lambda i: (nums[i], -i))
    tree = [0] * (len(nums) + 1)
    total = 0
    for i in order:
        j = i + 1
        while j > 0:
            total += tree[j]
            j -= j & -j
        j = i + 1
        while j <= len(nums):
            tree[j] += 1
            j += j & -j
    return total


# %% slow
def count_order(nums):
    total = 0
    for i in range(len(nums)):
        for j in range(i + 1, len(nums)):
            if nums[i] < nums[j]:
                total += 1
    return total


# %% slow
def count_order(nums):
    total = 0
    for i, x in enumerate(nums):
        total += sum(1 for y in nums[:i] if y < x)
    return total
