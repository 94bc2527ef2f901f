# %% fast
def distinct_run(numbers):
    last = {}
    start = 0
    best = 0
    for i, x in enumerate(numbers):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        best = max(best, i - start + 1)
    return best


# %% fast
def distinct_run(numbers):
    seen = set()
    start = 0
    best = 0
    for i, x in enumerate(numbers):
        while x in seen:
            seen.remove(numbers[start])
            start += 1
        seen.add(x)
        best = max(best, i - start + 1)
    return best


# %% slow
def distinct_run(numbers):
    n = len(numbers)
    best = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if numbers[j] in seen:
                break
            seen.add(numbers[j])
        best = max(best, len(seen))
    return best


# %% slow
def distinct_run(numbers):
    window = []
    best = 0
    for x in numbers:
        while x in window:
            window.pop(0)
        window.append(x)
        best = max(best, len(window))
    return best
