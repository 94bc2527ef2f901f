"""Functions that ENAMEL's input generators call and its CSV does not define.

Standard library only; its source runs in the sandbox, before a generator. Names, signatures and the
order of random numbers are those of the suite, so that a seed gives the suite's own inputs.
"""

from __future__ import annotations

import random
import string  # noqa: F401  (generators use it without importing it)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def rand_parens(size: int, valid: bool = True, par: str = "()", sep: str | None = "") -> Any:
    """Balanced brackets of `size` characters (made even), as text, or as groups if sep is None.

    Not `valid`: two balanced halves around a closing and an opening bracket.
    """
    opening, closing = par[0], par[1]
    if not valid:
        half = (size + 1) // 2 - 1
        first = rand_parens(half, par=par)
        return first + closing + opening + rand_parens(half, par=par)
    length = size + size % 2
    groups: list[list[str]] = []
    depth = 0
    for place in range(length):
        if depth == 0:
            groups.append([])
            opens = True
        else:
            opens = depth < length - place and random.randint(0, 1) == 1
        groups[-1].append(opening if opens else closing)
        depth += 1 if opens else -1
    texts = ["".join(group) for group in groups]
    return texts if sep is None else sep.join(texts)


def miller_rabin(n: int, k: int = 5) -> bool:
    """Whether an n >= 1 is probably prime, after k random witnesses."""
    if n in (2, 3):
        return True
    if n == 1 or n % 2 == 0:
        return False
    shift = ((n - 1) & (1 - n)).bit_length() - 1
    odd = (n - 1) >> shift
    return all(_passes(random.randint(2, n - 2), n, odd, shift) for _ in range(k))


def _passes(base: int, n: int, odd: int, shift: int) -> bool:
    power = pow(base, odd, n)
    if power in (1, n - 1):
        return True
    for _ in range(shift - 1):
        power = pow(power, 2, n)
        if power == n - 1:
            return True
    return False


def rand_probably_prime(lb: int, ub: int | None = None) -> int:
    """A random prime of [lb / 2, lb] (at least of [1, 3]), or of [lb, max(2 lb, ub, 3)]."""
    if ub is None:
        high = max(lb, 3)
        low = high // 2
    else:
        low = max(lb, 0)
        high = max(low * 2, ub, 3)
    while not miller_rabin(drawn := random.randint(low, high)):
        pass
    return drawn


def rand_primality(size: int, lid: int, cid: int) -> int:
    """A number whose primality is hard to tell: primes, squares and products of two primes."""
    size = max(size, 4)
    if lid == 0 and cid < 4:
        return (30031, 561, 2, 125)[cid]  # 59 * 509, a Carmichael number, a prime, a cube
    if cid % 3 == 0:
        return rand_probably_prime(size)
    root = int(size**0.5 + 1)
    if cid % 3 == 1:
        return rand_probably_prime(root) ** 2
    return rand_probably_prime(root) * rand_probably_prime(root)
