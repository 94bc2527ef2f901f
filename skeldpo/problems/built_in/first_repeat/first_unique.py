# %% fast
def find_first(numbers):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    for x in numbers:
        if counts[x] == 1:
            return x
    return -1


# %% fast
from collections import Counter

def find_first(numbers):
    counts = Counter(numbers)
    return next((x for x in numbers if counts[x] == 1), -1)


# %% slow
def find_first(numbers):
    for x in numbers:
        if numbers.count(x) == 1:
            return x
    return -1


# %% slow
def find_first(numbers):
    for i in range(len(numbers)):
        if numbers[i] not in numbers[:i] and numbers[i] not in numbers[i + 1 :]:
            return numbers[i]
    return -1
