# %% fast
def stretch_by_sum(numbers, limit):
    start = 0
    total = 0
    best = 0
    for i, x in enumerate(numbers):
        total += x
        while total > limit:
            total -= numbers[start]
            start += 1
        best = max(best, i - start + 1)
    return best


# %% fast
from bisect import bisect_right

def stretch_by_sum(numbers, limit):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    best = 0
    for i in range(len(numbers)):
        j = bisect_right(prefix, prefix[i] + limit) - 1
        best = max(best, j - i)
    return best


# %% slow
def stretch_by_sum(numbers, limit):
    n = len(numbers)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total > limit:
                break
            best = max(best, j - i + 1)
    return best


# %% slow
def stretch_by_sum(numbers, limit):
    best = 0
    start = 0
    for i in range(len(numbers)):
        while sum(numbers[start : i + 1]) > limit:
            start += 1
        best = max(best, i - start + 1)
    return best
