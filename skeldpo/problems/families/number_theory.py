"""Families about primes, divisors and common factors: a sieve or a loop to the square root against
trial of every number.

Programs are templates; RESULT (and TEST) stand for the part in which the variations differ.
"""

from __future__ import annotations

from skeldpo.problems.family import Family, Variation

_PRIMES_FAST = (
    """\
def $fn($a):
    sieve = [True] * ($a + 1)
    primes = []
    for i in range(2, $a + 1):
        if sieve[i]:
            primes.append(i)
            for j in range(i * i, $a + 1, i):
                sieve[j] = False
    return RESULT
""",
    """\
def $fn($a):
    sieve = [True] * ($a + 1)
    i = 2
    while i * i <= $a:
        if sieve[i]:
            sieve[i * i::i] = [False] * len(sieve[i * i::i])
        i += 1
    primes = [k for k in range(2, $a + 1) if sieve[k]]
    return RESULT
""",
)
_PRIMES_SLOW = (
    """\
def $fn($a):
    primes = []
    for i in range(2, $a + 1):
        if all(i % p != 0 for p in primes):
            primes.append(i)
    return RESULT
""",
    """\
def $fn($a):
    primes = []
    for i in range(2, $a + 1):
        is_prime = True
        for j in range(2, i):
            if i % j == 0:
                is_prime = False
                break
        if is_prime:
            primes.append(i)
    return RESULT
""",
    """\
def $fn($a):
    primes = []
    for i in range(2, $a + 1):
        j = 2
        while j * j <= i and i % j != 0:
            j += 1
        if j * j > i:
            primes.append(i)
    return RESULT
""",
)


def _primes(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _PRIMES_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _PRIMES_SLOW),
        tests=tests,
    )


