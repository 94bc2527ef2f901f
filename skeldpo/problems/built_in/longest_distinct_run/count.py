# %% fast
def distinct_run(numbers):
    last = {}
    start = 0
    answer = 0
    for i, x in enumerate(numbers):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        answer += i - start + 1
    return answer


# %% fast
def distinct_run(numbers):
    seen = set()
    start = 0
    answer = 0
    for x in numbers:
        while x in seen:
            seen.remove(numbers[start])
            start += 1
        seen.add(x)
        answer += len(seen)
    return answer


# %% slow
def distinct_run(numbers):
    n = len(numbers)
    answer = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if numbers[j] in seen:
                break
            seen.add(numbers[j])
            answer += 1
    return answer


# %% slow
def distinct_run(numbers):
    window = []
    answer = 0
    for x in numbers:
        while x in window:
            window.pop(0)
        window.append(x)
        answer += len(window)
    return answer
