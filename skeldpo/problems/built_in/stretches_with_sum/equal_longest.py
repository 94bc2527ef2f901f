# %% fast
def sum_stretches(numbers, k):
    first = {0: 0}
    total = 0
    best = 0
    for i, x in enumerate(numbers):
        total += x
        if total - k in first:
            best = max(best, i + 1 - first[total - k])
        if total not in first:
            first[total] = i + 1
    return best


# %% fast
from itertools import accumulate

def sum_stretches(numbers, k):
    first = {}
    best = 0
    for i, p in enumerate(accumulate(numbers, initial=0)):
        first.setdefault(p, i)
        best = max(best, i - first.get(p - k, i))
    return best


# %% slow
def sum_stretches(numbers, k):
    n = len(numbers)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total == k:
                best = max(best, j - i + 1)
    return best


# %% slow
def sum_stretches(numbers, k):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    best = 0
    for i in range(len(prefix)):
        for j in range(i):
            if prefix[i] - prefix[j] == k and i - j > best:
                best = i - j
    return best
