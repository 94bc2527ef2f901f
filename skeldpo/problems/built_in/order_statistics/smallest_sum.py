# %% fast
def select_kth(nums, k):
    return sum(sorted(nums)[:k])


# %% fast
import heapq

def select_kth(nums, k):
    return sum(heapq.nsmallest(k, nums))


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    total = 0
    for _ in range(k):
        x = min(rest)
        rest.remove(x)
        total += x
    return total


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    total = 0
    for i in range(k):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] < rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
        total += rest[i]
    return total
