"""Families about repeated values in one list: which of them stay, and how far apart they are."""

from skeldpo.problems.family import Family, Variation

_KEEP = Family(
    name="select_by_repetition",
    topic="dedup",
    difficulty="easy",
    entry_points=("clean_list", "filter_values", "select_values", "reduce_items"),
    parameters=(("nums", "values", "numbers", "items"),),
    variations=(
        Variation(
            name="keep_first",
            wordings=(
                "Remove duplicates from the list `$a`: keep only the first occurrence of every "
                "value and return the remaining values in their original order.",
                "Given a list of integers `$a`, return a new list with each distinct value once, "
                "ordered by where the value first appears in `$a`.",
                "Return the distinct values of `$a` as a list, sorted by the position of their "
                "first occurrence. An empty list gives an empty list.",
                "Copy `$a` into a new list, but skip every element that is equal to an element "
                "before it. Return the new list.",
                "Some integers in `$a` may be repeated. Drop all repetitions after the first one "
                "without changing the order, and return the result.",
            ),
            fast=(
                """\
def $fn($a):
    return list(dict.fromkeys($a))
""",
                """\
def $fn($a):
    seen = set()
    result = []
    for x in $a:
        if x not in seen:
            seen.add(x)
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a):
    result = []
    for x in $a:
        if x not in result:
            result.append(x)
    return result
""",
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        if $a[i] not in $a[:i]:
            result.append($a[i])
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[7]], [7]),
                ([[3, 1, 3, 2, 1]], [3, 1, 2]),
                ([[5, 5, 5]], [5]),
                ([[-1, 0, 1, -1, 2, 0]], [-1, 0, 1, 2]),
            ),
        ),
        Variation(
            name="keep_last",
            wordings=(
                "Remove duplicates from the list `$a`: keep only the last occurrence of every "
                "value and return the remaining values in their original order.",
                "Given a list of integers `$a`, return a new list with each distinct value once, "
                "ordered by where the value appears for the last time in `$a`.",
                "Return the distinct values of `$a` as a list, sorted by the position of their "
                "last occurrence. An empty list gives an empty list.",
                "Copy `$a` into a new list, but skip every element that is equal to some element "
                "after it. Return the new list.",
                "Some integers in `$a` may be repeated. Drop all repetitions before the last one "
                "without changing the order, and return the result.",
            ),
            fast=(
                """\
def $fn($a):
    return list(dict.fromkeys($a[::-1]))[::-1]
""",
                """\
def $fn($a):
    last = {}
    for i, x in enumerate($a):
        last[x] = i
    return [x for i, x in enumerate($a) if last[x] == i]
""",
            ),
            slow=(
                """\
def $fn($a):
    result = []
    for x in $a:
        if x in result:
            result.remove(x)
        result.append(x)
    return result
""",
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        if $a[i] not in $a[i + 1:]:
            result.append($a[i])
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[7]], [7]),
                ([[3, 1, 3, 2, 1]], [3, 2, 1]),
                ([[5, 5, 5]], [5]),
                ([[-1, 0, 1, -1, 2, 0]], [1, -1, 2, 0]),
            ),
        ),
        Variation(
            name="only_once",
            wordings=(
                "Return the values that occur exactly once in the list `$a`, in the order in "
                "which they appear there.",
                "Given a list of integers `$a`, remove every value that occurs more than once, all "
                "its copies included, and return what is left in the original order.",
                "Which elements of `$a` are unique, that is, have no equal element elsewhere in "
                "the list? Return them as a list in their original order.",
                "Build a new list from `$a` that contains only the elements without a duplicate. "
                "Keep their order; return an empty list if there are none.",
                "Drop from `$a` all integers that have at least one equal partner in the list, and "
                "return the others in unchanged order.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return [x for x in $a if counts[x] == 1]
""",
                """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    result = []
    for x in $a:
        if counts[x] == 1:
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a):
    return [x for x in $a if $a.count(x) == 1]
""",
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        if $a[i] not in $a[:i] and $a[i] not in $a[i + 1:]:
            result.append($a[i])
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[7]], [7]),
                ([[3, 1, 3, 2, 1]], [2]),
                ([[5, 5, 5]], []),
                ([[-1, 0, 1, -1, 2, 0]], [1, 2]),
            ),
        ),
        Variation(
            name="repeated",
            wordings=(
                "Return the values that occur more than once in the list `$a`, each of them once, "
                "ordered by their first appearance.",
                "Given a list of integers `$a`, list every value that has a duplicate. Mention "
                "each such value only once, in the order of first occurrences.",
                "Which values of `$a` are repeated? Return each repeated value one time, sorted by "
                "the position where it first appears.",
                "Find all integers that appear at least twice in `$a`. Return them without "
                "repetition in order of first appearance, or an empty list if there are none.",
                "Collect the duplicated values of `$a` into a list without duplicates; a value "
                "that appears earlier for the first time comes earlier.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return [x for x in counts if counts[x] > 1]
""",
                """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    result = []
    for x in counts:
        if counts[x] > 1:
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a):
    result = []
    for x in $a:
        if $a.count(x) > 1 and x not in result:
            result.append(x)
    return result
""",
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        if $a[i] not in $a[:i] and $a[i] in $a[i + 1:]:
            result.append($a[i])
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[7]], []),
                ([[3, 1, 2, 1, 3]], [3, 1]),
                ([[5, 5, 5]], [5]),
                ([[-1, 0, 1, 0, 2, -1]], [-1, 0]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randrange(-size, size + 1) for _ in range(size)]]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_KEEP,)
