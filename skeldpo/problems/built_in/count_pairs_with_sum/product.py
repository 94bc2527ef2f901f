# %% fast
def count_pairs(numbers, target):
    counts = {}
    answer = 0
    for x in numbers:
        if target % x == 0:
            answer += counts.get(target // x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer


# %% fast
from collections import Counter

def count_pairs(numbers, target):
    counts = Counter(x for x in numbers if target % x == 0)
    answer = 0
    for x, c in counts.items():
        y = target // x
        if x < y:
            answer += c * counts[y]
        elif x == y:
            answer += c * (c - 1) // 2
    return answer


# %% slow
def count_pairs(numbers, target):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[i] * numbers[j] == target:
                answer += 1
    return answer


# %% slow
from itertools import combinations

def count_pairs(numbers, target):
    return sum(1 for x, y in combinations(numbers, 2) if x * y == target)
