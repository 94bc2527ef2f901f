"""Families about contiguous stretches without repeated values."""

from skeldpo.problems.family import Family, Variation

_LAST = """\
def $fn($a):
    last = {}
    START
    for j, x in enumerate($a):
        if x in last:
            i = max(i, last[x] + 1)
        last[x] = j
        UPDATE
    return RESULT
"""

_WINDOW = """\
def $fn($a):
    seen = set()
    START
    for j, x in enumerate($a):
        while x in seen:
            seen.remove($a[i])
            i += 1
        seen.add(x)
        UPDATE
    return RESULT
"""

_RESTART = """\
def $fn($a):
    START
    for i in range(len($a)):
        seen = set()
        j = i
        while j < len($a) and $a[j] not in seen:
            seen.add($a[j])
            j += 1
        UPDATE
    return RESULT
"""

_MEMBER = """\
def $fn($a):
    part = []
    START
    for x in $a:
        if x in part:
            part = part[part.index(x) + 1:]
        part.append(x)
        UPDATE
    return RESULT
"""


def _fill(code: str, start: str, update: str, result: str) -> str:
    return code.replace("START", start).replace("UPDATE", update).replace("RESULT", result)


_DISTINCT = Family(
    name="distinct_stretches",
    topic="strings",
    difficulty="medium",
    entry_points=("distinct_window", "unique_run", "no_repeat_segment", "analyze_stretches"),
    parameters=(("nums", "values", "tokens", "items"),),
    variations=(
        Variation(
            name="lengths",
            wordings=(
                "For each index of the list `$a`, find the length of the longest contiguous part "
                "that ends there and holds no value twice. Return the list of lengths.",
                "Given non-negative integers `$a`, return for every element how many consecutive "
                "elements up to and including it, at most, are all different.",
                "How far can one go back from each position of `$a` without meeting a value twice? "
                "Return the numbers of elements visited, the position itself included.",
                "Return a list as long as `$a`: entry j is the size of the largest subarray with "
                "pairwise distinct elements whose last element is at index j.",
                "A window of `$a` is valid if it contains no duplicates. Return, for each right "
                "end in turn, the greatest length of a valid window with that end.",
            ),
            fast=(
                _fill(_LAST, "i = 0\n    result = []", "result.append(j - i + 1)", "result"),
                _fill(_WINDOW, "i = 0\n    result = []", "result.append(len(seen))", "result"),
            ),
            slow=(
                _fill(_MEMBER, "result = []", "result.append(len(part))", "result"),
                """\
def $fn($a):
    result = []
    for j in range(len($a)):
        seen = set()
        i = j
        while i >= 0 and $a[i] not in seen:
            seen.add($a[i])
            i -= 1
        result.append(j - i)
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[4]], [1]),
                ([[1, 2, 1, 3, 2]], [1, 2, 2, 3, 3]),
                ([[5, 5, 5]], [1, 1, 1]),
                ([[0, 1, 2, 2, 3]], [1, 2, 3, 1, 2]),
            ),
        ),
        Variation(
            name="fewest_parts",
            wordings=(
                "Cut the list `$a` into as few contiguous parts as possible so that no part holds "
                "a value twice. Return the number of parts (0 for an empty list).",
                "Given non-negative integers `$a`, split them into stretches of consecutive "
                "elements that are all different; return the smallest possible number of "
                "stretches.",
                "Into how many subarrays must `$a` be divided at least if the elements of each "
                "subarray are to be pairwise distinct? Return 0 if `$a` is empty.",
                "Read `$a` from the left and start a new group whenever the next element is "
                "already in the current group. Return how many groups there are.",
                "Pack the elements of `$a`, in order, into boxes without equal elements in one "
                "box; only the newest box can be filled. Return the fewest boxes needed.",
            ),
            fast=(
                """\
def $fn($a):
    seen = set()
    total = min(1, len($a))
    for x in $a:
        if x in seen:
            total += 1
            seen = set()
        seen.add(x)
    return total
""",
                """\
def $fn($a):
    last = {}
    i = 0
    total = min(1, len($a))
    for j, x in enumerate($a):
        if x in last and last[x] >= i:
            total += 1
            i = j
        last[x] = j
    return total
""",
            ),
            slow=(
                """\
def $fn($a):
    part = []
    total = min(1, len($a))
    for x in $a:
        if x in part:
            total += 1
            part = []
        part.append(x)
    return total
""",
                """\
def $fn($a):
    i = 0
    total = min(1, len($a))
    for j, x in enumerate($a):
        if x in $a[i:j]:
            total += 1
            i = j
    return total
""",
            ),
            tests=(
                ([[]], 0),
                ([[4]], 1),
                ([[1, 2, 1, 3, 2]], 2),
                ([[5, 5, 5]], 3),
                ([[0, 1, 2, 2, 3, 0, 3]], 3),
            ),
        ),
        Variation(
            name="longest_start",
            wordings=(
                "Return the start index of the longest contiguous part of the list `$a` in which "
                "no value occurs twice, the leftmost one on ties, or -1 if `$a` is empty.",
                "Given non-negative integers `$a`, return where the longest stretch of consecutive "
                "different elements begins; the first such stretch counts, and [] gives -1.",
                "At which index does the longest subarray of `$a` with pairwise distinct elements "
                "start? Return the smallest such index, or -1 for an empty list.",
                "A window of `$a` is valid if it contains no duplicates. Return the left end of "
                "the longest valid window, the earliest one on ties, and -1 without elements.",
                "Find the first of the longest runs of neighbouring elements of `$a` that hold no "
                "value more than once; return the index where it begins (-1 for empty `$a`).",
            ),
            fast=(
                _fill(
                    _LAST,
                    "i = best = 0\n    start = -1",
                    "if j - i >= best:\n            best = j - i + 1\n            start = i",
                    "start",
                ),
                _fill(
                    _WINDOW,
                    "i = best = 0\n    start = -1",
                    "if len(seen) > best:\n            best = len(seen)\n            start = i",
                    "start",
                ),
            ),
            slow=(
                _fill(
                    _RESTART,
                    "best = 0\n    start = -1",
                    "if j - i > best:\n            best = j - i\n            start = i",
                    "start",
                ),
                """\
def $fn($a):
    part = []
    best = 0
    start = -1
    for j, x in enumerate($a):
        if x in part:
            part = part[part.index(x) + 1:]
        part.append(x)
        if len(part) > best:
            best = len(part)
            start = j - best + 1
    return start
""",
            ),
            tests=(
                ([[]], -1),
                ([[4]], 0),
                ([[1, 2, 1, 3, 2]], 1),
                ([[5, 5, 5]], 0),
                ([[1, 2, 2, 3]], 0),
                ([[0, 1, 1, 2, 3, 4]], 2),
            ),
        ),
        Variation(
            name="largest_sum",
            wordings=(
                "Return the largest sum of a contiguous part of the list `$a` in which no value "
                "occurs twice. Values are non-negative; an empty list gives 0.",
                "Given non-negative integers `$a`, find consecutive elements that are all "
                "different and whose sum is as large as possible; return that sum.",
                "What is the maximum sum over the subarrays of `$a` whose elements are pairwise "
                "distinct? All numbers are at least 0; return 0 if `$a` is empty.",
                "A window of consecutive elements of `$a` is valid if it contains no duplicates. "
                "Return the greatest sum of a valid window (elements are >= 0).",
                "Take neighbouring elements of `$a`, all non-negative, without taking any value "
                "more than once, and return the biggest total that is possible.",
            ),
            fast=(
                """\
def $fn($a):
    seen = set()
    i = best = total = 0
    for x in $a:
        while x in seen:
            seen.remove($a[i])
            total -= $a[i]
            i += 1
        seen.add(x)
        total += x
        best = max(best, total)
    return best
""",
                """\
def $fn($a):
    last = {}
    sums = [0]
    i = best = 0
    for j, x in enumerate($a):
        sums.append(sums[-1] + x)
        if x in last:
            i = max(i, last[x] + 1)
        last[x] = j
        best = max(best, sums[j + 1] - sums[i])
    return best
""",
            ),
            slow=(
                _fill(_RESTART, "best = 0", "best = max(best, sum(seen))", "best"),
                _fill(_MEMBER, "best = 0", "best = max(best, sum(part))", "best"),
            ),
            tests=(
                ([[]], 0),
                ([[4]], 4),
                ([[1, 2, 1, 3, 2]], 6),
                ([[9, 1, 1, 2, 3, 1]], 10),
                ([[5, 5, 0, 5]], 5),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    nums = rng.sample(range(10 * size), size)
    for _ in range(rng.randint(1, 4)):
        nums[rng.randrange(size)] = nums[rng.randrange(size)]
    return [nums]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_DISTINCT,)
