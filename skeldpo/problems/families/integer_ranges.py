"""Families about the integers of a range: factorisation, roots or formulas against visiting each
integer.

Programs are templates; words in capitals stand for the parts in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_COPRIMES_FAST = (
    """\
def $fn($a):
    phi = $a
    rest = $a
    i = 2
    while i * i <= rest:
        if rest % i == 0:
            phi -= phi // i
            while rest % i == 0:
                rest //= i
        i += 1
    if rest > 1:
        phi -= phi // rest
    return FORMULA
""",
    """\
def $fn($a):
    phi = 1
    rest = $a
    i = 2
    while rest > 1:
        if i * i > rest:
            i = rest
        if rest % i == 0:
            phi *= i - 1
            rest //= i
            while rest % i == 0:
                phi *= i
                rest //= i
        i += 1
    return FORMULA
""",
)
_COPRIMES_SLOW = (
    """\
import math

def $fn($a):
    found = [i for i in range(1, $a + 1) if math.gcd(i, $a) TEST]
    return RESULT(found)
""",
    """\
def $fn($a):
    found = []
    for i in range(1, $a + 1):
        x, y = $a, i
        while y > 0:
            x, y = y, x % y
        if x TEST:
            found.append(i)
    return RESULT(found)
""",
)


def _coprimes(
    name: str,
    parts: tuple[str, str, str],
    wordings: tuple[str, ...],
    tests: tuple[tuple[list, object], ...],
) -> Variation:
    formula, test, result = parts
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("FORMULA", formula) for text in _COPRIMES_FAST),
        slow=tuple(text.replace("TEST", test).replace("RESULT", result) for text in _COPRIMES_SLOW),
        tests=tests,
    )


_COPRIMES = Family(
    name="coprimes",
    topic="number_theory",
    difficulty="medium",
    entry_points=("coprimes", "common_factors", "relative_primes", "solve_coprimes"),
    parameters=(("n", "number", "value", "num"),),
    variations=(
        _coprimes(
            "count",
            ("phi", "== 1", "len"),
            (
                "Count the integers i from 1 to `$a` whose greatest common divisor with `$a` is 1. "
                "`$a` is at least 1.",
                "How many integers between 1 and `$a`, both included, share no factor above 1 with "
                "`$a`? `$a` is >= 1.",
                "Return the number of i with 1 <= i <= `$a` that are coprime to the positive "
                "integer `$a`.",
                "Compute Euler's totient of `$a` >= 1: the amount of numbers in 1..`$a` that are "
                "relatively prime to `$a`.",
                "Given a positive integer `$a`, find how many of the numbers 1, 2, ..., `$a` have "
                "gcd 1 with it.",
            ),
            (([1], 1), ([2], 1), ([9], 6), ([10], 4), ([13], 12), ([36], 12)),
        ),
        _coprimes(
            "sharing",
            ("$a - phi", "> 1", "len"),
            (
                "Count the integers i from 1 to `$a` whose greatest common divisor with `$a` is "
                "larger than 1. `$a` is at least 1.",
                "How many integers between 1 and `$a`, both included, share a factor above 1 with "
                "the positive integer `$a`?",
                "Return the number of i with 1 <= i <= `$a` that are not coprime to `$a`, where "
                "`$a` >= 1.",
                "Given a positive integer `$a`, find how many of the numbers 1, 2, ..., `$a` have "
                "a common divisor above 1 with it.",
                "For `$a` >= 1, determine the amount of numbers in 1..`$a` that are not relatively "
                "prime to `$a`.",
            ),
            (([1], 0), ([2], 1), ([9], 3), ([10], 6), ([13], 1), ([36], 24)),
        ),
        _coprimes(
            "sum",
            ("$a * phi // 2 if $a > 1 else 1", "== 1", "sum"),
            (
                "Add up the integers i from 1 to `$a` whose greatest common divisor with `$a` is "
                "1. `$a` is at least 1.",
                "What is the sum of all integers between 1 and `$a`, both included, that share no "
                "factor above 1 with `$a` >= 1?",
                "Return the total of every i with 1 <= i <= `$a` that is coprime to the positive "
                "integer `$a`.",
                "Given a positive integer `$a`, sum those of the numbers 1, 2, ..., `$a` that have "
                "gcd 1 with it.",
                "For `$a` >= 1, compute the sum of the numbers in 1..`$a` that are relatively "
                "prime to `$a`.",
            ),
            (([1], 1), ([2], 1), ([9], 27), ([10], 20), ([13], 78), ([12], 24)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    number = size * size + rng.randint(0, size)
    return [number - number % rng.choice([1, 1, 2, 6, 10]) or 1]
""",
    checker="exact",
    held_out=False,
)

