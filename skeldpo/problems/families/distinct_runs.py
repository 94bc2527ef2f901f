"""Problems about stretches of a list in which no value is repeated."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    period = size // 2 + 1
    base = rng.sample(range(4 * size), period)
    values = [base[i % period] for i in range(size)]
    for _ in range(rng.randrange(3)):
        values[rng.randrange(size)] = rng.choice(base)
    return [values]
"""

_LENGTH = Variation(
    name="length",
    wordings=(
        "Given a list of integers `$a`, return the length of its longest stretch of consecutive "
        "elements in which no value is repeated. Return 0 for an empty list.",
        "How many elements has the longest contiguous part of the integer list `$a` whose "
        "elements are all different? Return this number, which is 0 if `$a` is empty.",
        "`$a` is a list of integers. Return the largest number of neighbouring elements that can "
        "be taken from it without taking any value twice, or 0 if there are none.",
        "Find the longest sublist of adjacent elements of `$a` that contains no duplicates and "
        "return how long it is. `$a` holds integers and may be empty, which gives 0.",
        "Return the maximum length of a window of the integer list `$a` in which every value "
        "occurs only once. The window must be contiguous; an empty list gives 0.",
    ),
    fast=(
        """\
def $fn($a):
    last = {}
    start = 0
    best = 0
    for i, x in enumerate($a):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        best = max(best, i - start + 1)
    return best
""",
        """\
def $fn($a):
    seen = set()
    start = 0
    best = 0
    for i, x in enumerate($a):
        while x in seen:
            seen.remove($a[start])
            start += 1
        seen.add(x)
        best = max(best, i - start + 1)
    return best
""",
    ),
    slow=(
        """\
def $fn($a):
    n = len($a)
    best = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if $a[j] in seen:
                break
            seen.add($a[j])
        best = max(best, len(seen))
    return best
""",
        """\
def $fn($a):
    window = []
    best = 0
    for x in $a:
        while x in window:
            window.pop(0)
        window.append(x)
        best = max(best, len(window))
    return best
""",
    ),
    tests=(
        ([[]], 0),
        ([[5]], 1),
        ([[1, 2, 1, 3, 2]], 3),
        ([[4, 4, 4]], 1),
        ([[-1, 0, 1, 2]], 4),
    ),
)

_STRETCH = Variation(
    name="stretch",
    wordings=(
        "Given a list of integers `$a`, return its longest stretch of consecutive elements in "
        "which no value is repeated. If several are longest, return the leftmost one; return [] "
        "for an empty list.",
        "Return the longest contiguous part of the integer list `$a` whose elements are all "
        "different, as a list. On a tie choose the one that starts first; an empty `$a` gives an "
        "empty list.",
        "`$a` is a list of integers. Take as many neighbouring elements as possible without "
        "taking any value twice, starting as far left as possible among the longest choices, and "
        "return them in order as a list.",
        "Find the longest sublist of adjacent elements of `$a` that contains no duplicates and "
        "return it; the earliest one wins if lengths are equal. `$a` holds integers and may be "
        "empty, which gives [].",
        "Return the first window of maximum length in the integer list `$a` such that every value "
        "in the window occurs only once in it. The window must be contiguous; an empty list gives "
        "[].",
    ),
    fast=(
        """\
def $fn($a):
    last = {}
    start = 0
    best, best_start = 0, 0
    for i, x in enumerate($a):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        if i - start + 1 > best:
            best, best_start = i - start + 1, start
    return $a[best_start : best_start + best]
""",
        """\
def $fn($a):
    seen = set()
    start = 0
    best, best_start = 0, 0
    for i, x in enumerate($a):
        while x in seen:
            seen.remove($a[start])
            start += 1
        seen.add(x)
        if len(seen) > best:
            best, best_start = len(seen), start
    return $a[best_start : best_start + best]
""",
    ),
    slow=(
        """\
def $fn($a):
    n = len($a)
    best, best_start = 0, 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if $a[j] in seen:
                break
            seen.add($a[j])
        if len(seen) > best:
            best, best_start = len(seen), i
    return $a[best_start : best_start + best]
""",
        """\
def $fn($a):
    window = []
    best = []
    for x in $a:
        while x in window:
            window.pop(0)
        window.append(x)
        if len(window) > len(best):
            best = list(window)
    return best
""",
    ),
    tests=(
        ([[]], []),
        ([[5]], [5]),
        ([[1, 2, 1, 3, 2]], [2, 1, 3]),
        ([[4, 4, 4]], [4]),
        ([[7, 8, 7, 9, 9]], [8, 7, 9]),
    ),
)

_COUNT = Variation(
    name="count",
    wordings=(
        "Given a list of integers `$a`, return the number of non-empty stretches of consecutive "
        "elements in which no value is repeated. Stretches at different positions count "
        "separately.",
        "How many non-empty contiguous parts of the integer list `$a` have elements that are all "
        "different? Parts with other start or end positions count as different.",
        "`$a` is a list of integers. Count the index pairs i <= j such that the elements from "
        "index i to index j inclusive are pairwise different, and return the count.",
        "Count all non-empty sublists of adjacent elements of `$a` that contain no duplicates and "
        "return their number, which is 0 if the integer list `$a` is empty.",
        "Return the number of contiguous windows, of any length from 1, of the integer list `$a` "
        "in which every value occurs only once. Windows are told apart by position.",
    ),
    fast=(
        """\
def $fn($a):
    last = {}
    start = 0
    answer = 0
    for i, x in enumerate($a):
        if x in last and last[x] >= start:
            start = last[x] + 1
        last[x] = i
        answer += i - start + 1
    return answer
""",
        """\
def $fn($a):
    seen = set()
    start = 0
    answer = 0
    for x in $a:
        while x in seen:
            seen.remove($a[start])
            start += 1
        seen.add(x)
        answer += len(seen)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a):
    n = len($a)
    answer = 0
    for i in range(n):
        seen = set()
        for j in range(i, n):
            if $a[j] in seen:
                break
            seen.add($a[j])
            answer += 1
    return answer
""",
        """\
def $fn($a):
    window = []
    answer = 0
    for x in $a:
        while x in window:
            window.pop(0)
        window.append(x)
        answer += len(window)
    return answer
""",
    ),
    tests=(
        ([[]], 0),
        ([[5]], 1),
        ([[1, 2, 1]], 5),
        ([[4, 4, 4]], 3),
        ([[-1, 0, 1]], 6),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="longest_distinct_run",
        topic="distinct_runs",
        difficulty="medium",
        entry_points=("distinct_run", "distinct_stretch", "no_repeat_run", "unique_window"),
        parameters=(("numbers", "values", "items", "data"),),
        variations=(_LENGTH, _STRETCH, _COUNT),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
