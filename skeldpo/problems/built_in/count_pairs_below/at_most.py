# %% fast
def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    answer = 0
    while i < j:
        if s[i] + s[j] <= limit:
            answer += j - i
            i += 1
        else:
            j -= 1
    return answer


# %% fast
from bisect import bisect_right

def pairs_by_limit(numbers, limit):
    s = sorted(numbers)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, limit - x)
        answer += max(0, j - i - 1)
    return answer


# %% slow
def pairs_by_limit(numbers, limit):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[i] + numbers[j] <= limit:
                answer += 1
    return answer


# %% slow
def pairs_by_limit(numbers, limit):
    answer = 0
    for i, x in enumerate(numbers):
        for y in numbers[i + 1 :]:
            if x + y <= limit:
                answer += 1
    return answer
