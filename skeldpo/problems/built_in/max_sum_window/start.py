# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return -1
    total = sum(numbers[:k])
    best, start = total, 0
    for i in range(k, n):
        total += numbers[i] - numbers[i - k]
        if total > best:
            best, start = total, i - k + 1
    return start


# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return -1
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    return max(range(n - k + 1), key=lambda i: prefix[i + k] - prefix[i])


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return -1
    best, start = sum(numbers[:k]), 0
    for i in range(n - k + 1):
        total = sum(numbers[i : i + k])
        if total > best:
            best, start = total, i
    return start


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return -1
    return max(range(n - k + 1), key=lambda i: sum(numbers[i : i + k]))
