"""Families about pairs of positions of a list that are in, or out of, order."""

from skeldpo.problems.family import Family, Variation

_INVERSIONS = Family(
    name="out_of_order_pairs",
    topic="sorting",
    difficulty="hard",
    entry_points=("count_order", "order_pairs", "compare_positions", "rank_neighbours"),
    parameters=(("nums", "values", "numbers", "heights"),),
    variations=(
        Variation(
            name="inversions",
            wordings=(
                "Count the inversions of the list `$a`: pairs of indices i < j where the value at "
                "i is greater than the value at j. Return the count.",
                "Given integers `$a`, return how many pairs of elements are in the wrong order, "
                "that is, the earlier element is strictly larger than the later one.",
                "How many swaps of adjacent elements does bubble sort make to sort `$a` in "
                "ascending order? It swaps only if the left element is strictly larger.",
                "For each element of `$a`, count the strictly larger elements before it, and "
                "return the sum of all these counts.",
                "Return the number of pairs of positions in `$a` whose values strictly decrease "
                "from the left position to the right one. Equal values do not count.",
            ),
            fast=(
                """\
from bisect import bisect_right, insort

def $fn($a):
    seen = []
    total = 0
    for x in $a:
        total += len(seen) - bisect_right(seen, x)
        insort(seen, x)
    return total
""",
                """\
def $fn($a):
    order = sorted(range(len($a)), key=lambda i: $a[i])
    tree = [0] * (len($a) + 1)
    total = 0
    for k, i in enumerate(order):
        j = i + 1
        total += k
        while j > 0:
            total -= tree[j]
            j -= j & -j
        j = i + 1
        while j <= len($a):
            tree[j] += 1
            j += j & -j
    return total
""",
            ),
            slow=(
                """\
def $fn($a):
    total = 0
    for i in range(len($a)):
        for j in range(i + 1, len($a)):
            if $a[i] > $a[j]:
                total += 1
    return total
""",
                """\
def $fn($a):
    total = 0
    for i, x in enumerate($a):
        total += sum(1 for y in $a[:i] if y > x)
    return total
""",
            ),
            tests=(
                ([[]], 0),
                ([[5]], 0),
                ([[3, 2, 1]], 3),
                ([[1, 1, 1]], 0),
                ([[2, -1, 3, 0, 2]], 4),
            ),
        ),
        Variation(
            name="ordered_pairs",
            wordings=(
                "Count the pairs of indices i < j of the list `$a` where the value at i is smaller "
                "than the value at j. Return the count.",
                "Given integers `$a`, return how many pairs of elements are in strict ascending "
                "order, that is, the earlier element is smaller than the later one.",
                "For each element of `$a`, count the strictly smaller elements before it, and "
                "return the sum of all these counts.",
                "Return the number of pairs of positions in `$a` whose values strictly increase "
                "from the left position to the right one. Equal values do not count.",
                "In how many ways can two elements of `$a` be chosen so that the right one exceeds "
                "the left one? Return the number of such pairs of positions.",
            ),
            fast=(
                """\
from bisect import bisect_left, insort

def $fn($a):
    seen = []
    total = 0
    for x in $a:
        total += bisect_left(seen, x)
        insort(seen, x)
    return total
""",
                """\
def $fn($a):
    order = sorted(range(len($a)), key=lambda i: ($a[i], -i))
    tree = [0] * (len($a) + 1)
    total = 0
    for i in order:
        j = i + 1
        while j > 0:
            total += tree[j]
            j -= j & -j
        j = i + 1
        while j <= len($a):
            tree[j] += 1
            j += j & -j
    return total
""",
            ),
            slow=(
                """\
def $fn($a):
    total = 0
    for i in range(len($a)):
        for j in range(i + 1, len($a)):
            if $a[i] < $a[j]:
                total += 1
    return total
""",
                """\
def $fn($a):
    total = 0
    for i, x in enumerate($a):
        total += sum(1 for y in $a[:i] if y < x)
    return total
""",
            ),
            tests=(
                ([[]], 0),
                ([[5]], 0),
                ([[1, 2, 3]], 3),
                ([[1, 1, 1]], 0),
                ([[2, -1, 3, 0, 2]], 5),
            ),
        ),
        Variation(
            name="smaller_after",
            wordings=(
                "For each element of the list `$a`, count the strictly smaller elements to its "
                "right. Return the list of counts.",
                "Given integers `$a`, return a list as long as `$a` whose entry i is the number of "
                "indices j > i where the value at j is less than the value at i.",
                "How many later elements are smaller than each element of `$a`? Return the answers "
                "in the order of `$a`; equal elements are not smaller.",
                "Replace every value in `$a` by the number of strictly lower values that come "
                "after it, and return the new list.",
                "Return, for each position of `$a` from left to right, how many elements behind "
                "that position lie below its value.",
            ),
            fast=(
                """\
from bisect import bisect_left, insort

def $fn($a):
    seen = []
    result = []
    for x in $a[::-1]:
        result.append(bisect_left(seen, x))
        insort(seen, x)
    return result[::-1]
""",
                """\
def $fn($a):
    rank = {x: i + 1 for i, x in enumerate(sorted(set($a)))}
    tree = [0] * (len(rank) + 1)
    result = []
    for x in $a[::-1]:
        total = 0
        j = rank[x] - 1
        while j > 0:
            total += tree[j]
            j -= j & -j
        result.append(total)
        j = rank[x]
        while j <= len(rank):
            tree[j] += 1
            j += j & -j
    return result[::-1]
""",
            ),
            slow=(
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        total = 0
        for j in range(i + 1, len($a)):
            if $a[j] < $a[i]:
                total += 1
        result.append(total)
    return result
""",
                """\
def $fn($a):
    return [sum(1 for y in $a[i + 1:] if y < x) for i, x in enumerate($a)]
""",
            ),
            tests=(
                ([[]], []),
                ([[5]], [0]),
                ([[5, 2, 6, 1]], [2, 1, 1, 0]),
                ([[1, 1, 1]], [0, 0, 0]),
                ([[2, -1, 3, 0, 2]], [2, 0, 2, 0, 0]),
            ),
        ),
        Variation(
            name="larger_before",
            wordings=(
                "For each element of the list `$a`, count the strictly larger elements to its "
                "left. Return the list of counts.",
                "Given integers `$a`, return a list as long as `$a` whose entry i is the number of "
                "indices j < i where the value at j is greater than the value at i.",
                "How many earlier elements are larger than each element of `$a`? Return the "
                "answers in the order of `$a`; equal elements are not larger.",
                "Replace every value in `$a` by the number of strictly higher values that come "
                "before it, and return the new list.",
                "People in a queue have the heights `$a`, front first. Return for each person how "
                "many people in front of them are strictly taller.",
            ),
            fast=(
                """\
from bisect import bisect_right, insort

def $fn($a):
    seen = []
    result = []
    for x in $a:
        result.append(len(seen) - bisect_right(seen, x))
        insort(seen, x)
    return result
""",
                """\
def $fn($a):
    rank = {x: i + 1 for i, x in enumerate(sorted(set($a)))}
    tree = [0] * (len(rank) + 1)
    result = []
    for i, x in enumerate($a):
        total = i
        j = rank[x]
        while j > 0:
            total -= tree[j]
            j -= j & -j
        result.append(total)
        j = rank[x]
        while j <= len(rank):
            tree[j] += 1
            j += j & -j
    return result
""",
            ),
            slow=(
                """\
def $fn($a):
    result = []
    for i in range(len($a)):
        total = 0
        for j in range(i):
            if $a[j] > $a[i]:
                total += 1
        result.append(total)
    return result
""",
                """\
def $fn($a):
    return [sum(1 for y in $a[:i] if y > x) for i, x in enumerate($a)]
""",
            ),
            tests=(
                ([[]], []),
                ([[5]], [0]),
                ([[5, 2, 6, 1]], [0, 1, 0, 3]),
                ([[1, 1, 1]], [0, 0, 0]),
                ([[2, -1, 3, 0, 2]], [0, 1, 0, 2, 1]),
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
    held_out=True,
)

FAMILIES: tuple[Family, ...] = (_INVERSIONS,)
