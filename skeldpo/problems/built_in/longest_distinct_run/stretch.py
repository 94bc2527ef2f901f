# %% fast
def distinct_run(numbers):
    last = {}
    start = 0
    best, best_start = 0, 0
    for i, x in enumerate(numbers):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        if i - start + 1 > best:
            best, best_start = i - start + 1, start
    return numbers[best_start : best_start + best]


# %% fast
def distinct_run(numbers):
    seen = set()
    start = 0
    best, best_start = 0, 0
    for i, x in enumerate(numbers):
        while x in seen:
            seen.remove(numbers[start])
            start += 1
        seen.add(x)
        if len(seen) > best:
            best, best_start = len(seen), start
    return numbers[best_start : best_start + best]


# %% slow
def distinct_run(numbers):
    n = len(numbers)
    best, best_start = 0, 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if numbers[j] in seen:
                break
            seen.add(numbers[j])
        if len(seen) > best:
            best, best_start = len(seen), i
    return numbers[best_start : best_start + best]


# %% slow
def distinct_run(numbers):
    window = []
    best = []
    for x in numbers:
        while x in window:
            window.pop(0)
        window.append(x)
        if len(window) > len(best):
            best = list(window)
    return best
