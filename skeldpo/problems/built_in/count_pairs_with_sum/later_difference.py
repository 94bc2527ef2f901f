# %% fast
def count_pairs(numbers, target):
    counts = {}
    answer = 0
    for x in numbers:
        answer += counts.get(x - target, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer


# %% fast
from collections import defaultdict

def count_pairs(numbers, target):
    counts = defaultdict(int)
    answer = 0
    for x in reversed(numbers):
        answer += counts[x + target]
        counts[x] += 1
    return answer


# %% slow
def count_pairs(numbers, target):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[j] - numbers[i] == target:
                answer += 1
    return answer


# %% slow
def count_pairs(numbers, target):
    answer = 0
    for i, x in enumerate(numbers):
        answer += numbers[:i].count(x - target)
    return answer
