"""Rows of LeetCodeDataset (arXiv 2504.14655) as function problems.

Tests are read from the asserts of a row's `test` without executing anything: calls of `candidate`
with literal arguments, compared with `==`. Problems about linked lists and trees have arguments
that only code can make; they are `UnsupportedProblemError`. The dataset's prelude of imports comes
before the reference program, as LeetCode has it before every submission.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from typing import Any

from skeldpo.records import Example, KnownProgram, Problem

KEYS = {"task_id", "prompt", "completion", "entry_point", "test", "query"}
_REQUESTS = ("Please complete the following python code precisely:", "### Format:")
"""What follows the statement, in version 0.2 and from 0.3 on."""
_HEADING = "### Question:"
_DIFFICULTIES = {"Easy": "easy", "Medium": "medium", "Hard": "hard"}


class UnsupportedProblemError(ValueError):
    """A problem that is well formed but not of a kind that can be judged here."""


def leetcode_problem(row: Mapping[str, Any]) -> Problem:
    """One problem; ValueError if the row is malformed."""
    missing = KEYS - set(row)
    if missing:
        raise ValueError(f"a LeetCodeDataset row needs {sorted(missing)}")
    statement, starter_code = _parts(row["query"])
    entry_point = row["entry_point"].replace("()", "", 1)
    parameters = _parameters(starter_code, entry_point)
    tests = tuple(_examples(row["test"], parameters))
    has_float = any("." in test.expected_text for test in tests)
    reference = f"{row['prompt'].rstrip()}\n\n{row['completion'].strip()}\n"
    return Problem(
        problem_id=row["task_id"],
        source="leetcode",
        split="train",
        difficulty=_difficulty(row),
        kind="function",
        statement=statement,
        entry_point=entry_point,
        starter_code=starter_code,
        tests=tests,
        generators=(),
        checker="float" if has_float else "exact",
        reference=reference,
        solutions=(KnownProgram(code=reference, speed="unknown"),),
    )


def _difficulty(row: Mapping[str, Any]) -> str:
    """From the row, or from its `meta` in older versions."""
    level = row.get("difficulty") or (row.get("meta") or {}).get("difficulty")
    return _DIFFICULTIES.get(str(level), "unknown")


def _parts(query: str) -> tuple[str, str]:
    """The statement, and the code to complete: the last block between triple backticks."""
    before, start, after = query.rpartition("```python")
    code, end, _ = after.partition("```")
    if not (start and end):
        raise ValueError("query: expected the code to complete between ```python and ```")
    statement = before.rpartition(_HEADING)[2]
    for request in _REQUESTS:
        statement = statement.partition(request)[0]
    return statement.strip(), code.strip("\n") + "\n"


def _parameters(starter_code: str, entry_point: str) -> tuple[str, ...]:
    """Names of the entry point's parameters, without self."""
    name = entry_point.rpartition(".")[2]
    try:
        tree = ast.parse(f"{starter_code.rstrip()}\n        pass\n")
    except SyntaxError as error:
        raise ValueError(f"query: the code to complete does not parse: {error}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return tuple(argument.arg for argument in node.args.args if argument.arg != "self")
    raise ValueError(f"query: the code to complete has no function {name!r}")


def _examples(test: str, parameters: tuple[str, ...]) -> list[Example]:
    try:
        tree = ast.parse(test)
    except SyntaxError as error:
        raise ValueError(f"test does not parse: {error}") from error
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    if not checks:
        raise ValueError("test: expected asserts, found none")
    return [_example(check.test, parameters) for check in checks]


def _example(check: ast.expr, parameters: tuple[str, ...]) -> Example:
    match check:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="candidate"), args=positional, keywords=named),
            ops=[ast.Eq()],
            comparators=[expected],
        ):
            values = dict(zip(parameters, positional, strict=False))
            values |= {keyword.arg: keyword.value for keyword in named if keyword.arg}
            if set(values) != set(parameters):
                raise UnsupportedProblemError(
                    f"a test with arguments {sorted(values)} for parameters {sorted(parameters)}"
                )
            arguments = [_value(values[name]) for name in parameters]
            return Example(input_text=json.dumps(arguments), expected_text=_text(_value(expected)))
    raise UnsupportedProblemError(f"a test that is no comparison: {ast.unparse(check)[:60]}")


def _value(node: ast.expr) -> object:
    """A literal, or infinity."""
    match node:
        case ast.Name(id="inf"):
            return math.inf
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return -math.inf
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError) as error:
        raise UnsupportedProblemError(
            f"an argument or answer that is no plain value: {ast.unparse(node)[:60]}"
        ) from error


def _text(value: object) -> str:
    try:
        return json.dumps(value)
    except TypeError as error:
        raise UnsupportedProblemError(f"an answer that JSON cannot hold: {value!r}") from error
