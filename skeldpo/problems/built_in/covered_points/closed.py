# %% fast
from bisect import bisect_left, bisect_right

def count_covering(intervals, points):
    starts = sorted(s for s, e in intervals)
    ends = sorted(e for s, e in intervals)
    return [bisect_right(starts, p) - bisect_left(ends, p) for p in points]


# %% fast
def count_covering(intervals, points):
    starts = sorted(s for s, e in intervals)
    ends = sorted(e for s, e in intervals)
    result = [0] * len(points)
    i = j = 0
    for k in sorted(range(len(points)), key=lambda k: points[k]):
        while i < len(starts) and starts[i] <= points[k]:
            i += 1
        while j < len(ends) and ends[j] < points[k]:
            j += 1
        result[k] = i - j
    return result


# %% slow
def count_covering(intervals, points):
    result = []
    for p in points:
        result.append(sum(1 for s, e in intervals if s <= p <= e))
    return result


# %% slow
def count_covering(intervals, points):
    result = [0] * len(points)
    for i, p in enumerate(points):
        for s, e in intervals:
            if s <= p <= e:
                result[i] += 1
    return result
