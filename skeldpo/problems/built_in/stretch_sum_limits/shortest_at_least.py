# %% fast
def stretch_by_sum(numbers, limit):
    start = 0
    total = 0
    best = 0
    for i, x in enumerate(numbers):
        total += x
        while total >= limit:
            if best == 0 or i - start + 1 < best:
                best = i - start + 1
            total -= numbers[start]
            start += 1
    return best


# %% fast
from bisect import bisect_left

def stretch_by_sum(numbers, limit):
    n = len(numbers)
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    best = n + 1
    for i in range(n):
        j = bisect_left(prefix, prefix[i] + limit)
        if j <= n:
            best = min(best, j - i)
    return best if best <= n else 0


# %% slow
def stretch_by_sum(numbers, limit):
    n = len(numbers)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total >= limit:
                if best == 0 or j - i + 1 < best:
                    best = j - i + 1
                break
    return best


# %% slow
def stretch_by_sum(numbers, limit):
    n = len(numbers)
    for w in range(1, n + 1):
        total = sum(numbers[:w])
        if total >= limit:
            return w
        for i in range(w, n):
            total += numbers[i] - numbers[i - w]
            if total >= limit:
                return w
    return 0
