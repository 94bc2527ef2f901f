"""Families about two sorted lists that become one."""

from skeldpo.problems.family import Family, Variation

_POINTERS = """\
def $fn($a, $b):
    result = []
    i = j = 0
    while i < len($a) and j < len($b):
        if $a[i] < $b[j]:
            result.append($a[i])
            i += 1
        else:
            result.append($b[j])
            j += 1
    return RESULT
"""

_INSERT = """\
def $fn($a, $b):
    result = FIRST
    for x in $b:
        i = 0
        while i < len(result) and result[i] OP x:
            i += 1
        result.insert(i, x)
    return result
"""

_SELECT = """\
def $fn($a, $b):
    rest = $a + $b
    result = []
    while rest:
        x = PICK(rest)
        result.append(x)
        REMOVE
    return result
"""

_MERGE = Family(
    name="merge_sorted_lists",
    topic="sorting",
    difficulty="easy",
    entry_points=("merge_lists", "merge_sorted", "unite_lists", "combine_sorted"),
    parameters=(("xs", "left", "nums1", "first"), ("ys", "right", "nums2", "second")),
    variations=(
        Variation(
            name="ascending",
            wordings=(
                "The lists `$a` and `$b` are sorted in ascending order. Merge them into one "
                "ascending list that keeps all duplicates, and return it.",
                "Given two non-decreasing lists of integers, return all elements of `$a` and `$b` "
                "together in non-decreasing order.",
                "Return a new list with every element of the ascending lists `$a` and `$b`, "
                "ordered from small to large; equal elements all stay.",
                "Two queues of numbers, `$a` and `$b`, are ordered from small to large. Join them "
                "into a single list with the same order and return it.",
                "Combine `$a` and `$b`, both already sorted upwards, into one sorted list of "
                "length len(`$a`) + len(`$b`). Return that list.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted($a + $b)
""",
                _POINTERS.replace("RESULT", "result + $a[i:] + $b[j:]"),
            ),
            slow=(
                _INSERT.replace("FIRST", "list($a)").replace("OP", "<"),
                _SELECT.replace("PICK", "min").replace("REMOVE", "rest.remove(x)"),
            ),
            tests=(
                ([[], []], []),
                ([[], [1, 2]], [1, 2]),
                ([[3], []], [3]),
                ([[1, 2, 2, 9], [2, 5]], [1, 2, 2, 2, 5, 9]),
                ([[-4, 0], [-7, -4, 3]], [-7, -4, -4, 0, 3]),
            ),
        ),
        Variation(
            name="descending",
            wordings=(
                "The lists `$a` and `$b` are sorted in ascending order. Merge them into one "
                "descending list that keeps all duplicates, and return it.",
                "Given two non-decreasing lists of integers, return all elements of `$a` and `$b` "
                "together in non-increasing order.",
                "Return a new list with every element of the ascending lists `$a` and `$b`, "
                "ordered from large to small; equal elements all stay.",
                "Two queues of numbers, `$a` and `$b`, are ordered from small to large. Join them "
                "into a single list with the opposite order and return it.",
                "Combine `$a` and `$b`, both already sorted upwards, into one list sorted "
                "downwards of length len(`$a`) + len(`$b`). Return that list.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted($a + $b, reverse=True)
""",
                _POINTERS.replace("RESULT", "(result + $a[i:] + $b[j:])[::-1]"),
            ),
            slow=(
                _INSERT.replace("FIRST", "$a[::-1]").replace("OP", ">"),
                _SELECT.replace("PICK", "max").replace("REMOVE", "rest.remove(x)"),
            ),
            tests=(
                ([[], []], []),
                ([[], [1, 2]], [2, 1]),
                ([[3], []], [3]),
                ([[1, 2, 2, 9], [2, 5]], [9, 5, 2, 2, 2, 1]),
                ([[-4, 0], [-7, -4, 3]], [3, 0, -4, -4, -7]),
            ),
        ),
        Variation(
            name="union",
            wordings=(
                "The lists `$a` and `$b` are sorted in ascending order. Merge them into one "
                "ascending list in which every value occurs only once, and return it.",
                "Given two non-decreasing lists of integers, return the distinct values of `$a` "
                "and `$b` together in increasing order.",
                "Return a new list with each value that occurs in the ascending list `$a` or `$b` "
                "or both, ordered from small to large and without repetitions.",
                "Two queues of numbers, `$a` and `$b`, are ordered from small to large. Join them "
                "in the same order, drop duplicates, and return the list.",
                "Combine `$a` and `$b`, both already sorted upwards but perhaps with repeats, into "
                "one strictly increasing list of all their values. Return that list.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted(set($a + $b))
""",
                """\
def $fn($a, $b):
    result = []
    for x in sorted($a + $b):
        if not result or x != result[-1]:
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    result = []
    for x in $a + $b:
        if x not in result:
            result.append(x)
    return sorted(result)
""",
                _SELECT.replace("PICK", "min").replace(
                    "REMOVE", "rest = [y for y in rest if y != x]"
                ),
            ),
            tests=(
                ([[], []], []),
                ([[], [1, 2, 2]], [1, 2]),
                ([[3, 3], []], [3]),
                ([[1, 2, 2, 9], [2, 5]], [1, 2, 5, 9]),
                ([[-4, 0], [-7, -4, 3]], [-7, -4, 0, 3]),
            ),
        ),
        Variation(
            name="common",
            wordings=(
                "The lists `$a` and `$b` are sorted in ascending order. Return the ascending list "
                "of their common elements; a value appears as often as in the list that has fewer "
                "copies.",
                "Given two non-decreasing lists of integers, pair equal elements of `$a` and `$b`, "
                "each element used once at most, and return one value per pair in ascending order.",
                "Return the intersection of the ascending lists `$a` and `$b` with multiplicity, "
                "ordered from small to large: the smaller number of copies counts.",
                "Two sorted hands of cards are `$a` and `$b`. Each card can match one equal card "
                "of the other hand; return the sorted values of as many matches as possible.",
                "For each value, let m be the smaller of its numbers of copies in the sorted lists "
                "`$a` and `$b`. Return a sorted list that holds every value m times.",
            ),
            fast=(
                """\
def $fn($a, $b):
    result = []
    i = j = 0
    while i < len($a) and j < len($b):
        if $a[i] < $b[j]:
            i += 1
        elif $a[i] > $b[j]:
            j += 1
        else:
            result.append($a[i])
            i += 1
            j += 1
    return result
""",
                """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($b)
    result = []
    for x in $a:
        if counts[x] > 0:
            counts[x] -= 1
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    rest = list($b)
    result = []
    for x in $a:
        if x in rest:
            rest.remove(x)
            result.append(x)
    return result
""",
                """\
def $fn($a, $b):
    used = [False] * len($b)
    result = []
    for x in $a:
        for j, y in enumerate($b):
            if x == y and not used[j]:
                used[j] = True
                result.append(x)
                break
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1, 2]], []),
                ([[3], [3]], [3]),
                ([[1, 2, 2, 2, 9], [2, 2, 5, 9]], [2, 2, 9]),
                ([[-4, -4, 0], [-7, -4, 3]], [-4]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    xs = sorted(rng.randrange(-size, 2 * size) for _ in range(size))
    ys = sorted(rng.randrange(-size, 2 * size) for _ in range(size))
    return [xs, ys]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_MERGE,)
