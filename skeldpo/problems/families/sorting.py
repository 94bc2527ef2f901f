"""Families about order statistics: the k-th value and the k extreme values of an unsorted list."""

from skeldpo.problems.family import Family, Variation

_SELECT = Family(
    name="order_statistics",
    topic="sorting",
    difficulty="easy",
    entry_points=("select_kth", "order_statistic", "pick_values", "rank_select"),
    parameters=(("nums", "values", "numbers", "scores"), ("k", "rank", "count", "m")),
    variations=(
        Variation(
            name="kth_smallest",
            wordings=(
                "Return the `$b`-th smallest element of the unsorted list `$a`, where 1 <= `$b` <= "
                "len(`$a`) and equal elements count separately.",
                "Given integers `$a` and a rank `$b` between 1 and the length of `$a`, return the "
                "element at 1-based position `$b` after sorting `$a` in ascending order.",
                "Which value stands at place `$b` (counted from 1) when `$a` is ordered from small "
                "to large, duplicates included? `$b` is at most the length of `$a`.",
                "Remove the smallest element of `$a` one copy at a time and return the `$b`-th "
                "value removed. It holds 1 <= `$b` <= len(`$a`).",
                "Find the order statistic number `$b` of `$a`: `$b` = 1 means the minimum, `$b` = "
                "len(`$a`) the maximum, and repeated values are counted repeatedly.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted($a)[$b - 1]
""",
                """\
import heapq

def $fn($a, $b):
    return heapq.nsmallest($b, $a)[-1]
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    rest = list($a)
    for _ in range($b - 1):
        rest.remove(min(rest))
    return min(rest)
""",
                """\
def $fn($a, $b):
    rest = list($a)
    for i in range($b):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] < rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
    return rest[$b - 1]
""",
            ),
            tests=(
                ([[7], 1], 7),
                ([[3, 1, 2], 2], 2),
                ([[4, 4, 1, 4], 3], 4),
                ([[-5, 0, -9, 8], 1], -9),
                ([[-5, 0, -9, 8], 4], 8),
            ),
        ),
        Variation(
            name="kth_largest",
            wordings=(
                "Return the `$b`-th largest element of the unsorted list `$a`, where 1 <= `$b` <= "
                "len(`$a`) and equal elements count separately.",
                "Given integers `$a` and a rank `$b` between 1 and the length of `$a`, return the "
                "element at 1-based position `$b` after sorting `$a` in descending order.",
                "Which value stands at place `$b` (counted from 1) when `$a` is ordered from large "
                "to small, duplicates included? `$b` is at most the length of `$a`.",
                "Remove the largest element of `$a` one copy at a time and return the `$b`-th "
                "value removed. It holds 1 <= `$b` <= len(`$a`).",
                "Find the value ranked `$b` in `$a`: `$b` = 1 means the maximum, `$b` = len(`$a`) "
                "the minimum, and repeated values are counted repeatedly.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted($a, reverse=True)[$b - 1]
""",
                """\
import heapq

def $fn($a, $b):
    return heapq.nlargest($b, $a)[-1]
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    rest = list($a)
    for _ in range($b - 1):
        rest.remove(max(rest))
    return max(rest)
""",
                """\
def $fn($a, $b):
    rest = list($a)
    for i in range($b):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] > rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
    return rest[$b - 1]
""",
            ),
            tests=(
                ([[7], 1], 7),
                ([[3, 1, 2], 1], 3),
                ([[4, 4, 1, 4], 4], 1),
                ([[-5, 0, -9, 8], 1], 8),
                ([[-5, 0, -9, 8], 4], -9),
            ),
        ),
        Variation(
            name="smallest_sum",
            wordings=(
                "Return the sum of the `$b` smallest elements of the unsorted list `$a`, where 1 "
                "<= `$b` <= len(`$a`) and equal elements count separately.",
                "Given prices `$a` and a number `$b` from 1 to the length of `$a`, return the "
                "least total price of `$b` different items.",
                "Choose exactly `$b` elements of `$a` (1 <= `$b` <= len(`$a`)) at different "
                "positions so that their sum is as small as possible; return this sum.",
                "Imagine `$a` sorted in ascending order and add up its first `$b` elements, `$b` "
                "being at least 1 and at most the length. Return the total.",
                "Take the minimum out of `$a` again and again, `$b` times (1 <= `$b` <= "
                "len(`$a`)), and return the sum of the values taken.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sum(sorted($a)[:$b])
""",
                """\
import heapq

def $fn($a, $b):
    return sum(heapq.nsmallest($b, $a))
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    rest = list($a)
    total = 0
    for _ in range($b):
        x = min(rest)
        rest.remove(x)
        total += x
    return total
""",
                """\
def $fn($a, $b):
    rest = list($a)
    total = 0
    for i in range($b):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] < rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
        total += rest[i]
    return total
""",
            ),
            tests=(
                ([[7], 1], 7),
                ([[3, 1, 2], 2], 3),
                ([[4, 4, 1, 4], 3], 9),
                ([[-5, 0, -9, 8], 2], -14),
                ([[-5, 0, -9, 8], 4], -6),
            ),
        ),
        Variation(
            name="largest_list",
            wordings=(
                "Return the `$b` largest elements of the unsorted list `$a` as a list in "
                "descending order. Equal elements count separately and 1 <= `$b` <= len(`$a`).",
                "Given integers `$a` and a number `$b` from 1 to the length of `$a`, list the top "
                "`$b` values, the greatest first, duplicates included.",
                "Take the maximum out of `$a` again and again, `$b` times (1 <= `$b` <= "
                "len(`$a`)), and return the values in the order in which they are taken.",
                "Order `$a` from large to small and return its first `$b` elements as a list; "
                "`$b` is at least 1 and at most the length of `$a`.",
                "Which are the `$b` highest scores in `$a`? Return them from best to worst with "
                "repetitions; there are at least `$b` >= 1 scores.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return sorted($a, reverse=True)[:$b]
""",
                """\
import heapq

def $fn($a, $b):
    return heapq.nlargest($b, $a)
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    rest = list($a)
    result = []
    for _ in range($b):
        x = max(rest)
        rest.remove(x)
        result.append(x)
    return result
""",
                """\
def $fn($a, $b):
    rest = list($a)
    for i in range($b):
        best = i
        for j in range(i + 1, len(rest)):
            if rest[j] > rest[best]:
                best = j
        rest[i], rest[best] = rest[best], rest[i]
    return rest[:$b]
""",
            ),
            tests=(
                ([[7], 1], [7]),
                ([[3, 1, 2], 1], [3]),
                ([[4, 4, 1, 4], 3], [4, 4, 4]),
                ([[-5, 0, -9, 8], 2], [8, 0]),
                ([[-5, 0, -9, 8], 4], [8, 0, -5, -9]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = [rng.randrange(-5 * size, 5 * size) for _ in range(size)]
    k = rng.randint(max(1, size // 3), max(1, size * 2 // 3))
    return [nums, k]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_SELECT,)
