# %% fast
def answer_queries(numbers, queries):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x % 2)
    answer = []
    for l, r in queries:
        answer.append(prefix[r + 1] - prefix[l])
    return answer


# %% fast
from bisect import bisect_left, bisect_right

def answer_queries(numbers, queries):
    odd = [i for i, x in enumerate(numbers) if x % 2 == 1]
    answer = []
    for l, r in queries:
        answer.append(bisect_right(odd, r) - bisect_left(odd, l))
    return answer


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        answer.append(sum(1 for x in numbers[l : r + 1] if x % 2 == 1))
    return answer


# %% slow
def answer_queries(numbers, queries):
    answer = []
    for l, r in queries:
        count = 0
        for i in range(l, r + 1):
            if numbers[i] % 2 == 1:
                count += 1
        answer.append(count)
    return answer
