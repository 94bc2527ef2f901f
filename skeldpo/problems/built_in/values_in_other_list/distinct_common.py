# %% fast
def compare_lists(first, second):
    return len(set(first) & set(second))


# %% fast
def compare_lists(first, second):
    seen = set(second)
    answer = 0
    for x in set(first):
        if x in seen:
            answer += 1
    return answer


# %% slow
def compare_lists(first, second):
    seen = []
    for x in first:
        if x in second and x not in seen:
            seen.append(x)
    return len(seen)


# %% slow
def compare_lists(first, second):
    answer = 0
    for x in set(first):
        for y in second:
            if x == y:
                answer += 1
                break
    return answer
