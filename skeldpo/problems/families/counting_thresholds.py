"""Problems that compare the numbers of occurrences in a list with a bound."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    common = [int(rng.random() ** 3 * size) for _ in range(size // 2)]
    rare = [rng.randint(0, 2 * size) for _ in range(size - size // 2)]
    values = common + rare
    rng.shuffle(values)
    return [values, rng.choice([1, 2, 3, 4, max(2, int(size**0.5))])]
"""

_AT_LEAST = Variation(
    name="at_least",
    wordings=(
        "Return how many distinct values of the list of integers `$a` occur in it at least `$b` "
        "times (`$b` is at least 1).",
        "Count the different integers that appear `$b` or more times in the list `$a`. Each such "
        "integer counts once; `$b` is a positive integer.",
        "`$a` is a list of integers and `$b` a positive integer. How many distinct values have a "
        "number of occurrences in `$a` that is greater than or equal to `$b`?",
        "Given the integers `$a`, return the number of distinct values repeated at least `$b` "
        "times, where `$b` >= 1. For an empty list this is 0.",
        "For each distinct integer of `$a` find its number of occurrences, and return how many of "
        "these numbers are not less than the positive integer `$b`.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for c in counts.values():
        if c >= $b:
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    return sum(1 for c in Counter($a).values() if c >= $b)
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        if $a.count(x) >= $b:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    seen = []
    answer = 0
    for x in $a:
        if x not in seen:
            seen.append(x)
            if $a.count(x) >= $b:
                answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1, 3, 3, 3], 2], 2),
        ([[1, 2, 1, 3, 3, 3], 1], 3),
        ([[-4, -4, -4, 0], 4], 0),
    ),
)

_EXACTLY = Variation(
    name="exactly",
    wordings=(
        "Return how many distinct values of the list of integers `$a` occur in it exactly `$b` "
        "times (`$b` is at least 1).",
        "Count the different integers that appear precisely `$b` times in the list `$a`, no more "
        "and no fewer. Each such integer counts once; `$b` is a positive integer.",
        "`$a` is a list of integers and `$b` a positive integer. How many distinct values have a "
        "number of occurrences in `$a` equal to `$b`?",
        "Given the integers `$a`, return the number of distinct values whose frequency is exactly "
        "`$b`, where `$b` >= 1. For an empty list this is 0.",
        "For each distinct integer of `$a` find its number of occurrences, and return how many of "
        "these numbers are equal to the positive integer `$b`.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for c in counts.values():
        if c == $b:
            answer += 1
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    return list(Counter($a).values()).count($b)
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        if $a.count(x) == $b:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        c = 0
        for y in $a:
            if y == x:
                c += 1
        if c == $b:
            answer += 1
    return answer
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1, 3, 3, 3], 2], 1),
        ([[6, 7, 6, 7, 8], 2], 2),
        ([[-4, -4, -4, 0], 2], 0),
    ),
)

_ELEMENTS_AT_MOST = Variation(
    name="elements_at_most",
    wordings=(
        "Return how many elements of the list of integers `$a` have a value that occurs at most "
        "`$b` times in `$a`. Repeated elements are counted each time; `$b` >= 1.",
        "Count the positions of the integer list `$a` whose value appears no more than `$b` times "
        "in the whole list. The positive integer `$b` is the largest allowed frequency.",
        "`$a` is a list of integers and `$b` a positive integer. If all values that occur more "
        "than `$b` times were deleted from `$a` completely, how many elements would be left?",
        "Given the integers `$a`, return the total number of elements, with repeats, that belong "
        "to values of frequency `$b` or less, where `$b` is at least 1.",
        "Add up the numbers of occurrences of all distinct integers in `$a` that occur at most "
        "`$b` times, and return this total. `$b` is positive; an empty list gives 0.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    answer = 0
    for c in counts.values():
        if c <= $b:
            answer += c
    return answer
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    return sum(1 for x in $a if counts[x] <= $b)
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = 0
    for x in $a:
        if $a.count(x) <= $b:
            answer += 1
    return answer
""",
        """\
def $fn($a, $b):
    answer = 0
    for x in set($a):
        c = 0
        for y in $a:
            if y == x:
                c += 1
        if c <= $b:
            answer += c
    return answer
""",
    ),
    tests=(
        ([[], 1], 0),
        ([[5], 1], 1),
        ([[1, 2, 1, 3, 3, 3], 2], 3),
        ([[1, 2, 1, 3, 3, 3], 3], 6),
        ([[-4, -4, -4], 2], 0),
    ),
)

_MORE_THAN_SHARE = Variation(
    name="more_than_share",
    wordings=(
        "Return, in increasing order, the distinct values of the list of integers `$a` that occur "
        "more than n / `$b` times, where n is the length of `$a` and `$b` >= 1.",
        "Find every integer that makes up more than one `$b`-th of the list `$a` (`$b` is a "
        "positive integer). Return these integers once each, sorted from smallest to largest.",
        "`$a` is a list of integers and `$b` a positive integer. Return the sorted list of values "
        "whose number of occurrences times `$b` is greater than the length of `$a`.",
        "A value is strong if it occurs in the integer list `$a` more than len(`$a`) / `$b` "
        "times, with exact division and positive `$b`. Return all strong values in ascending "
        "order.",
        "Which integers occur in `$a` strictly more often than the length of `$a` divided by "
        "`$b`, without rounding? Return them in ascending order, each once; `$b` is at least 1.",
    ),
    fast=(
        """\
def $fn($a, $b):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    answer = []
    for x, c in counts.items():
        if c * $b > len($a):
            answer.append(x)
    return sorted(answer)
""",
        """\
from collections import Counter

def $fn($a, $b):
    counts = Counter($a)
    return [x for x in sorted(counts) if counts[x] * $b > len($a)]
""",
    ),
    slow=(
        """\
def $fn($a, $b):
    answer = []
    for x in set($a):
        if $a.count(x) * $b > len($a):
            answer.append(x)
    return sorted(answer)
""",
        """\
def $fn($a, $b):
    answer = []
    for x in $a:
        if $a.count(x) * $b > len($a) and x not in answer:
            answer.append(x)
    answer.sort()
    return answer
""",
    ),
    tests=(
        ([[], 2], []),
        ([[5], 1], []),
        ([[5], 2], [5]),
        ([[3, 3, 1, 1], 2], []),
        ([[3, 3, 1, 1, 8], 3], [1, 3]),
        ([[-2, -2, 6], 2], [-2]),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="frequency_threshold",
        topic="counting_thresholds",
        difficulty="easy",
        entry_points=("frequency_filter", "filter_by_count", "tally_filter", "check_frequencies"),
        parameters=(
            ("numbers", "values", "nums", "data"),
            ("k", "limit", "threshold", "k"),
        ),
        variations=(_AT_LEAST, _EXACTLY, _ELEMENTS_AT_MOST, _MORE_THAN_SHARE),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
