"""Families about equal values in one list and the distance between their positions."""

from skeldpo.problems.family import Family, Variation

_CLOSE = Family(
    name="equal_values_distance",
    topic="dedup",
    difficulty="medium",
    entry_points=("check_distance", "equal_pairs", "match_positions", "analyze_repeats"),
    parameters=(("nums", "values", "numbers", "items"), ("k", "distance", "limit", "gap")),
    variations=(
        Variation(
            name="exists_within",
            wordings=(
                "Return True if the list `$a` has two equal values at different positions whose "
                "distance is at most the positive integer `$b`, otherwise False.",
                "Given integers `$a` and a positive integer `$b`, decide whether there are indices "
                "i < j with equal values and j - i <= `$b`. Return a bool.",
                "Does some value of `$a` occur again within the next `$b` positions (`$b` is "
                "positive)? Return True or False.",
                "Check if `$a` contains a duplicate pair that is close together: the two positions "
                "may differ by no more than `$b` >= 1. Return a bool.",
                "Tell whether any two equal elements of the list `$a` are `$b` or fewer positions "
                "apart, where `$b` is at least 1. The result is True or False.",
            ),
            fast=(
                """\
def $fn($a, $b):
    last = {}
    for i, x in enumerate($a):
        if x in last and i - last[x] <= $b:
            return True
        last[x] = i
    return False
""",
                """\
def $fn($a, $b):
    seen = set()
    for i, x in enumerate($a):
        if i > $b:
            seen.remove($a[i - $b - 1])
        if x in seen:
            return True
        seen.add(x)
    return False
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($a)
    for i in range(n):
        for j in range(i + 1, min(n, i + $b + 1)):
            if $a[i] == $a[j]:
                return True
    return False
""",
                """\
def $fn($a, $b):
    for i, x in enumerate($a):
        if x in $a[max(0, i - $b):i]:
            return True
    return False
""",
            ),
            tests=(
                ([[], 1], False),
                ([[4], 3], False),
                ([[1, 2, 1], 1], False),
                ([[1, 2, 1], 2], True),
                ([[5, -3, 8, 5, 5], 1], True),
                ([[1, 2, 3, 4, 1], 3], False),
            ),
        ),
        Variation(
            name="exists_apart",
            wordings=(
                "Return True if the list `$a` has two equal values whose positions are at least "
                "the positive integer `$b` apart, otherwise False.",
                "Given integers `$a` and a positive integer `$b`, decide whether there are indices "
                "i < j with equal values and j - i >= `$b`. Return a bool.",
                "Does some value of `$a` occur again `$b` or more positions later (`$b` is "
                "positive)? Return True or False.",
                "Check if `$a` contains a duplicate pair that is far apart: the two positions must "
                "differ by no less than `$b` >= 1. Return a bool.",
                "Tell whether any two equal elements of the list `$a` have a distance of `$b` "
                "positions or more, where `$b` is at least 1. The result is True or False.",
            ),
            fast=(
                """\
def $fn($a, $b):
    first = {}
    for i, x in enumerate($a):
        if x in first and i - first[x] >= $b:
            return True
        if x not in first:
            first[x] = i
    return False
""",
                """\
def $fn($a, $b):
    seen = set()
    for i in range($b, len($a)):
        seen.add($a[i - $b])
        if $a[i] in seen:
            return True
    return False
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($a)
    for i in range(n):
        for j in range(i + $b, n):
            if $a[i] == $a[j]:
                return True
    return False
""",
                """\
def $fn($a, $b):
    for i, x in enumerate($a):
        if x in $a[i + $b:]:
            return True
    return False
""",
            ),
            tests=(
                ([[], 1], False),
                ([[4], 1], False),
                ([[1, 2, 1], 3], False),
                ([[1, 2, 1], 2], True),
                ([[5, 5, 8, 5], 3], True),
                ([[6, 6, -7, -7], 2], False),
            ),
        ),
        Variation(
            name="count_positions",
            wordings=(
                "Count the positions of the list `$a` whose value also occurs among the `$b` "
                "positions directly before it. The integer `$b` is positive.",
                "Given integers `$a` and a positive integer `$b`, return how many indices j have "
                "an index i < j with an equal value and j - i <= `$b`.",
                "An element of `$a` is recent if one of the (at most) `$b` >= 1 elements just "
                "before it is equal to it. Return the number of recent elements.",
                "How many elements of `$a` repeat an element that stands at most `$b` places "
                "earlier? Every element counts once at most; `$b` is positive.",
                "Go through `$a` and count each element that is equal to any of its `$b` "
                "predecessors (fewer near the start, `$b` >= 1). Return the count.",
            ),
            fast=(
                """\
def $fn($a, $b):
    last = {}
    total = 0
    for i, x in enumerate($a):
        if x in last and i - last[x] <= $b:
            total += 1
        last[x] = i
    return total
""",
                """\
def $fn($a, $b):
    places = {}
    for i, x in enumerate($a):
        places.setdefault(x, []).append(i)
    total = 0
    for p in places.values():
        total += sum(1 for i, j in zip(p, p[1:]) if j - i <= $b)
    return total
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    total = 0
    for i, x in enumerate($a):
        if x in $a[max(0, i - $b):i]:
            total += 1
    return total
""",
                """\
def $fn($a, $b):
    total = 0
    for i in range(len($a)):
        for j in range(max(0, i - $b), i):
            if $a[i] == $a[j]:
                total += 1
                break
    return total
""",
            ),
            tests=(
                ([[], 2], 0),
                ([[4], 1], 0),
                ([[1, 2, 1, 1], 1], 1),
                ([[1, 2, 1, 1], 2], 2),
                ([[3, 3, 3, 3], 9], 3),
                ([[-1, 0, 5, -1], 2], 0),
            ),
        ),
        Variation(
            name="first_repeat",
            wordings=(
                "Return the smallest index of the list `$a` whose value also occurs among the `$b` "
                "positions directly before it, or -1 if there is none. `$b` is positive.",
                "Given integers `$a` and a positive integer `$b`, return the smallest index j that "
                "has an index i < j with an equal value and j - i <= `$b`, else -1.",
                "An element of `$a` is recent if one of the (at most) `$b` >= 1 elements just "
                "before it is equal to it. Return the index of the first recent element or -1.",
                "At which index of `$a` does an element repeat one that stands at most `$b` places "
                "earlier for the first time? Return -1 if never; `$b` is positive.",
                "Go through `$a` from the left and return the index of the first element that is "
                "equal to any of its `$b` predecessors (`$b` >= 1), or -1 without one.",
            ),
            fast=(
                """\
def $fn($a, $b):
    last = {}
    for i, x in enumerate($a):
        if x in last and i - last[x] <= $b:
            return i
        last[x] = i
    return -1
""",
                """\
def $fn($a, $b):
    seen = set()
    for i, x in enumerate($a):
        if i > $b:
            seen.remove($a[i - $b - 1])
        if x in seen:
            return i
        seen.add(x)
    return -1
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    for i in range(len($a)):
        for j in range(max(0, i - $b), i):
            if $a[i] == $a[j]:
                return i
    return -1
""",
                """\
def $fn($a, $b):
    for i, x in enumerate($a):
        if x in $a[max(0, i - $b):i]:
            return i
    return -1
""",
            ),
            tests=(
                ([[], 1], -1),
                ([[4], 3], -1),
                ([[1, 2, 1], 1], -1),
                ([[1, 2, 1, 2], 2], 2),
                ([[5, -3, 8, 5, 5], 1], 4),
                ([[1, 2, 3, 4, 1], 3], -1),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = rng.sample(range(10 * size), size)
    k = size // 2 + rng.randrange(size // 8 + 1) or 1
    if rng.random() < 0.7:
        for _ in range(1 + size // 50):
            j = rng.randrange(size * 4 // 5, size)
            i = max(0, j - rng.randrange(max(1, k - 3), k + 3))
            nums[j] = nums[i]
            if rng.random() < 0.3:
                nums[j - 1] = nums[i]
    return [nums, k]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_CLOSE,)
