# %% fast
def merge_lists(xs, ys):
    result = []
    i = j = 0
    while i < len(xs) and j < len(ys):
        if xs[i] < ys[j]:
            i += 1
        elif xs[i] > ys[j]:
            j += 1
        else:
            result.append(xs[i])
            i += 1
            j += 1
    return result


# %% fast
from collections import Counter

def merge_lists(xs, ys):
    counts = Counter(ys)
    result = []
    for x in xs:
        if counts[x] > 0:
            counts[x] -= 1
            result.append(x)
    return result


# %% slow
def merge_lists(xs, ys):
    rest = list(ys)
    result = []
    for x in xs:
        if x in rest:
            rest.remove(x)
            result.append(x)
    return result


# %% slow
def merge_lists(xs, ys):
    used = [False] * len(ys)
    result = []
    for x in xs:
        for j, y in enumerate(ys):
            if x == y and not used[j]:
                used[j] = True
                result.append(x)
                break
    return result
