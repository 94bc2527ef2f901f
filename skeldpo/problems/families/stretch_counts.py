"""Problems about stretches of a list with an exact sum, or one divisible by a number."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-9, 9) for _ in range(size)]
    return [values, rng.randint(1, max(2, int(size**0.5)))]
"""

_EQUAL_COUNT = Variation(
    name="equal_count",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the number of non-empty "
        "stretches of consecutive elements whose sum is exactly `$b`.",
        "How many non-empty contiguous parts of the integer list `$a` have the total `$b`? Parts "
        "at different positions count separately, even if they look the same.",
        "`$a` is a list of integers, possibly negative. Count the index pairs i <= j such that "
        "the elements from i to j inclusive add up to `$b`, and return the count.",
        "Count all non-empty sublists of adjacent elements of `$a` whose sum equals `$b` and "
        "return their number. Elements and `$b` are integers of any sign.",
        "Return the number of contiguous windows, of any width from 1, of the integer list `$a` "
        "in which the sum of the elements is `$b`. An empty list gives 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {0: 1}
    total = 0
    answer = 0
    for x in $a:
        total += x
        answer += counts.get(total - $b, 0)
        counts[total] = counts.get(total, 0) + 1
    return answer
""",
        """\
from collections import defaultdict
from itertools import accumulate

def $fn($a, $b):
    counts = defaultdict(int)
    answer = 0
    for p in accumulate($a, initial=0):
        answer += counts[p - $b]
        counts[p] += 1
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
            if total == $b:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    answer = 0
    for i in range(len(prefix)):
        for j in range(i):
            if prefix[i] - prefix[j] == $b:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 0], 0),
        ([[5], 5], 1),
        ([[1, -1, 1], 1], 3),
        ([[0, 0, 0], 0], 6),
        ([[3, 4, -7, 1], -7], 1),
    ),
)

_DIVISIBLE_COUNT = Variation(
    name="divisible_count",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the number of non- "
        "empty stretches of consecutive elements whose sum is divisible by `$b`.",
        "How many non-empty contiguous parts of the integer list `$a` have a total that is a "
        "multiple of `$b` (`$b` >= 1; 0 is a multiple)? Parts at different positions count "
        "separately.",
        "`$a` is a list of integers, possibly negative. Count the index pairs i <= j such that "
        "the sum of the elements from i to j inclusive is 0 modulo the positive integer `$b`.",
        "Count all non-empty sublists of adjacent elements of `$a` whose sum leaves no remainder "
        "when divided by `$b`, which is at least 1, and return their number.",
        "Return the number of contiguous windows, of any width from 1, of the integer list `$a` "
        "in which the sum of the elements can be divided by `$b` evenly (`$b` >= 1). An empty "
        "list gives 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {0: 1}
    total = 0
    answer = 0
    for x in $a:
        total = (total + x) % $b
        answer += counts.get(total, 0)
        counts[total] = counts.get(total, 0) + 1
    return answer
""",
        """\
from collections import Counter
from itertools import accumulate

def $fn($a, $b):
    counts = Counter(p % $b for p in accumulate($a, initial=0))
    return sum(c * (c - 1) // 2 for c in counts.values())
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
            if total % $b == 0:
                answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    answer = 0
    for i in range(len(prefix)):
        for j in range(i):
            if (prefix[i] - prefix[j]) % $b == 0:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[6], 3], 1),
        ([[1, 2, 3], 3], 3),
        ([[4, 5], 1], 3),
        ([[-2, 1, 1], 2], 3),
    ),
)

