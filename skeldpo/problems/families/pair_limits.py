"""Problems that count the pairs whose sum or difference lies on one side of a bound."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-size, size) for _ in range(size)]
    return [values, rng.randint(0, size)]
"""

_BELOW = Variation(
    name="below",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of pairs of "
        "positions i < j whose elements have a sum less than `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their sum is strictly smaller than `$b`. The order of the two does not matter.",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the i-th "
        "plus the j-th element is below `$b`? Sums equal to `$b` do not count.",
        "Return how many unordered pairs of elements of `$a` have a sum under `$b`, not including "
        "`$b`. Equal values at different positions count as different elements.",
        "For every two positions of the integer list `$a` add their elements, and return how many "
        "of these sums are < `$b`. With fewer than two elements return 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    answer = 0
    while i < j:
        if s[i] + s[j] < $b:
            answer += j - i
            i += 1
        else:
            j -= 1
    return answer
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    s = sorted($a)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_left(s, $b - x)
        answer += max(0, j - i - 1)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if $a[i] + $a[j] < $b:
                answer += 1
    return answer
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return sum(1 for x, y in combinations($a, 2) if x + y < $b)
""",
    ),
    tests=(
        ([[], 5], 0),
        ([[1], 5], 0),
        ([[1, 2, 3, 4], 5], 2),
        ([[2, 2, 2], 5], 3),
        ([[-5, 3, 5], 0], 1),
    ),
)

_AT_MOST = Variation(
    name="at_most",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of pairs of "
        "positions i < j whose elements have a sum of at most `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their sum does not exceed `$b`. The order of the two does not matter.",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the i-th "
        "plus the j-th element is less than or equal to `$b`? Return this number.",
        "Return how many unordered pairs of elements of `$a` have the sum `$b` or a smaller one. "
        "Equal values at different positions count as different elements.",
        "For every two positions of the integer list `$a` add their elements, and return how many "
        "of these sums are <= `$b`. With fewer than two elements return 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    answer = 0
    while i < j:
        if s[i] + s[j] <= $b:
            answer += j - i
            i += 1
        else:
            j -= 1
    return answer
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    s = sorted($a)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, $b - x)
        answer += max(0, j - i - 1)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if $a[i] + $a[j] <= $b:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        for y in $a[i + 1 :]:
            if x + y <= $b:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 5], 0),
        ([[1], 5], 0),
        ([[1, 2, 3, 4], 5], 4),
        ([[2, 2, 2], 3], 0),
        ([[-5, 3, 5], 0], 2),
    ),
)

_ABOVE = Variation(
    name="above",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of pairs of "
        "positions i < j whose elements have a sum greater than `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their sum is strictly larger than `$b`. The order of the two does not matter.",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the i-th "
        "plus the j-th element exceeds `$b`? Sums equal to `$b` do not count.",
        "Return how many unordered pairs of elements of `$a` have a sum over `$b`, not including "
        "`$b`. Equal values at different positions count as different elements.",
        "For every two positions of the integer list `$a` add their elements, and return how many "
        "of these sums are > `$b`. With fewer than two elements return 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    answer = 0
    while i < j:
        if s[i] + s[j] > $b:
            answer += j - i
            j -= 1
        else:
            i += 1
    return answer
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    s = sorted($a)
    n = len(s)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, $b - x)
        answer += n - max(i + 1, j)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if $a[i] + $a[j] > $b:
                answer += 1
    return answer
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return sum(1 for x, y in combinations($a, 2) if x + y > $b)
""",
    ),
    tests=(
        ([[], 5], 0),
        ([[9], 5], 0),
        ([[1, 2, 3, 4], 5], 2),
        ([[2, 2, 2], 3], 3),
        ([[-5, 3, 5], -1], 2),
    ),
)

_NEAR = Variation(
    name="near",
    wordings=(
        "Given a list of integers `$a` and an integer `$b` >= 0, return the number of pairs of "
        "positions i < j whose elements differ by at most `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that the larger minus the smaller does not exceed `$b`, where `$b` is not negative.",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the absolute "
        "difference of the i-th and j-th element is less than or equal to `$b` (`$b` >= 0)?",
        "Return how many unordered pairs of elements of `$a` lie within distance `$b` of each "
        "other, `$b` included and not negative. Equal values at different positions count as "
        "different elements.",
        "For every two positions of the integer list `$a` take the absolute difference of their "
        "elements, and return how many of these are <= `$b`. With fewer than two elements return "
        "0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i = 0
    answer = 0
    for j in range(len(s)):
        while s[j] - s[i] > $b:
            i += 1
        answer += j - i
    return answer
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    s = sorted($a)
    answer = 0
    for i, x in enumerate(s):
        j = bisect_right(s, x + $b)
        answer += j - i - 1
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if abs($a[i] - $a[j]) <= $b:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        for y in $a[i + 1 :]:
            if -$b <= x - y <= $b:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 5], 0),
        ([[9], 5], 0),
        ([[4, 1, 3, 2], 1], 3),
        ([[2, 2, 2], 0], 3),
        ([[-5, 3, 5], 2], 1),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="count_pairs_below",
        topic="pair_limits",
        difficulty="medium",
        entry_points=("pairs_by_limit", "tally_pairs", "limited_pairs", "count_two"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("limit", "k", "bound", "threshold"),
        ),
        variations=(_BELOW, _AT_MOST, _ABOVE, _NEAR),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
