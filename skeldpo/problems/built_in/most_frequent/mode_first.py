# %% fast
def pick_by_frequency(numbers):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    best, best_count = 0, 0
    for x in numbers:
        if counts[x] > best_count:
            best, best_count = x, counts[x]
    return best


# %% fast
from collections import Counter

def pick_by_frequency(numbers):
    if not numbers:
        return 0
    counts = Counter(numbers)
    return max(numbers, key=lambda x: counts[x])


# %% slow
def pick_by_frequency(numbers):
    best, best_count = 0, 0
    for x in numbers:
        c = numbers.count(x)
        if c > best_count:
            best, best_count = x, c
    return best


# %% slow
def pick_by_frequency(numbers):
    best, best_count = 0, 0
    for x in numbers:
        c = 0
        for y in numbers:
            if y == x:
                c += 1
        if c > best_count:
            best, best_count = x, c
    return best
