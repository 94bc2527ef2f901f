"""A family about sums of neighbouring elements: a running optimum against all starts and ends.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_RUN_FAST = (
    """\
def $fn($a):
    if not $a:
        return 0
    best = here = $a[0]
    for x in $a[1:]:
        here = PICK(x, here + x)
        best = PICK(best, here)
    return best
""",
    """\
def $fn($a):
    sums = []
    total = edge = 0
    for x in $a:
        total += x
        sums.append(total - edge)
        edge = OTHER(edge, total)
    return PICK(sums, default=0)
""",
)
_RUN_SLOW = (
    """\
def $fn($a):
    if not $a:
        return 0
    best = $a[0]
    for i in range(len($a)):
        total = 0
        for j in range(i, len($a)):
            total += $a[j]
            best = PICK(best, total)
    return best
""",
    """\
from itertools import accumulate

def $fn($a):
    return PICK((PICK(accumulate($a[i:])) for i in range(len($a))), default=0)
""",
)
_SWING_FAST = (
    """\
def $fn($a):
    total = low = high = 0
    for x in $a:
        total += x
        low = min(low, total)
        high = max(high, total)
    return high - low
""",
    """\
def $fn($a):
    best = low = high = 0
    for x in $a:
        low = min(0, low + x)
        high = max(0, high + x)
        best = max(best, high, -low)
    return best
""",
)
_SWING_SLOW = (
    """\
def $fn($a):
    best = 0
    for i in range(len($a)):
        total = 0
        for j in range(i, len($a)):
            total += $a[j]
            best = max(best, abs(total))
    return best
""",
    """\
from itertools import accumulate

def $fn($a):
    return max((max(map(abs, accumulate($a[i:]))) for i in range(len($a))), default=0)
""",
)
_RING_FAST = (
    """\
def $fn($a):
    if not $a:
        return 0
    low = high = best = worst = $a[0]
    for x in $a[1:]:
        high = max(x, high + x)
        low = min(x, low + x)
        best = max(best, high)
        worst = min(worst, low)
    return max(best, sum($a) - worst) if best > 0 else best
""",
    """\
from itertools import accumulate

def $fn($a):
    best = max(accumulate($a, lambda s, x: max(x, s + x)), default=0)
    worst = min(accumulate($a, lambda s, x: min(x, s + x)), default=0)
    if best <= 0:
        return best
    return max(best, sum($a) - worst)
""",
)
_RING_SLOW = (
    """\
def $fn($a):
    if not $a:
        return 0
    best = $a[0]
    for i in range(len($a)):
        total = 0
        for x in $a[i:] + $a[:i]:
            total += x
            best = max(best, total)
    return best
""",
    """\
from itertools import accumulate

def $fn($a):
    return max((max(accumulate($a[i:] + $a[:i])) for i in range(len($a))), default=0)
""",
)


def _run(
    name: str, pick: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    other = "min" if pick == "max" else "max"
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("PICK", pick).replace("OTHER", other) for text in _RUN_FAST),
        slow=tuple(text.replace("PICK", pick) for text in _RUN_SLOW),
        tests=tests,
    )


_SUBARRAY_SUM = Family(
    name="subarray_sum",
    topic="dynamic",
    difficulty="medium",
    entry_points=("subarray_sum", "best_run", "extreme_sum", "solve_runs"),
    parameters=(("nums", "values", "numbers", "data"),),
    variations=(
        _run(
            "largest",
            "max",
            (
                "Return the largest sum of a non-empty block of neighbouring elements of `$a`; an "
                "empty list gives 0.",
                "What is the maximum of `$a`[i] + ... + `$a`[j] over all i <= j? Return 0 if `$a` "
                "is empty.",
                "Find the non-empty contiguous subarray of `$a` with the greatest total and return "
                "that total, or 0 for an empty list.",
                "Given daily gains and losses `$a`, how much does the best stretch of one or more "
                "consecutive days bring? No days at all give 0.",
                "Among all runs of one or more adjacent numbers in `$a`, return the highest sum; "
                "it may be negative, and is 0 for an empty `$a`.",
            ),
            (([[2, -3, 4, -1, 2]], 5), ([[]], 0), ([[-4]], -4), ([[-2, -1]], -1), ([[1, 2]], 3)),
        ),
        _run(
            "smallest",
            "min",
            (
                "Return the smallest sum of a non-empty block of neighbouring elements of `$a`; an "
                "empty list gives 0.",
                "What is the minimum of `$a`[i] + ... + `$a`[j] over all i <= j? Return 0 if `$a` "
                "is empty.",
                "Find the non-empty contiguous subarray of `$a` with the least total and return "
                "that total, or 0 for an empty list.",
                "Given daily gains and losses `$a`, what does the worst stretch of one or more "
                "consecutive days sum to? No days at all give 0.",
                "Among all runs of one or more adjacent numbers in `$a`, return the lowest sum; it "
                "may be positive, and is 0 for an empty `$a`.",
            ),
            (([[2, -3, 1, -4, 2]], -6), ([[]], 0), ([[-4]], -4), ([[2, 1]], 1), ([[-1, -2]], -3)),
        ),
        Variation(
            name="absolute",
            wordings=(
                "Return the largest absolute value of the sum of a block of neighbouring elements "
                "of `$a`; the empty block has sum 0.",
                "What is the maximum of abs(`$a`[i] + ... + `$a`[j]) over all i <= j? Return 0 if "
                "`$a` is empty.",
                "Find the contiguous subarray of `$a` whose total is farthest from zero, in either "
                "direction, and return that distance; 0 for an empty list.",
                "Given daily gains and losses `$a`, how large is the greatest change, up or down, "
                "over any stretch of consecutive days? It is 0 without days.",
                "Among all runs of adjacent numbers in `$a`, return the highest sum in absolute "
                "value, or 0 when there are no numbers.",
            ),
            fast=_SWING_FAST,
            slow=_SWING_SLOW,
            tests=(
                ([[2, -3, 1, -4, 2]], 6),
                ([[]], 0),
                ([[-4]], 4),
                ([[2, 1]], 3),
                ([[0, 0]], 0),
                ([[5, -7, 4]], 7),
            ),
        ),
        Variation(
            name="ring",
            wordings=(
                "The list `$a` is a ring: its first element follows its last. Return the largest "
                "sum of one or more neighbours, each used once; 0 if empty.",
                "What is the maximum sum of a non-empty run of adjacent elements of `$a` if the "
                "run may continue from the end at the start, at most once around?",
                "Find the non-empty circular subarray of `$a` with the greatest total, no element "
                "taken twice, and return that total; an empty list gives 0.",
                "Numbers `$a` are written on a circle. Return the highest sum of between 1 and "
                "len(`$a`) consecutive ones, or 0 if there are none.",
                "Rotate `$a` as you like and then take the best non-empty block of neighbours. "
                "Return its sum, 0 for an empty `$a`.",
            ),
            fast=_RING_FAST,
            slow=_RING_SLOW,
            tests=(
                ([[5, -3, 5]], 10),
                ([[]], 0),
                ([[-4]], -4),
                ([[-2, -1]], -1),
                ([[1, -2, 3, -2]], 3),
                ([[2, 1]], 3),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(-9, 9) for _ in range(size)]]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_SUBARRAY_SUM,)
