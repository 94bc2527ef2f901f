"""Problems that answer many sum queries over index ranges of one list."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = [rng.randint(-100, 100) for _ in range(size)]
    queries = []
    for _ in range(size):
        left = rng.randrange(size)
        right = rng.randrange(size)
        queries.append([min(left, right), max(left, right)])
    return [values, queries]
"""

_SUMS = Variation(
    name="sums",
    wordings=(
        "`$a` is a list of integers and `$b` a list of pairs [l, r] with 0 <= l <= r < len(`$a`). "
        "Return, for each pair in order, the sum of the elements from index l to r inclusive.",
        "For every range [l, r] in `$b` (zero-based, both ends included, l <= r, inside the list) "
        "add up the elements of the integer list `$a` in that range. Return the totals in the "
        "order of `$b`.",
        "Return a list with one number per query of `$b`. A query [l, r] asks for the total of "
        "the integers of `$a` at the positions l, l + 1, ..., r, counted from 0; queries always "
        "lie inside `$a`.",
        "Answer range sum queries: given the integers `$a` and valid zero-based index ranges [l, "
        "r] in `$b`, both ends included, return the list of the sums over these ranges, in query "
        "order.",
        "Each entry [l, r] of `$b` selects the elements of the integer list `$a` from index l up "
        "to and including index r (from 0, always valid). Return the sums of the selections, in "
        "order.",
    ),
    fast=(
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    answer = []
    for l, r in $b:
        answer.append(prefix[r + 1] - prefix[l])
    return answer
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    prefix = list(accumulate($a, initial=0))
    return [prefix[r + 1] - prefix[l] for l, r in $b]
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        answer.append(sum($a[l : r + 1]))
    return answer
""",
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        total = 0
        for i in range(l, r + 1):
            total += $a[i]
        answer.append(total)
    return answer
""",
    ),
    tests=(
        ([[], []], []),
        ([[4], [[0, 0]]], [4]),
        ([[1, 2, 3, 4], [[0, 3], [1, 2], [3, 3]]], [10, 5, 4]),
        ([[-5, 5, -1], [[0, 1], [0, 1], [1, 2]]], [0, 0, 4]),
        ([[7, 8], []], []),
    ),
)

_ODD_COUNTS = Variation(
    name="odd_counts",
    wordings=(
        "`$a` is a list of integers and `$b` a list of pairs [l, r] with 0 <= l <= r < len(`$a`). "
        "Return, for each pair in order, the number of odd elements from index l to r inclusive.",
        "For every range [l, r] in `$b` (zero-based, both ends included, l <= r, inside the list) "
        "count how many elements of the integer list `$a` in that range are odd. Return the "
        "counts in the order of `$b`.",
        "Return a list with one number per query of `$b`. A query [l, r] asks how many odd "
        "integers `$a` has at the positions l, l + 1, ..., r, counted from 0; queries always lie "
        "inside `$a`.",
        "Answer counting queries: given the integers `$a` and valid zero-based index ranges [l, "
        "r] in `$b`, both ends included, return the list of the numbers of odd elements in these "
        "ranges, in query order.",
        "Each entry [l, r] of `$b` selects the elements of the integer list `$a` from index l up "
        "to and including index r (from 0, always valid). Return, in order, how many of each "
        "selection are odd.",
    ),
    fast=(
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x % 2)
    answer = []
    for l, r in $b:
        answer.append(prefix[r + 1] - prefix[l])
    return answer
""",
        """\
from bisect import bisect_left, bisect_right

def $fn($a, $b):
    odd = [i for i, x in enumerate($a) if x % 2 == 1]
    answer = []
    for l, r in $b:
        answer.append(bisect_right(odd, r) - bisect_left(odd, l))
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        answer.append(sum(1 for x in $a[l : r + 1] if x % 2 == 1))
    return answer
""",
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        count = 0
        for i in range(l, r + 1):
            if $a[i] % 2 == 1:
                count += 1
        answer.append(count)
    return answer
""",
    ),
    tests=(
        ([[], []], []),
        ([[4], [[0, 0]]], [0]),
        ([[1, 2, 3, 4], [[0, 3], [1, 2], [3, 3]]], [2, 1, 0]),
        ([[-5, 5, -1, 0], [[0, 3], [0, 1]]], [3, 2]),
        ([[7, 8], []], []),
    ),
)