_EQUAL_LONGEST = Variation(
    name="equal_longest",
    wordings=(
        "Given a list of integers `$a` and an integer `$b`, return the length of the longest non- "
        "empty stretch of consecutive elements whose sum is exactly `$b`, or 0 if there is none.",
        "How many elements has the longest non-empty contiguous part of the integer list `$a` "
        "with the total `$b`? Return 0 if no part has this total.",
        "`$a` is a list of integers, possibly negative. If the elements from index i to j "
        "inclusive add up to `$b`, the pair i <= j is fitting. Return the largest j - i + 1 of a "
        "fitting pair, else 0.",
        "Find the longest non-empty sublist of adjacent elements of `$a` whose sum equals `$b` "
        "and return its length, or 0 if no sublist qualifies. Elements and `$b` are integers of "
        "any sign.",
        "Return the maximum width of a contiguous window (width at least 1) of the integer list "
        "`$a` in which the sum of the elements is `$b`. The answer is 0 if there is no such "
        "window.",
    ),
    fast=(
        """\
def $fn($a, $b):
    first = {0: 0}
    total = 0
    best = 0
    for i, x in enumerate($a):
        total += x
        if total - $b in first:
            best = max(best, i + 1 - first[total - $b])
        if total not in first:
            first[total] = i + 1
    return best
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    first = {}
    best = 0
    for i, p in enumerate(accumulate($a, initial=0)):
        first.setdefault(p, i)
        best = max(best, i - first.get(p - $b, i))
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
            if total == $b:
                best = max(best, j - i + 1)
    return best
""",
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    best = 0
    for i in range(len(prefix)):
        for j in range(i):
            if prefix[i] - prefix[j] == $b and i - j > best:
                best = i - j
    return best
""",
    ),
    tests=(
        ([[], 0], 0),
        ([[5], 5], 1),
        ([[1, -1, 1], 1], 3),
        ([[3, 4, -7, 1], 0], 3),
        ([[2, 2], 3], 0),
    ),
)

_DIVISIBLE_LONGEST = Variation(
    name="divisible_longest",
    wordings=(
        "Given a list of integers `$a` and a positive integer `$b`, return the length of the "
        "longest non-empty stretch of consecutive elements whose sum is divisible by `$b`, or 0 "
        "if there is none.",
        "How many elements has the longest non-empty contiguous part of the integer list `$a` "
        "whose total is a multiple of `$b` (`$b` >= 1; 0 is a multiple)? Return 0 if there is no "
        "such part.",
        "`$a` is a list of integers, possibly negative. Return the largest j - i + 1 with i <= j "
        "such that the positive integer `$b` divides the sum of elements i to j inclusive, or 0 "
        "if none.",
        "Find the longest non-empty sublist of adjacent elements of `$a` whose sum leaves no "
        "remainder when divided by `$b`, which is at least 1. Return its length, or 0 if no "
        "sublist qualifies.",
        "Return the maximum width of a contiguous window (width at least 1) of the integer list "
        "`$a` in which the sum can be divided by `$b` evenly (`$b` >= 1). The answer is 0 if "
        "there is no such window.",
    ),
    fast=(
        """\
def $fn($a, $b):
    first = {0: 0}
    total = 0
    best = 0
    for i, x in enumerate($a):
        total = (total + x) % $b
        if total in first:
            best = max(best, i + 1 - first[total])
        else:
            first[total] = i + 1
    return best
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    first = {}
    best = 0
    for i, p in enumerate(accumulate($a, initial=0)):
        j = first.setdefault(p % $b, i)
        best = max(best, i - j)
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
            if total % $b == 0:
                best = max(best, j - i + 1)
    return best
""",
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    best = 0
    for i in range(len(prefix)):
        for j in range(i):
            if (prefix[i] - prefix[j]) % $b == 0 and i - j > best:
                best = i - j
    return best
""",
    ),
    tests=(
        ([[], 3], 0),
        ([[6], 3], 1),
        ([[1, 2, 3, 2], 3], 3),
        ([[1, 3], 5], 0),
        ([[-2, 1, 1], 2], 3),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="stretches_with_sum",
        topic="stretch_counts",
        difficulty="medium",
        entry_points=("sum_stretches", "stretches_with_sum", "contiguous_sums", "subarray_sums"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("k", "target", "goal", "wanted"),
        ),
        variations=(_EQUAL_COUNT, _DIVISIBLE_COUNT, _EQUAL_LONGEST, _DIVISIBLE_LONGEST),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
