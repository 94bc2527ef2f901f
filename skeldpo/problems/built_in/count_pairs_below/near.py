# %% fast
def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    i = 0
    answer = 0
    for j in range(len(s)):
        while s[j] - s[i] > limit:
            i += 1
        answer += j - i
    return answer


# %% fast
from bisect import bisect_right

def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, x + limit)
        answer += j - i - 1
    return answer


# %% slow
def pairs_by_limit(numbers, limit):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if abs(numbers[i] - numbers[j]) <= limit:
                answer += 1
    return answer


# %% slow
def pairs_by_limit(numbers, limit):
    answer = 0
    for i, x in enumerate(numbers):
        for y in numbers[i + 1 :]:
            if -limit <= x - y <= limit:
                answer += 1
    return answer
