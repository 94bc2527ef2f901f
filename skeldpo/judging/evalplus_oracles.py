"""How EvalPlus (arXiv 2305.01210, evalplus 0.3.1, `evalplus/eval/__init__.py`) judges an answer.

An answer has to equal the canonical solution's as Python has it: (1, 2) and [1, 2] differ, 1, 1.0
and True do not. With an absolute tolerance, which a row brings (`atol`) or which is 1e-6 where the
canonical solution answers with floats, an answer of the same type and shape may differ by atol +
1e-7 of the expected number. Some tasks have an oracle of their own, found by dataset and name.

Departures: ints are exact under a tolerance too; NaN is right where NaN is expected; EvalPlus
turns the 1e-6 on at the first such answer of a run, here it holds for all tests of the task;
entries are not broadcast to each other's shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skeldpo.values import Opaque, decode, encode

FLOAT_ATOL = 1e-6
RELATIVE_TOLERANCE = 1e-7
MAX_RANGE = 1 << 20
_PREFIX = "evalplus"
_SET_TASKS = frozenset({
    "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum",
    "intersection_array", "find_dissimilar", "Diff",
})  # fmt: skip
NOT_NONE = "not_none"
_MBPP_ORACLES = {
    **dict.fromkeys(_SET_TASKS, "set"),
    **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), NOT_NONE),
    "are_equivalent": "any",
    "sum_div": "or_zero",
    "surface_Area": "or_surface",
    "digit_distance_nums": "or_padded_digits",
}
_HUMANEVAL_ORACLES = {"find_zero": "root"}
EQUAL = "equal"
_ORACLES = {EQUAL, *_MBPP_ORACLES.values(), *_HUMANEVAL_ORACLES.values()}
_NAME = re.compile(rf"{_PREFIX}:({'|'.join(sorted(_ORACLES))}):[0-9][0-9.e-]*")


def evalplus_checker(*, is_mbpp: bool, entry_point: str, atol: float) -> str:
    """The name of the checker of a task, such as "evalplus:set:0.0"."""
    oracles = _MBPP_ORACLES if is_mbpp else _HUMANEVAL_ORACLES
    return f"{_PREFIX}:{oracles.get(entry_point, EQUAL)}:{float(atol)!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How a task's programs are judged once its canonical solution has answered."""

    checker: str
    expected_texts: tuple[str, ...]


def judged_by(checker: str, answer_texts: Sequence[str]) -> Judged:
    """The checker of a task, with the tolerance that its answers turn on, and what is expected;
    ValueError if an answer is no plain data and more than its being there counts."""
    answers = [decode(text) for text in answer_texts]
    prefix, oracle, atol = checker.split(":")
    if not float(atol) and any(map(is_floats, answers)):
        checker = f"{prefix}:{oracle}:{FLOAT_ATOL!r}"
    if oracle == NOT_NONE:
        texts = tuple(encode(answer is not None) for answer in answers)
        return Judged(checker=checker, expected_texts=texts)
    odd = [answer.kind for answer in answers if isinstance(answer, Opaque)]
    if odd:
        raise ValueError(f"answers with what is no plain data: {odd[0]}")
    return Judged(checker=checker, expected_texts=tuple(answer_texts))


def is_evalplus(checker: str) -> bool:
    """Whether `evalplus_checker` made the name."""
    return _NAME.fullmatch(checker) is not None


def is_floats(value: Any) -> bool:
    """A float, or a list or tuple of nothing else, where EvalPlus turns its tolerance on."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(entry, float) for entry in value)
    return isinstance(value, float)


def is_right(checker: str, answer: Any, expected: Any, arguments: Sequence[Any]) -> bool:
    """Whether EvalPlus takes an answer, by the name of its checker; never raises."""
    _, oracle, atol_text = checker.split(":")
    atol = float(atol_text)
    try:
        if oracle == "root":
            return bool(abs(_polynomial(arguments[0], answer)) <= atol)
        is_equal = _accepts(oracle, answer, expected, arguments, atol)
        return is_equal or (atol > 0 and _is_close(answer, expected, atol))
    except (TypeError, ValueError, ArithmeticError, AttributeError, IndexError):
        return False


def _accepts(
    oracle: str, answer: Any, expected: Any, arguments: Sequence[Any], atol: float
) -> bool:
    if oracle == "set":
        return set(_entries(answer)) == set(_entries(expected))
    if oracle == NOT_NONE:  # expected: whether the canonical solution's answer is not None
        found = answer if isinstance(answer, bool) else answer is not None
        return bool(found == expected)
    if _equals(answer, expected) or oracle == "any":
        return True
    if oracle == "or_zero":
        return bool(answer == 0)
    if oracle == "or_surface":
        return bool(abs(answer - _surface(*arguments)) <= atol)
    if oracle == "or_padded_digits":
        return bool(answer == _padded_digits(*arguments))
    return False


def _equals(answer: Any, expected: Any) -> bool:
    """As Python has it, but for NaN."""
    return bool(answer == expected or (answer != answer and expected != expected))


def _entries(value: Any) -> Any:
    """What `set` takes; a range could name more than any program may answer with."""
    if isinstance(value, range) and len(value) > MAX_RANGE:
        raise ValueError(f"a range of {len(value)} numbers")
    return value


def _is_close(answer: Any, expected: Any, atol: float) -> bool:
    """numpy.allclose of two values of one type."""
    if type(answer) is not type(expected):
        return False
    return _numbers_close(answer, expected, atol)


def _numbers_close(answer: Any, expected: Any, atol: float) -> bool:
    if isinstance(answer, list | tuple) and isinstance(expected, list | tuple):
        return len(answer) == len(expected) and all(
            _numbers_close(mine, its, atol) for mine, its in zip(answer, expected, strict=True)
        )
    if not (isinstance(answer, _NUMBERS) and isinstance(expected, _NUMBERS)):
        return False
    if answer == expected or (isinstance(answer, int) and isinstance(expected, int)):
        return bool(answer == expected)
    if not math.isfinite(abs(expected)):
        return answer != answer and expected != expected
    return bool(abs(answer - expected) <= atol + RELATIVE_TOLERANCE * abs(expected))


def _surface(base_edge: Any, height: Any) -> int:
    """Of a square pyramid whose height is that of its apex over the base (Mbpp/581)."""
    slant_height = math.sqrt((base_edge / 2) ** 2 + height**2)
    return int(round(base_edge**2 + 4 * (base_edge * slant_height) / 2))


def _padded_digits(first: Any, second: Any) -> int:
    """Sum of the differences of digits at equal places from the right (Mbpp/558)."""
    length = max(len(str(first)), len(str(second)))
    pairs = zip(str(first).zfill(length), str(second).zfill(length), strict=True)
    return sum(abs(int(one) - int(other)) for one, other in pairs)


def _polynomial(coefficients: Sequence[Any], x: Any) -> Any:
    """coefficients[0] + coefficients[1] * x + ... (HumanEval/32)."""
    return sum(each * math.pow(x, power) for power, each in enumerate(coefficients))


_NUMBERS = (int, float, complex)
