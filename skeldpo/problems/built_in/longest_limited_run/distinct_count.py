# %% fast
def longest_run(numbers, k):
    counts = {}
    start = 0
    answer = 0
    for i, x in enumerate(numbers):
        counts[x] = counts.get(x, 0) + 1
        while len(counts) > k:
            y = numbers[start]
            counts[y] -= 1
            if counts[y] == 0:
                del counts[y]
            start += 1
        answer += i - start + 1
    return answer


# %% fast
from collections import defaultdict

def longest_run(numbers, k):
    counts = defaultdict(int)
    distinct = 0
    start = 0
    answer = 0
    for i, x in enumerate(numbers):
        distinct += counts[x] == 0
        counts[x] += 1
        while distinct > k:
            counts[numbers[start]] -= 1
            distinct -= counts[numbers[start]] == 0
            start += 1
        answer += i - start + 1
    return answer


# %% slow
def longest_run(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            seen.add(numbers[j])
            if len(seen) > k:
                break
            answer += 1
    return answer


# %% slow
def longest_run(numbers, k):
    answer = 0
    start = 0
    for i in range(len(numbers)):
        while len(set(numbers[start : i + 1])) > k:
            start += 1
        answer += i - start + 1
    return answer
