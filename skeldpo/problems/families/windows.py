"""Problems about the sums of all stretches of one fixed length."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-1000, 1000) for _ in range(size)]
    return [values, rng.randint(max(1, size // 3), max(1, size * 2 // 3))]
"""

_MAX = Variation(
    name="max",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the largest sum of "
        "`$b` consecutive elements. Return 0 if `$a` has fewer than `$b` elements.",
        "Find the greatest total of any stretch of exactly `$b` neighbouring elements in the "
        "integer list `$a`, where `$b` >= 1. If the list is shorter than `$b`, return 0.",
        "`$a` is a list of integers. A window of width `$b` (at least 1) slides along it; return "
        "the maximum, over all its places, of the sum of the elements inside, or 0 if it does not "
        "fit.",
        "Which contiguous part of `$a` with length `$b` has the highest sum? Return that sum, or "
        "0 if `$a` is too short; `$b` is a positive integer.",
        "Add up every run of `$b` adjacent integers of `$a` (`$b` >= 1) and return the highest of "
        "these sums. When there is no such run the answer is 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    total = sum($a[:$b])
    best = total
    for i in range($b, n):
        total += $a[i] - $a[i - $b]
        best = max(best, total)
    return best
""",
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    return max(prefix[i + $b] - prefix[i] for i in range(n - $b + 1))
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    best = sum($a[:$b])
    for i in range(n - $b + 1):
        best = max(best, sum($a[i : i + $b]))
    return best
""",
        """\
def $fn($a, $b):
    n = len($a)
    best = None
    for i in range(n - $b + 1):
        total = 0
        for j in range(i, i + $b):
            total += $a[j]
        if best is None or total > best:
            best = total
    return 0 if best is None else best
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[4], 1], 4),
        ([[4, 5], 3], 0),
        ([[1, 9, -3, 4, 2], 2], 10),
        ([[-5, -2, -4], 2], -6),
    ),
)

_MIN = Variation(
    name="min",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the smallest sum of "
        "`$b` consecutive elements. Return 0 if `$a` has fewer than `$b` elements.",
        "Find the least total of any stretch of exactly `$b` neighbouring elements in the integer "
        "list `$a`, where `$b` >= 1. If the list is shorter than `$b`, return 0.",
        "`$a` is a list of integers. A window of width `$b` (at least 1) slides along it; return "
        "the minimum, over all its places, of the sum of the elements inside, or 0 if it does not "
        "fit.",
        "Which contiguous part of `$a` with length `$b` has the lowest sum? Return that sum, or 0 "
        "if `$a` is too short; `$b` is a positive integer.",
        "Add up every run of `$b` adjacent integers of `$a` (`$b` >= 1) and return the lowest of "
        "these sums. When there is no such run the answer is 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    total = sum($a[:$b])
    best = total
    for i in range($b, n):
        total += $a[i] - $a[i - $b]
        best = min(best, total)
    return best
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    prefix = list(accumulate($a, initial=0))
    return min(prefix[i + $b] - prefix[i] for i in range(n - $b + 1))
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return 0
    return min(sum($a[i : i + $b]) for i in range(n - $b + 1))
""",
        """\
def $fn($a, $b):
    n = len($a)
    best = None
    for i in range(n - $b + 1):
        total = 0
        for j in range(i, i + $b):
            total += $a[j]
        if best is None or total < best:
            best = total
    return 0 if best is None else best
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[4], 1], 4),
        ([[4, 5], 3], 0),
        ([[1, 9, -3, 4, 2], 2], 1),
        ([[-5, -2, -4], 2], -7),
    ),
)

_START = Variation(
    name="start",
    wordings=(
        "Return the index (from 0) at which the `$b` consecutive elements of the integer list "
        "`$a` with the largest sum begin. On a tie return the smallest index; return -1 if `$a` "
        "has fewer than `$b` elements. `$b` >= 1.",
        "Where does the stretch of exactly `$b` neighbouring elements with the greatest total "
        "start in the integer list `$a`? Return the zero-based start, the first one on a tie, or "
        "-1 if `$a` is shorter than `$b` (`$b` >= 1).",
        "A window of width `$b` (at least 1) slides from left to right along the integer list "
        "`$a`. Return its zero-based start when the sum inside is first maximal, or -1 if the "
        "window does not fit.",
        "Find the contiguous part of `$a` with length `$b` that has the highest sum, the leftmost "
        "if several have it. Return the zero-based index of its first element, or -1 if `$a` is "
        "too short; `$b` is positive.",
        "Among all runs of `$b` adjacent integers of `$a` (`$b` >= 1), take the earliest one with "
        "the highest sum. Return the position where it starts, counted from 0, and -1 when there "
        "is no such run.",
    ),
    fast=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return -1
    total = sum($a[:$b])
    best, start = total, 0
    for i in range($b, n):
        total += $a[i] - $a[i - $b]
        if total > best:
            best, start = total, i - $b + 1
    return start
""",
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return -1
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    return max(range(n - $b + 1), key=lambda i: prefix[i + $b] - prefix[i])
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return -1
    best, start = sum($a[:$b]), 0
    for i in range(n - $b + 1):
        total = sum($a[i : i + $b])
        if total > best:
            best, start = total, i
    return start
""",
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return -1
    return max(range(n - $b + 1), key=lambda i: sum($a[i : i + $b]))
""",
    ),
    tests=(
        ([[], 1], -1),
        ([[4], 1], 0),
        ([[4, 5], 3], -1),
        ([[1, 9, -3, 4, 6], 2], 0),
        ([[-5, -4, -2], 2], 1),
    ),
)

