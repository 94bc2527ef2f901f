# %% fast
def count_pairs(numbers, target):
    counts = {}
    answer = 0
    for x in numbers:
        answer += counts.get(x - target, 0)
        if target != 0:
            answer += counts.get(x + target, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer


# %% fast
from collections import Counter

def count_pairs(numbers, target):
    counts = Counter(numbers)
    if target == 0:
        return sum(c * (c - 1) // 2 for c in counts.values())
    return sum(c * counts.get(x + target, 0) for x, c in counts.items())


# %% slow
def count_pairs(numbers, target):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if abs(numbers[i] - numbers[j]) == target:
                answer += 1
    return answer


# %% slow
from itertools import combinations

def count_pairs(numbers, target):
    answer = 0
    for x, y in combinations(numbers, 2):
        if x - y == target or y - x == target:
            answer += 1
    return answer
