# %% fast
import heapq

def interval_choice(intervals):
    ends = []
    best = 0
    for start, end in sorted(intervals):
        while ends and ends[0] <= start:
            heapq.heappop(ends)
        heapq.heappush(ends, end)
        best = max(best, len(ends))
    return best


# %% fast
def interval_choice(intervals):
    events = [(start, 1) for start, end in intervals] + [(end, -1) for start, end in intervals]
    count = best = 0
    for x, step in sorted(events):
        count += step
        best = max(best, count)
    return best


# %% slow
def interval_choice(intervals):
    best = 0
    for x, y in intervals:
        count = 0
        for start, end in intervals:
            if start <= x < end:
                count += 1
        best = max(best, count)
    return best


# %% slow
def interval_choice(intervals):
    return max((len([x for x in intervals if x[0] <= y[0] < x[1]]) for y in intervals), default=0)