_OUTSIDE_SUMS = Variation(
    name="outside_sums",
    wordings=(
        "`$a` is a list of integers and `$b` a list of pairs [l, r] with 0 <= l <= r < len(`$a`). "
        "Return, for each pair in order, the sum of the elements before index l and after index "
        "r.",
        "For every range [l, r] in `$b` (zero-based, both ends included, l <= r, inside the list) "
        "add up the elements of the integer list `$a` that are not in that range. Return the "
        "totals in the order of `$b`.",
        "Return a list with one number per query of `$b`. A query [l, r] asks for the total of "
        "the integers `$a` without those at the zero-based, always valid positions l to r "
        "inclusive; each query starts from the full list.",
        "Answer queries on the integers `$a`: for each valid zero-based index range [l, r] in "
        "`$b`, both ends included, find the sum of all elements outside the range. Return the "
        "sums in query order.",
        "Each entry [l, r] of `$b` hides the elements of the integer list `$a` from index l up to "
        "and including index r (from 0, always valid). Return, for each entry in order, the sum "
        "of the visible elements.",
    ),
    fast=(
        """\
def $fn($a, $b):
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    answer = []
    for l, r in $b:
        answer.append(prefix[l] + prefix[-1] - prefix[r + 1])
    return answer
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    total = sum($a)
    prefix = list(accumulate($a, initial=0))
    return [total - (prefix[r + 1] - prefix[l]) for l, r in $b]
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        answer.append(sum($a[:l]) + sum($a[r + 1 :]))
    return answer
""",
        """\
def $fn($a, $b):
    answer = []
    for l, r in $b:
        total = 0
        for i, x in enumerate($a):
            if i < l or i > r:
                total += x
        answer.append(total)
    return answer
""",
    ),
    tests=(
        ([[], []], []),
        ([[4], [[0, 0]]], [0]),
        ([[1, 2, 3, 4], [[0, 3], [1, 2], [3, 3]]], [0, 5, 6]),
        ([[-5, 5, -1], [[0, 1], [2, 2]]], [-1, 0]),
        ([[7, 8], []], []),
    ),
)

_LARGEST = Variation(
    name="largest",
    wordings=(
        "`$a` is a list of integers and `$b` a list of index pairs [l, r] with 0 <= l <= r < "
        "len(`$a`). Return the largest sum of elements l to r inclusive over all pairs, or 0 if "
        "`$b` is empty.",
        "For every range [l, r] in `$b` (zero-based, both ends included, l <= r, inside the list) "
        "add up the elements of the integer list `$a` in that range. Return the greatest total, "
        "or 0 without ranges.",
        "The value of a query [l, r] of `$b` is the total of the integers of `$a` at the zero- "
        "based positions l to r inclusive, always valid. Return the highest value of a query, 0 "
        "without queries.",
        "Given the integers `$a` and valid zero-based index ranges [l, r] in `$b`, both ends "
        "included, find the range over which the sum of `$a` is greatest and return that sum. If "
        "`$b` is empty, return 0.",
        "Each entry [l, r] of `$b` selects the elements of the integer list `$a` from index l up "
        "to and including index r (from 0, always valid). Return the maximum sum of a selection, "
        "or 0 when `$b` has no entries.",
    ),
    fast=(
        """\
def $fn($a, $b):
    if not $b:
        return 0
    prefix = [0]
    for x in $a:
        prefix.append(prefix[-1] + x)
    return max(prefix[r + 1] - prefix[l] for l, r in $b)
""",
        """\
from itertools import accumulate

def $fn($a, $b):
    prefix = list(accumulate($a, initial=0))
    best = None
    for l, r in $b:
        total = prefix[r + 1] - prefix[l]
        if best is None or total > best:
            best = total
    return 0 if best is None else best
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    if not $b:
        return 0
    return max(sum($a[l : r + 1]) for l, r in $b)
""",
        """\
def $fn($a, $b):
    best = None
    for l, r in $b:
        total = 0
        for i in range(l, r + 1):
            total += $a[i]
        if best is None or total > best:
            best = total
    return 0 if best is None else best
""",
    ),
    tests=(
        ([[], []], 0),
        ([[4], [[0, 0]]], 4),
        ([[1, 2, 3, 4], [[0, 1], [1, 2], [3, 3]]], 5),
        ([[-5, -2, -1], [[0, 1], [1, 2]]], -3),
        ([[7, 8], []], 0),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="range_sum_queries",
        topic="prefix_sums",
        difficulty="easy",
        entry_points=("answer_queries", "range_queries", "query_ranges", "process_queries"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("queries", "ranges", "queries", "intervals"),
        ),
        variations=(_SUMS, _ODD_COUNTS, _OUTSIDE_SUMS, _LARGEST),
        generator=_GENERATOR,
        checker="exact",
        held_out=True,
    ),
)
