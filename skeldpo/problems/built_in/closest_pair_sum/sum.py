# %% fast
def closest_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    best = s[i] + s[j]
    while i < j:
        total = s[i] + s[j]
        if (abs(total - target), total) < (abs(best - target), best):
            best = total
        if total < target:
            i += 1
        else:
            j -= 1
    return best


# %% fast
from bisect import bisect_left

def closest_pair(numbers, target):
    s = sorted(numbers)
    best = s[0] + s[1]
    for i, x in enumerate(s):
        p = bisect_left(s, target - x, i + 1)
        for j in (p - 1, p):
            if i < j < len(s):
                best = min(best, x + s[j], key=lambda t: (abs(t - target), t))
    return best


# %% slow
def closest_pair(numbers, target):
    n = len(numbers)
    best = numbers[0] + numbers[1]
    for i in range(n):
        for j in range(i + 1, n):
            total = numbers[i] + numbers[j]
            if (abs(total - target), total) < (abs(best - target), best):
                best = total
    return best


# %% slow
from itertools import combinations

def closest_pair(numbers, target):
    sums = [x + y for x, y in combinations(numbers, 2)]
    return min(sums, key=lambda t: (abs(t - target), t))
