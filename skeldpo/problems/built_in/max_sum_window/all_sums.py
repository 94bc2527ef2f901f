# %% fast
def window_sums(numbers, k):
    n = len(numbers)
    if k > n:
        return []
    total = sum(numbers[:k])
    answer = [total]
    for i in range(k, n):
        total += numbers[i] - numbers[i - k]
        answer.append(total)
    return answer


# %% fast
def window_sums(numbers, k):
    prefix = [0]
    for x in numbers:
        prefix.append(prefix[-1] + x)
    return [prefix[i + k] - prefix[i] for i in range(len(numbers) - k + 1)]


# %% slow
def window_sums(numbers, k):
    answer = []
    for i in range(len(numbers) - k + 1):
        answer.append(sum(numbers[i : i + k]))
    return answer


# %% slow
def window_sums(numbers, k):
    answer = []
    for i in range(len(numbers) - k + 1):
        total = 0
        for j in range(i, i + k):
            total += numbers[j]
        answer.append(total)
    return answer
