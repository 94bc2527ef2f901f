"""Families about half-open intervals [start, end): overlaps, covered length, merged blocks."""

from skeldpo.problems.family import Family, Variation

_BLOCKS = """\
def $fn($a):
    blocks = []
    for s, e in $a:
        rest = []
        for x, y in blocks:
            if y < s or e < x:
                rest.append((x, y))
            else:
                s = min(s, x)
                e = max(e, y)
        blocks = rest + [(s, e)]
    return RESULT
"""

_PIECES = """\
def $fn($a):
    points = sorted(p for pair in $a for p in pair)
    total = 0
    for p, q in zip(points, points[1:]):
        if CONDITION:
            total += q - p
    return total
"""

_SWEEP = """\
def $fn($a):
    events = []
    for s, e in $a:
        events.append((s, 1))
        events.append((e, -1))
    total = now = last = 0
    for t, d in sorted(events):
        if now > LIMIT:
            total += t - last
        now += d
        last = t
    return total
"""

_OVERLAP = Family(
    name="interval_overlap",
    topic="intervals",
    difficulty="medium",
    entry_points=("analyze_intervals", "interval_overlap", "sweep_intervals", "measure_ranges"),
    parameters=(("intervals", "bookings", "segments", "ranges"),),
    variations=(
        Variation(
            name="max_at_once",
            wordings=(
                "Each entry of `$a` is [start, end] and stands for the half-open interval from "
                "start up to but not including end. Return the largest number that overlap at "
                "once.",
                "Given half-open intervals `$a` as [start, end) pairs with start < end, return the "
                "maximum number of intervals that contain the same point (0 if there are none).",
                "Meetings `$a` are pairs [start, end]; a room is free again exactly at end. How "
                "many rooms are needed so that no two meetings share one at the same time?",
                "At its busiest time, how many of the half-open intervals [start, end) in `$a` are "
                "active together? Return 0 for an empty list.",
                "Find the greatest depth of overlap of the intervals in `$a`, where [start, end] "
                "includes its start but not its end. Return the depth as an integer.",
            ),
            fast=(
                """\
def $fn($a):
    events = []
    for s, e in $a:
        events.append((s, 1))
        events.append((e, -1))
    best = now = 0
    for t, d in sorted(events):
        now += d
        best = max(best, now)
    return best
""",
                """\
import heapq

def $fn($a):
    ends = []
    best = 0
    for s, e in sorted($a):
        while ends and ends[0] <= s:
            heapq.heappop(ends)
        heapq.heappush(ends, e)
        best = max(best, len(ends))
    return best
""",
            ),
            slow=(
                """\
def $fn($a):
    best = 0
    for t, _ in $a:
        now = sum(1 for s, e in $a if s <= t < e)
        best = max(best, now)
    return best
""",
                """\
def $fn($a):
    best = 0
    for i in range(len($a)):
        now = 0
        for j in range(len($a)):
            if $a[j][0] <= $a[i][0] < $a[j][1]:
                now += 1
        best = max(best, now)
    return best
""",
            ),
            tests=(
                ([[]], 0),
                ([[[3, 5]]], 1),
                ([[[1, 2], [2, 3]]], 1),
                ([[[1, 4], [2, 6], [3, 5], [8, 9]]], 3),
                ([[[-5, 5], [-5, 5], [0, 1]]], 3),
            ),
        ),
        Variation(
            name="covered_length",
            wordings=(
                "Each entry of `$a` is an interval [start, end] of integers with start < end. "
                "Return the total length of their union; overlapping parts count once.",
                "Given intervals `$a` on the number line, each as [start, end), return how long "
                "the part of the line is that at least one of them covers.",
                "Lamps burn during the periods `$a`, given as [start, end] pairs. For how long is "
                "at least one lamp burning? Return 0 for an empty list.",
                "Return the number of integers t for which some pair [start, end] in `$a` has "
                "start <= t < end. No integer counts twice.",
                "Compute the combined length of the ranges [start, end] in `$a`, counting every "
                "stretch only once even where ranges overlap.",
            ),
            fast=(
                """\
def $fn($a):
    total = 0
    last = None
    for s, e in sorted($a):
        if last is None or s > last:
            last = s
        if e > last:
            total += e - last
            last = e
    return total
""",
                _SWEEP.replace("LIMIT", "0"),
            ),
            slow=(
                _PIECES.replace("CONDITION", "any(s <= p < e for s, e in $a)"),
                _BLOCKS.replace("RESULT", "sum(y - x for x, y in blocks)"),
            ),
            tests=(
                ([[]], 0),
                ([[[3, 5]]], 2),
                ([[[1, 2], [2, 3]]], 2),
                ([[[1, 4], [2, 6], [3, 5], [8, 9]]], 6),
                ([[[-5, 5], [-5, 5], [0, 1]]], 10),
            ),
        ),
        Variation(
            name="count_blocks",
            wordings=(
                "Each entry of `$a` is an interval [start, end] with start < end. Merge intervals "
                "that overlap or touch, and return how many merged intervals there are.",
                "Given intervals `$a` as [start, end] pairs, return the number of connected blocks "
                "of their union; intervals that share only an end point are connected.",
                "Work shifts `$a` are pairs [start, end]. Shifts that overlap or follow each other "
                "without a gap form one block. Return the number of blocks.",
                "How many separate pieces does the union of the ranges [start, end] in `$a` have? "
                "Touching ranges belong to the same piece; an empty list has 0 pieces.",
                "Paint the segments [start, end] from `$a` on a line, end points included, and "
                "return into how many unconnected painted parts the line falls.",
            ),
            fast=(
                """\
def $fn($a):
    total = 0
    last = None
    for s, e in sorted($a):
        if last is None or s > last:
            total += 1
            last = e
        last = max(last, e)
    return total
""",
                """\
def $fn($a):
    starts = sorted(s for s, e in $a)
    ends = sorted(e for s, e in $a)
    total = min(1, len($a))
    for i in range(1, len($a)):
        if starts[i] > ends[i - 1]:
            total += 1
    return total
""",
            ),
            slow=(
                """\
def $fn($a):
    total = 0
    for t in set(s for s, e in $a):
        if not any(s < t <= e for s, e in $a):
            total += 1
    return total
""",
                _BLOCKS.replace("RESULT", "len(blocks)"),
            ),
            tests=(
                ([[]], 0),
                ([[[3, 5]]], 1),
                ([[[1, 2], [2, 3]]], 1),
                ([[[8, 9], [1, 4], [2, 6], [3, 5]]], 2),
                ([[[-5, 5], [-5, 5], [0, 1], [7, 8], [10, 12]]], 3),
            ),
        ),
        Variation(
            name="shared_length",
            wordings=(
                "Each entry of `$a` is an interval [start, end] of integers with start < end. "
                "Return the total length that is covered by at least two of them.",
                "Given intervals `$a` on the number line, each as [start, end), return how long "
                "the part of the line is where two or more of them overlap.",
                "Lamps burn during the periods `$a`, given as [start, end] pairs. For how long are "
                "two or more lamps burning together? Return 0 for an empty list.",
                "Return the number of integers t for which at least two pairs [start, end] in `$a` "
                "have start <= t < end. No integer counts twice.",
                "Compute the length of the double-booked time: bookings `$a` are [start, end] "
                "pairs, and time counts once if at least two bookings contain it.",
            ),
            fast=(
                _SWEEP.replace("LIMIT", "1"),
                """\
def $fn($a):
    total = 0
    last = done = float("-inf")
    for s, e in sorted($a):
        x = max(s, done)
        y = min(e, last)
        if x < y:
            total += y - x
            done = y
        last = max(last, e)
    return total
""",
            ),
            slow=(
                _PIECES.replace("CONDITION", "sum(1 for s, e in $a if s <= p < e) > 1"),
                """\
def $fn($a):
    points = sorted(p for pair in $a for p in pair)
    total = 0
    for i in range(1, len(points)):
        now = 0
        for s, e in $a:
            if s < points[i] <= e:
                now += 1
        if now > 1:
            total += points[i] - points[i - 1]
    return total
""",
            ),
            tests=(
                ([[]], 0),
                ([[[3, 5]]], 0),
                ([[[1, 2], [2, 3]]], 0),
                ([[[1, 4], [2, 6], [3, 5], [8, 9]]], 3),
                ([[[-5, 5], [-5, 5], [0, 1]]], 10),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    intervals = []
    for _ in range(size):
        s = rng.randrange(-5 * size, 5 * size)
        intervals.append([s, s + rng.randint(1, 12)])
    return [intervals]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_OVERLAP,)
