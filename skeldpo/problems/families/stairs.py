"""A family about counting step sequences: one sum over the steps against all earlier positions.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_WAYS_FAST = (
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for t in range(1, $a + 1):
        for s in $b:
            if s <= t:
                ways[t] = (ways[t] + ways[t - s]) % $c
    return RESULT
""",
    """\
def $fn($a, $b, $c):
    ways = [1]
    for t in range(1, $a + 1):
        ways.append(sum(ways[t - s] for s in $b if s <= t) % $c)
    return RESULT
""",
)
_WAYS_SLOW = (
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for t in range(1, $a + 1):
        for i in range(t):
            if t - i in $b:
                ways[t] = (ways[t] + ways[i]) % $c
    return RESULT
""",
    """\
def $fn($a, $b, $c):
    ways = [0] * ($a + 1)
    level = [1] + [0] * $a
    while any(level):
        ways = [(x + y) % $c for x, y in zip(ways, level)]
        level = [sum(level[t - s] for s in $b if s <= t) % $c for t in range($a + 1)]
    return RESULT
""",
)
_COINS_FAST = (
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for s in $b:
        for t in range(s, $a + 1):
            ways[t] = (ways[t] + ways[t - s]) % $c
    return ways[$a]
""",
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for s in $b:
        after = []
        for t in range($a + 1):
            less = after[t - s] if t >= s else 0
            after.append((ways[t] + less) % $c)
        ways = after
    return ways[$a]
""",
)
_COINS_SLOW = (
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for s in $b:
        after = []
        for t in range($a + 1):
            after.append(sum(ways[t - k * s] for k in range(t // s + 1)) % $c)
        ways = after
    return ways[$a]
""",
    """\
def $fn($a, $b, $c):
    ways = [1] + [0] * $a
    for s in $b:
        after = ways[:]
        for k in range(s, $a + 1, s):
            for t in range(k, $a + 1):
                after[t] = (after[t] + ways[t - k]) % $c
        ways = after
    return ways[$a]
""",
)


def _ways(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _WAYS_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _WAYS_SLOW),
        tests=tests,
    )


_STEP_WAYS = Family(
    name="step_ways",
    topic="dynamic",
    difficulty="medium",
    entry_points=("step_ways", "climb_ways", "count_ways", "solve_ways"),
    parameters=(
        ("n", "height", "target", "amount"),
        ("steps", "sizes", "moves", "parts"),
        ("mod", "modulus", "m", "divisor"),
    ),
    variations=(
        _ways(
            "ordered",
            "ways[$a]",
            (
                "How many sequences of steps, each a value of `$b`, climb exactly `$a` stairs? "
                "`$b` holds different positive integers. Return the count modulo `$c` (>= 2).",
                "Count the ordered ways to write `$a` >= 0 as a sum of values from `$b` (distinct, "
                "positive, reusable) and return that number modulo `$c` >= 2.",
                "A frog moves forward by any distance in `$b` (positive, no repeats), as often as "
                "it likes. Return modulo `$c` the number of ways to cover exactly `$a`.",
                "Return, modulo `$c` >= 2, how many lists of numbers from `$b` (distinct positive "
                "integers) have the sum `$a`; the order matters and sum 0 has one list.",
                "In how many orders can lengths from the set `$b` of positive integers, with "
                "repetition, be laid to fill length `$a` exactly? Answer modulo `$c` >= 2.",
            ),
            (
                ([4, [1, 2], 1000], 5),
                ([0, [1, 2], 7], 1),
                ([3, [2], 10], 0),
                ([5, [1, 3], 100], 4),
                ([5, [1, 2, 3], 10], 3),
                ([2, [], 5], 0),
            ),
        ),
        _ways(
            "up_to",
            "sum(ways[1:]) % $c",
            (
                "How many non-empty sequences of steps, each a value of `$b`, climb at most `$a` "
                "stairs? `$b` holds different positive integers. Answer modulo `$c` (>= 2).",
                "Count the ordered sums of one or more values from `$b` (distinct, positive, "
                "reusable) that do not exceed `$a` >= 0; return the number modulo `$c` >= 2.",
                "A frog moves forward by any distance in `$b` (positive, no repeats), at least "
                "once. Return modulo `$c` the number of move sequences that cover at most `$a`.",
                "Return, modulo `$c` >= 2, how many non-empty lists of numbers from `$b` (distinct "
                "positive integers) have a sum between 1 and `$a`; the order matters.",
                "In how many orders can one or more lengths from the set `$b` of positive "
                "integers, with repetition, be laid within length `$a`? Answer modulo `$c` >= 2.",
            ),
            (
                ([4, [1, 2], 1000], 11),
                ([0, [1, 2], 7], 0),
                ([3, [2], 10], 1),
                ([5, [1, 3], 100], 11),
                ([4, [1, 2], 10], 1),
            ),
        ),
        Variation(
            name="unordered",
            wordings=(
                "How many multisets of steps, each a value of `$b`, add up to exactly `$a`? `$b` "
                "holds different positive integers. Return the count modulo `$c` (>= 2).",
                "Count the ways to write `$a` >= 0 as a sum of values from `$b` (distinct, "
                "positive, reusable), ignoring order; return that number modulo `$c` >= 2.",
                "Coins of the values in `$b` (positive, no repeats) are unlimited. Return modulo "
                "`$c` the number of coin combinations that pay exactly `$a`; order is ignored.",
                "Return, modulo `$c` >= 2, how many sorted lists of numbers from `$b` (distinct "
                "positive integers) have the sum `$a`; sum 0 has one, the empty list.",
                "How many different selections of lengths from the set `$b` of positive integers, "
                "with repetition and without order, total `$a`? Answer modulo `$c` >= 2.",
            ),
            fast=_COINS_FAST,
            slow=_COINS_SLOW,
            tests=(
                ([4, [1, 2], 1000], 3),
                ([0, [1, 2], 7], 1),
                ([3, [2], 10], 0),
                ([5, [1, 2, 5], 100], 4),
                ([10, [2, 5, 3, 6], 4], 1),
                ([2, [], 5], 0),
            ),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    steps = rng.sample(range(1, 7), rng.randint(2, 4))
    return [size, steps, rng.choice([997, 10007, 1000003])]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_STEP_WAYS,)
