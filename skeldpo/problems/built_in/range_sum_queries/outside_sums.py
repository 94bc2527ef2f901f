# %% fast
def answer_queries(numbers, queries):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    answer = []
    for l, r in queries:
        answer.append(prefix[l] + prefix[-1] - prefix[r + 1])
    return answer


# %% fast
from itertools import accumulate

def answer_queries(numbers, queries):
    total = sum(numbers)
    prefix = list(accumulate(numbers, initial=0))
    return [total - (prefix[r + 1] - prefix[l]) for l, r in queries]


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        answer.append(sum(numbers[:l]) + sum(numbers[r + 1 :]))
    return answer


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        total = 0
        for i, x in enumerate(numbers):
            if i < l or i > r:
                total += x
        answer.append(total)
    return answer
