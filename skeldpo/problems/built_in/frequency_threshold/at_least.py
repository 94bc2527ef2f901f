# %% fast
def frequency_filter(numbers, k):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for c in counts.values():
        if c >= k:
            answer += 1
    return answer


# %% fast
from collections import Counter

def frequency_filter(numbers, k):
    return sum(1 for c in Counter(numbers).values() if c >= k)


# %% slow
def frequency_filter(numbers, k):
    answer = 0
    for x in set(numbers):
        if numbers.count(x) >= k:
            answer += 1
    return answer


# %% slow
def frequency_filter(numbers, k):
    seen = []
    answer = 0
    for x in numbers:
        if x not in seen:
            seen.append(x)
            if numbers.count(x) >= k:
                answer += 1
    return answer
