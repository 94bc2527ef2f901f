# %% fast
def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    answer = 0
    while i < j:
        if s[i] + s[j] > limit:
            answer += j - i
            j -= 1
        else:
            i += 1
    return answer


# %% fast
from bisect import bisect_right

def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    n = len(s)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, limit - x)
        answer += n - max(i + 1, j)
    return answer


# %% slow
def pairs_by_limit(numbers, limit):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[i] + numbers[j] > limit:
                answer += 1
    return answer


# %% slow
from itertools import combinations

def pairs_by_limit(numbers, limit):
    return sum(1 for x, y in combinations(numbers, 2) if x + y > limit)
