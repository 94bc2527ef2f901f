# %% fast
def find_pair(numbers, target):
    seen = set()
    for x in numbers:
        if target - x in seen:
            return True
        seen.add(x)
    return False


# %% fast
def find_pair(numbers, target):
    s = sorted(numbers)
    i, j = 0, len(s) - 1
    while i < j:
        if s[i] + s[j] == target:
            return True
        if s[i] + s[j] < target:
            i += 1
        else:
            j -= 1
    return False


# %% slow
def find_pair(numbers, target):
    n = len(numbers)
    for i in range(n):
        for j in range(i + 1, n):
            if numbers[i] + numbers[j] == target:
                return True
    return False


# %% slow
def find_pair(numbers, target):
    for i, x in enumerate(numbers):
        if target - x in numbers[i + 1 :]:
            return True
    return False
