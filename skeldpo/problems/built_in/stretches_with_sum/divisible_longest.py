# %% fast
def sum_stretches(numbers, k):
    first = {0: 0}
    total = 0
    best = 0
    for i, x in enumerate(numbers):
        total = (total + x) % k
        if total in first:
            best = max(best, i + 1 - first[total])
        else:
            first[total] = i + 1
    return best


# %% fast
from itertools import accumulate

def sum_stretches(numbers, k):
    first = {}
    best = 0
    for i, p in enumerate(accumulate(numbers, initial=0)):
        j = first.setdefault(p % k, i)
        best = max(best, i - j)
    return best


# %% slow
def sum_stretches(numbers, k):
    n = len(numbers)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total % k == 0:
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
            if (prefix[i] - prefix[j]) % k == 0 and i - j > best:
                best = i - j
    return best
