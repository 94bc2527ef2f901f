# %% fast
def compare_lists(first, second):
    seen = set(second)
    answer = 0
    for x in first:
        if x not in seen:
            answer += 1
    return answer


# %% fast
from collections import Counter

def compare_lists(first, second):
    counts = Counter(first)
    return sum(counts[x] for x in set(first) - set(second))


# %% slow
def compare_lists(first, second):
    answer = 0
    for x in first:
        if x not in second:
            answer += 1
    return answer


# %% slow
def compare_lists(first, second):
    answer = len(first)
    for x in first:
        for y in second:
            if x == y:
                answer -= 1
                break
    return answer
