# %% fast
def frequency_filter(numbers, k):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
    answer = []
    for x, c in counts.items():
        if c * k > len(numbers):
            answer.append(x)
    return sorted(answer)


# %% fast
from collections import Counter

def frequency_filter(numbers, k):
    counts = Counter(numbers)
    return [x for x in sorted(counts) if counts[x] * k > len(numbers)]


# %% slow
def frequency_filter(numbers, k):
    answer = []
    for x in set(numbers):
        if numbers.count(x) * k > len(numbers):
            answer.append(x)
    return sorted(answer)


# %% slow
def frequency_filter(numbers, k):
    answer = []
    for x in numbers:
        if numbers.count(x) * k > len(numbers) and x not in answer:
            answer.append(x)
    answer.sort()
    return answer
