"""A family about ordered subsequences: binary search against looking at all earlier elements.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_LONGEST_FAST = (
    """\
from bisect import BISECT

def $fn($a):
    tails = []
    for x in ORDER:
        i = BISECT(tails, x)
        if i == len(tails):
            tails.append(x)
        else:
            tails[i] = x
    return RESULT(tails)
""",
    """\
def $fn($a):
    tails = []
    for x in ORDER:
        low, high = 0, len(tails)
        while low < high:
            mid = (low + high) // 2
            if tails[mid] CMP x:
                low = mid + 1
            else:
                high = mid
        tails[low:low + 1] = [x]
    return RESULT(tails)
""",
)
_LONGEST_SLOW = (
    """\
def $fn($a):
    nums = ORDER
    best = [1] * len(nums)
    for i in range(len(nums)):
        for j in range(i):
            if nums[j] CMP nums[i]:
                best[i] = max(best[i], best[j] + 1)
    return LONGEST
""",
    """\
def $fn($a):
    nums = ORDER
    best = []
    for i, x in enumerate(nums):
        best.append(1 + max([best[j] for j in range(i) if nums[j] CMP x], default=0))
    return LONGEST
""",
    """\
def $fn($a):
    best = []
    for x in ORDER:
        here = 0
        for y, length in best:
            if y CMP x and length > here:
                here = length
        best.append((x, here + 1))
    best = [length for x, length in best]
    return LONGEST
""",
)


def _longest(
    name: str,
    parts: tuple[str, str, bool],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        compare, order, deletions = parts
        rest = "len($a) - " if deletions else ""
        text = text.replace("BISECT", "bisect_left" if compare == "<" else "bisect_right")
        text = text.replace("RESULT(tails)", f"{rest}len(tails)").replace("CMP", compare)
        return text.replace("LONGEST", f"{rest}max(best, default=0)").replace("ORDER", order)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _LONGEST_FAST),
        slow=tuple(fill(text) for text in _LONGEST_SLOW),
        tests=tests,
    )


_LONGEST_SUBSEQUENCE = Family(
    name="longest_subsequence",
    topic="dynamic",
    difficulty="hard",
    entry_points=("longest_subsequence", "longest_chain", "ordered_part", "solve_sequence"),
    parameters=(("values", "numbers", "items", "data"),),
    variations=(
        _longest(
            "increasing",
            ("<", "$a", False),
            (
                "Return the length of the longest strictly increasing subsequence of `$a`; the "
                "chosen elements need not be neighbours. An empty list gives 0.",
                "How many elements of `$a` can be kept at most so that, in their original order, "
                "each is larger than the one before it?",
                "Find the greatest k for which indices i1 < ... < ik with `$a`[i1] < ... < "
                "`$a`[ik] exist; 0 if `$a` is empty.",
                "Delete any elements of `$a` so that the rest rises strictly from left to right. "
                "What is the maximum length of the rest?",
                "Given the integers `$a`, compute the size of a longest chain picked from left to "
                "right in which every number exceeds its predecessor.",
            ),
            (([[3, 1, 2, 2, 5]], 3), ([[]], 0), ([[4]], 1), ([[2, 2, 2]], 1), ([[5, 4, -3]], 1)),
        ),
        _longest(
            "not_falling",
            ("<=", "$a", False),
            (
                "Return the length of the longest non-decreasing subsequence of `$a`; the chosen "
                "elements need not be neighbours. An empty list gives 0.",
                "How many elements of `$a` can be kept at most so that, in their original order, "
                "none is smaller than the one before it?",
                "Find the greatest k for which indices i1 < ... < ik with `$a`[i1] <= ... <= "
                "`$a`[ik] exist; 0 if `$a` is empty.",
                "Delete any elements of `$a` so that the rest never falls from left to right; "
                "equal neighbours are fine. What is the maximum length of the rest?",
                "Given the integers `$a`, compute the size of a longest chain picked from left to "
                "right in which every number is at least its predecessor.",
            ),
            (([[3, 1, 2, 2, 5]], 4), ([[]], 0), ([[4]], 1), ([[2, 2, 2]], 3), ([[5, 4, -3]], 1)),
        ),
        _longest(
            "decreasing",
            ("<", "$a[::-1]", False),
            (
                "Return the length of the longest strictly decreasing subsequence of `$a`; the "
                "chosen elements need not be neighbours. An empty list gives 0.",
                "How many elements of `$a` can be kept at most so that, in their original order, "
                "each is smaller than the one before it?",
                "Find the greatest k for which indices i1 < ... < ik with `$a`[i1] > ... > "
                "`$a`[ik] exist; 0 if `$a` is empty.",
                "Delete any elements of `$a` so that the rest falls strictly from left to right. "
                "What is the maximum length of the rest?",
                "Given the integers `$a`, compute the size of a longest chain picked from left to "
                "right in which every number lies below its predecessor.",
            ),
            (([[3, 1, 2, 2, 5]], 2), ([[]], 0), ([[4]], 1), ([[2, 2, 2]], 1), ([[5, 4, -3]], 3)),
        ),
        _longest(
            "deletions",
            ("<", "$a", True),
            (
                "Return the smallest number of elements to delete from `$a` so that the remaining "
                "ones are strictly increasing; an empty list needs 0.",
                "How many elements of `$a` must go at least so that, in their original order, each "
                "of the others is larger than the one before it?",
                "Find the fewest positions to drop from `$a` such that what remains satisfies x < "
                "y for every two neighbours x, y.",
                "Remove elements of `$a` so that the rest rises strictly from left to right. What "
                "is the minimum number of removals?",
                "Given the integers `$a`, compute how few of them have to be struck out until "
                "every number left exceeds its predecessor.",
            ),
            (([[3, 1, 2, 2, 5]], 2), ([[]], 0), ([[4]], 0), ([[2, 2, 2]], 2), ([[5, 4, -3]], 2)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [[rng.randint(0, size) - size // 3 for _ in range(size)]]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_LONGEST_SUBSEQUENCE,)
