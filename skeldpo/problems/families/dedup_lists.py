"""Families about two lists: what they share, and where."""

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
            name="common_once",
            wordings=(
                "Return the values that occur in both lists `$a` and `$b`, each of them once, in "
                "the order of their first appearance in `$a`.",
                "Given two lists of integers, keep those elements of `$a` that are present in "
                "`$b`, but no value twice: only its first occurrence in `$a` stays.",
                "Which values do `$a` and `$b` have in common? List each such value a single time, "
                "sorted by where it first occurs in `$a`.",
                "Filter `$a`: keep only values that are contained in `$b`, and remove repetitions "
                "after the first. Return the filtered list in the original order.",
                "Intersect `$a` with `$b`: return a list without duplicates that holds the shared "
                "values in the order in which `$a` first shows them.",
            ),
            fast=(
                """\
def $fn($a, $b):
    seen = set($b)
    return [x for x in dict.fromkeys($a) if x in seen]
""",
                """\
def $fn($a, $b):
    common = set($a) & set($b)
    result = []
    for x in $a:
        if x in common:
            common.remove(x)
            result.append(x)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        if x in $b and x not in result:
            result.append(x)
    return result
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        if x not in result:
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
        if $b.count(x) > 0 and result.count(x) == 0:
            result.append(x)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1]], []),
                ([[2, 2, 3], []], []),
                ([[1, 2, 3, 2], [2, 1, 9]], [1, 2]),
                ([[-1, 0, -1, 5], [-1, -1]], [-1]),
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
            name="positions",
            wordings=(
                "For each element of the list `$a`, find the index of its first occurrence in the "
                "list `$b`, or -1 if it is not there. Return the list of indices.",
                "Given two lists of integers, replace every value of `$a` by the smallest index at "
                "which it stands in `$b`, and by -1 if `$b` lacks it. Return the new list.",
                "Where in `$b` does each element of `$a` appear first? Return a list as long as "
                "`$a` with 0-based positions, -1 standing for absent values.",
                "Look up all elements of `$a`, in order, in the list `$b`: the answer for one is "
                "the lowest matching index of `$b`, or -1. Return the answers.",
                "Return a list that tells for every x in `$a` the first position of x in `$b`; "
                "values missing from `$b` get -1.",
            ),
            fast=(
                """\
def $fn($a, $b):
    first = {}
    for i, y in enumerate($b):
        if y not in first:
            first[y] = i
    return [first.get(x, -1) for x in $a]
""",
                """\
def $fn($a, $b):
    first = {}
    for i in range(len($b) - 1, -1, -1):
        first[$b[i]] = i
    result = []
    for x in $a:
        if x in first:
            result.append(first[x])
        else:
            result.append(-1)
    return result
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    return [$b.index(x) if x in $b else -1 for x in $a]
""",
                """\
def $fn($a, $b):
    result = []
    for x in $a:
        found = -1
        for i, y in enumerate($b):
            if x == y:
                found = i
                break
        result.append(found)
    return result
""",
            ),
            tests=(
                ([[], []], []),
                ([[], [1]], []),
                ([[2, 2, 3], []], [-1, -1, -1]),
                ([[1, 2, 3, 2], [2, 2, 9, 1]], [3, 0, -1, 0]),
                ([[-1, 0, -1, 5], [0, -1]], [1, 0, 1, -1]),
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
