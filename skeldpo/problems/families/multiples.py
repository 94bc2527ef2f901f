"""A family about sums of multiples: a formula against visiting every integer.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_FAST = (
    """\
import math

def $fn($a, $b, $c):
    def total(k):
        m = $a // k
        return k * m * (m + 1) // 2

    both = math.lcm($b, $c)
    return FORMULA
""",
    """\
import math

def $fn($a, $b, $c):
    both = $b * $c // math.gcd($b, $c)
    result = 0
    for k, times in TERMS:
        m = $a // k
        result += times * (k + k * m) * m // 2
    return result
""",
)
_SLOW = (
    """\
def $fn($a, $b, $c):
    result = 0
    for i in range(1, $a + 1):
        if TEST:
            result += i
    return result
""",
    """\
def $fn($a, $b, $c):
    return sum(i for i in range(1, $a + 1) if TEST)
""",
)


def _multiples(
    name: str,
    parts: tuple[str, str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    formula, terms, test = parts
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("FORMULA", formula).replace("TERMS", terms) for text in _FAST),
        slow=tuple(text.replace("TEST", test) for text in _SLOW),
        tests=tests,
    )


_SUM_OF_MULTIPLES = Family(
    name="sum_of_multiples",
    topic="number_theory",
    difficulty="easy",
    entry_points=("sum_of_multiples", "multiples_total", "add_multiples", "solve_multiples"),
    parameters=(
        ("n", "limit", "bound", "maximum"),
        ("x", "first", "p", "left"),
        ("y", "second", "q", "right"),
    ),
    variations=(
        _multiples(
            "either",
            (
                "total($b) + total($c) - total(both)",
                "(($b, 1), ($c, 1), (both, -1))",
                "i % $b == 0 or i % $c == 0",
            ),
            (
                "Add up the integers from 1 to `$a` that are multiples of `$b` or of `$c` or of "
                "both; each counts once. `$a` >= 0, `$b` and `$c` are positive.",
                "Return the sum of all integers i with 1 <= i <= `$a` that `$b` or `$c` divides, "
                "each taken once. `$b` and `$c` are >= 1.",
                "What do the positive integers not above `$a` that are divisible by at least one "
                "of `$b` and `$c` sum to? Return 0 if there are none.",
                "Given `$a` >= 0 and positive `$b`, `$c`, compute the total of the numbers in "
                "1..`$a` divisible by `$b` or `$c`, without counting any twice.",
                "Sum every number up to and including `$a` that at least one of the positive "
                "integers `$b` and `$c` divides evenly; 0 if none does.",
            ),
            (([10, 3, 5], 33), ([0, 2, 3], 0), ([1, 1, 1], 1), ([12, 4, 6], 30), ([9, 10, 20], 0)),
        ),
        _multiples(
            "both",
            ("total(both)", "((both, 1),)", "i % $b == 0 and i % $c == 0"),
            (
                "Add up the integers from 1 to `$a` that are multiples of `$b` and also of `$c`. "
                "`$a` >= 0, `$b` and `$c` are positive.",
                "Return the sum of all integers i with 1 <= i <= `$a` that both `$b` and `$c` "
                "divide. `$b` and `$c` are >= 1.",
                "What do the positive integers not above `$a` that are divisible by each of `$b` "
                "and `$c` sum to? Return 0 if there are none.",
                "Given `$a` >= 0 and positive `$b`, `$c`, compute the total of the numbers in "
                "1..`$a` divisible by `$b` as well as by `$c`.",
                "Sum every number up to and including `$a` that is a common multiple of the "
                "positive integers `$b` and `$c`; 0 if none is.",
            ),
            (([30, 3, 5], 45), ([0, 2, 3], 0), ([1, 1, 1], 1), ([12, 4, 6], 12), ([9, 10, 5], 0)),
        ),
        _multiples(
            "exactly_one",
            (
                "total($b) + total($c) - 2 * total(both)",
                "(($b, 1), ($c, 1), (both, -2))",
                "(i % $b == 0) != (i % $c == 0)",
            ),
            (
                "Add up the integers from 1 to `$a` that are multiples of exactly one of `$b` and "
                "`$c`. `$a` >= 0, `$b` and `$c` are positive.",
                "Return the sum of all integers i with 1 <= i <= `$a` that `$b` or `$c` divides, "
                "but not both of them. `$b` and `$c` are >= 1.",
                "What do the positive integers not above `$a` sum to that are divisible by one of "
                "`$b` and `$c` and not by the other? Return 0 if none.",
                "Given `$a` >= 0 and positive `$b`, `$c`, compute the total of the numbers in "
                "1..`$a` divisible by just one of `$b` and `$c`.",
                "Sum every number up to and including `$a` that only one of the positive integers "
                "`$b` and `$c` divides evenly; 0 if none.",
            ),
            (([15, 3, 5], 45), ([0, 2, 3], 0), ([1, 1, 1], 0), ([12, 4, 6], 18), ([9, 10, 9], 9)),
        ),
        _multiples(
            "neither",
            (
                "total(1) - total($b) - total($c) + total(both)",
                "((1, 1), ($b, -1), ($c, -1), (both, 1))",
                "i % $b != 0 and i % $c != 0",
            ),
            (
                "Add up the integers from 1 to `$a` that are multiples of neither `$b` nor `$c`. "
                "`$a` >= 0, `$b` and `$c` are positive.",
                "Return the sum of all integers i with 1 <= i <= `$a` that `$b` does not divide "
                "and `$c` does not divide. `$b` and `$c` are >= 1.",
                "What do the positive integers not above `$a` that are divisible by none of `$b` "
                "and `$c` sum to? Return 0 if there are none.",
                "Given `$a` >= 0 and positive `$b`, `$c`, compute the total of the numbers in "
                "1..`$a` without the multiples of `$b` and those of `$c`.",
                "Sum every number up to and including `$a` that leaves a remainder for both of the "
                "positive divisors `$b` and `$c`; 0 if none does.",
            ),
            (([10, 3, 5], 22), ([0, 2, 3], 0), ([1, 1, 1], 0), ([12, 4, 6], 48), ([4, 5, 6], 10)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    limit = 8 * size + rng.randint(0, size)
    return [limit, rng.randint(2, 12), rng.randint(2, 12)]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_SUM_OF_MULTIPLES,)
