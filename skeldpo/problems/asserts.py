"""Tests that are written as asserts, read as data: nothing is executed.

`assert CALLEE(literals) == literal`. A test that is anything else makes the whole problem an
UnsupportedProblemError: without it the problem would be another one.
"""

from __future__ import annotations

from collections.abc import Sequence

from skeldpo.languages.python.data import Assert, asserted_call
from skeldpo.records import Example
from skeldpo.values import NotPlainError, decode, encode


class UnsupportedProblemError(ValueError):
    """A problem that is well formed but not of a kind that can be judged here."""


def assert_examples(
    checks: Sequence[Assert], callee: str, parameters: tuple[str, ...]
) -> list[Example]:
    """An example for each assert about a call of `callee`, as it is written there; named arguments
    are put in the order of the parameters."""
    return [_example(check, callee, parameters) for check in checks]


def compared_by(examples: Sequence[Example]) -> str:
    """The checker of tests that compare with ==: "float" if an expected answer is a float, or holds
    one. Right programs add up in another order, and LeetCode takes what they answer."""
    has_floats = any(_holds_float(decode(example.expected_text)) for example in examples)
    return "float" if has_floats else "equal"


def require_answers(examples: Sequence[Example]) -> None:
    """UnsupportedProblemError where every test expects None, as from a function that changes its
    arguments: what became of them is not seen, so that one that does nothing would be right."""
    if examples and all(example.expected_text == "null" for example in examples):
        raise UnsupportedProblemError(
            "every test expects None: what a program makes of its arguments is not seen, so that "
            "one that does nothing would be right"
        )


def _holds_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_float, value))
    return isinstance(value, float)


def _example(check: Assert, callee: str, parameters: tuple[str, ...]) -> Example:
    try:
        call = asserted_call(check, callee, parameters)
    except ValueError as error:
        raise UnsupportedProblemError(str(error)) from error
    return Example(input_text=_text(call.arguments), expected_text=_text(call.expected))


def _text(value: object) -> str:
    try:
        return encode(value)
    except NotPlainError as error:
        raise UnsupportedProblemError(
            f"an argument or answer that is no plain value: {error}: {value!r:.60}"
        ) from error
