"""Tests that are written as asserts, read as data: nothing is executed.

`assert CALLEE(literals) == literal`. A test that is anything else makes the whole problem an
UnsupportedProblemError: without it the problem would be another one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from skeldpo.records import Example
from skeldpo.values import NotPlainError, decode, encode

_TYPES: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (set, frozenset, tuple, list, dict, float, complex)
}


class UnsupportedProblemError(ValueError):
    """A problem that is well formed but not of a kind that can be judged here."""


def parse_asserts(test: str) -> list[ast.Assert]:
    """The asserts of a text; ValueError if it does not parse or has none."""
    try:
        tree = ast.parse(test)
    except (SyntaxError, RecursionError) as error:
        raise ValueError(f"test does not parse: {error}") from error
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    if not checks:
        raise ValueError("test: expected asserts, found none")
    return checks


def assert_examples(
    checks: Sequence[ast.Assert], callee: str, parameters: tuple[str, ...]
) -> list[Example]:
    """An example for each assert about a call of `callee`, as it is written there; named arguments
    are put in the order of the parameters."""
    return [_example(check.test, callee, parameters) for check in checks]


def expects_floats(examples: Sequence[Example]) -> bool:
    """Whether an expected answer is a float, or holds one."""
    return any(_holds_float(decode(example.expected_text)) for example in examples)


def _holds_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_float, value))
    return isinstance(value, float)


def _example(check: ast.expr, callee: str, parameters: tuple[str, ...]) -> Example:
    match check:
        case ast.Compare(
            left=ast.Call(func=function, args=positional, keywords=named),
            ops=[ast.Eq()],
            comparators=[expected],
        ) if ast.unparse(function) == callee:
            values = dict(zip(parameters, positional, strict=False))
            values |= {keyword.arg: keyword.value for keyword in named if keyword.arg}
            if set(values) != set(parameters):
                raise UnsupportedProblemError(
                    f"a test with arguments {sorted(values)} for parameters {sorted(parameters)}"
                )
            arguments = [_value(values[name]) for name in parameters]
            return Example(input_text=_text(arguments), expected_text=_text(_value(expected)))
    raise UnsupportedProblemError(f"a test that is no comparison: {ast.unparse(check)[:60]}")


def _value(node: ast.expr) -> object:
    """A literal, which may hold `inf`, `nan` and calls of plain types, such as `set([1])`."""
    try:
        return _evaluated(node)
    except (ValueError, TypeError, RecursionError) as error:
        raise UnsupportedProblemError(
            f"an argument or answer that is no plain value: {ast.unparse(node)[:60]}"
        ) from error


def _evaluated(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="math"), attr=name):
            if name in ("inf", "nan"):
                return float(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.List(elts=entries):
            return [*map(_evaluated, entries)]
        case ast.Tuple(elts=entries):
            return (*map(_evaluated, entries),)
        case ast.Set(elts=entries):
            return {*map(_evaluated, entries)}
        case ast.Dict(keys=keys, values=entries) if None not in keys:
            return {
                _evaluated(key): _evaluated(entry)
                for key, entry in zip(keys, entries, strict=True)
                if key is not None
            }
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _TYPES:
            return _TYPES[name](*map(_evaluated, given))
    return ast.literal_eval(node)


def _text(value: object) -> str:
    try:
        return encode(value)
    except NotPlainError as error:
        raise UnsupportedProblemError(
            f"an argument or answer that is no plain value: {error}: {value!r:.60}"
        ) from error
