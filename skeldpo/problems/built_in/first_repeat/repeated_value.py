# %% fast
def find_first(numbers):
    seen = set()
    for x in numbers:
        if x in seen:
            return x
        seen.add(x)
    return -1


# %% fast
def find_first(numbers):
    counts = {}
    for x in numbers:
        counts[x] = counts.get(x, 0) + 1
        if counts[x] == 2:
            return x
    return -1


# %% slow
def find_first(numbers):
    for i in range(len(numbers)):
        if numbers[i] in numbers[:i]:
            return numbers[i]
    return -1


# %% slow
def find_first(numbers):
    seen = []
    for x in numbers:
        if x in seen:
            return x
        seen.append(x)
    return -1
