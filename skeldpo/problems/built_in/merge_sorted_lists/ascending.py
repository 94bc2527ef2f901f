# %% fast
def merge_lists(xs, ys):
    return sorted(xs + ys)


# %% fast
def merge_lists(xs, ys):
    result = []
    i = j = 0
    while i < len(xs) and j < len(ys):
        if xs[i] < ys[j]:
            result.append(xs[i])
            i += 1
        else:
            result.append(ys[j])
            j += 1
    return result + xs[i:] + ys[j:]


# %% slow
def merge_lists(xs, ys):
    result = list(xs)
    for x in ys:
        i = 0
        while i < len(result) and result[i] < x:
            i += 1
        result.insert(i, x)
    return result


# %% slow
def merge_lists(xs, ys):
    rest = xs + ys
    result = []
    while rest:
        x = min(rest)
        result.append(x)
        rest.remove(x)
    return result
