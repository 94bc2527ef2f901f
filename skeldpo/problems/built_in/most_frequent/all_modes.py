# %% fast
def pick_by_frequency(numbers):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    best = 0
    for c in counts.values():
        best = max(best, c)
    return sorted(x for x in counts if counts[x] == best)


# %% fast
from collections import Counter

def pick_by_frequency(numbers):
    if not numbers:
        return []
    counts = Counter(numbers)
    best = max(counts.values())
    answer = []
    for x in sorted(counts):
        if counts[x] == best:
            answer.append(x)
    return answer


# %% slow
def pick_by_frequency(numbers):
    best = 0
    for x in numbers:
        best = max(best, numbers.count(x))
    answer = []
    for x in sorted(set(numbers)):
        if numbers.count(x) == best:
            answer.append(x)
    return answer


# %% slow
def pick_by_frequency(numbers):
    best = 0
    answer = []
    for x in sorted(set(numbers)):
        c = 0
        for y in numbers:
            if y == x:
                c += 1
        if c > best:
            best = c
            answer = [x]
        elif c == best:
            answer.append(x)
    return answer
