# %% fast
def answer_queries(numbers, queries):
    if not queries:
        return 0
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    return max(prefix[r + 1] - prefix[l] for l, r in queries)


# %% fast
from itertools import accumulate

def answer_queries(numbers, queries):
    prefix = list(accumulate(numbers, initial=0))
    best = None
    for l, r in queries:
        total = prefix[r + 1] - prefix[l]
        if best is None or total > best:
            best = total
    return 0 if best is None else best


# %% slow
def answer_queries(numbers, queries):
    if not queries:
        return 0
    return max(sum(numbers[l : r + 1]) for l, r in queries)


# %% slow
def answer_queries(numbers, queries):
    best = None
    for l, r in queries:
        total = 0
        for i in range(l, r + 1):
            total += numbers[i]
        if best is None or total > best:
            best = total
    return 0 if best is None else best
