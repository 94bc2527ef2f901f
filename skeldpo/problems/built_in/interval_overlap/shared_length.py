# %% fast
def analyze_intervals(intervals):
    events = []
    for s, e in intervals:
        events.append((s, 1))
        events.append((e, -1))
    total = now = last = 0
    for t, d in sorted(events):
        if now > 1:
            total += t - last
        now += d
        last = t
    return total


# %% fast
def analyze_intervals(intervals):
    total = 0
    last = done = float("-inf")
    for s, e in sorted(intervals):
        x = max(s, done)
        y = min(e, last)
        if x < y:
            total += y - x
            done = y
        last = max(last, e)
    return total


# %% slow
def analyze_intervals(intervals):
    points = sorted(p for pair in intervals for p in pair)
    total = 0
    for p, q in zip(points, points[1:]):
        if sum(1 for s, e in intervals if s <= p < e) > 1:
            total += q - p
    return total


# %% slow
def analyze_intervals(intervals):
    points = sorted(p for pair in intervals for p in pair)
    total = 0
    for i in range(1, len(points)):
        now = 0
        for s, e in intervals:
            if s < points[i] <= e:
                now += 1
        if now > 1:
            total += points[i] - points[i - 1]
    return total
