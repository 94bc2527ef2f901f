"""Problems that count the pairs whose elements are alike: by remainder, or equal at a distance."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-size, size) for _ in range(size)]
    return [values, rng.randint(max(1, size // 3), max(1, size // 2))]
"""

_SAME_REMAINDER = Variation(
    name="same_remainder",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of pairs of "
        "positions i < j whose elements leave the same remainder when divided by `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their difference is a multiple of `$b` (`$b` >= 1). The order of the two does not "
        "matter.",
        "`$a` is a list of integers and `$b` a positive integer. How many pairs i < j satisfy the "
        "condition that the i-th and the j-th element are congruent modulo `$b`?",
        "Return how many unordered pairs of elements of `$a` have equal remainders modulo `$b`, "
        "which is at least 1. Equal values at different positions count as different elements.",
        "Two integers are alike if `$b` divides their difference, where `$b` is positive. Return "
        "the number of index pairs i < j of alike elements in `$a`; return 0 for fewer than two "
        "elements.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        r = x % $b
        answer += counts.get(r, 0)
        counts[r] = counts.get(r, 0) + 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter(x % $b for x in $a)
    return sum(c * (c - 1) // 2 for c in counts.values())
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if ($a[i] - $a[j]) % $b == 0:
                answer += 1
    return answer
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return sum(1 for x, y in combinations($a, 2) if x % $b == y % $b)
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 1], 0),
        ([[1, 4, 7, 2], 3], 3),
        ([[6, 6, 9], 1], 3),
        ([[-1, 3, 4], 4], 1),
    ),
)

_SUM_DIVISIBLE = Variation(
    name="sum_divisible",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of pairs of "
        "positions i < j whose elements have a sum divisible by `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their sum is a multiple of `$b` (`$b` >= 1). The order of the two does not matter.",
        "`$a` is a list of integers and `$b` a positive integer. How many pairs i < j satisfy the "
        "condition that the i-th plus the j-th element is 0 modulo `$b`?",
        "Return how many unordered pairs of elements of `$a` have a sum that `$b` divides without "
        "remainder, where `$b` >= 1. Equal values at different positions count as different "
        "elements.",
        "Two integers fit together if the positive integer `$b` divides their sum. Return the "
        "number of index pairs i < j of fitting elements in `$a`; return 0 for fewer than two "
        "elements.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        r = x % $b
        answer += counts.get(-x % $b, 0)
        counts[r] = counts.get(r, 0) + 1
    return answer
""",
        """\
def $fn($a, $b):
    counts = [0] * $b
    for x in $a:
        counts[x % $b] += 1
    total = 0
    for x in $a:
        total += counts[-x % $b]
        if 2 * x % $b == 0:
            total -= 1
    return total // 2
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if ($a[i] + $a[j]) % $b == 0:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        for y in $a[i + 1 :]:
            if (x + y) % $b == 0:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[3], 3], 0),
        ([[1, 4, 7, 2], 3], 3),
        ([[6, 6, 9], 1], 3),
        ([[-1, 5, 4], 4], 1),
    ),
)

_EQUAL_WITHIN = Variation(
    name="equal_within",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of index "
        "pairs i < j with equal elements and j - i at most `$b`.",
        "Count the pairs of positions of the integer list `$a` that hold the same value and are "
        "no more than `$b` steps apart, where `$b` is a positive integer.",
        "`$a` is a list of integers and `$b` a positive integer. How many pairs i < j satisfy "
        "both conditions: the elements at i and j are equal, and j <= i + `$b`?",
        "Return how many pairs of equal elements of `$a` stand at a distance of `$b` or less from "
        "each other. Distance is the difference of indexes; `$b` is at least 1.",
        "Two equal integers in `$a` are neighbours if their indexes differ by at most `$b` (`$b` "
        ">= 1). Return the number of unordered pairs of neighbours, 0 for an empty list.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for i, x in enumerate($a):
        if i > $b:
            counts[$a[i - $b - 1]] -= 1
        answer += counts.get(x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    places = {}
    answer = 0
    for i, x in enumerate($a):
        p = places.setdefault(x, [])
        answer += len(p) - bisect_left(p, i - $b)
        p.append(i)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, min(n, i + $b + 1)):
            if $a[i] == $a[j]:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        answer += $a[i + 1 : i + $b + 1].count(x)
    return answer
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 1], 0),
        ([[1, 2, 1, 1], 2], 2),
        ([[1, 2, 1, 1], 3], 3),
        ([[-6, -6, -6], 1], 2),
    ),
)

_EQUAL_APART = Variation(
    name="equal_apart",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of index "
        "pairs i < j with equal elements and j - i at least `$b`.",
        "Count the pairs of positions of the integer list `$a` that hold the same value and are "
        "`$b` or more steps apart, where `$b` is a positive integer.",
        "`$a` is a list of integers and `$b` a positive integer. How many pairs i < j satisfy "
        "both conditions: the elements at i and j are equal, and j >= i + `$b`?",
        "Return how many pairs of equal elements of `$a` stand at a distance not less than `$b` "
        "from each other. Distance is the difference of indexes; `$b` is at least 1.",
        "Two equal integers in `$a` are far apart if their indexes differ by at least `$b` (`$b` "
        ">= 1). Return the number of unordered pairs that are far apart, 0 for an empty list.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for j in range($b, len($a)):
        x = $a[j - $b]
        counts[x] = counts.get(x, 0) + 1
        answer += counts.get($a[j], 0)
    return answer
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    places = {}
    answer = 0
    for i, x in enumerate($a):
        p = places.setdefault(x, [])
        answer += bisect_right(p, i - $b)
        p.append(i)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + $b, n):
            if $a[i] == $a[j]:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        answer += $a[i + $b :].count(x)
    return answer
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 1], 0),
        ([[1, 2, 1, 1], 2], 2),
        ([[1, 2, 1, 1], 3], 1),
        ([[-6, -6, -6], 1], 3),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="count_equal_pairs",
        topic="pair_groups",
        difficulty="easy",
        entry_points=("equal_pairs", "group_pairs", "count_alike", "similar_pairs"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("k", "d", "step", "k"),
        ),
        variations=(_SAME_REMAINDER, _SUM_DIVISIBLE, _EQUAL_WITHIN, _EQUAL_APART),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
