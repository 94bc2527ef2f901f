# %% fast
def select_kth(nums, k):
    return sorted(nums, reverse=True)[:k]


# %% fast
import heapq

def select_kth(nums, k):
    return heapq.nlargest(k, nums)


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    result = []
    for _ in range(k):
        x = max(rest)
        rest.remove(x)
        result.append(x)
    return result


# %% slow
def select_kth(nums, k):
    rest = list(nums)
    for i in range(k):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] > rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
    return rest[:k]
