# %% fast
def find_first(numbers):
    seen = set()
    for i, x in enumerate(numbers):
        if x in seen:
            return i
        seen.add(x)
    return -1


# %% fast
def find_first(numbers):
    seen = {}
    for i in range(len(numbers)):
        if numbers[i] in seen:
            return i
        seen[numbers[i]] = i
    return -1


# %% slow
def find_first(numbers):
    for i in range(len(numbers)):
        if numbers[i] in numbers[:i]:
            return i
    return -1


# %% slow
def find_first(numbers):
    for i in range(len(numbers)):
        for j in range(i):
            if numbers[i] == numbers[j]:
                return i
    return -1
