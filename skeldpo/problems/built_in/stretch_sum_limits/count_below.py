# %% fast
def stretch_by_sum(numbers, limit):
    start = 0
    total = 0
    answer = 0
    for i, x in enumerate(numbers):
        total += x
        while total >= limit:
            total -= numbers[start]
            start += 1
        answer += i - start + 1
    return answer


# %% fast
from bisect import bisect_left

def stretch_by_sum(numbers, limit):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    answer = 0
    for i in range(len(numbers)):
        j = bisect_left(prefix, prefix[i] + limit)
        answer += j - i - 1
    return answer


# %% slow
def stretch_by_sum(numbers, limit):
    n = len(numbers)
    answer = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total >= limit:
                break
            answer += 1
    return answer


# %% slow
def stretch_by_sum(numbers, limit):
    answer = 0
    start = 0
    for i in range(len(numbers)):
        while sum(numbers[start : i + 1]) >= limit:
            start += 1
        answer += i - start + 1
    return answer