_ALL_SUMS = Variation(
    name="all_sums",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the list of the sums "
        "of all stretches of `$b` consecutive elements, from left to right. It is empty if `$a` "
        "has fewer than `$b` elements.",
        "Return the totals of every `$b` neighbouring elements of the integer list `$a`, in the "
        "order in which these stretches start (`$b` >= 1). If the list is shorter than `$b`, "
        "return an empty list.",
        "`$a` is a list of integers. A window of width `$b` (at least 1) slides along it one step "
        "at a time; return the list of the sums inside the window, or [] if it does not fit.",
        "Compute the moving sums of the integer list `$a` with length `$b`: entry i of the answer "
        "is the sum of the `$b` elements that start at index i. Return [] if `$a` is too short; "
        "`$b` is positive.",
        "Add up each run of `$b` adjacent integers of `$a` (`$b` >= 1) and return the sums as a "
        "list, leftmost run first. When there is no such run the answer is [].",
    ),
    fast=(
        """\
def $fn($a, $b):
    n = len($a)
    if $b > n:
        return []
    total = sum($a[:$b])
    answer = [total]
    for i in range($b, n):
        total += $a[i] - $a[i - $b]
        answer.append(total)
    return answer
""",
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    return [prefix[i + $b] - prefix[i] for i in range(len($a) - $b + 1)]
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for i in range(len($a) - $b + 1):
        answer.append(sum($a[i : i + $b]))
    return answer
""",
        """\
def $fn($a, $b):
    answer = []
    for i in range(len($a) - $b + 1):
        total = 0
        for j in range(i, i + $b):
            total += $a[j]
        answer.append(total)
    return answer
""",
    ),
    tests=(
        ([[], 1], []),
        ([[4], 1], [4]),
        ([[4, 5], 3], []),
        ([[1, 9, -3, 4, 2], 2], [10, 6, 1, 6]),
        ([[-5, -2, -4], 3], [-11]),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="max_sum_window",
        topic="windows",
        difficulty="easy",
        entry_points=("window_sums", "best_window", "scan_windows", "fixed_window"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("k", "width", "length", "k"),
        ),
        variations=(_MAX, _MIN, _START, _ALL_SUMS),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
