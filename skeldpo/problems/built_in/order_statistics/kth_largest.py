# %% fast
def select_kth(nums, k):
    return sorted(nums, reverse=True)[k - 1]


# %% fast
import heapq

def select_kth(nums, k):
    return heapq.nlargest(k, nums)[-1]


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    for _ in range(k - 1):
        rest.remove(max(rest))
    return max(rest)


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    for i in range(k):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] > rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
    return rest[k - 1]
