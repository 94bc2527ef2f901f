"""Problems that look for one pair with an exact sum or difference."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [2 * rng.randint(1, 5 * size) for _ in range(size)]
    target = 2 * rng.randint(size, 5 * size) + 1
    if size >= 4 and rng.random() < 0.5:
        values[-1] = target - values[rng.randrange(size * 3 // 4, size - 1)]
    if size >= 12 and rng.random() < 0.5:
        values[-2] = values[rng.randrange(size * 3 // 4, size - 2)] + target
    return [values, target]
"""

_EXISTS = Variation(
    name="exists",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return True if two elements at "
        "different positions add up to `$b`, and False otherwise.",
        "Can two different positions of the integer list `$a` be chosen so that the sum of their "
        "elements is `$b`? Return True or False.",
        "`$a` is a list of integers. Return True exactly when there are indexes i < j such that "
        "the i-th plus the j-th element equals `$b`.",
        "Check whether the sum `$b` can be made from two elements of the integer list `$a`. The "
        "same position must not be used twice; return a boolean.",
        "Return True if some pair of elements of `$a` has the sum `$b`, and False if no pair has. "
        "Equal values at different positions may form a pair.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = set()
    for x in $a:
        if $b - x in seen:
            return True
        seen.add(x)
    return False
""",
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    while i < j:
        if s[i] + s[j] == $b:
            return True
        if s[i] + s[j] < $b:
            i += 1
        else:
            j -= 1
    return False
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    for i in range(n):
        for j in range(i + 1, n):
            if $a[i] + $a[j] == $b:
                return True
    return False
""",
        """\
def $fn($a, $b):
    for i, x in enumerate($a):
        if $b - x in $a[i + 1 :]:
            return True
    return False
""",
    ),
    tests=(
        ([[], 0], False),
        ([[5], 10], False),
        ([[5, 5], 10], True),
        ([[1, 4, 9], 13], True),
        ([[1, 4, 9], 8], False),
        ([[-2, 7, 2], 0], True),
    ),
)

