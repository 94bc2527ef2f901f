# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    total = sum(numbers[:k])
    best = total
    for i in range(k, n):
        total += numbers[i] - numbers[i - k]
        best = min(best, total)
    return best


# %% fast
from itertools import accumulate

def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    prefix = list(accumulate(numbers, initial=0))
    return min(prefix[i + k] - prefix[i] for i in range(n - k + 1))


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    return min(sum(numbers[i : i + k]) for i in range(n - k + 1))


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    best = None
    for i in range(n - k + 1):
        total = 0
        for j in range(i, i + k):
            total += numbers[j]
        if best is None or total < best:
            best = total
    return 0 if best is None else best
