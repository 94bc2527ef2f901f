"""Problems about stretches of positive numbers whose sum is bounded from one side."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(1, 20) for _ in range(size)]
    return [values, max(1, sum(values) * rng.randint(3, 6) // 10)]
"""

_SHORTEST_AT_LEAST = Variation(
    name="shortest_at_least",
    wordings=(
        "Given a list of positive integers `$a` and a positive integer `$b`, return the length of "
        "the shortest stretch of consecutive elements with a sum of at least `$b`, or 0 if there "
        "is none.",
        "How many neighbouring elements of `$a` are needed, at least, to reach a total of `$b` or "
        "more? All numbers are positive integers; return 0 if even the whole list is not enough.",
        "`$a` is a list of positive integers. Return the smallest length of a contiguous part of "
        "`$a` whose sum is greater than or equal to the positive integer `$b`, or 0 without such "
        "a part.",
        "Find the shortest sublist of adjacent elements of `$a` whose sum is not less than `$b`, "
        "and return its length. All numbers are positive; return 0 if no sublist qualifies.",
        "Return the minimum width of a contiguous window of the positive integers `$a` in which "
        "the elements add up to at least `$b` (`$b` >= 1). The answer is 0 if no window does.",
    ),
    fast=(
        """\
def $fn($a, $b):
    start = 0
    total = 0
    best = 0
    for i, x in enumerate($a):
        total += x
        while total >= $b:
            if best == 0 or i - start + 1 < best:
                best = i - start + 1
            total -= $a[start]
            start += 1
    return best
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    n = len($a)
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    best = n + 1
    for i in range(n):
        j = bisect_left(prefix, prefix[i] + $b)
        if j <= n:
            best = min(best, j - i)
    return best if best <= n else 0
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += $a[j]
            if total >= $b:
                if best == 0 or j - i + 1 < best:
                    best = j - i + 1
                break
    return best
""",
        """\
def $fn($a, $b):
    n = len($a)
    for w in range(1, n + 1):
        total = sum($a[:w])
        if total >= $b:
            return w
        for i in range(w, n):
            total += $a[i] - $a[i - w]
            if total >= $b:
                return w
    return 0
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 5], 1),
        ([[5], 6], 0),
        ([[2, 3, 1, 2, 4, 3], 7], 2),
        ([[1, 1, 1, 1], 3], 3),
    ),
)

_LONGEST_AT_MOST = Variation(
    name="longest_at_most",
    wordings=(
        "Given a list of positive integers `$a` and a positive integer `$b`, return the length of "
        "the longest stretch of consecutive elements with a sum of at most `$b`, or 0 if there is "
        "none.",
        "How many neighbouring elements of `$a` can be taken, at most, without their total "
        "exceeding `$b`? All numbers are positive integers; return 0 if not even one element can "
        "be taken.",
        "`$a` is a list of positive integers. Return the largest length of a contiguous part of "
        "`$a` whose sum is less than or equal to the positive integer `$b`, or 0 without such a "
        "part.",
        "Find the longest sublist of adjacent elements of `$a` whose sum is not greater than "
        "`$b`, and return its length. All numbers are positive; return 0 if no sublist qualifies.",
        "Return the maximum width of a contiguous window of the positive integers `$a` in which "
        "the elements add up to no more than `$b` (`$b` >= 1). The answer is 0 if no window fits.",
    ),
    fast=(
        """\
def $fn($a, $b):
    start = 0
    total = 0
    best = 0
    for i, x in enumerate($a):
        total += x
        while total > $b:
            total -= $a[start]
            start += 1
        best = max(best, i - start + 1)
    return best
""",
        """\
from bisect import bisect_right

def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    best = 0
    for i in range(len($a)):
        j = bisect_right(prefix, prefix[i] + $b) - 1
        best = max(best, j - i)
    return best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    best = 0
    for i in range(n):
        total = 0
        for j in range(i, n):
            total += $a[j]
            if total > $b:
                break
            best = max(best, j - i + 1)
    return best
""",
        """\
def $fn($a, $b):
    best = 0
    start = 0
    for i in range(len($a)):
        while sum($a[start : i + 1]) > $b:
            start += 1
        best = max(best, i - start + 1)
    return best
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 5], 1),
        ([[5], 4], 0),
        ([[2, 3, 1, 2, 4, 3], 6], 3),
        ([[1, 1, 1, 1], 9], 4),
    ),
)

_COUNT_BELOW = Variation(
    name="count_below",
    wordings=(
        "Given a list of positive integers `$a` and a positive integer `$b`, return the number of "
        "non-empty stretches of consecutive elements with a sum less than `$b`.",
        "How many non-empty contiguous parts of `$a` have a total strictly below `$b`? All "
        "numbers are positive integers; parts at different positions count separately, even if "
        "they look the same.",
        "`$a` is a list of positive integers. Count the index pairs i <= j such that the elements "
        "from i to j inclusive add up to less than the positive integer `$b`.",
        "Count all non-empty sublists of adjacent elements of `$a` whose sum is smaller than "
        "`$b`, not equal to it, and return their number. All numbers are positive integers.",
        "Return the number of contiguous windows, of any width from 1, of the positive integers "
        "`$a` in which the sum of the elements is < `$b` (`$b` >= 1).",
    ),
    fast=(
        """\
def $fn($a, $b):
    start = 0
    total = 0
    answer = 0
    for i, x in enumerate($a):
        total += x
        while total >= $b:
            total -= $a[start]
            start += 1
        answer += i - start + 1
    return answer
""",
        """\
from bisect import bisect_left

def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    answer = 0
    for i in range(len($a)):
        j = bisect_left(prefix, prefix[i] + $b)
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
        total = 0
        for j in range(i, n):
            total += $a[j]
            if total >= $b:
                break
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    start = 0
    for i in range(len($a)):
        while sum($a[start : i + 1]) >= $b:
            start += 1
        answer += i - start + 1
    return answer
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[5], 5], 0),
        ([[5], 6], 1),
        ([[2, 3, 1], 6], 5),
        ([[1, 1, 1, 1], 3], 7),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="stretch_sum_limits",
        topic="stretch_sums",
        difficulty="medium",
        entry_points=("stretch_by_sum", "sum_window", "limited_stretch", "stretch_query"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("limit", "k", "target", "bound"),
        ),
        variations=(_SHORTEST_AT_LEAST, _LONGEST_AT_MOST, _COUNT_BELOW),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
