# %% fast
def answer_queries(numbers, queries):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    answer = []
    for l, r in queries:
        answer.append(prefix[r + 1] - prefix[l])
    return answer


# %% fast
from itertools import accumulate

def answer_queries(numbers, queries):
    prefix = list(accumulate(numbers, initial=0))
    return [prefix[r + 1] - prefix[l] for l, r in queries]


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        answer.append(sum(numbers[l : r + 1]))
    return answer


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        total = 0
        for i in range(l, r + 1):
            total += numbers[i]
        answer.append(total)
    return answer
