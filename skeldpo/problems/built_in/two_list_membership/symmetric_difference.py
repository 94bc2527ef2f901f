# %% fast
def compare_lists(xs, ys):
    common = set(xs) & set(ys)
    return [x for x in xs + ys if x not in common]


# %% fast
def compare_lists(xs, ys):
    seen_a = set(xs)
    seen_b = set(ys)
    result = []
    for x in xs:
        if x not in seen_b:
            result.append(x)
    for y in ys:
        if y not in seen_a:
            result.append(y)
    return result


# %% slow
def compare_lists(xs, ys):
    return [x for x in xs if x not in ys] + [y for y in ys if y not in xs]


# %% slow
def compare_lists(xs, ys):
    result = []
    for x in xs:
        if ys.count(x) == 0:
            result.append(x)
    for y in ys:
        if xs.count(y) == 0:
            result.append(y)
    return result


# %% slow
def compare_lists(xs, ys):
    common = [x for x in xs if x in ys]
    result = []
    for x in xs + ys:
        if x not in common:
            result.append(x)
    return result
