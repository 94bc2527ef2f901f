"""Families about query points: intervals that contain them, and counts in a sorted list."""

from skeldpo.problems.family import Family, Variation

_SCAN = """\
def $fn($a, $b):
    result = []
    for p in $b:
        result.append(sum(1 for s, e in $a if CONDITION))
    return result
"""

_LOOPS = """\
def $fn($a, $b):
    result = [0] * len($b)
    for i, p in enumerate($b):
        for s, e in $a:
            if CONDITION:
                result[i] += 1
    return result
"""

_BISECT = """\
from bisect import bisect_left, bisect_right

def $fn($a, $b):
    starts = sorted(s for s, e in $a)
    ends = sorted(e for s, e in $a)
    return [START(starts, p) - END(ends, p) for p in $b]
"""

_POINTERS = """\
def $fn($a, $b):
    starts = sorted(s for s, e in $a)
    ends = sorted(e for s, e in $a)
    result = [0] * len($b)
    i = j = 0
    for k in sorted(range(len($b)), key=lambda k: $b[k]):
        while i < len(starts) and starts[i] OPEN $b[k]:
            i += 1
        while j < len(ends) and ends[j] CLOSE $b[k]:
            j += 1
        result[k] = i - j
    return result
"""


def _bisect(start: str, end: str) -> str:
    return _BISECT.replace("START", start).replace("END", end)


def _pointers(opened: str, closed: str) -> str:
    return _POINTERS.replace("OPEN", opened).replace("CLOSE", closed)


_COVERED = Family(
    name="covered_points",
    topic="intervals",
    difficulty="medium",
    entry_points=("count_covering", "points_in_intervals", "stab_counts", "coverage_of_points"),
    parameters=(
        ("intervals", "segments", "ranges", "spans"),
        ("points", "queries", "positions", "times"),
    ),
    variations=(
        Variation(
            name="half_open",
            wordings=(
                "For each point of `$b`, count the intervals [start, end) of `$a` that contain it: "
                "start <= point < end. Return the counts as a list.",
                "Given half-open intervals `$a` as [start, end] pairs with start < end, return for "
                "every value in `$b`, in order, how many of the intervals it lies in.",
                "Shows `$a` run from start to just before end, given as [start, end] with start < "
                "end. For each moment in `$b`, return the number of running shows.",
                "Return a list that holds, for every p in `$b`, the number of pairs [start, end] "
                "in `$a` with start <= p < end.",
                "How many intervals cover each point of `$b`? Intervals are [start, end] in `$a`, "
                "with start < end; start belongs to the interval, end does not. Return a list.",
            ),
            fast=(_bisect("bisect_right", "bisect_right"), _pointers("<=", "<=")),
            slow=(
                _SCAN.replace("CONDITION", "s <= p < e"),
                _LOOPS.replace("CONDITION", "s <= p < e"),
            ),
            tests=(
                ([[], []], []),
                ([[], [4, 5]], [0, 0]),
                ([[[1, 3]], []], []),
                ([[[1, 3]], [0, 1, 2, 3]], [0, 1, 1, 0]),
                ([[[-2, 5], [1, 4], [1, 4]], [4, 1, -2, 4]], [1, 3, 1, 1]),
            ),
        ),
        Variation(
            name="closed",
            wordings=(
                "For each point of `$b`, count the closed intervals [start, end] of `$a` that "
                "contain it: start <= point <= end. Return the counts as a list.",
                "Given closed intervals `$a` as [start, end] pairs with start < end, return for "
                "every value in `$b`, in order, how many of the intervals it lies in.",
                "Shows `$a` run from start through end, both included, given as [start, end]. For "
                "each moment in `$b`, return the number of running shows.",
                "Return a list that holds, for every p in `$b`, the number of pairs [start, end] "
                "in `$a` with start <= p <= end.",
                "How many intervals cover each point of `$b`? Intervals are [start, end] in `$a`, "
                "and both end points belong to the interval. Return a list.",
            ),
            fast=(_bisect("bisect_right", "bisect_left"), _pointers("<=", "<")),
            slow=(
                _SCAN.replace("CONDITION", "s <= p <= e"),
                _LOOPS.replace("CONDITION", "s <= p <= e"),
            ),
            tests=(
                ([[], []], []),
                ([[], [4, 5]], [0, 0]),
                ([[[1, 3]], []], []),
                ([[[1, 3]], [0, 1, 2, 3]], [0, 1, 1, 1]),
                ([[[-2, 5], [1, 4], [1, 4]], [4, 1, -2, 4]], [3, 3, 1, 3]),
            ),
        ),
        Variation(
            name="open",
            wordings=(
                "For each point of `$b`, count the intervals of `$a` that strictly contain it: "
                "start < point < end for [start, end]. Return the counts as a list.",
                "Given open intervals `$a` as [start, end] pairs with start < end, return for "
                "every value in `$b`, in order, how many of the intervals it lies in.",
                "Shows `$a` are [start, end] pairs with start < end and run strictly between these "
                "times. For each moment in `$b`, return the number of running shows.",
                "Return a list that holds, for every p in `$b`, the number of pairs [start, end] "
                "in `$a` with start < p < end.",
                "How many intervals have each point of `$b` in their interior? Intervals are "
                "[start, end] in `$a` with start < end; end points do not count. Return a list.",
            ),
            fast=(_bisect("bisect_left", "bisect_right"), _pointers("<", "<=")),
            slow=(
                _SCAN.replace("CONDITION", "s < p < e"),
                _LOOPS.replace("CONDITION", "s < p < e"),
            ),
            tests=(
                ([[], []], []),
                ([[], [4, 5]], [0, 0]),
                ([[[1, 3]], []], []),
                ([[[1, 3]], [0, 1, 2, 3]], [0, 0, 1, 0]),
                ([[[-2, 5], [1, 4], [1, 4]], [4, 1, 2, -2]], [1, 1, 3, 0]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    intervals = []
    for _ in range(size):
        s = rng.randrange(-size, size)
        intervals.append([s, s + rng.randint(1, max(2, size // 4))])
    points = [rng.randrange(-size, size + size // 4 + 1) for _ in range(size)]
    return [intervals, points]
""",
    checker="exact",
    held_out=True,
)

FAMILIES: tuple[Family, ...] = (_COVERED,)
