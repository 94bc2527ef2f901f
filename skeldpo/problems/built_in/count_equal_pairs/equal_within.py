# %% fast
def equal_pairs(numbers, k):
    counts = {}
    answer = 0
    for i, x in enumerate(numbers):
        if i > k:
            counts[numbers[i - k - 1]] -= 1
        answer += counts.get(x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer


# %% fast
from bisect import bisect_left

def equal_pairs(numbers, k):
    places = {}
    answer = 0
    for i, x in enumerate(numbers):
        p = places.setdefault(x, [])
        answer += len(p) - bisect_left(p, i - k)
        p.append(i)
    return answer


# %% slow
def equal_pairs(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, min(n, i + k + 1)):
            if numbers[i] == numbers[j]:
                answer += 1
    return answer


# %% slow
def equal_pairs(numbers, k):
    answer = 0
    for i, x in enumerate(numbers):
        answer += numbers[i + 1 : i + k + 1].count(x)
    return answer
