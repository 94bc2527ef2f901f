"""Problems that pick values of a list by how often they occur."""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_GENERATOR = """\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(-size, size) for _ in range(size)]]
"""

_MODE = Variation(
    name="mode",
    wordings=(
        "Given a list of integers `$a`, return the value that occurs most often. If several "
        "values tie, return the smallest of them; for an empty list return 0.",
        "Find the most common value in the list of integers `$a`. Ties go to the smaller value, "
        "and the answer for an empty list is 0.",
        "`$a` is a list of integers. Return its mode, that is, the value with the most "
        "occurrences; among equally frequent values choose the smallest. Return 0 if `$a` is "
        "empty.",
        "Which integer appears more often in `$a` than any other? Return it. When several share "
        "the highest count, return the least of these; return 0 if there are no elements.",
        "Count how often each integer occurs in `$a` and return the one with the largest count, "
        "preferring the smaller value on a tie. An empty `$a` gives 0.",
    ),
    fast=(
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    best, best_count = 0, 0
    for x, c in counts.items():
        if c > best_count or (c == best_count and x < best):
            best, best_count = x, c
    return best
""",
        """\
from collections import Counter

def $fn($a):
    if not $a:
        return 0
    counts = Counter($a)
    return min(counts, key=lambda x: (-counts[x], x))
""",
    ),
    slow=(
        """\
def $fn($a):
    best, best_count = 0, 0
    for x in $a:
        c = $a.count(x)
        if c > best_count or (c == best_count and x < best):
            best, best_count = x, c
    return best
""",
        """\
def $fn($a):
    if not $a:
        return 0
    return min($a, key=lambda x: (-$a.count(x), x))
""",
    ),
    tests=(
        ([[]], 0),
        ([[7]], 7),
        ([[4, 4, 2, 2, 9]], 2),
        ([[3, -1, 3, -1, 3]], 3),
        ([[5, 1, -6]], -6),
    ),
)

_MODE_FIRST = Variation(
    name="mode_first",
    wordings=(
        "Return the value that occurs most often in the list of integers `$a`. If several values "
        "tie, return the one that appears first in `$a`; return 0 for an empty list.",
        "Find the most common integer of `$a`. Among equally common integers, choose the one "
        "whose first occurrence is earliest in the list. If `$a` is empty, return 0.",
        "`$a` is a list of integers. Return the element with the highest number of occurrences, "
        "breaking ties in favour of the value seen first from the left, or 0 if the list is "
        "empty.",
        "Which value is the most frequent in the integer list `$a`? On a tie return the tied "
        "value that comes earliest in the list. Return 0 when there are no elements.",
        "Tally the integers in `$a` and return the one with the greatest tally. If the greatest "
        "tally is shared, the value met first when reading `$a` wins; an empty list gives 0.",
    ),
    fast=(
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    best, best_count = 0, 0
    for x in $a:
        if counts[x] > best_count:
            best, best_count = x, counts[x]
    return best
""",
        """\
from collections import Counter

def $fn($a):
    if not $a:
        return 0
    counts = Counter($a)
    return max($a, key=lambda x: counts[x])
""",
    ),
    slow=(
        """\
def $fn($a):
    best, best_count = 0, 0
    for x in $a:
        c = $a.count(x)
        if c > best_count:
            best, best_count = x, c
    return best
""",
        """\
def $fn($a):
    best, best_count = 0, 0
    for x in $a:
        c = 0
        for y in $a:
            if y == x:
                c += 1
        if c > best_count:
            best, best_count = x, c
    return best
""",
    ),
    tests=(
        ([[]], 0),
        ([[-3]], -3),
        ([[4, 4, 2, 2, 9]], 4),
        ([[9, 1, 5, 1]], 1),
        ([[8, 6, 6, 8, 7]], 8),
    ),
)

