"""A family about choosing meetings and rooms: sorting once against comparing all pairs.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_KEEP_FAST = (
    """\
def $fn($a):
    count = 0
    last = float("-inf")
    for start, end in sorted($a, key=lambda x: x[1]):
        if start CMP last:
            count += 1
            last = end
    return RESULT
""",
    """\
def $fn($a):
    count = 0
    last = float("-inf")
    for start, end in sorted($a):
        if start CMP last:
            count += 1
            last = end
        elif end < last:
            last = end
    return RESULT
""",
)
_KEEP_SLOW = (
    """\
def $fn($a):
    left = $a
    count = 0
    while left:
        last = min(end for start, end in left)
        left = [x for x in left if x[0] CMP last]
        count += 1
    return RESULT
""",
    """\
def $fn($a):
    order = sorted($a)
    best = []
    for i in range(len(order)):
        here = 1
        for j in range(i):
            if order[i][0] CMP order[j][1]:
                here = max(here, best[j] + 1)
        best.append(here)
    count = max(best, default=0)
    return RESULT
""",
)


def _keep(
    name: str,
    parts: tuple[str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        compare, result = parts
        return text.replace("CMP", compare).replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _KEEP_FAST),
        slow=tuple(fill(text) for text in _KEEP_SLOW),
        tests=tests,
    )


_ROOMS_FAST = (
    """\
import heapq

def $fn($a):
    ends = []
    best = 0
    for start, end in sorted($a):
        while ends and ends[0] <= start:
            heapq.heappop(ends)
        heapq.heappush(ends, end)
        best = max(best, len(ends))
    return best
""",
    """\
def $fn($a):
    events = [(start, 1) for start, end in $a] + [(end, -1) for start, end in $a]
    count = best = 0
    for x, step in sorted(events):
        count += step
        best = max(best, count)
    return best
""",
)
_ROOMS_SLOW = (
    """\
def $fn($a):
    best = 0
    for x, y in $a:
        count = 0
        for start, end in $a:
            if start <= x < end:
                count += 1
        best = max(best, count)
    return best
""",
    """\
def $fn($a):
    return max((len([x for x in $a if x[0] <= y[0] < x[1]]) for y in $a), default=0)
""",
)

_DAY = [[1, 4], [2, 3], [3, 5], [5, 7], [0, 6]]

_INTERVAL_CHOICE = Family(
    name="interval_choice",
    topic="greedy",
    difficulty="medium",
    entry_points=("interval_choice", "plan_meetings", "schedule", "solve_intervals"),
    parameters=(("intervals", "meetings", "bookings", "spans"),),
    variations=(
        _keep(
            "touching",
            (">=", "count"),
            (
                "`$a` lists meetings [start, end] with start < end. Return the largest number that "
                "one person can attend; one may start when another ends.",
                "How many intervals [start, end] of `$a` (start < end) can be chosen at most so "
                "that no two overlap? Sharing an end point is allowed.",
                "Choose as many of the half-open spans [start, end) in `$a` as possible without "
                "two of them sharing any time. Return how many that is.",
                "Given `$a` with pairs [start, end], start < end, find the size of the biggest "
                "subset in which each one starts no earlier than the previous ends.",
                "One machine handles one job at a time; `$a` holds jobs [start, end] with start < "
                "end. Return the most jobs it can do, back to back permitted.",
            ),
            (([_DAY], 3), ([[]], 0), ([[[1, 2], [2, 3]]], 2), ([[[1, 9], [1, 9], [2, 3]]], 1)),
        ),
        _keep(
            "apart",
            (">", "count"),
            (
                "`$a` lists meetings [start, end] with start < end. Return the largest number that "
                "one person can attend if each must start strictly after the previous end.",
                "How many intervals [start, end] of `$a` (start < end) can be chosen at most so "
                "that no two have a point in common, end points included?",
                "Choose as many of the closed spans [start, end] in `$a` as possible so that they "
                "neither overlap nor touch. Return how many that is.",
                "Given `$a` with pairs [start, end], start < end, find the size of the biggest "
                "subset in which each one starts later than the previous ends.",
                "One machine handles one job at a time; `$a` holds jobs [start, end] with start < "
                "end. Return the most jobs it can do with a pause between any two.",
            ),
            (([_DAY], 2), ([[]], 0), ([[[1, 2], [2, 3]]], 1), ([[[1, 2], [3, 4], [3, 5]]], 2)),
        ),
        _keep(
            "removals",
            (">=", "len($a) - count"),
            (
                "`$a` lists meetings [start, end] with start < end. Return the fewest to cancel so "
                "that no two overlap; one may start when another ends.",
                "How many intervals [start, end] of `$a` (start < end) must be removed at least "
                "until no two overlap? Sharing an end point is no overlap.",
                "Delete as few of the half-open spans [start, end) in `$a` as possible so that the "
                "rest share no time. Return how many are deleted.",
                "Given `$a` with pairs [start, end], start < end, find the minimum number to drop "
                "so that each remaining one starts no earlier than the previous ends.",
                "One machine handles one job at a time; `$a` holds jobs [start, end] with start < "
                "end. How few must be refused? Back to back is permitted.",
            ),
            (([_DAY], 2), ([[]], 0), ([[[1, 2], [2, 3]]], 0), ([[[1, 9], [1, 9], [2, 3]]], 2)),
        ),
        Variation(
            name="rooms",
            wordings=(
                "`$a` lists meetings [start, end] with start < end. Return the fewest rooms needed "
                "to hold all; a room is free again at the end time.",
                "What is the largest number of intervals [start, end] of `$a` (start < end) that "
                "run at the same moment? The end point itself is not part of one.",
                "At how many of the half-open spans [start, end) in `$a` at most can one look at "
                "any single time? Return 0 for an empty list.",
                "Given `$a` with pairs [start, end], start < end, find the greatest count of pairs "
                "for which start <= t < end holds for a common t.",
                "Each machine handles one job at a time; `$a` holds jobs [start, end] with start < "
                "end. How few machines do all jobs? Back to back is permitted.",
            ),
            fast=_ROOMS_FAST,
            slow=_ROOMS_SLOW,
            tests=(
                ([_DAY], 3),
                ([[]], 0),
                ([[[1, 2], [2, 3]]], 1),
                ([[[1, 9], [1, 9], [2, 3]]], 3),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    starts = [rng.randint(0, 4 * size) for _ in range(size)]
    return [[[start, start + rng.randint(1, 12)] for start in starts]]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_INTERVAL_CHOICE,)
