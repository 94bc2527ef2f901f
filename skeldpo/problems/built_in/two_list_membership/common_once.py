# %% fast
def compare_lists(xs, ys):
    seen = set(ys)
    return [x for x in dict.fromkeys(xs) if x in seen]


# %% fast
def compare_lists(xs, ys):
    common = set(xs) & set(ys)
    result = []
    for x in xs:
        if x in common:
            common.remove(x)
            result.append(x)
    return result


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        if x in ys and x not in result:
            result.append(x)
    return result


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        if x not in result:
            for y in ys:
                if x == y:
                    result.append(x)
                    break
    return result


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        if ys.count(x) > 0 and result.count(x) == 0:
            result.append(x)
    return result
