# %% fast
def interval_choice(intervals):
    count = 0
    last = float("-inf")
    for start, end in sorted(intervals, key=lambda x: x[1]):
        if start >= last:
            count += 1
            last = end
    return count


# %% fast
def interval_choice(intervals):
    count = 0
    last = float("-inf")
    for start, end in sorted(intervals):
        if start >= last:
            count += 1
            last = end
        elif end < last:
            last = end
    return count


# %% slow
def interval_choice(intervals):
    left = intervals
    count = 0
    while left:
        last = min(end for start, end in left)
        left = [x for x in left if x[0] >= last]
        count += 1
    return count


# %% slow
def interval_choice(intervals):
    order = sorted(intervals)
    best = []
    for i in range(len(order)):
        here = 1
        for j in range(i):
            if order[i][0] >= order[j][1]:
                here = max(here, best[j] + 1)
        best.append(here)
    count = max(best, default=0)
    return count
