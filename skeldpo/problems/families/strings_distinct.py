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
            name="longest_length",
            wordings=(
                "Return the length of the longest contiguous part of the list `$a` in which no "
                "value occurs twice. An empty list gives 0.",
                "Given non-negative integers `$a`, find the longest stretch of consecutive elements "
                "that are all different and return how many elements it has.",
                "How long is the longest subarray of `$a` whose elements are pairwise distinct? "
                "Return 0 if `$a` is empty.",
                "A window of `$a` is valid if it contains no duplicates. Return the greatest "
                "length of a valid window of consecutive elements.",
                "Find the maximum number of neighbouring elements of `$a` that can be taken "
                "without taking any value more than once. Return the number.",
            ),
            fast=(
                _fill(_LAST, "i = best = 0", "best = max(best, j - i + 1)", "best"),
                _fill(_WINDOW, "i = best = 0", "best = max(best, len(seen))", "best"),
            ),
            slow=(
                _fill(_RESTART, "best = 0", "best = max(best, len(seen))", "best"),
                _fill(_MEMBER, "best = 0", "best = max(best, len(part))", "best"),
            ),
            tests=(
                ([[]], 0),
                ([[4]], 1),
                ([[1, 2, 1, 3, 2]], 3),
                ([[5, 5, 5]], 1),
                ([[0, 1, 2, 2, 3, 4, 5, 3]], 4),
            ),
        ),
        Variation(
            name="count_parts",
            wordings=(
                "Count the non-empty contiguous parts of the list `$a` in which no value occurs "
                "twice. Parts at different positions count separately.",
                "Given non-negative integers `$a`, return the number of stretches of one or more "
                "consecutive elements that are all different.",
                "How many non-empty subarrays of `$a` have pairwise distinct elements? Return 0 if "
                "`$a` is empty.",
                "A non-empty window of consecutive elements of `$a` is valid if it contains no "
                "duplicates. Return the number of valid windows.",
                "For how many pairs i <= j are the elements of `$a` from index i through index j "
                "all different from each other? Return the count.",
            ),
            fast=(
                _fill(_LAST, "i = total = 0", "total += j - i + 1", "total"),
                _fill(_WINDOW, "i = total = 0", "total += len(seen)", "total"),
            ),
            slow=(
                _fill(_RESTART, "total = 0", "total += len(seen)", "total"),
                _fill(_MEMBER, "total = 0", "total += len(part)", "total"),
            ),
            tests=(
                ([[]], 0),
                ([[4]], 1),
                ([[1, 2, 1]], 5),
                ([[5, 5, 5]], 3),
                ([[0, 1, 2, 3]], 10),
            ),
        ),
        Variation(
            name="longest_part",
            wordings=(
                "Return the longest contiguous part of the list `$a` in which no value occurs "
                "twice, as a list. If several are longest, return the leftmost.",
                "Given non-negative integers `$a`, return the longest stretch of consecutive "
                "elements that are all different; on a tie, the one that starts first.",
                "Which subarray of `$a` with pairwise distinct elements is the longest? Return its "
                "elements in order, the first such subarray if there are several.",
                "A window of `$a` is valid if it contains no duplicates. Return the elements of "
                "the longest valid window, taking the earliest one on ties.",
                "Find the first of the longest runs of neighbouring elements of `$a` that hold no "
                "value more than once, and return it as a list (empty for empty `$a`).",
            ),
            fast=(
                _fill(
                    _LAST,
                    "i = start = end = 0",
                    "if j - i >= end - start:\n            start, end = i, j + 1",
                    "$a[start:end]",
                ),
                _fill(
                    _WINDOW,
                    "i = start = best = 0",
                    "if len(seen) > best:\n            best = len(seen)\n            start = i",
                    "$a[start:start + best]",
                ),
            ),
            slow=(
                _fill(
                    _RESTART,
                    "best = []",
                    "if j - i > len(best):\n            best = $a[i:j]",
                    "best",
                ),
                _fill(
                    _MEMBER,
                    "best = []",
                    "if len(part) > len(best):\n            best = part[:]",
                    "best",
                ),
            ),
            tests=(
                ([[]], []),
                ([[4]], [4]),
                ([[1, 2, 1, 3, 2]], [2, 1, 3]),
                ([[5, 5, 5]], [5]),
                ([[1, 2, 2, 3]], [1, 2]),
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
