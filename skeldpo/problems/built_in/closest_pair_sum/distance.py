# %% fast
def closest_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    best = abs(s[i] + s[j] - target)
    while i < j:
        total = s[i] + s[j]
        best = min(best, abs(total - target))
        if total < target:
            i += 1
        else:
            j -= 1
    return best


# %% fast
from bisect import bisect_left

def closest_pair(numbers, target):
    s = sorted(numbers)
    best = abs(s[0] + s[1] - target)
    for i, x in enumerate(s):
        p = bisect_left(s, target - x, i + 1)
        for j in (p - 1, p):
            if i < j < len(s):
                best = min(best, abs(x + s[j] - target))
    return best


# %% slow
def closest_pair(numbers, target):
    n = len(numbers)
    best = abs(numbers[0] + numbers[1] - target)
    for i in range(n):
        for j in range(i + 1, n):
            best = min(best, abs(numbers[i] + numbers[j] - target))
    return best


# %% slow
from itertools import combinations

def closest_pair(numbers, target):
    return min(abs(x + y - target) for x, y in combinations(numbers, 2))
