# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    total = sum(numbers[:k])
    best = total
    for i in range(k, n):
        total += numbers[i] - numbers[i - k]
        best = max(best, total)
    return best


# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    return max(prefix[i + k] - prefix[i] for i in range(n - k + 1))


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return 0
    best = sum(numbers[:k])
    for i in range(n - k + 1):
        best = max(best, sum(numbers[i : i + k]))
    return best


# %% slow
def window_sums(numbers, k):
    n = len(numbers)
    best = None
    for i in range(n - k + 1):
        total = 0
        for j in range(i, i + k):
            total += numbers[j]
        if best is None or total > best:
            best = total
    return 0 if best is None else best
