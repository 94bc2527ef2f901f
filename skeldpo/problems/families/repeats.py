"""Problems that look for the first repeated or first unrepeated value of a list."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    values = rng.sample(range(4 * size), (size + 1) // 2)
    again = list(values)
    rng.shuffle(again)
    kind = rng.randrange(3)
    if kind == 1:
        values.append(4 * size + 1)
    elif kind == 2:
        again = again[: size // 8 + 1] + [4 * size + 1] + again[size // 8 + 1 :]
    return [values + again]
"""

_REPEATED_VALUE = Variation(
    name="repeated_value",
    wordings=(
        "Read the list of non-negative integers `$a` from left to right and return the first "
        "value that you meet for the second time. Return -1 if no value repeats.",
        "`$a` is a list of non-negative integers. Among all elements equal to some earlier "
        "element, return the value of the leftmost one, or -1 if there is none.",
        "Which value of `$a` is the first to be repeated, that is, has its second occurrence at "
        "the smallest index? Return it, or -1 if all the non-negative integers in `$a` differ.",
        "Find the first duplicate in the list of non-negative integers `$a`: the earliest element "
        "that already occurred before its position. Return its value, and -1 when there is no "
        "duplicate.",
        "Non-negative integers arrive in the order of `$a`. Return the first one that has arrived "
        "before, or -1 if every integer arrives just once.",
    ),
    fast=(
        """\
def $fn($a):
    seen = set()
    for x in $a:
        if x in seen:
            return x
        seen.add(x)
    return -1
""",
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
        if counts[x] == 2:
            return x
    return -1
""",
    ),
    slow=(
        """\
def $fn($a):
    for i in range(len($a)):
        if $a[i] in $a[:i]:
            return $a[i]
    return -1
""",
        """\
def $fn($a):
    seen = []
    for x in $a:
        if x in seen:
            return x
        seen.append(x)
    return -1
""",
    ),
    tests=(
        ([[]], -1),
        ([[4]], -1),
        ([[1, 2, 2, 1]], 2),
        ([[5, 3, 0, 5, 3]], 5),
        ([[9, 8, 7]], -1),
    ),
)

_REPEAT_INDEX = Variation(
    name="repeat_index",
    wordings=(
        "Return the smallest index i (from 0) such that the element at index i of the integer "
        "list `$a` also occurs at an earlier index. Return -1 if all elements are different.",
        "Read the list of integers `$a` from left to right and return the zero-based position of "
        "the first element that has occurred before, or -1 if there is none.",
        "`$a` is a list of integers. At which index does a value appear for the second time "
        "first? Count indexes from 0 and return -1 when no value repeats.",
        "Find the longest beginning of the integer list `$a` without repeated values and return "
        "its length if it is not the whole list; if all elements of `$a` differ, return -1.",
        "Integers arrive in the order of `$a`. How many of them arrive before the first one that "
        "was seen already? Return that number, or -1 if no integer arrives twice.",
    ),
    fast=(
        """\
def $fn($a):
    seen = set()
    for i, x in enumerate($a):
        if x in seen:
            return i
        seen.add(x)
    return -1
""",
        """\
def $fn($a):
    seen = {}
    for i in range(len($a)):
        if $a[i] in seen:
            return i
        seen[$a[i]] = i
    return -1
""",
    ),
    slow=(
        """\
def $fn($a):
    for i in range(len($a)):
        if $a[i] in $a[:i]:
            return i
    return -1
""",
        """\
def $fn($a):
    for i in range(len($a)):
        for j in range(i):
            if $a[i] == $a[j]:
                return i
    return -1
""",
    ),
    tests=(
        ([[]], -1),
        ([[4]], -1),
        ([[1, 2, 2, 1]], 2),
        ([[5, 3, 0, 5, 3]], 3),
        ([[6, 6]], 1),
    ),
)

_REPEAT_POSITIONS = Variation(
    name="repeat_positions",
    wordings=(
        "Find the first element of the integer list `$a` that equals an earlier element. Return "
        "[i, j], where j is its index and i the index of the earlier one, counted from 0, or [] "
        "if there is none.",
        "Return the zero-based indexes [i, j] with i < j of two equal elements of the integer "
        "list `$a` such that j is as small as possible. Return an empty list if all elements "
        "differ.",
        "`$a` is a list of integers. Reading from the left, which element repeats first? Return a "
        "list of the index of its first occurrence and the index of its repeat (from 0), or [] "
        "without repeats.",
        "Among all index pairs i < j where `$a` holds the same integer twice, choose the one with "
        "smallest j. Return it as the list [i, j]; if no integer repeats, return [].",
        "Integers arrive in the order of `$a`. When the first repeat arrives, return [position of "
        "its earlier arrival, position of the repeat], counted from 0. Return [] if no integer "
        "arrives twice.",
    ),
    fast=(
        """\
def $fn($a):
    seen = {}
    for i, x in enumerate($a):
        if x in seen:
            return [seen[x], i]
        seen[x] = i
    return []
""",
        """\
def $fn($a):
    seen = set()
    for i, x in enumerate($a):
        if x in seen:
            return [$a.index(x), i]
        seen.add(x)
    return []
""",
    ),
    slow=(
        """\
def $fn($a):
    for j in range(len($a)):
        for i in range(j):
            if $a[i] == $a[j]:
                return [i, j]
    return []
""",
        """\
def $fn($a):
    seen = []
    for i, x in enumerate($a):
        if x in seen:
            return [seen.index(x), i]
        seen.append(x)
    return []
""",
    ),
    tests=(
        ([[]], []),
        ([[4]], []),
        ([[1, 2, 2, 1]], [1, 2]),
        ([[5, 3, 0, 5, 3]], [0, 3]),
        ([[-6, -6, -6]], [0, 1]),
    ),
)

_FIRST_UNIQUE = Variation(
    name="first_unique",
    wordings=(
        "Return the first value in the list of non-negative integers `$a` that occurs exactly "
        "once in the whole list. Return -1 if there is no such value.",
        "`$a` is a list of non-negative integers. Among the values without any duplicate in `$a`, "
        "return the leftmost one, or -1 if every value is duplicated or the list is empty.",
        "Which element of `$a` is the first one, from the left, that is never repeated anywhere "
        "in the list? Return it, or -1 if none is; all elements are non-negative integers.",
        "Find the earliest element of the list of non-negative integers `$a` that has no equal "
        "element before or after it. Return its value, and -1 when no element is alone.",
        "Drop from `$a`, a list of non-negative integers, all values that occur more than once. "
        "Return the first element that is left, or -1 if nothing is left.",
    ),
    fast=(
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    for x in $a:
        if counts[x] == 1:
            return x
    return -1
""",
        """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return next((x for x in $a if counts[x] == 1), -1)
""",
    ),
    slow=(
        """\
def $fn($a):
    for x in $a:
        if $a.count(x) == 1:
            return x
    return -1
""",
        """\
def $fn($a):
    for i in range(len($a)):
        if $a[i] not in $a[:i] and $a[i] not in $a[i + 1 :]:
            return $a[i]
    return -1
""",
    ),
    tests=(
        ([[]], -1),
        ([[4]], 4),
        ([[1, 2, 2, 1]], -1),
        ([[5, 3, 0, 5, 3]], 0),
        ([[9, 8, 7]], 9),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="first_repeat",
        topic="repeats",
        difficulty="easy",
        entry_points=("find_first", "first_match", "scan_list", "locate_first"),
        parameters=(("numbers", "values", "items", "data"),),
        variations=(_REPEATED_VALUE, _REPEAT_INDEX, _REPEAT_POSITIONS, _FIRST_UNIQUE),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
