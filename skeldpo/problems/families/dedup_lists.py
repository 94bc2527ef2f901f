"""Families about two lists: which values of one are in the other."""

from skeldpo.problems.family import Family, Variation

_COMPARE = Family(
    name="two_list_membership",
    topic="dedup",
    difficulty="easy",
    entry_points=("compare_lists", "match_lists", "combine_lists", "select_items"),
    parameters=(("xs", "left", "nums1", "items"), ("ys", "right", "nums2", "others")),
    variations=(
        Variation(
            name="difference",
            wordings=(
                "Return the elements of the list `$a` that do not occur in the list `$b`, in their "
                "original order and with repetitions.",
                "Given two lists of integers, keep those elements of `$a` that are missing from "
                "`$b`. Preserve order and duplicates of `$a`.",
                "Remove from `$a` every element whose value also appears somewhere in `$b`, and "
                "return what is left as a new list in the same order.",
                "Which elements of `$a` have no equal element in `$b`? Return them all, copies "
                "included, as they are ordered in `$a`.",
                "Filter `$a`: drop each value that is contained in `$b`. Return the filtered list; "
                "order and repeated values stay as they were.",
            ),
            fast=(
                """\
def $fn($a, $b):
    seen = set($b)
    return [x for x in $a if x not in seen]
""",
                """\
def $fn($a, $b):
    seen = {}
    for y in $b:
        seen[y] = True
    result = []
    for x in $a:
        if x not in seen:
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return [x for x in $a if x not in $b]
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        found = False
        for y in $b:
            if x == y:
                found = True
                break
        if not found:
            result.append(x)
    return result
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        if $b.count(x) == 0:
            result.append(x)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1]], []),
                ([[2, 2, 3], []], [2, 2, 3]),
                ([[1, 2, 3, 2], [3, 1, 9]], [2, 2]),
                ([[-1, 0, -1, 5], [0]], [-1, -1, 5]),
            ),
        ),
        Variation(
            name="intersection",
            wordings=(
                "Return the elements of the list `$a` that also occur in the list `$b`, in their "
                "original order and with repetitions.",
                "Given two lists of integers, keep those elements of `$a` that are present in "
                "`$b`. Preserve order and duplicates of `$a`.",
                "Remove from `$a` every element whose value does not appear in `$b`, and return "
                "what is left as a new list in the same order.",
                "Which elements of `$a` have an equal element in `$b`? Return them all, copies "
                "included, as they are ordered in `$a`.",
                "Filter `$a`: keep only values that are contained in `$b`. Return the filtered "
                "list; order and repeated values stay as they were.",
            ),
            fast=(
                """\
def $fn($a, $b):
    seen = set($b)
    return [x for x in $a if x in seen]
""",
                """\
def $fn($a, $b):
    seen = {}
    for y in $b:
        seen[y] = True
    result = []
    for x in $a:
        if x in seen:
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return [x for x in $a if x in $b]
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        for y in $b:
            if x == y:
                result.append(x)
                break
    return result
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        if $b.count(x) > 0:
            result.append(x)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1]], []),
                ([[2, 2, 3], []], []),
                ([[1, 2, 3, 2], [2, 1, 9]], [1, 2, 2]),
                ([[-1, 0, -1, 5], [-1, -1]], [-1, -1]),
            ),
        ),
        Variation(
            name="symmetric_difference",
            wordings=(
                "Return a list of the elements of `$a` that are not in `$b`, followed by the "
                "elements of `$b` that are not in `$a`. Keep orders and repetitions.",
                "Given integer lists `$a` and `$b`, collect every element whose value occurs in "
                "only one of the two lists: first those of `$a`, then those of `$b`, in order.",
                "Join the lists `$a` and `$b`, in this order, and drop each element whose value "
                "occurs in both. Return the rest, duplicates included.",
                "Which elements are in just one of the two lists? Return those of `$a` in their "
                "order, then those of `$b` in theirs, with repetitions.",
                "Take all elements of `$a` and then all of `$b`, but leave out values that the two "
                "lists have in common. Return the resulting list.",
            ),
            fast=(
                """\
def $fn($a, $b):
    common = set($a) & set($b)
    return [x for x in $a + $b if x not in common]
""",
                """\
def $fn($a, $b):
    seen_a = set($a)
    seen_b = set($b)
    result = []
    for x in $a:
        if x not in seen_b:
            result.append(x)
    for y in $b:
        if y not in seen_a:
            result.append(y)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return [x for x in $a if x not in $b] + [y for y in $b if y not in $a]
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        if $b.count(x) == 0:
            result.append(x)
    for y in $b:
        if $a.count(y) == 0:
            result.append(y)
    return result
""",
                """\
def $fn($a, $b):
    common = [x for x in $a if x in $b]
    result = []
    for x in $a + $b:
        if x not in common:
            result.append(x)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1, 1]], [1, 1]),
                ([[2, 2, 3], []], [2, 2, 3]),
                ([[1, 2, 3, 2], [3, 4, 1]], [2, 2, 4]),
                ([[-1, 0, -1], [0, -1]], []),
            ),
        ),
        Variation(
            name="count_common",
            wordings=(
                "Return how many elements of the list `$a` also occur in the list `$b`. Repeated "
                "elements of `$a` count each time.",
                "Given two lists of integers, count the positions of `$a` whose value is contained "
                "in `$b`, and return this number.",
                "For how many elements of `$a`, duplicates included, is there an equal element in "
                "`$b`? Return the count.",
                "Count the members of `$a` that can be found in `$b`; a value that `$a` holds "
                "several times counts several times.",
                "Go through `$a` and count the elements that `$b` contains as well. Return the "
                "number, which is 0 if nothing matches.",
            ),
            fast=(
                """\
def $fn($a, $b):
    seen = set($b)
    return sum(1 for x in $a if x in seen)
""",
                """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    total = 0
    for y in set($b):
        total += counts[y]
    return total
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return sum(1 for x in $a if x in $b)
""",
                """\
def $fn($a, $b):
    total = 0
    for x in $a:
        for y in $b:
            if x == y:
                total += 1
                break
    return total
""",
                """\
def $fn($a, $b):
    total = 0
    for x in $a:
        if $b.count(x) > 0:
            total += 1
    return total
""",
            ),
            tests=(
                ([[], []], 0),
                ([[], [1]], 0),
                ([[2, 2, 3], []], 0),
                ([[1, 2, 3, 2], [2, 2, 9]], 2),
                ([[-1, 0, -1, 5], [-1, 0]], 3),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    xs = [rng.randrange(-size, 2 * size) for _ in range(size)]
    ys = [rng.randrange(-size, 2 * size) for _ in range(size)]
    return [xs, ys]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_COMPARE,)
