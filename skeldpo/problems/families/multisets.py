"""Problems that compare two lists as multisets."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    first = [rng.randint(0, 3 * size) for _ in range(size)]
    second = list(first)
    rng.shuffle(first)
    rng.shuffle(second)
    for _ in range(rng.choice([0, 0, 1, 4])):
        first[rng.randrange(size * 3 // 4, size)] = rng.randint(-size, -1)
    return [first, second]
"""

_SAME = Variation(
    name="same",
    wordings=(
        "Given two lists of integers `$a` and `$b`, return True if one can be rearranged into the "
        "other, that is, if every value occurs equally often in both, and False otherwise.",
        "Do `$a` and `$b`, two lists of integers, hold the same elements with the same numbers of "
        "repeats, in any order? Return True or False.",
        "`$a` and `$b` are lists of integers. Return True exactly when they are equal as "
        "multisets: order does not matter, but repeats do.",
        "Check whether the integer list `$b` is a permutation of the integer list `$a`. Return "
        "True if it is and False if it is not; two empty lists are permutations.",
        "Return True if sorting the integers in `$a` and sorting the integers in `$b` would give "
        "identical lists, and False if not.",
    ),
    fast=(
        """\
def $fn($a, $b):
    return sorted($a) == sorted($b)
""",
        """\
def $fn($a, $b):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    for x in $b:
        counts[x] = counts.get(x, 0) - 1
    return all(c == 0 for c in counts.values())
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    rest = list($b)
    for x in $a:
        if x not in rest:
            return False
        rest.remove(x)
    return len(rest) == 0
""",
        """\
def $fn($a, $b):
    if len($a) != len($b):
        return False
    for x in $a:
        if $a.count(x) != $b.count(x):
            return False
    return True
""",
    ),
    tests=(
        ([[], []], True),
        ([[1], []], False),
        ([[1, 2, 2], [2, 1, 2]], True),
        ([[1, 2, 2], [1, 1, 2]], False),
        ([[-3, 3], [3, -3]], True),
    ),
)

_UNMATCHED = Variation(
    name="unmatched",
    wordings=(
        "Each element of the integer list `$a` may be paired with one equal element of `$b`, and "
        "each element of `$b` is used at most once. Return the smallest possible number of "
        "unpaired elements of `$a`.",
        "Count the elements of `$a` that are left over when equal elements of the integer lists "
        "`$a` and `$b` are cancelled one against one. Only leftovers of `$a` count.",
        "For each distinct integer, take its number of occurrences in `$a` minus its number in "
        "`$b`, or 0 if that is negative. Return the sum of these amounts.",
        "`$a` and `$b` are lists of integers. Return how many elements would have to be deleted "
        "from `$a` so that no value occurs in `$a` more often than in `$b`.",
        "How many elements has the multiset difference of the integer lists `$a` and `$b`? Each "
        "element of `$b` removes at most one equal element from `$a`; return the number that "
        "remains of `$a`.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $b:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for x in $a:
        if counts.get(x, 0) > 0:
            counts[x] -= 1
        else:
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    rest = Counter($a) - Counter($b)
    return sum(rest.values())
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    rest = list($b)
    answer = 0
    for x in $a:
        if x in rest:
            rest.remove(x)
        else:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        answer += max(0, $a.count(x) - $b.count(x))
    return answer
""",
    ),
    tests=(
        ([[], [4]], 0),
        ([[4], []], 1),
        ([[1, 2, 2, 2], [2, 1, 2]], 1),
        ([[1, 1, 5], [1, 6, 6]], 2),
        ([[-3, 3], [3, -3, 0]], 0),
    ),
)

_COMMON_SIZE = Variation(
    name="common_size",
    wordings=(
        "Return the largest number of disjoint pairs of equal elements, one from the integer list "
        "`$a` and one from the integer list `$b`. Each element can be used in one pair only.",
        "For each distinct integer take the smaller of its numbers of occurrences in `$a` and in "
        "`$b`. Return the sum of these over all integers.",
        "`$a` and `$b` are lists of integers. Return the number of elements in their multiset "
        "intersection, in which a value occurs as often as in the list that has fewer of it.",
        "How many elements do the integer lists `$a` and `$b` have in common, counting repeats? A "
        "value with 3 copies in one list and 2 in the other contributes 2.",
        "Elements of `$a` are matched with equal elements of `$b`, one to one, until no more "
        "match is possible. Return the number of matches; both lists hold integers.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $b:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for x in $a:
        if counts.get(x, 0) > 0:
            counts[x] -= 1
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    common = Counter($a) & Counter($b)
    return sum(common.values())
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    rest = list($b)
    answer = 0
    for x in $a:
        if x in rest:
            rest.remove(x)
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        answer += min($a.count(x), $b.count(x))
    return answer
""",
    ),
    tests=(
        ([[], [4]], 0),
        ([[4], [4]], 1),
        ([[1, 2, 2, 2], [2, 5, 2]], 2),
        ([[1, 1, 5], [1, 6, 6]], 1),
        ([[-3, 3, -3], [3, -3, -3, 0]], 3),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="same_multiset",
        topic="multisets",
        difficulty="easy",
        entry_points=("match_values", "compare_counts", "pair_up", "match_multisets"),
        parameters=(
            ("first", "left_values", "xs", "numbers"),
            ("second", "right_values", "ys", "others"),
        ),
        variations=(_SAME, _UNMATCHED, _COMMON_SIZE),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
