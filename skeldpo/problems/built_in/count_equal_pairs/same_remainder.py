# %% fast
def equal_pairs(numbers, k):
    counts = {}
    answer = 0
    for x in numbers:
        r = x % k
        answer += counts.get(r, 0)
        counts[r] = counts.get(r, 0) + 1
    return answer


# %% fast
from collections import Counter

def equal_pairs(numbers, k):
    counts = Counter(x % k for x in numbers)
    return sum(c * (c - 1) // 2 for c in counts.values())


# %% slow
def equal_pairs(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if (numbers[i] - numbers[j]) % k == 0:
                answer += 1
    return answer


# %% slow
from itertools import combinations

def equal_pairs(numbers, k):
    return sum(1 for x, y in combinations(numbers, 2) if x % k == y % k)
