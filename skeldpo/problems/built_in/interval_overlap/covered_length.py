# %% fast
def analyze_intervals(intervals):
    total = 0
    last = None
    for s, e in sorted(intervals):
        if last is None or s > last:
            last = s
        if e > last:
            total += e - last
            last = e
    return total


# %% fast
def analyze_intervals(intervals):
    events = []
    for s, e in intervals:
        events.append((s, 1))
        events.append((e, -1))
    total = now = last = 0
    for t, d in sorted(events):
        if now > 0:
            total += t - last
        now += d
        last = t
    return total


# %% slow
def analyze_intervals(intervals):
    points = sorted(p for pair in intervals for p in pair)
    total = 0
    for p, q in zip(points, points[1:]):
        if any(s <= p < e for s, e in intervals):
            total += q - p
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
    return sum(y - x for x, y in blocks)
