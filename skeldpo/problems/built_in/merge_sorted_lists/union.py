# %% fast
def merge_lists(xs, ys):
    return sorted(set(xs + ys))


# %% fast
def merge_lists(xs, ys):
    result = []
    for x in sorted(xs + ys):
        if not result or x != result[-1]:
            result.append(x)
    return result


# %% slow
def merge_lists(xs, ys):
    result = []
    for x in xs + ys:
        if x not in result:
            result.append(x)
    return sorted(result)


# %% slow
def merge_lists(xs, ys):
    rest = xs + ys
    result = []
    while rest:
        x = min(rest)
        result.append(x)
        rest = [y for y in rest if y != x]
    return result
