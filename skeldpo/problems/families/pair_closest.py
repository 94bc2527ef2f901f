"""Problems that look for the pair whose sum is closest to a target."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    n = max(2, size)
    values = [rng.randint(1, 10 * n) ** 2 for _ in range(n)]
    return [values, rng.randint(1, 2 * max(values) + 10)]
"""

_DISTANCE = Variation(
    name="distance",
    wordings=(
        "Given a list `$a` of at least two integers and an integer `$b`, return the smallest "
        "absolute difference between `$b` and the sum of two elements at different positions.",
        "How close to `$b` can the sum of two elements of the integer list `$a` come? Use two "
        "different positions and return the distance; `$a` has at least two elements.",
        "`$a` is a list of two or more integers. Over all index pairs i < j, return the minimum "
        "of the absolute value of the i-th plus the j-th element minus `$b`.",
        "Choose two elements at different positions of `$a` so that their sum misses the integer "
        "`$b` by as little as possible, above or below. Return the size of this miss. `$a` has "
        "two or more integers.",
        "Return the least possible error |x + y - `$b`| when x and y are two elements at "
        "different positions of the integer list `$a`, which has at least two elements.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    best = abs(s[i] + s[j] - $b)
    while i < j:
        total = s[i] + s[j]
        best = min(best, abs(total - $b))
        if total < $b:
            i += 1
        else:
            j -= 1
    return best
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    s = sorted($a)
    best = abs(s[0] + s[1] - $b)
    for i, x in enumerate(s):
        p = bisect_left(s, $b - x, i + 1)
        for j in (p - 1, p):
            if i < j < len(s):
                best = min(best, abs(x + s[j] - $b))
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = abs($a[0] + $a[1] - $b)
    for i in range(n):
        for j in range(i + 1, n):
            best = min(best, abs($a[i] + $a[j] - $b))
    return best
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return min(abs(x + y - $b) for x, y in combinations($a, 2))
""",
    ),
    tests=(
        ([[1, 2], 10], 7),
        ([[5, 5], 10], 0),
        ([[1, 4, 10, 20], 16], 2),
        ([[-3, 8, 1], -10], 8),
        ([[7, 7, 7], 0], 14),
    ),
)

_SUM = Variation(
    name="sum",
    wordings=(
        "Given a list `$a` of at least two integers and an integer `$b`, return the sum of two "
        "elements at different positions that is closest to `$b`. On a tie return the smaller "
        "sum.",
        "Which sum of two elements of the integer list `$a`, taken from different positions, is "
        "nearest to `$b`? Return that sum, the lower one if two are equally near. `$a` has at "
        "least two elements.",
        "`$a` is a list of two or more integers. Among the sums of the i-th and j-th element over "
        "all i < j, return the one with the least distance to `$b`, preferring the smaller sum on "
        "equal distance.",
        "Choose two elements at different positions of `$a` so that their sum is as near to the "
        "integer `$b` as possible, and return the sum. Of two sums equally near, return the "
        "smaller. `$a` has two or more integers.",
        "Approximate `$b` by x + y, where x and y are elements at two positions of the integer "
        "list `$a` (length at least 2). Return the best approximation; if one below and one above "
        "are equally good, the one below.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    best = s[i] + s[j]
    while i < j:
        total = s[i] + s[j]
        if (abs(total - $b), total) < (abs(best - $b), best):
            best = total
        if total < $b:
            i += 1
        else:
            j -= 1
    return best
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    s = sorted($a)
    best = s[0] + s[1]
    for i, x in enumerate(s):
        p = bisect_left(s, $b - x, i + 1)
        for j in (p - 1, p):
            if i < j < len(s):
                best = min(best, x + s[j], key=lambda t: (abs(t - $b), t))
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = $a[0] + $a[1]
    for i in range(n):
        for j in range(i + 1, n):
            total = $a[i] + $a[j]
            if (abs(total - $b), total) < (abs(best - $b), best):
                best = total
    return best
""",
        """\
from itertools import combinations

def $fn($a, $b):
    sums = [x + y for x, y in combinations($a, 2)]
    return min(sums, key=lambda t: (abs(t - $b), t))
""",
    ),
    tests=(
        ([[1, 2], 10], 3),
        ([[5, 5], 10], 10),
        ([[1, 4, 10, 20], 16], 14),
        ([[1, 3, 9], 7], 4),
        ([[-3, 8, 1], -10], -2),
    ),
)

_LARGEST_WITHIN = Variation(
    name="largest_within",
    wordings=(
        "Given a list of positive integers `$a` and an integer `$b`, return the largest sum of "
        "two elements at different positions that is at most `$b`, or -1 if there is no such "
        "pair.",
        "What is the greatest sum of two elements of `$a`, taken from different positions, that "
        "does not exceed `$b`? Return -1 if every pair exceeds it. All elements are positive "
        "integers.",
        "`$a` is a list of positive integers. Among the sums of the i-th and j-th element over "
        "all i < j, return the maximum of those that are <= `$b`, and -1 if there are none.",
        "You can spend at most `$b` and must buy exactly two of the goods with the positive "
        "integer prices `$a`, each at most once. Return the most you can spend, or -1 if no two "
        "are affordable.",
        "Choose two elements at different positions of the list of positive integers `$a` so that "
        "their sum is as large as possible without passing `$b`. Return the sum, or -1 if this "
        "cannot be done.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    best = -1
    while i < j:
        if s[i] + s[j] <= $b:
            best = max(best, s[i] + s[j])
            i += 1
        else:
            j -= 1
    return best
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    s = sorted($a)
    best = -1
    for i, x in enumerate(s):
        j = bisect_right(s, $b - x) - 1
        if j > i:
            best = max(best, x + s[j])
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = -1
    for i in range(n):
        for j in range(i + 1, n):
            total = $a[i] + $a[j]
            if best < total <= $b:
                best = total
    return best
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return max((x + y for x, y in combinations($a, 2) if x + y <= $b), default=-1)
""",
    ),
    tests=(
        ([[1, 2], 10], 3),
        ([[6], 10], -1),
        ([[5, 5], 9], -1),
        ([[1, 4, 10, 20], 16], 14),
        ([[3, 8, 1], 11], 11),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="closest_pair_sum",
        topic="pair_closest",
        difficulty="medium",
        entry_points=("closest_pair", "nearest_pair", "best_pair", "approach_target"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("target", "k", "goal", "wanted"),
        ),
        variations=(_DISTANCE, _SUM, _LARGEST_WITHIN),
        generator=_GENERATOR,
        checker="exact",
        held_out=True,
    ),
)
