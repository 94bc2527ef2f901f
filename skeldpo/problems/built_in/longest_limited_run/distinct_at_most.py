# %% fast
def longest_run(numbers, k):
    counts = {}
    start = 0
    best = 0
    for i, x in enumerate(numbers):
        counts[x] = counts.get(x, 0) + 1
        while len(counts) > k:
            y = numbers[start]
            counts[y] -= 1
            if counts[y] == 0:
                del counts[y]
            start += 1
        best = max(best, i - start + 1)
    return best


# %% fast
from collections import defaultdict

def longest_run(numbers, k):
    counts = defaultdict(int)
    distinct = 0
    start = 0
    for x in numbers:
        distinct += counts[x] == 0
        counts[x] += 1
        if distinct > k:
            counts[numbers[start]] -= 1
            distinct -= counts[numbers[start]] == 0
            start += 1
    return len(numbers) - start


# %% slow
def longest_run(numbers, k):
    n = len(numbers)
    best = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            seen.add(numbers[j])
            if len(seen) > k:
                break
            best = max(best, j - i + 1)
    return best


# %% slow
def longest_run(numbers, k):
    best = 0
    start = 0
    for i in range(len(numbers)):
        while len(set(numbers[start : i + 1])) > k:
            start += 1
        best = max(best, i - start + 1)
    return best
