# %% fast
def compare_lists(first, second):
    seen = set(second)
    answer = []
    for x in first:
        if x in seen:
            answer.append(x)
    return answer


# %% fast
def compare_lists(first, second):
    seen = dict.fromkeys(second, True)
    return [x for x in first if seen.get(x, False)]


# %% slow
def compare_lists(first, second):
    answer = []
    for x in first:
        if x in second:
            answer.append(x)
    return answer


# %% slow
def compare_lists(first, second):
    return [x for x in first if any(x == y for y in second)]
