"""Problems about stretches of a list with few distinct values or few repeats of each."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    root = int(size**0.5)
    limit = rng.randint(max(2, root // 3), max(2, root // 2))
    values = []
    while len(values) < size:
        base = rng.sample(range(6 * limit), max(1, limit - rng.randrange(3)))
        values += [rng.choice(base) for _ in range(max(1, size // 2))]
    return [values[:size], limit]
"""

_DISTINCT_AT_MOST = Variation(
    name="distinct_at_most",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the length of the "
        "longest stretch of consecutive elements that contains at most `$b` different values.",
        "How many elements has the longest contiguous part of the integer list `$a` in which no "
        "more than `$b` distinct values occur? `$b` is at least 1; an empty list gives 0.",
        "`$a` is a list of integers and `$b` a positive integer. Return the largest number of "
        "neighbouring elements that can be taken so that the set of their values has size `$b` or "
        "less.",
        "Find the longest sublist of adjacent elements of `$a` with `$b` or fewer distinct "
        "integers (`$b` >= 1) and return how long it is, or 0 for an empty list.",
        "Return the maximum length of a contiguous window of the integer list `$a` whose number "
        "of different values does not exceed `$b`, where `$b` >= 1.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    start = 0
    best = 0
    for i, x in enumerate($a):
        counts[x] = counts.get(x, 0) + 1
        while len(counts) > $b:
            y = $a[start]
            counts[y] -= 1
            if counts[y] == 0:
                del counts[y]
            start += 1
        best = max(best, i - start + 1)
    return best
""",
        """\
from collections import defaultdict

def $fn($a, $b):
    counts = defaultdict(int)
    distinct = 0
    start = 0
    for x in $a:
        distinct += counts[x] == 0
        counts[x] += 1
        if distinct > $b:
            counts[$a[start]] -= 1
            distinct -= counts[$a[start]] == 0
            start += 1
    return len($a) - start
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            seen.add($a[j])
            if len(seen) > $b:
                break
            best = max(best, j - i + 1)
    return best
""",
        """\
def $fn($a, $b):
    best = 0
    start = 0
    for i in range(len($a)):
        while len(set($a[start : i + 1])) > $b:
            start += 1
        best = max(best, i - start + 1)
    return best
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1, 3, 3], 2], 3),
        ([[1, 1, 2, 2, 2, 1], 1], 3),
        ([[-1, 0, 1], 5], 3),
    ),
)

_REPEATS_AT_MOST = Variation(
    name="repeats_at_most",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the length of the "
        "longest stretch of consecutive elements in which no value occurs more than `$b` times.",
        "How many elements has the longest contiguous part of the integer list `$a` that contains "
        "each value `$b` times or fewer? `$b` is at least 1; an empty list gives 0.",
        "`$a` is a list of integers and `$b` a positive integer. Return the largest number of "
        "neighbouring elements that can be taken without taking any value more than `$b` times.",
        "Find the longest sublist of adjacent elements of `$a` where every integer has at most "
        "`$b` occurrences (`$b` >= 1) and return how long it is, or 0 for an empty list.",
        "Return the maximum length of a contiguous window of the integer list `$a` such that the "
        "highest frequency of a value inside the window does not exceed `$b`, where `$b` >= 1.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    start = 0
    best = 0
    for i, x in enumerate($a):
        counts[x] = counts.get(x, 0) + 1
        while counts[x] > $b:
            counts[$a[start]] -= 1
            start += 1
        best = max(best, i - start + 1)
    return best
""",
        """\
def $fn($a, $b):
    places = {}
    start = 0
    best = 0
    for i, x in enumerate($a):
        p = places.setdefault(x, [])
        p.append(i)
        if len(p) > $b:
            start = max(start, p[-$b - 1] + 1)
        best = max(best, i - start + 1)
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = 0
    for i in range(n):
        counts = {}
        for j in range(i, n):
            counts[$a[j]] = counts.get($a[j], 0) + 1
            if counts[$a[j]] > $b:
                break
            best = max(best, j - i + 1)
    return best
""",
        """\
def $fn($a, $b):
    window = []
    best = 0
    for x in $a:
        while window.count(x) >= $b:
            window.pop(0)
        window.append(x)
        best = max(best, len(window))
    return best
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1, 3, 1], 2], 4),
        ([[4, 4, 4, 4], 3], 3),
        ([[-1, 0, 1], 1], 3),
    ),
)

_DISTINCT_COUNT = Variation(
    name="distinct_count",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of non- "
        "empty stretches of consecutive elements that contain at most `$b` different values.",
        "How many non-empty contiguous parts of the integer list `$a` have no more than `$b` "
        "distinct values? Parts at different positions count separately; `$b` is at least 1.",
        "`$a` is a list of integers and `$b` a positive integer. Count the index pairs i <= j "
        "such that the elements from i to j inclusive have `$b` or fewer different values.",
        "Count all non-empty sublists of adjacent elements of `$a` with `$b` or fewer distinct "
        "integers (`$b` >= 1) and return their number, or 0 for an empty list.",
        "Return the number of contiguous windows, of any length from 1, of the integer list `$a` "
        "whose number of different values does not exceed `$b`, where `$b` >= 1.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    start = 0
    answer = 0
    for i, x in enumerate($a):
        counts[x] = counts.get(x, 0) + 1
        while len(counts) > $b:
            y = $a[start]
            counts[y] -= 1
            if counts[y] == 0:
                del counts[y]
            start += 1
        answer += i - start + 1
    return answer
""",
        """\
from collections import defaultdict

def $fn($a, $b):
    counts = defaultdict(int)
    distinct = 0
    start = 0
    answer = 0
    for i, x in enumerate($a):
        distinct += counts[x] == 0
        counts[x] += 1
        while distinct > $b:
            counts[$a[start]] -= 1
            distinct -= counts[$a[start]] == 0
            start += 1
        answer += i - start + 1
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    answer = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            seen.add($a[j])
            if len(seen) > $b:
                break
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    start = 0
    for i in range(len($a)):
        while len(set($a[start : i + 1])) > $b:
            start += 1
        answer += i - start + 1
    return answer
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1], 1], 3),
        ([[1, 2, 1, 3], 2], 8),
        ([[-1, -1, -1], 1], 6),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="longest_limited_run",
        topic="limited_runs",
        difficulty="medium",
        entry_points=("longest_run", "limited_run", "bounded_run", "longest_window"),
        parameters=(
            ("numbers", "values", "items", "data"),
            ("k", "limit", "most", "k"),
        ),
        variations=(_DISTINCT_AT_MOST, _REPEATS_AT_MOST, _DISTINCT_COUNT),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
