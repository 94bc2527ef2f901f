# %% fast
def closest_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    best = -1
    while i < j:
        if s[i] + s[j] <= target:
            best = max(best, s[i] + s[j])
            i += 1
        else:
            j -= 1
    return best


# %% fast
from bisect import bisect_right

def closest_pair(numbers, target):
    s = sorted(numbers)
    best = -1
    for i, x in enumerate(s):
        j = bisect_right(s, target - x) - 1
        if j > i:
            best = max(best, x + s[j])
    return best


# %% slow
def closest_pair(numbers, target):
    n = len(numbers)
    best = -1
    for i in range(n):
        for j in range(i + 1, n):
            total = numbers[i] + numbers[j]
            if best < total <= target:
                best = total
    return best


# %% slow
from itertools import combinations

def closest_pair(numbers, target):
    return max((x + y for x, y in combinations(numbers, 2) if x + y <= target), default=-1)
