# %% fast
def compare_lists(xs, ys):
    first = {}
    for i, y in enumerate(ys):
        if y not in first:
            first[y] = i
    return [first.get(x, -1) for x in xs]


# %% fast
def compare_lists(xs, ys):
    first = {}
    for i in range(len(ys) - 1, -1, -1):
        first[ys[i]] = i
    result = []
    for x in xs:
        if x in first:
            result.append(first[x])
        else:
            result.append(-1)
    return result


# %% slow
def compare_lists(xs, ys):
    return [ys.index(x) if x in ys else -1 for x in xs]


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        found = -1
        for i, y in enumerate(ys):
            if x == y:
                found = i
                break
        result.append(found)
    return result
