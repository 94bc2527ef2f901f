# %% fast
def find_pair(numbers, target):
    seen = {}
    for j, x in enumerate(numbers):
        if target - x in seen:
            return [seen[target - x], j]
        if x not in seen:
            seen[x] = j
    return []


# %% fast
def find_pair(numbers, target):
    seen = set()
    for j, x in enumerate(numbers):
        if target - x in seen:
            return [numbers.index(target - x), j]
        seen.add(x)
    return []


# %% slow
def find_pair(numbers, target):
    for j in range(len(numbers)):
        for i in range(j):
            if numbers[i] + numbers[j] == target:
                return [i, j]
    return []


# %% slow
def find_pair(numbers, target):
    for j, x in enumerate(numbers):
        if target - x in numbers[:j]:
            return [numbers.index(target - x), j]
    return []