_PRIMES_UP_TO = Family(
    name="primes_up_to",
    topic="number_theory",
    difficulty="easy",
    entry_points=("primes_up_to", "find_primes", "prime_numbers", "solve_primes"),
    parameters=(("n", "limit", "maximum", "bound"),),
    variations=(
        _primes(
            "count",
            "len(primes)",
            (
                "Count the prime numbers that are at most `$a`. `$a` is an integer that is not "
                "negative; the answer is 0 if there are none.",
                "How many primes p satisfy 2 <= p <= `$a`? Return that number, 0 when `$a` is "
                "below 2.",
                "Return the number of primes in the range from 0 to `$a`, where `$a` itself is "
                "included if it is prime.",
                "Given an integer `$a` >= 0, work out how many integers not larger than `$a` are "
                "prime.",
                "A prime has exactly two divisors. Find how many primes are less than or equal to "
                "the integer `$a` (0 or more).",
            ),
            (([10], 4), ([0], 0), ([1], 0), ([2], 1), ([13], 6), ([30], 10)),
        ),
        _primes(
            "sum",
            "sum(primes)",
            (
                "Add up all prime numbers that are at most `$a` and return the sum. `$a` is an "
                "integer >= 0; the sum of no primes is 0.",
                "Return the total of every prime p with p <= `$a`, or 0 if `$a` is smaller than 2.",
                "What is the sum of the primes between 0 and `$a`, both ends included? Return it "
                "as an integer.",
                "Given the integer `$a` (not negative), compute the sum of all primes that do not "
                "exceed `$a`.",
                "Find all primes less than or equal to `$a` and give back only their sum; it is 0 "
                "when there are none.",
            ),
            (([10], 17), ([0], 0), ([1], 0), ([2], 2), ([13], 41), ([20], 77)),
        ),
        _primes(
            "list",
            "primes",
            (
                "List the prime numbers that are at most `$a` in increasing order. `$a` is an "
                "integer >= 0; the list may be empty.",
                "Return all primes p with 2 <= p <= `$a`, sorted from small to large, as a list.",
                "Given an integer `$a` that is not negative, produce the ascending list of every "
                "prime not larger than `$a`.",
                "Which primes lie between 0 and `$a`, both ends included? Return them as a list in "
                "ascending order.",
                "Build the list of all primes up to and including `$a`, smallest first; return an "
                "empty list if there are none.",
            ),
            (([10], [2, 3, 5, 7]), ([0], []), ([1], []), ([2], [2]), ([11], [2, 3, 5, 7, 11])),
        ),
        _primes(
            "gap",
            "max([q - p for p, q in zip(primes, primes[1:])], default=0)",
            (
                "Find the largest difference between two neighbouring primes that are both at most "
                "`$a`. Return 0 if fewer than two primes exist there.",
                "Return the widest gap between consecutive primes up to and including `$a`; with "
                "fewer than two such primes return 0.",
                "Write the primes <= `$a` in order and return the greatest step from one to the "
                "next, or 0 if there are less than two.",
                "Among the primes not larger than `$a` (an integer >= 0), what is the maximum "
                "distance between two successive ones? Use 0 when there is none.",
                "Given `$a`, compute the biggest value of q - p over successive primes p < q <= "
                "`$a`. The answer is 0 when no such p, q exist.",
            ),
            (([10], 2), ([0], 0), ([2], 0), ([3], 1), ([11], 4), ([30], 6), ([100], 8)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    return [size + rng.randint(0, size // 8 + 1)]
""",
    checker="exact",
    held_out=False,
)

_DIVISORS_FAST = (
    """\
def $fn($a):
    found = []
    i = 1
    while i * i <= $a:
        if $a % i == 0:
            found.append(i)
            if i * i < $a:
                found.append($a // i)
        i += 1
    return RESULT
""",
    """\
import math

def $fn($a):
    found = set()
    for i in range(1, math.isqrt($a) + 1):
        if $a % i == 0:
            found.add(i)
            found.add($a // i)
    return RESULT
""",
    """\
def $fn($a):
    found = [1]
    rest = $a
    i = 2
    while rest > 1:
        if i * i > rest:
            i = rest
        parts = found
        while rest % i == 0:
            rest //= i
            parts = [d * i for d in parts]
            found = found + parts
        i += 1
    return RESULT
""",
)
_DIVISORS_SLOW = (
    """\
def $fn($a):
    found = []
    for i in range(1, $a + 1):
        if $a % i == 0:
            found.append(i)
    return RESULT
""",
    """\
def $fn($a):
    found = [i for i in range(1, $a // 2 + 1) if $a % i == 0]
    found.append($a)
    return RESULT
""",
)


def _divisors(
    name: str, result: str, wordings: tuple[str, ...], tests: tuple[tuple[list, object], ...]
) -> Variation:
    return Variation(
        name=name,
        wordings=wordings,
        fast=tuple(text.replace("RESULT", result) for text in _DIVISORS_FAST),
        slow=tuple(text.replace("RESULT", result) for text in _DIVISORS_SLOW),
        tests=tests,
    )


_DIVISORS_OF = Family(
    name="divisors_of",
    topic="number_theory",
    difficulty="easy",
    entry_points=("divisors_of", "find_divisors", "factor_question", "solve_divisors"),
    parameters=(("n", "number", "value", "num"),),
    variations=(
        _divisors(
            "count",
            "len(found)",
            (
                "Count the positive divisors of the integer `$a` (at least 1). Both 1 and `$a` are "
                "divisors.",
                "How many integers from 1 to `$a` divide `$a` without a remainder? `$a` is at "
                "least 1.",
                "Return the number of positive integers d for which `$a` % d == 0, given that `$a` "
                ">= 1.",
                "Given a positive integer `$a`, find out how many different positive divisors it "
                "has, 1 and itself included.",
                "Compute the size of the set of all positive factors of `$a`, where `$a` is an "
                "integer >= 1.",
            ),
            (([12], 6), ([1], 1), ([7], 2), ([36], 9), ([97], 2), ([100], 9)),
        ),
        _divisors(
            "proper_sum",
            "sum(found) - $a",
            (
                "Add up the proper divisors of the integer `$a` (at least 1), that is, all "
                "positive divisors except `$a` itself.",
                "Return the sum of all positive integers smaller than `$a` that divide `$a` "
                "evenly; it is 0 for `$a` = 1.",
                "Given `$a` >= 1, compute the total of its positive factors without counting `$a`.",
                "What do the divisors d of `$a` with 1 <= d < `$a` sum to? Return 0 if there are "
                "none.",
                "For a positive integer `$a`, find the sum of its divisors, leaving out the number "
                "`$a` itself.",
            ),
            (([12], 16), ([1], 0), ([7], 1), ([28], 28), ([36], 55), ([97], 1)),
        ),
        _divisors(
            "list",
            "sorted(found)",
            (
                "List all positive divisors of the integer `$a` (at least 1) in increasing order, "
                "from 1 to `$a`.",
                "Return every positive integer that divides `$a` evenly, sorted from small to "
                "large; `$a` is at least 1.",
                "Given a positive integer `$a`, produce the ascending list of its factors without "
                "repetition.",
                "Which positive integers d satisfy `$a` % d == 0? Return them as an ascending "
                "list; `$a` is >= 1.",
                "Build a sorted list with all different divisors of `$a` (`$a` >= 1), the smallest "
                "one first.",
            ),
            (([12], [1, 2, 3, 4, 6, 12]), ([1], [1]), ([7], [1, 7]), ([25], [1, 5, 25])),
        ),
        _divisors(
            "odd_count",
            "len([d for d in found if d % 2 == 1])",
            (
                "Count the odd positive divisors of the integer `$a`, which is at least 1; 1 is "
                "always among them.",
                "How many odd integers between 1 and `$a` divide `$a` evenly? `$a` is a positive "
                "integer.",
                "Return the number of positive factors of `$a` (>= 1) that are not even.",
                "Given a positive integer `$a`, find how many of its different divisors are odd "
                "numbers.",
                "Look at all positive divisors of `$a`, 1 and `$a` included, and return how many "
                "of them are odd.",
            ),
            (([12], 2), ([1], 1), ([7], 2), ([8], 1), ([36], 3), ([45], 6)),
        ),
    ),
    generator="""\
import random


def generate_input(size, seed):
    rng = random.Random(seed)
    number = size * size + rng.randint(0, size)
    return [number - number % rng.choice([1, 1, 2, 12, 60]) or 1]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_PRIMES_UP_TO, _DIVISORS_OF)
