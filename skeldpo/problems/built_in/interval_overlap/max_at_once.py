# %% fast
def analyze_intervals(intervals):
    events = []
    for s, e in intervals:
        events.append((s, 1))
        events.append((e, -1))
    best = now = 0
    for t, d in sorted(events):
        now += d
        best = max(best, now)
    return best


# %% fast
import heapq

def analyze_intervals(intervals):
    ends = []
    best = 0
    for s, e in sorted(intervals):
        while ends and ends[0] <= s:
            heapq.heappop(ends)
        heapq.heappush(ends, e)
        best = max(best, len(ends))
    return best


# %% slow
def analyze_intervals(intervals):
    best = 0
    for t, _ in intervals:
        now = sum(1 for s, e in intervals if s <= t < e)
        best = max(best, now)
    return best


# %% slow
def analyze_intervals(intervals):
    best = 0
    for i in range(len(intervals)):
        now = 0
        for j in range(len(intervals)):
            if intervals[j][0] <= intervals[i][0] < intervals[j][1]:
                now += 1
        best = max(best, now)
    return best
