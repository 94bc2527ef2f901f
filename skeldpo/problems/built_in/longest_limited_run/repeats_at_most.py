# %% fast
def longest_run(numbers, k):
    counts = {}
    start = 0
    best = 0
    for i, x in enumerate(numbers):
        counts[x] = counts.get(x, 0) + 1
        while counts[x] > k:
            counts[numbers[start]] -= 1
            start += 1
        best = max(best, i - start + 1)
    return best


# %% fast
def longest_run(numbers, k):
    places = {}
    start = 0
    best = 0
    for i, x in enumerate(numbers):
        p = places.setdefault(x, [])
        p.append(i)
        if len(p) > k:
            start = max(start, p[-k - 1] + 1)
        best = max(best, i - start + 1)
    return best


# %% slow
def longest_run(numbers, k):
    n = len(numbers)
    best = 0
    for i in range(n):
        counts = {}
        for j in range(i, n):
            counts[numbers[j]] = counts.get(numbers[j], 0) + 1
            if counts[numbers[j]] > k:
                break
            best = max(best, j - i + 1)
    return best


# %% slow
def longest_run(numbers, k):
    window = []
    best = 0
    for x in numbers:
        while window.count(x) >= k:
            window.pop(0)
        window.append(x)
        best = max(best, len(window))
    return best
