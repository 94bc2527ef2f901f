"""Compares an answer with the expected one, on the host, away from the program that gave it.

Answers and expected values are text: of `skeldpo.values` for function problems, standard output for
stdio ones. Nothing here executes or trusts them. Values are compared by type: text is text, ints
are exact, a tolerance is for floats alone. Problems come as JSON, which has no tuples, so a list
and a tuple of equal entries are equal; EvalPlus's tasks are Python (`evalplus_oracles`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from skeldpo.judging import evalplus_oracles
from skeldpo.records import ProblemKind
from skeldpo.values import OBJECT, decode

MAX_ANSWER_CHARS = 32 << 20
RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-6

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?")
_MAX_NUMBER_CHARS = 400
"""Longer ones have no value as a float; they are text."""


def is_correct(
    checker: str, kind: ProblemKind, answer_text: str, expected_text: str, input_text: str = ""
) -> bool:
    """Whether the answer is right under a named checker; ValueError for an unknown name.

    `input_text` is what the program was given: some of EvalPlus's tasks are judged by it.
    """
    if not is_named(checker) or (kind == "stdio" and checker not in _TOKENS):
        raise ValueError(f"unknown checker {checker!r}; known: {', '.join(sorted(CHECKERS))}")
    if len(answer_text) > MAX_ANSWER_CHARS:
        return False
    if answer_text == expected_text and not expected_text.startswith(f'{{"{OBJECT}"'):
        return True
    if kind == "stdio":
        return _TOKENS[checker](answer_text.split(), expected_text.split())
    try:
        answer, expected = decode(answer_text), decode(expected_text)
        if checker in CHECKERS:
            return CHECKERS[checker](answer, expected)
        return evalplus_oracles.is_right(checker, answer, expected, decode(input_text))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return False  # no such text, or a Decimal that refuses to be compared


def is_named(checker: str) -> bool:
    """False when `checker` is Python source that has to run in the sandbox."""
    return checker in CHECKERS or evalplus_oracles.is_evalplus(checker)


def _exact(answer: Any, expected: Any) -> bool:
    """Equal values of equal types; 1 and True, 1 and 1.0 differ."""
    return _typed(answer) == _typed(expected)


def _equal(answer: Any, expected: Any) -> bool:
    """Equal as Python has it: 1, 1.0 and True are."""
    return _alike(answer, expected, _same)


def _float(answer: Any, expected: Any) -> bool:
    """Where one is a float, numbers agree within 1e-6 (relative or absolute); everything else
    exactly."""
    return _alike(answer, expected, _close)


def _ignore_case(answer: Any, expected: Any) -> bool:
    """Text that differs only in case ("Yes" and "YES"); everything else exactly."""
    return _alike(answer, expected, _same_letters)


def _unordered(answer: Any, expected: Any) -> bool:
    """The same members, counted, in any order (outermost only); a set has each of its own once."""
    if not isinstance(expected, list | tuple | set | frozenset):
        return _exact(answer, expected)
    is_collection = isinstance(answer, list | tuple | set | frozenset)
    return is_collection and Counter(map(_typed, answer)) == Counter(map(_typed, expected))


def _alike(answer: Any, expected: Any, is_same: Callable[[Any, Any], bool]) -> bool:
    """Whether values have one shape, and `is_same` holds for what is in it."""
    if isinstance(answer, list | tuple) and isinstance(expected, list | tuple):
        return len(answer) == len(expected) and all(
            _alike(mine, its, is_same) for mine, its in zip(answer, expected, strict=True)
        )
    if isinstance(answer, dict) and isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(
            _alike(answer[key], expected[key], is_same) for key in expected
        )
    return is_same(answer, expected)


def _same(answer: Any, expected: Any) -> bool:
    """Equal, or both NaN: where that is expected it is right."""
    return bool(answer == expected or (answer != answer and expected != expected))


def _close(answer: Any, expected: Any) -> bool:
    kinds = {type(answer), type(expected)}
    if float not in kinds or not kinds <= {int, float, Decimal, Fraction}:
        return _exact(answer, expected)
    try:
        if type(expected) is int and round(answer) != expected:
            return False  # no float stands for another int than its own
        return math.isclose(
            answer, expected, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE
        ) or _same(answer, expected)
    except (ValueError, OverflowError):  # an int beyond the floats, an infinite or no number
        return False


def _same_letters(answer: Any, expected: Any) -> bool:
    if isinstance(answer, str) and isinstance(expected, str):
        return answer.lower() == expected.lower()
    return _exact(answer, expected)


def _typed(value: Any) -> Hashable:
    """The value with the types of all that is in it, to be compared and counted; NaN is NaN."""
    if isinstance(value, list | tuple):
        return list, tuple(map(_typed, value))
    if isinstance(value, dict):
        return dict, frozenset((_typed(key), _typed(entry)) for key, entry in value.items())
    if isinstance(value, set | frozenset):
        return set, frozenset(map(_typed, value))
    if value != value:
        return type(value), "NaN"
    return type(value), repr(value) if type(value).__hash__ is None else value


def _number(token: str) -> float | int | None:
    """The number that a token of standard output is; None for text ("007", "1_0", "nan")."""
    if len(token) > _MAX_NUMBER_CHARS:
        return None
    if _INT.fullmatch(token):
        return int(token)
    return float(token) if _FLOAT.fullmatch(token) else None


def _same_token(answer: str, expected: str) -> bool:
    if answer == expected:
        return True
    numbers = _number(answer), _number(expected)
    return None not in numbers and _close(*numbers)


def _each(answer: list[str], expected: list[str], is_same: Callable[[str, str], bool]) -> bool:
    return len(answer) == len(expected) and all(map(is_same, answer, expected))


CHECKERS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": _exact,
    "equal": _equal,
    "float": _float,
    "unordered": _unordered,
    "ignore_case": _ignore_case,
}
"""Checkers of function problems by name."""
_TOKENS: dict[str, Callable[[list[str], list[str]], bool]] = {
    "exact": list.__eq__,
    "equal": list.__eq__,
    "float": lambda answer, expected: _each(answer, expected, _same_token),
    "unordered": lambda answer, expected: Counter(answer) == Counter(expected),
    "ignore_case": lambda answer, expected: _each(answer, expected, _same_letters),
}
"""The same for stdio problems, where they compare the tokens between white space."""
