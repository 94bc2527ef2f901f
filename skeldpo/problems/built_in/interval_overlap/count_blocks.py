# %% fast
def analyze_intervals(intervals):
    total = 0
    last = None
    for s, e in sorted(intervals):
        if last is None or s > last:
            total += 1
            last = e
        last = max(last, e)
    return total


# %% fast
def analyze_intervals(intervals):
    starts = sorted(s for s, e in intervals)
    ends = sorted(e for s, e in intervals)
    total = min(1, len(intervals))
    for i in range(1, len(intervals)):
        if starts[i] > ends[i - 1]:
            total += 1
    return total


# %% slow
def analyze_intervals(intervals):
    total = 0
    for t in set(s for s, e in intervals):
        if not any(s < t <= e for s, e in intervals):
            total += 1
    return total


# %% slow
def analyze_intervals(intervals):
    blocks = []
    for s, e in intervals:
        rest = []
        for x, y in blocks:
            if y < s or e < x:
                rest.append((x, y))
            else:
                s = min(s, x)
                e = max(e, y)
        blocks = rest + [(s, e)]
    return len(blocks)
