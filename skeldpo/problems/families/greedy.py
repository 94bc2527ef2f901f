"""Families where one pass with a running value replaces trying all pairs: trades and jumps.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_TRADE_FAST = (
    """\
def $fn($a):
    gains = []
    edge = FIRST
    for x in $a:
        edge = PICK(edge, x)
        gains.append(GAIN)
    return RESULT
""",
    """\
from itertools import accumulate

def $fn($a):
    gains = [GAIN for x, edge in zip($a, accumulate($a, PICK))]
    return RESULT
""",
)
_TRADE_SLOW = (
    """\
def $fn($a):
    gains = []
    for i, x in enumerate($a):
        best = 0
        for edge in $a[:i]:
            best = max(best, GAIN)
        gains.append(best)
    return RESULT
""",
    """\
def $fn($a):
    gains = []
    for i, x in enumerate($a):
        edge = PICK($a[:i + 1])
        gains.append(GAIN)
    return RESULT
""",
    """\
def $fn($a):
    gains = [max(GAIN for edge in $a[:i + 1]) for i, x in enumerate($a)]
    return RESULT
""",
)


def _trade(
    name: str,
    parts: tuple[str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    def fill(text: str) -> str:
        gain, result = parts
        pick, first = ("min", 'float("inf")') if gain == "x - edge" else ("max", 'float("-inf")')
        text = text.replace("GAIN", gain).replace("PICK", pick)
        return text.replace("FIRST", first).replace("RESULT", result)

    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(fill(text) for text in _TRADE_FAST),
        slow=tuple(fill(text) for text in _TRADE_SLOW),
        tests=tests,
    )


_MAX_PROFIT = Family(
    name="max_profit",
    topic="greedy",
    difficulty="easy",
    entry_points=("max_profit", "trade_value", "price_changes", "solve_trades"),
    parameters=(("prices", "values", "quotes", "nums"),),
    variations=(
        _trade(
            "profit",
            ("x - edge", "max(gains, default=0)"),
            (
                "`$a` holds the price of a stock per day. Return the best profit of buying once "
                "and selling on a later day, or 0 if no trade gains.",
                "Find the largest value of `$a`[j] - `$a`[i] with i < j. If it is negative, or if "
                "no such pair exists, return 0.",
                "You may buy one share and sell it later, once, at the daily prices `$a`. How much "
                "can you earn at most? Doing nothing earns 0.",
                "Given the numbers `$a` in time order, what is the greatest rise from an earlier "
                "to a later number? It is at least 0.",
                "Return the maximum gain from a single purchase followed by a single sale over the "
                "prices `$a`; 0 for falling prices or an empty list.",
            ),
            (
                ([[7, 1, 5, 3, 6, 4]], 5),
                ([[]], 0),
                ([[5]], 0),
                ([[7, 6, 4, 3]], 0),
                ([[2, 2, 2]], 0),
                ([[3, 8, 1, 4]], 5),
            ),
        ),
        _trade(
            "drop",
            ("edge - x", "max(gains, default=0)"),
            (
                "`$a` holds the price of a stock per day. Return the largest loss of buying once "
                "and selling on a later day, as a positive number; 0 if none loses.",
                "Find the largest value of `$a`[i] - `$a`[j] with i < j. If it is negative, or if "
                "no such pair exists, return 0.",
                "Someone buys one share and sells it later at the daily prices `$a`. How much can "
                "that person lose at most? The answer is never below 0.",
                "Given the numbers `$a` in time order, what is the greatest fall from an earlier "
                "to a later number? It is at least 0.",
                "Return the maximum drawdown of the prices `$a`, the biggest difference between a "
                "price and a later lower one; 0 if prices never fall.",
            ),
            (
                ([[7, 1, 5, 3, 6, 4]], 6),
                ([[]], 0),
                ([[5]], 0),
                ([[3, 4, 6, 7]], 0),
                ([[2, 2, 2]], 0),
                ([[3, 8, 1, 4]], 7),
            ),
        ),
        _trade(
            "days",
            ("x - edge", "len([g for g in gains if g > 0])"),
            (
                "`$a` holds the price of a stock per day. Count the days on which selling a share "
                "bought on some earlier day gives a profit above 0.",
                "For how many positions j is there an earlier position i < j with `$a`[i] < "
                "`$a`[j]? Return that count.",
                "How many entries of the daily prices `$a` are strictly larger than at least one "
                "price before them?",
                "Given the numbers `$a` in time order, return how many of them exceed the minimum "
                "of all numbers that come before them.",
                "Return the number of days in `$a` whose price is higher than the lowest earlier "
                "price; the first day never counts.",
            ),
            (
                ([[7, 1, 5, 3, 6, 4]], 4),
                ([[]], 0),
                ([[5]], 0),
                ([[7, 6, 4, 3]], 0),
                ([[2, 2, 3]], 1),
                ([[3, 8, 1, 4]], 2),
            ),
        ),
        _trade(
            "list",
            ("x - edge", "gains"),
            (
                "`$a` holds the price of a stock per day. For each day list the best profit of "
                "selling then a share bought on that day or before; at least 0.",
                "Return a list with, for every index j, the largest `$a`[j] - `$a`[i] over all i "
                "<= j.",
                "For every price in `$a` give its distance above the lowest price seen up to and "
                "including that day, as a list in the same order.",
                "Given the numbers `$a` in time order, subtract from each the minimum of the "
                "numbers up to it, itself included. Return the list of differences.",
                "List for every day of the prices `$a` how much a sale on that day can earn at "
                "most, if the purchase was made no later than that day.",
            ),
            (
                ([[7, 1, 5, 3, 6, 4]], [0, 0, 4, 2, 5, 3]),
                ([[]], []),
                ([[5]], [0]),
                ([[7, 6, 4]], [0, 0, 0]),
                ([[3, 8, 1, 4]], [0, 5, 0, 3]),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    slope = rng.choice([-3, 0, 1])
    return [[5 * size + slope * i + rng.randint(0, size + 9) for i in range(size)]]
""",
    checker="exact",
    held_out=True,
)

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

FAMILIES: tuple[Family, ...] = (_MAX_PROFIT, _JUMP_REACH)
