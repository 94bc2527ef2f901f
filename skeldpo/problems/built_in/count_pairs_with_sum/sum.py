# %% fast
def count_pairs(numbers, target):
    counts = {}
    answer = 0
    for x in numbers:
        answer += counts.get(target - x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer


# %% fast
from collections import Counter

def count_pairs(numbers, target):
    counts = Counter(numbers)
    total = 0
    for x in numbers:
        total += counts[target - x]
        if 2 * x == target:
            total -= 1
    return total // 2


# %% slow
def count_pairs(numbers, target):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[i] + numbers[j] == target:
                answer += 1
    return answer


# %% slow
def count_pairs(numbers, target):
    answer = 0
    for i, x in enumerate(numbers):
        for y in numbers[i + 1 :]:
            if x + y == target:
                answer += 1
    return answer
