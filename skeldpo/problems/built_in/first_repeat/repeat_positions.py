# %% fast
def find_first(numbers):
    seen = {}
    for i, x in enumerate(numbers):
        if x in seen:
            return [seen[x], i]
        seen[x] = i
    return []


# %% fast
def find_first(numbers):
    seen = set()
    for i, x in enumerate(numbers):
        if x in seen:
            return [numbers.index(x), i]
        seen.add(x)
    return []


# %% slow
def find_first(numbers):
    for j in range(len(numbers)):
        for i in range(j):
            if numbers[i] == numbers[j]:
                return [i, j]
    return []


# %% slow
def find_first(numbers):
    seen = []
    for i, x in enumerate(numbers):
        if x in seen:
            return [seen.index(x), i]
        seen.append(x)
    return []
