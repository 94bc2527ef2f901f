# %% fast
def match_values(first, second):
    counts = {}
    for x in second:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for x in first:
        if counts.get(x, 0) > 0:
            counts[x] -= 1
            answer += 1
    return answer


# %% fast
from collections import Counter

def match_values(first, second):
    common = Counter(first) & Counter(second)
    return sum(common.values())


# %% slow
def match_values(first, second):
    rest = list(second)
    answer = 0
    for x in first:
        if x in rest:
            rest.remove(x)
            answer += 1
    return answer


# %% slow
def match_values(first, second):
    answer = 0
    for x in set(first):
        answer += min(first.count(x), second.count(x))
    return answer