_ALL_MODES = Variation(
    name="all_modes",
    wordings=(
        "Return, in increasing order, all the values of the list of integers `$a` that occur as "
        "often as its most frequent value. Return an empty list if `$a` is empty.",
        "Find every most common value in the integer list `$a`. Return these values as a list "
        "sorted from smallest to largest, or an empty list when there are no elements.",
        "`$a` is a list of integers and may have several modes. Return a sorted list with every "
        "value whose number of occurrences is the maximum; for an empty `$a` return an empty "
        "list.",
        "Which integers share the highest number of occurrences in `$a`? Return each of them "
        "once, in ascending order. The answer for an empty list is an empty list.",
        "Let m be the largest number of times any integer occurs in `$a`. Return the ascending "
        "list of distinct integers that occur exactly m times; give an empty list for empty `$a`.",
    ),
    fast=(
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    best = 0
    for c in counts.values():
        best = max(best, c)
    return sorted(x for x in counts if counts[x] == best)
""",
        """\
from collections import Counter

def $fn($a):
    if not $a:
        return []
    counts = Counter($a)
    best = max(counts.values())
    answer = []
    for x in sorted(counts):
        if counts[x] == best:
            answer.append(x)
    return answer
""",
    ),
    slow=(
        """\
def $fn($a):
    best = 0
    for x in $a:
        best = max(best, $a.count(x))
    answer = []
    for x in sorted(set($a)):
        if $a.count(x) == best:
            answer.append(x)
    return answer
""",
        """\
def $fn($a):
    best = 0
    answer = []
    for x in sorted(set($a)):
        c = 0
        for y in $a:
            if y == x:
                c += 1
        if c > best:
            best = c
            answer = [x]
        elif c == best:
            answer.append(x)
    return answer
""",
    ),
    tests=(
        ([[]], []),
        ([[5]], [5]),
        ([[4, 4, 2, 2, 9]], [2, 4]),
        ([[3, -2, 1]], [-2, 1, 3]),
        ([[0, 0, 0, 7, 7]], [0]),
    ),
)

_LEAST_FREQUENT = Variation(
    name="least_frequent",
    wordings=(
        "Given a list of integers `$a`, return the value that is in it but occurs least often. If "
        "several values tie, return the largest of them; for an empty list return 0.",
        "Find the rarest value in the list of integers `$a`. Ties go to the larger value, and the "
        "answer for an empty list is 0.",
        "`$a` is a list of integers. Return the element with the fewest occurrences; among "
        "equally rare values choose the largest. Return 0 if `$a` is empty.",
        "Which of the integers in `$a` appears the smallest number of times? Return it. When "
        "several share the lowest count, return the greatest of these; return 0 if there are no "
        "elements.",
        "Count how often each integer of `$a` occurs and return the one with the smallest count, "
        "preferring the larger value on a tie. An empty `$a` gives 0.",
    ),
    fast=(
        """\
def $fn($a):
    counts = {}
    for x in $a:
        counts[x] = counts.get(x, 0) + 1
    best, best_count = 0, len($a) + 1
    for x, c in counts.items():
        if c < best_count or (c == best_count and x > best):
            best, best_count = x, c
    return best
""",
        """\
from collections import Counter

def $fn($a):
    if not $a:
        return 0
    counts = Counter($a)
    return min(counts, key=lambda x: (counts[x], -x))
""",
    ),
    slow=(
        """\
def $fn($a):
    best, best_count = 0, len($a) + 1
    for x in $a:
        c = $a.count(x)
        if c < best_count or (c == best_count and x > best):
            best, best_count = x, c
    return best
""",
        """\
def $fn($a):
    if not $a:
        return 0
    return min($a, key=lambda x: ($a.count(x), -x))
""",
    ),
    tests=(
        ([[]], 0),
        ([[7]], 7),
        ([[4, 4, 2, 2, 9, 9]], 9),
        ([[3, -1, 3, -1, 3]], -1),
        ([[5, 5, 1, -6]], 1),
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(
        name="most_frequent",
        topic="counting",
        difficulty="easy",
        entry_points=("pick_by_frequency", "select_by_count", "frequency_pick", "find_by_count"),
        parameters=(("numbers", "values", "nums", "data"),),
        variations=(_MODE, _MODE_FIRST, _ALL_MODES, _LEAST_FREQUENT),
        generator=_GENERATOR,
        checker="exact",
        held_out=False,
    ),
)
