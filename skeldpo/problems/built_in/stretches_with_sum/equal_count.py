# %% fast
def sum_stretches(numbers, k):
    counts = {0: 1}
    total = 0
    answer = 0
    for x in numbers:
        total += x
        answer += counts.get(total - k, 0)
        counts[total] = counts.get(total, 0) + 1
    return answer


# %% fast
from collections import defaultdict
from itertools import accumulate

def sum_stretches(numbers, k):
    counts = defaultdict(int)
    answer = 0
    for p in accumulate(numbers, initial=0):
        answer += counts[p - k]
        counts[p] += 1
    return answer


# %% slow
def sum_stretches(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += numbers[j]
            if total == k:
                answer += 1
    return answer


# %% slow
def sum_stretches(numbers, k):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    answer = 0
    for i in range(len(prefix)):
        for j in range(i):
            if prefix[i] - prefix[j] == k:
                answer += 1
    return answer
