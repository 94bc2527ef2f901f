"""Families about a sorted list that is asked many times how many of its values satisfy a bound."""

from skeldpo.problems.family import Family, Variation

_SCAN = """\
def $fn($a, $b):
    return [sum(1 for x in $a if x OP q) for q in $b]
"""

_LOOPS = """\
def $fn($a, $b):
    result = []
    for q in $b:
        total = 0
        for x in $a:
            if x OP q:
                total += 1
        result.append(total)
    return result
"""

_SEARCH = """\
def $fn($a, $b):
    result = []
    for q in $b:
        low = 0
        high = len($a)
        while low < high:
            mid = (low + high) // 2
            if $a[mid] OP q:
                low = mid + 1
            else:
                high = mid
        result.append(COUNT)
    return result
"""


def _search(op: str, count: str) -> str:
    return _SEARCH.replace("OP", op).replace("COUNT", count)


_COUNTS = Family(
    name="sorted_list_counts",
    topic="sorting",
    difficulty="easy",
    entry_points=("count_queries", "answer_queries", "query_counts", "rank_queries"),
    parameters=(
        ("nums", "values", "numbers", "scores"),
        ("queries", "limits", "targets", "bounds"),
    ),
    variations=(
        Variation(
            name="below",
            wordings=(
                "The list `$a` is sorted in ascending order. For each number in `$b`, count the "
                "values of `$a` that are smaller than it, and return the counts as a list.",
                "For every q in `$b`, in order, return how many elements of the ascending list "
                "`$a` are strictly less than q.",
                "Given the non-decreasing list `$a`, answer each query q in `$b` with the number "
                "of elements x of `$a` with x < q. Return the list of answers.",
                "Return a list as long as `$b`: entry i is the number of values in the sorted list "
                "`$a` below the i-th value of `$b`, equal ones not counted.",
                "How many entries of `$a`, which is sorted from small to large, lie strictly under "
                "each of the bounds in `$b`? Return one count per bound.",
            ),
            fast=(
                """\
from bisect import bisect_left

def $fn($a, $b):
    return [bisect_left($a, q) for q in $b]
""",
                _search("<", "low"),
            ),
            slow=(
                _SCAN.replace("OP", "<"),
                _LOOPS.replace("OP", "<"),
                """\
def $fn($a, $b):
    result = []
    for q in $b:
        i = 0
        while i < len($a) and $a[i] < q:
            i += 1
        result.append(i)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [3]], [0]),
                ([[5], [4, 5, 6]], [0, 0, 1]),
                ([[1, 2, 2, 2, 7], [2, 7, 100, -1]], [1, 4, 5, 0]),
                ([[-3, -3, 0], [-3, 0]], [0, 2]),
            ),
        ),
        Variation(
            name="at_most",
            wordings=(
                "The list `$a` is sorted in ascending order. For each number in `$b`, count the "
                "values of `$a` that are not larger than it, and return the counts as a list.",
                "For every q in `$b`, in order, return how many elements of the ascending list "
                "`$a` are less than or equal to q.",
                "Given the non-decreasing list `$a`, answer each query q in `$b` with the number "
                "of elements x of `$a` with x <= q. Return the list of answers.",
                "Return a list as long as `$b`: entry i is the number of values in the sorted list "
                "`$a` up to the i-th value of `$b`, equal ones counted too.",
                "How many entries of `$a`, which is sorted from small to large, are at most each "
                "of the bounds in `$b`? Return one count per bound.",
            ),
            fast=(
                """\
from bisect import bisect_right

def $fn($a, $b):
    return [bisect_right($a, q) for q in $b]
""",
                _search("<=", "low"),
            ),
            slow=(
                _SCAN.replace("OP", "<="),
                _LOOPS.replace("OP", "<="),
                """\
def $fn($a, $b):
    result = []
    for q in $b:
        i = 0
        while i < len($a) and $a[i] <= q:
            i += 1
        result.append(i)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [3]], [0]),
                ([[5], [4, 5, 6]], [0, 1, 1]),
                ([[1, 2, 2, 2, 7], [2, 7, 100, -1]], [4, 5, 5, 0]),
                ([[-3, -3, 0], [-3, 0]], [2, 3]),
            ),
        ),
        Variation(
            name="at_least",
            wordings=(
                "The list `$a` is sorted in ascending order. For each number in `$b`, count the "
                "values of `$a` that are not smaller than it, and return the counts as a list.",
                "For every q in `$b`, in order, return how many elements of the ascending list "
                "`$a` are greater than or equal to q.",
                "Given the non-decreasing list `$a`, answer each query q in `$b` with the number "
                "of elements x of `$a` with x >= q. Return the list of answers.",
                "Return a list as long as `$b`: entry i is the number of values in the sorted list "
                "`$a` from the i-th value of `$b` upwards, equal ones counted too.",
                "How many entries of `$a`, which is sorted from small to large, are at least each "
                "of the bounds in `$b`? Return one count per bound.",
            ),
            fast=(
                """\
from bisect import bisect_left

def $fn($a, $b):
    return [len($a) - bisect_left($a, q) for q in $b]
""",
                _search("<", "len($a) - low"),
            ),
            slow=(
                _SCAN.replace("OP", ">="),
                _LOOPS.replace("OP", ">="),
                """\
def $fn($a, $b):
    result = []
    for q in $b:
        i = len($a)
        while i > 0 and $a[i - 1] >= q:
            i -= 1
        result.append(len($a) - i)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [3]], [0]),
                ([[5], [4, 5, 6]], [1, 1, 0]),
                ([[1, 2, 2, 2, 7], [2, 7, 100, -1]], [4, 1, 0, 5]),
                ([[-3, -3, 0], [-3, 0]], [3, 1]),
            ),
        ),
        Variation(
            name="equal",
            wordings=(
                "The list `$a` is sorted in ascending order. For each number in `$b`, count how "
                "often it occurs in `$a`, and return the counts as a list.",
                "For every q in `$b`, in order, return how many elements of the ascending list "
                "`$a` are equal to q.",
                "Given the non-decreasing list `$a`, answer each query q in `$b` with the number "
                "of elements x of `$a` with x == q. Return the list of answers.",
                "Return a list as long as `$b`: entry i is the number of occurrences of the i-th "
                "value of `$b` in the sorted list `$a`.",
                "How many times does each of the values in `$b` appear in `$a`, which is sorted "
                "from small to large? Return one count per value.",
            ),
            fast=(
                """\
from bisect import bisect_left, bisect_right

def $fn($a, $b):
    return [bisect_right($a, q) - bisect_left($a, q) for q in $b]
""",
                """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    return [counts[q] for q in $b]
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return [$a.count(q) for q in $b]
""",
                _LOOPS.replace("OP", "=="),
                _SCAN.replace("OP", "=="),
            ),
            tests=(
                ([[], []], []),
                ([[], [3]], [0]),
                ([[5], [4, 5, 6]], [0, 1, 0]),
                ([[1, 2, 2, 2, 7], [2, 7, 100, 2]], [3, 1, 0, 3]),
                ([[-3, -3, 0], [-3, 0]], [2, 1]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = sorted(rng.randrange(-size, size) for _ in range(size))
    queries = [rng.randrange(-size, size + 1) for _ in range(size)]
    return [nums, queries]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_COUNTS,)
