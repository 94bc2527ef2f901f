# %% fast
def equal_pairs(numbers, k):
    counts = {}
    answer = 0
    for j in range(k, len(numbers)):
        x = numbers[j - k]
        counts[x] = counts.get(x, 0) + 1
        answer += counts.get(numbers[j], 0)
    return answer


# %% fast
from bisect import bisect_right

def equal_pairs(numbers, k):
    places = {}
    answer = 0
    for i, x in enumerate(numbers):
        p = places.setdefault(x, [])
        answer += bisect_right(p, i - k)
        p.append(i)
    return answer


# %% slow
def equal_pairs(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + k, n):
            if numbers[i] == numbers[j]:
                answer += 1
    return answer


# %% slow
def equal_pairs(numbers, k):
    answer = 0
    for i, x in enumerate(numbers):
        answer += numbers[i + k :].count(x)
    return answer
