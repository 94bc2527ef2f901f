# %% fast
def frequency_filter(numbers, k):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for c in counts.values():
        if c <= k:
            answer += c
    return answer


# %% fast
from collections import Counter

def frequency_filter(numbers, k):
    counts = Counter(numbers)
    return sum(1 for x in numbers if counts[x] <= k)


# %% slow
def frequency_filter(numbers, k):
    answer = 0
    for x in numbers:
        if numbers.count(x) <= k:
            answer += 1
    return answer


# %% slow
def frequency_filter(numbers, k):
    answer = 0
    for x in set(numbers):
        c = 0
        for y in numbers:
            if y == x:
                c += 1
        if c <= k:
            answer += c
    return answer
