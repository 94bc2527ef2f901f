# %% fast
def find_pair(numbers, target):
    seen = set()
    for x in numbers:
        if x - target in seen or x + target in seen:
            return True
        seen.add(x)
    return False


# %% fast
def find_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, 1
    while j < len(s):
        if i == j or s[j] - s[i] < target:
            j += 1
        elif s[j] - s[i] > target:
            i += 1
        else:
            return True
    return False


# %% slow
def find_pair(numbers, target):
    n = len(numbers)
    for i in range(n):
        for j in range(i + 1, n):
            if abs(numbers[i] - numbers[j]) == target:
                return True
    return False


# %% slow
def find_pair(numbers, target):
    for i, x in enumerate(numbers):
        if x - target in numbers[:i] or x + target in numbers[:i]:
            return True
    return False
