"""Problems that ask which elements of one list occur in another list."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    first = [rng.randint(-3 * size, 3 * size) for _ in range(size)]
    second = [rng.randint(-3 * size, 3 * size) for _ in range(size)]
    return [first, second]
"""

_COUNT_IN = Variation(
    name="count_in",
    wordings=(
        "Given two lists of integers `$a` and `$b`, return how many elements of `$a` also occur "
        "in `$b`. Repeated elements of `$a` are counted each time.",
        "Count the elements of the integer list `$a` whose value is found somewhere in the list "
        "`$b`. Every position of `$a` counts separately.",
        "`$a` and `$b` are lists of integers. For how many positions of `$a` does `$b` contain "
        "the value at that position? Return this number.",
        "Return the number of elements in `$a`, counting repeats, that are equal to at least one "
        "element of `$b`. Both arguments are lists of integers and may be empty.",
        "Go through the integers in `$a` and return how many of them are members of `$b`; a value "
        "that stands in `$a` twice is counted twice.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = set($b)
    answer = 0
    for x in $a:
        if x in seen:
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    return sum(counts[x] for x in set($b))
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = 0
    for x in $a:
        if x in $b:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in $a:
        for y in $b:
            if x == y:
                answer += 1
                break
    return answer
""",
    ),
    tests=(
        ([[], [1, 2]], 0),
        ([[1, 2], []], 0),
        ([[3, 3, 4], [3, 5]], 2),
        ([[1, 2, 3], [3, 3, 2, 9]], 2),
        ([[-7], [-7]], 1),
    ),
)

_COUNT_NOT_IN = Variation(
    name="count_not_in",
    wordings=(
        "Given two lists of integers `$a` and `$b`, return how many elements of `$a` do not occur "
        "in `$b`. Repeated elements of `$a` are counted each time.",
        "Count the elements of the integer list `$a` whose value is found nowhere in the list "
        "`$b`. Every position of `$a` counts separately.",
        "`$a` and `$b` are lists of integers. For how many positions of `$a` is the value at that "
        "position missing from `$b`? Return this number.",
        "Return the number of elements in `$a`, counting repeats, that differ from every element "
        "of `$b`. Both arguments are lists of integers and may be empty.",
        "Go through the integers in `$a` and return how many of them are not members of `$b`; a "
        "value that stands in `$a` twice is counted twice.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = set($b)
    answer = 0
    for x in $a:
        if x not in seen:
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    return sum(counts[x] for x in set($a) - set($b))
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = 0
    for x in $a:
        if x not in $b:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = len($a)
    for x in $a:
        for y in $b:
            if x == y:
                answer -= 1
                break
    return answer
""",
    ),
    tests=(
        ([[], [1, 2]], 0),
        ([[1, 2], []], 2),
        ([[3, 3, 4], [4, 5]], 2),
        ([[1, 2, 3], [3, 3, 2, 9]], 1),
        ([[-7], [-7]], 0),
    ),
)

_LIST_IN = Variation(
    name="list_in",
    wordings=(
        "Given two lists of integers `$a` and `$b`, return the list of those elements of `$a` "
        "that also occur in `$b`, in the order of `$a` and with repeats kept.",
        "Filter the integer list `$a`: keep an element only if its value is found in the list "
        "`$b`. Return the kept elements in their original order, repeats included.",
        "`$a` and `$b` are lists of integers. Return a copy of `$a` from which every element that "
        "is missing in `$b` has been left out; order and duplicates stay as they are.",
        "Which elements of `$a` are members of `$b`? Return them as a list, in the same order as "
        "in `$a`, listing a value as many times as `$a` does.",
        "Read the integers of `$a` from left to right and collect each one that is equal to some "
        "element of `$b`. Return the collected list, which may hold repeats.",
    ),
    fast=(
        """\
def $fn($a, $b):
    seen = set($b)
    answer = []
    for x in $a:
        if x in seen:
            answer.append(x)
    return answer
""",
        """\
def $fn($a, $b):
    seen = dict.fromkeys($b, True)
    return [x for x in $a if seen.get(x, False)]
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for x in $a:
        if x in $b:
            answer.append(x)
    return answer
""",
        """\
def $fn($a, $b):
    return [x for x in $a if any(x == y for y in $b)]
""",
    ),
    tests=(
        ([[], [1, 2]], []),
        ([[1, 2], []], []),
        ([[3, 4, 3], [3, 5]], [3, 3]),
        ([[9, 1, 2], [2, 2, 9]], [9, 2]),
        ([[-7], [-7]], [-7]),
    ),
)

_DISTINCT_COMMON = Variation(
    name="distinct_common",
    wordings=(
        "Given two lists of integers `$a` and `$b`, return the number of distinct values that "
        "occur in both lists. Repeats of a value do not count again.",
        "How many different integers are present in `$a` as well as in `$b`? Return this number; "
        "each integer is counted once, however often it is repeated.",
        "`$a` and `$b` are lists of integers. Return the size of the intersection of the set of "
        "values of `$a` and the set of values of `$b`.",
        "Count the integers that `$a` and `$b` have in common. A value that stands several times "
        "in either list counts only once; if a list is empty the answer is 0.",
        "Return how many distinct values of the integer list `$a` are also found in the integer "
        "list `$b`, ignoring order and repetition in both lists.",
    ),
    fast=(
        """\
def $fn($a, $b):
    return len(set($a) & set($b))
""",
        """\
def $fn($a, $b):
    seen = set($b)
    answer = 0
    for x in set($a):
        if x in seen:
            answer += 1
    return answer
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    seen = []
    for x in $a:
        if x in $b and x not in seen:
            seen.append(x)
    return len(seen)
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        for y in $b:
            if x == y:
                answer += 1
                break
    return answer
""",
    ),
    tests=(
        ([[], [1, 2]], 0),
        ([[1, 2], []], 0),
        ([[3, 3, 4], [3, 3, 5]], 1),
        ([[1, 2, 3], [3, 1, 2, 9]], 3),
        ([[-7, 7], [7, 0]], 1),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="values_in_other_list",
        topic="membership",
        difficulty="easy",
        entry_points=("compare_lists", "match_lists", "check_against", "cross_check"),
        parameters=(
            ("first", "numbers", "queries", "xs"),
            ("second", "others", "known", "ys"),
        ),
        variations=(_COUNT_IN, _COUNT_NOT_IN, _LIST_IN, _DISTINCT_COMMON),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