_INDICES = Variation(
    name="indices",
    wordings=(
        "Return indexes [i, j] with i < j (from 0) of two elements of the integer list `$a` with "
        "sum `$b`. Choose the smallest j, and for that j the smallest i; return [] if there is no "
        "such pair.",
        "Find two positions i < j of the integer list `$a` whose elements add up to `$b`. Of "
        "several pairs take the one with smallest j, then smallest i. Return [i, j] counted from "
        "0, or [] if none exists.",
        "Reading `$a` from the left, stop at the first element that has sum `$b` with some "
        "earlier element. Return [i, j]: the smallest index of such an earlier element, and its "
        "own. Return [] if there is none.",
        "`$a` is a list of integers. Among zero-based pairs i < j whose elements sum to `$b`, "
        "return the pair [i, j] that ends first; if several end there, the one that starts first. "
        "Return [] without a pair.",
        "Which two elements of `$a` have the sum `$b`? Return their zero-based indexes as a list "
        "[i, j] with i < j, preferring smaller j and then smaller i, and the empty list when "
        "there are none.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = {}
    for j, x in enumerate($a):
        if $b - x in seen:
            return [seen[$b - x], j]
        if x not in seen:
            seen[x] = j
    return []
""",
        """\
def $fn($a, $b):
    seen = set()
    for j, x in enumerate($a):
        if $b - x in seen:
            return [$a.index($b - x), j]
        seen.add(x)
    return []
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    for j in range(len($a)):
        for i in range(j):
            if $a[i] + $a[j] == $b:
                return [i, j]
    return []
""",
        """\
def $fn($a, $b):
    for j, x in enumerate($a):
        if $b - x in $a[:j]:
            return [$a.index($b - x), j]
    return []
""",
    ),
    tests=(
        ([[], 0], []),
        ([[5], 10], []),
        ([[5, 5], 10], [0, 1]),
        ([[1, 4, 4, 9, 0], 13], [1, 3]),
        ([[3, 1, 2, 0], 3], [1, 2]),
        ([[1, 4, 9], 8], []),
    ),
)

_DIFFERENCE_EXISTS = Variation(
    name="difference_exists",
    wordings=(
        "Given a list of integers `$a` and an integer `$b` >= 0, return True if two elements at "
        "different positions differ by exactly `$b`, and False otherwise.",
        "Can two different positions of the integer list `$a` be chosen so that the larger "
        "element minus the smaller one is `$b`? `$b` is not negative; return True or False.",
        "`$a` is a list of integers. Return True exactly when there are indexes i < j such that "
        "the absolute difference of the i-th and j-th element equals the non-negative integer "
        "`$b`.",
        "Check whether the integer list `$a` has two elements whose distance is `$b`, where `$b` "
        ">= 0. The same position must not be used twice; return a boolean.",
        "Return True if some pair of elements of `$a` has the absolute difference `$b` (zero or "
        "more), and False if no pair has. Equal values at different positions differ by 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = set()
    for x in $a:
        if x - $b in seen or x + $b in seen:
            return True
        seen.add(x)
    return False
""",
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, 1
    while j < len(s):
        if i == j or s[j] - s[i] < $b:
            j += 1
        elif s[j] - s[i] > $b:
            i += 1
        else:
            return True
    return False
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    for i in range(n):
        for j in range(i + 1, n):
            if abs($a[i] - $a[j]) == $b:
                return True
    return False
""",
        """\
def $fn($a, $b):
    for i, x in enumerate($a):
        if x - $b in $a[:i] or x + $b in $a[:i]:
            return True
    return False
""",
    ),
    tests=(
        ([[], 0], False),
        ([[5], 0], False),
        ([[5, 5], 0], True),
        ([[9, 4, 1], 5], True),
        ([[1, 4, 9], 4], False),
        ([[-2, 7, 2], 4], True),
    ),
)

_SMALLEST_VALUES = Variation(
    name="smallest_values",
    wordings=(
        "Find two elements at different positions of the integer list `$a` with sum `$b` and "
        "return their values [x, y] with x <= y. If several pairs fit, take the smallest x; "
        "return [] if none fits.",
        "Which pair of values x <= y from two positions of `$a` adds up to `$b` and has the least "
        "x? Return the list [x, y], or an empty list if no pair of elements has that sum.",
        "`$a` is a list of integers. Among all pairs of its elements with sum `$b`, choose the "
        "one that contains the smallest value. Return the two values in increasing order, or [] "
        "without such a pair.",
        "Split `$b` into a sum x + y of two elements of the integer list `$a`, taken from "
        "different positions, with x <= y and x as small as possible. Return [x, y], or [] if "
        "impossible.",
        "Return [x, y], where x is the smallest integer in `$a` for which y = `$b` - x is at "
        "least x and also stands in `$a`, at another position. Return [] if there is no such x.",
    ),
    fast=(
        """\
def $fn($a, $b):
    s = sorted($a)
    i, j = 0, len(s) - 1
    while i < j:
        total = s[i] + s[j]
        if total == $b:
            return [s[i], s[j]]
        if total < $b:
            i += 1
        else:
            j -= 1
    return []
""",
        """\
def $fn($a, $b):
    seen = set()
    best = []
    for x in $a:
        y = $b - x
        if y in seen and (not best or min(x, y) < best[0]):
            best = [min(x, y), max(x, y)]
        seen.add(x)
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = []
    for i in range(n):
        for j in range(i + 1, n):
            x, y = min($a[i], $a[j]), max($a[i], $a[j])
            if x + y == $b and (not best or x < best[0]):
                best = [x, y]
    return best
""",
        """\
def $fn($a, $b):
    best = []
    for i, x in enumerate($a):
        y = $b - x
        if y in $a[i + 1 :] and (not best or min(x, y) < best[0]):
            best = [min(x, y), max(x, y)]
    return best
""",
    ),
    tests=(
        ([[], 0], []),
        ([[5], 10], []),
        ([[5, 5], 10], [5, 5]),
        ([[6, 4, 1, 9], 10], [1, 9]),
        ([[1, 4, 9], 8], []),
        ([[3, -3, 8, -8], 0], [-8, 8]),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="two_sum",
        topic="pair_search",
        difficulty="easy",
        entry_points=("find_pair", "search_pair", "pair_search", "pair_lookup"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("target", "k", "goal", "wanted"),
        ),
        variations=(_EXISTS, _INDICES, _DIFFERENCE_EXISTS, _SMALLEST_VALUES),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
