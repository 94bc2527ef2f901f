"""Problems that count the pairs with an exact sum, difference or product."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(1, size) for _ in range(size)]
    return [values, 12 * rng.randint(1, size // 6 + 1)]
"""

_SUM = Variation(
    name="sum",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of pairs of "
        "positions i < j whose elements add up to `$b`.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that their sum is exactly `$b`. The order of the two does not matter.",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the i-th "
        "plus the j-th element equals `$b`? Return this number.",
        "Return how many unordered pairs of elements of `$a` have the sum `$b`. Equal values at "
        "different positions count as different elements.",
        "For every two positions of the integer list `$a` look at the sum of their elements, and "
        "return how often this sum is equal to `$b`. With fewer than two elements return 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        answer += counts.get($b - x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    total = 0
    for x in $a:
        total += counts[$b - x]
        if 2 * x == $b:
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
            if $a[i] + $a[j] == $b:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        for y in $a[i + 1 :]:
            if x + y == $b:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 0], 0),
        ([[5], 10], 0),
        ([[1, 5, 3, 3], 6], 2),
        ([[2, 2, 2], 4], 3),
        ([[-1, 1, 0, 4], 0], 1),
    ),
)

_ABSOLUTE_DIFFERENCE = Variation(
    name="absolute_difference",
    wordings=(
        "Given a list of integers `$a` and an integer `$b` >= 0, return the number of pairs of "
        "positions i < j whose elements differ by exactly `$b`, in either direction.",
        "Count the ways to choose two elements at different positions of the integer list `$a` so "
        "that the larger minus the smaller is exactly `$b`, where `$b` is not negative.",
        "`$a` is a list of integers and `$b` a non-negative integer. How many pairs i < j satisfy "
        "the condition that the absolute difference of the i-th and j-th element equals `$b`?",
        "Return how many unordered pairs of elements of `$a` have the absolute difference `$b` "
        "(`$b` >= 0). Equal values at different positions count as different elements.",
        "For every two positions of the integer list `$a` look at the distance between their "
        "values, and return how often this distance is `$b`. With fewer than two elements return "
        "0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        answer += counts.get(x - $b, 0)
        if $b != 0:
            answer += counts.get(x + $b, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    if $b == 0:
        return sum(c * (c - 1) // 2 for c in counts.values())
    return sum(c * counts.get(x + $b, 0) for x, c in counts.items())
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        for j in range(i + 1, n):
            if abs($a[i] - $a[j]) == $b:
                answer += 1
    return answer
""",
        """\
from itertools import combinations

def $fn($a, $b):
    answer = 0
    for x, y in combinations($a, 2):
        if x - y == $b or y - x == $b:
            answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 0], 0),
        ([[5], 0], 0),
        ([[1, 5, 3, 3], 2], 4),
        ([[2, 2, 2], 0], 3),
        ([[-1, 1, 0, 4], 1], 2),
    ),
)

_LATER_DIFFERENCE = Variation(
    name="later_difference",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of pairs of "
        "positions i < j for which the j-th element minus the i-th element equals `$b`.",
        "Count the pairs of an earlier and a later element of the integer list `$a` such that the "
        "later one is greater than the earlier one by exactly `$b` (which may be negative).",
        "`$a` is a list of integers. How many pairs i < j satisfy the condition that the element "
        "at j equals the element at i plus `$b`? Return this number.",
        "Return how many pairs of positions of `$a` have later element minus earlier element "
        "equal to the integer `$b`. Order matters: the earlier element is the one subtracted.",
        "Numbers were recorded in the order of `$a`. Return how many pairs of records show a "
        "change of exactly `$b` from the earlier to the later one, adjacent or not.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        answer += counts.get(x - $b, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer
""",
        """\
from collections import defaultdict

def $fn($a, $b):
    counts = defaultdict(int)
    answer = 0
    for x in reversed($a):
        answer += counts[x + $b]
        counts[x] += 1
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
            if $a[j] - $a[i] == $b:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for i, x in enumerate($a):
        answer += $a[:i].count(x - $b)
    return answer
""",
    ),
    tests=(
        ([[], 0], 0),
        ([[5], 0], 0),
        ([[1, 5, 3, 3], 2], 2),
        ([[1, 5, 3, 3], -2], 2),
        ([[2, 2, 2], 0], 3),
    ),
)

_PRODUCT = Variation(
    name="product",
    wordings=(
        "Given a list of positive integers `$a` and a positive integer `$b`, return the number of "
        "pairs of positions i < j whose elements have the product `$b`.",
        "Count the ways to choose two elements at different positions of `$a`, a list of positive "
        "integers, so that multiplying them gives exactly `$b`. The order of the two does not "
        "matter.",
        "`$a` is a list of positive integers. How many pairs i < j satisfy the condition that the "
        "i-th times the j-th element equals the positive integer `$b`?",
        "Return how many unordered pairs of elements of `$a` have the product `$b`; all numbers "
        "are positive integers. Equal values at different positions count as different elements.",
        "For every two positions of the list of positive integers `$a` look at the product of "
        "their elements, and return how often this product is `$b`. With fewer than two elements "
        "return 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    answer = 0
    for x in $a:
        if $b % x == 0:
            answer += counts.get($b // x, 0)
        counts[x] = counts.get(x, 0) + 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter(x for x in $a if $b % x == 0)
    answer = 0
    for x, c in counts.items():
        y = $b // x
        if x < y:
            answer += c * counts[y]
        elif x == y:
            answer += c * (c - 1) // 2
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
            if $a[i] * $a[j] == $b:
                answer += 1
    return answer
""",
        """\
from itertools import combinations

def $fn($a, $b):
    return sum(1 for x, y in combinations($a, 2) if x * y == $b)
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[4], 16], 0),
        ([[1, 6, 2, 3], 6], 2),
        ([[2, 2, 2], 4], 3),
        ([[5, 7], 12], 0),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="count_pairs_with_sum",
        topic="pairs",
        difficulty="easy",
        entry_points=("count_pairs", "pair_count", "num_pairs", "matching_pairs"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("target", "k", "goal", "wanted"),
        ),
        variations=(_SUM, _ABSOLUTE_DIFFERENCE, _LATER_DIFFERENCE, _PRODUCT),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
