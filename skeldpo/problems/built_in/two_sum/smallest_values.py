# %% fast
def find_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    while i < j:
        total = s[i] + s[j]
        if total == target:
            return [s[i], s[j]]
        if total < target:
            i += 1
        else:
            j -= 1
    return []


# %% fast
def find_pair(numbers, target):
    seen = set()
    best = []
    for x in numbers:
        y = target - x
        if y in seen and (not best or min(x, y) < best[0]):
            best = [min(x, y), max(x, y)]
        seen.add(x)
    return best


# %% slow
def find_pair(numbers, target):
    n = len(numbers)
    best = []
    for i in range(n):
        for j in range(i + 1, n):
            x, y = min(numbers[i], numbers[j]), max(numbers[i], numbers[j])
            if x + y == target and (not best or x < best[0]):
                best = [x, y]
    return best


# %% slow
def find_pair(numbers, target):
    best = []
    for i, x in enumerate(numbers):
        y = target - x
        if y in numbers[i + 1 :] and (not best or min(x, y) < best[0]):
            best = [min(x, y), max(x, y)]
    return best
