# %% fast
def compare_lists(xs, ys):
    seen = set(ys)
    return [x for x in xs if x not in seen]


# %% fast
def compare_lists(xs, ys):
    seen = {}
    for y in ys:
        seen[y] = True
    result = []
    for x in xs:
        if x not in seen:
            result.append(x)
    return result


# %% slow
def compare_lists(xs, ys):
    return [x for x in xs if x not in ys]


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        found = False
        for y in ys:
            if x == y:
                found = True
                break
        if not found:
            result.append(x)
    return result


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        if ys.count(x) == 0:
            result.append(x)
    return result
