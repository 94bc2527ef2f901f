"""A family about jumping along a list: the farthest position so far against trying all jumps.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_REACH_FAST = (
    """\
def $fn($a):
    far = 0
    for i, x in enumerate($a):
        if i > far:
            break
        far = max(far, i + x)
    return RESULT
""",
    """\
def $fn($a):
    far = 0
    i = 0
    while i <= far and i < len($a):
        if i + $a[i] > far:
            far = i + $a[i]
        i += 1
    return RESULT
""",
)
_REACH_SLOW = (
    """\
def $fn($a):
    reach = [True] + [False] * (len($a) - 1)
    for i in range(1, len($a)):
        for j in range(i):
            if reach[j] and j + $a[j] >= i:
                reach[i] = True
    far = max(i for i in range(len($a)) if reach[i])
    return RESULT
""",
    """\
def $fn($a):
    seen = [0]
    for i in seen:
        for j in range(i + 1, min(i + $a[i] + 1, len($a))):
            if j not in seen:
                seen.append(j)
    far = max(seen)
    return RESULT
""",
)


def _reach(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _REACH_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _REACH_SLOW),
        tests=tests,
    )


_JUMPS_FAST = (
    """\
def $fn($a):
    jumps = end = far = 0
    for i in range(len($a) - 1):
        far = max(far, i + $a[i])
        if i == end:
            if far == end:
                return -1
            jumps += 1
            end = far
    return jumps
""",
    """\
def $fn($a):
    best = [0]
    for i in range(len($a)):
        if i == len(best):
            return -1
        while len(best) <= min(i + $a[i], len($a) - 1):
            best.append(best[i] + 1)
    return best[-1]
""",
)
_JUMPS_SLOW = (
    """\
def $fn($a):
    best = [0] + [len($a)] * (len($a) - 1)
    for i in range(1, len($a)):
        for j in range(i):
            if j + $a[j] >= i:
                best[i] = min(best[i], best[j] + 1)
    return best[-1] if best[-1] < len($a) else -1
""",
    """\
def $fn($a):
    best = [0]
    for i in range(1, len($a)):
        best.append(1 + min([best[j] for j in range(i) if j + $a[j] >= i], default=len($a)))
    return best[-1] if best[-1] < len($a) else -1
""",
)

_JUMP_REACH = Family(
    name="jump_reach",
    topic="greedy",
    difficulty="medium",
    entry_points=("jump_reach", "jump_game", "hop_forward", "solve_jumps"),
    parameters=(("nums", "steps", "hops", "jumps_allowed"),),
    variations=(
        _reach(
            "can_reach",
            "far >= len($a) - 1",
            (
                "From index i of the non-empty list `$a` you may jump ahead by 1 to `$a`[i] "
                "places. Return True if the last index can be reached from index 0, else False.",
                "`$a`[i] >= 0 is the longest forward jump from position i. Starting at position 0, "
                "is the end of the non-empty list reachable? Return a boolean.",
                "Decide whether jumps of at most `$a`[i] steps forward from each index i lead from "
                "the first to the last element of `$a` (never empty).",
                "You stand on the first cell of the non-empty row `$a`; a cell's number limits how "
                "far you may hop ahead from it. Can you get to the last cell?",
                "Given a non-empty list `$a` of maximum forward hops per index, tell by True or "
                "False if index len(`$a`) - 1 is reachable from index 0.",
            ),
            (
                ([[2, 3, 1, 1, 4]], True),
                ([[0]], True),
                ([[3, 2, 1, 0, 4]], False),
                ([[0, 1]], False),
                ([[1, 0]], True),
            ),
        ),
        _reach(
            "farthest",
            "min(far, len($a) - 1)",
            (
                "From index i of the non-empty list `$a` you may jump ahead by 1 to `$a`[i] "
                "places. Return the largest index that can be reached from index 0.",
                "`$a`[i] >= 0 is the longest forward jump from position i. What is the last "
                "position of the non-empty list that one can get to from position 0?",
                "With jumps of at most `$a`[i] steps forward from each index i, find the greatest "
                "index of `$a` (never empty) that is reachable from the first.",
                "You stand on the first cell of the non-empty row `$a`; a cell's number limits how "
                "far you may hop ahead from it. Return the farthest cell index you reach.",
                "Given a non-empty list `$a` of maximum forward hops per index, return the highest "
                "index inside the list to which hops from index 0 can lead.",
            ),
            (
                ([[2, 3, 1, 1, 4]], 4),
                ([[0]], 0),
                ([[3, 2, 1, 0, 4]], 3),
                ([[0, 1]], 0),
                ([[9, 0]], 1),
            ),
        ),
        _reach(
            "unreachable",
            "max(0, len($a) - 1 - far)",
            (
                "From index i of the non-empty list `$a` you may jump ahead by 1 to `$a`[i] "
                "places. Count the indices that cannot be reached from index 0.",
                "`$a`[i] >= 0 is the longest forward jump from position i. How many positions of "
                "the non-empty list can no route from position 0 visit?",
                "With jumps of at most `$a`[i] steps forward from each index i, return how many "
                "elements of `$a` (never empty) are out of reach of the first.",
                "You stand on the first cell of the non-empty row `$a`; a cell's number limits how "
                "far you may hop ahead from it. How many cells can you never enter?",
                "Given a non-empty list `$a` of maximum forward hops per index, return the number "
                "of indices to which no hops from index 0 lead.",
            ),
            (
                ([[2, 3, 1, 1, 4]], 0),
                ([[0]], 0),
                ([[3, 2, 1, 0, 4]], 1),
                ([[0, 1, 1]], 2),
                ([[9, 0]], 0),
            ),
        ),
        Variation(
            name="fewest",
            wordings=(
                "From index i of the non-empty list `$a` you may jump ahead by 1 to `$a`[i] "
                "places. Return the fewest jumps from index 0 to the last index, -1 if impossible.",
                "`$a`[i] >= 0 is the longest forward jump from position i. How few jumps lead from "
                "position 0 to the end of the non-empty list? Return -1 if none do.",
                "With jumps of at most `$a`[i] steps forward from each index i, compute the "
                "minimum number of jumps from the first to the last element of `$a`, or -1.",
                "You stand on the first cell of the non-empty row `$a`; a cell's number limits how "
                "far you may hop ahead. Return the least hops to the last cell, or -1.",
                "Given a non-empty list `$a` of maximum forward hops per index, find the smallest "
                "hop count from index 0 to index len(`$a`) - 1; -1 when unreachable.",
            ),
            fast=_JUMPS_FAST,
            slow=_JUMPS_SLOW,
            tests=(
                ([[2, 3, 1, 1, 4]], 2),
                ([[0]], 0),
                ([[3, 2, 1, 0, 4]], -1),
                ([[0, 1]], -1),
                ([[1, 1, 1]], 2),
                ([[9, 0, 0]], 1),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    nums = [rng.randint(1, 3) for _ in range(size)]
    if rng.random() < 0.5:
        block = size - 1 - rng.randint(0, size // 5)
        for i in range(max(0, block - 3), block):
            nums[i] = 0
    return [nums]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_JUMP_REACH,)
