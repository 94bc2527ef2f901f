# %% fast
def pick_by_frequency(numbers):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    best, best_count = 0, len(numbers) + 1
    for x, c in counts.items():
        if c < best_count or (c == best_count and x > best):
            best, best_count = x, c
    return best


# %% fast
from collections import Counter

def pick_by_frequency(numbers):
    if not numbers:
        return 0
    counts = Counter(numbers)
    return min(counts, key=lambda x: (counts[x], -x))


# %% slow
def pick_by_frequency(numbers):
    best, best_count = 0, len(numbers) + 1
    for x in numbers:
        c = numbers.count(x)
        if c < best_count or (c == best_count and x > best):
            best, best_count = x, c
    return best


# %% slow
def pick_by_frequency(numbers):
    if not numbers:
        return 0
    return min(numbers, key=lambda x: (numbers.count(x), -x))
