"""A family about one trade: one pass with the best price so far against trying all pairs of days.

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

FAMILIES: tuple[Family, ...] = (_MAX_PROFIT,)