_SQUARES_FAST = (
    """\
import math

def $fn($a, $b):
    first = math.isqrt($a - 1) + 1
    last = math.isqrt($b)
    squares = [k * k for k in range(first, last + 1)]
    return RESULT
""",
    """\
def $fn($a, $b):
    squares = []
    k = 1
    while k * k <= $b:
        if k * k >= $a:
            squares.append(k * k)
        k += 1
    return RESULT
""",
)
_SQUARES_SLOW = (
    """\
import math

def $fn($a, $b):
    squares = [x for x in range($a, $b + 1) if math.isqrt(x) ** 2 == x]
    return RESULT
""",
    """\
def $fn($a, $b):
    squares = []
    k = 1
    for x in range($a, $b + 1):
        while k * k < x:
            k += 1
        if k * k == x:
            squares.append(x)
    return RESULT
""",
)


def _squares(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _SQUARES_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _SQUARES_SLOW),
        tests=tests,
    )


_SQUARES_BETWEEN = Family(
    name="squares_between",
    topic="number_theory",
    difficulty="easy",
    entry_points=("squares_between", "perfect_squares", "square_numbers", "solve_squares"),
    parameters=(("low", "start", "left", "begin"), ("high", "stop", "right", "end")),
    variations=(
        _squares(
            "count",
            "len(squares)",
            (
                "Count the perfect squares x with `$a` <= x <= `$b`. It holds that 1 <= `$a` <= "
                "`$b`.",
                "How many square numbers lie between `$a` and `$b`, both ends included? Both are "
                "positive and `$a` is not above `$b`.",
                "Return the number of integers from `$a` to `$b` inclusive that are the square of "
                "an integer (1 <= `$a` <= `$b`).",
                "Given positive integers `$a` <= `$b`, find how many values of k*k fall into the "
                "closed range [`$a`, `$b`].",
                "Look at all integers of the range `$a`..`$b`, ends included and `$a` >= 1, and "
                "return how many are perfect squares.",
            ),
            (([1, 10], 3), ([1, 1], 1), ([2, 3], 0), ([4, 9], 2), ([5, 8], 0), ([10, 100], 7)),
        ),
        _squares(
            "sum",
            "sum(squares)",
            (
                "Add up the perfect squares x with `$a` <= x <= `$b`, where 1 <= `$a` <= `$b`. "
                "Return 0 if there are none.",
                "What is the sum of the square numbers between `$a` and `$b`, both ends included? "
                "Both are positive and `$a` <= `$b`.",
                "Return the total of all integers from `$a` to `$b` inclusive that are the square "
                "of an integer; 1 <= `$a` <= `$b`.",
                "Given positive integers `$a` <= `$b`, sum every value of k*k that falls into the "
                "closed range [`$a`, `$b`].",
                "Find the perfect squares of the range `$a`..`$b` (ends included, `$a` >= 1) and "
                "return their sum, 0 if none exists.",
            ),
            (([1, 10], 14), ([1, 1], 1), ([2, 3], 0), ([4, 9], 13), ([10, 30], 41)),
        ),
        _squares(
            "list",
            "squares",
            (
                "List the perfect squares x with `$a` <= x <= `$b` in increasing order. It holds "
                "that 1 <= `$a` <= `$b`.",
                "Which square numbers lie between `$a` and `$b`, both ends included? Return them "
                "in ascending order; 1 <= `$a` <= `$b`.",
                "Return an ascending list of the integers from `$a` to `$b` inclusive that are the "
                "square of an integer (1 <= `$a` <= `$b`).",
                "Given positive integers `$a` <= `$b`, collect every value of k*k in the closed "
                "range [`$a`, `$b`], smallest first.",
                "Build the sorted list of all perfect squares in the range `$a`..`$b`, ends "
                "included and `$a` >= 1; it may be empty.",
            ),
            (([1, 10], [1, 4, 9]), ([1, 1], [1]), ([2, 3], []), ([16, 36], [16, 25, 36])),
        ),
        _squares(
            "others",
            "$b - $a + 1 - len(squares)",
            (
                "Count the integers x with `$a` <= x <= `$b` that are not perfect squares. It "
                "holds that 1 <= `$a` <= `$b`.",
                "How many integers between `$a` and `$b`, both ends included, are no square "
                "numbers? Both are positive and `$a` <= `$b`.",
                "Return the number of integers from `$a` to `$b` inclusive that are not the square "
                "of any integer (1 <= `$a` <= `$b`).",
                "Given positive integers `$a` <= `$b`, find how many members of the closed range "
                "[`$a`, `$b`] differ from every k*k.",
                "Leave the perfect squares out of the range `$a`..`$b` (ends included, `$a` >= 1) "
                "and return how many integers remain.",
            ),
            (([1, 10], 7), ([1, 1], 0), ([2, 3], 2), ([4, 9], 4), ([10, 100], 84)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    low = rng.randint(1, size)
    return [low, low + size * size + rng.randint(0, size)]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_COPRIMES, _SQUARES_BETWEEN)
