# %% fast
def equal_pairs(numbers, k):
    counts = {}
    answer = 0
    for x in numbers:
        r = x % k
        answer += counts.get(-x % k, 0)
        counts[r] = counts.get(r, 0) + 1
    return answer


# %% fast
def equal_pairs(numbers, k):
    counts = [0] * k
    for x in numbers:
        counts[x % k] += 1
    total = 0
    for x in numbers:
        total += counts[-x % k]
        if 2 * x % k == 0:
            total -= 1
    return total // 2


# %% slow
def equal_pairs(numbers, k):
    n = len(numbers)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if (numbers[i] + numbers[j]) % k == 0:
                answer += 1
    return answer


# %% slow
def equal_pairs(numbers, k):
    answer = 0
    for i, x in enumerate(numbers):
        for y in numbers[i + 1 :]:
            if (x + y) % k == 0:
                answer += 1
    return answer
