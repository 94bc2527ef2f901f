# %% fast
def match_values(first, second):
    return sorted(first) == sorted(second)


# %% fast
def match_values(first, second):
    counts = {}
    for x in first:
        counts[x] = counts.get(x, 0) + 1
    for x in second:
        counts[x] = counts.get(x, 0) - 1
    return all(c == 0 for c in counts.values())


# %% slow
def match_values(first, second):
    rest = list(second)
    for x in first:
        if x not in rest:
            return False
        rest.remove(x)
    return len(rest) == 0


# %% slow
def match_values(first, second):
    if len(first) != len(second):
        return False
    for x in first:
        if first.count(x) != second.count(x):
            return False
    return True
