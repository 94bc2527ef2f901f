"""Compares an answer with the expected one, on the host, away from the program that gave it.

Answers and expected values are text: JSON for function problems, standard output for stdio ones.
Nothing here executes or trusts them: JSON is parsed with a bound on depth and length.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from skeldpo.records import ProblemKind

MAX_ANSWER_CHARS = 32 << 20
RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-6


def is_correct(checker: str, kind: ProblemKind, answer_text: str, expected_text: str) -> bool:
    """Whether the answer is right under a named checker; ValueError for an unknown name."""
    if checker not in CHECKERS:
        raise ValueError(f"unknown checker {checker!r}; known: {', '.join(sorted(CHECKERS))}")
    if len(answer_text) > MAX_ANSWER_CHARS:
        return False
    if answer_text == expected_text:
        return True
    if kind == "stdio":
        return CHECKERS[checker](answer_text.split(), expected_text.split())
    try:
        answer, expected = json.loads(answer_text), json.loads(expected_text)
    except (ValueError, RecursionError):
        return False
    return CHECKERS[checker](answer, expected)


def is_named(checker: str) -> bool:
    """False when `checker` is Python source that has to run in the sandbox."""
    return checker in CHECKERS


def _exact(answer: Any, expected: Any) -> bool:
    """Equal values of equal types; 1 and True, 1 and 1.0 differ."""
    if type(answer) is not type(expected):
        return False
    if isinstance(expected, list):
        return len(answer) == len(expected) and all(map(_exact, answer, expected))
    if isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(
            _exact(answer[key], expected[key]) for key in expected
        )
    return bool(answer == expected)


def _equal(answer: Any, expected: Any) -> bool:
    """Equal as Python has it: 1, 1.0 and True are."""
    return bool(answer == expected)


def _float(answer: Any, expected: Any) -> bool:
    """Numbers agree within 1e-6 (relative or absolute); everything else exactly.

    stdio tokens that read as numbers count as numbers.
    """
    if isinstance(expected, list) and isinstance(answer, list):
        return len(answer) == len(expected) and all(map(_float, answer, expected))
    left, right = _number(answer), _number(expected)
    if left is None or right is None or isinstance(answer, str) != isinstance(expected, str):
        return _exact(answer, expected)
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)


def _unordered(answer: Any, expected: Any) -> bool:
    """The same members, counted, in any order (outermost list only)."""
    if not isinstance(answer, list) or not isinstance(expected, list):
        return _exact(answer, expected)
    return Counter(map(_key, answer)) == Counter(map(_key, expected))


def _ignore_case(answer: Any, expected: Any) -> bool:
    """Tokens or strings that differ only in case ("Yes" and "YES")."""
    if isinstance(answer, list) and isinstance(expected, list):
        return len(answer) == len(expected) and all(map(_ignore_case, answer, expected))
    if isinstance(answer, str) and isinstance(expected, str):
        return answer.lower() == expected.lower()
    return _exact(answer, expected)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


CHECKERS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": _exact,
    "equal": _equal,
    "float": _float,
    "unordered": _unordered,
    "ignore_case": _ignore_case,
}
"""Checkers by name. For stdio problems they compare white-space separated tokens."""
