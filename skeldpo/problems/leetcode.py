"""Rows of LeetCodeDataset (arXiv 2504.14655) as function problems.

Tests are read from the asserts of a row's `test` without executing anything: calls of `candidate`
with literal arguments, compared with `==`. Problems about linked lists and trees have arguments
that only code can make; they are unsupported. The dataset's prelude of imports is the preamble of
every program, as LeetCode has it before every submission.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from skeldpo.answers import plain_text
from skeldpo.problems.asserts import assert_examples, expects_floats, parse_asserts
from skeldpo.records import KnownProgram, Problem

_KEYS = {"task_id", "prompt", "completion", "entry_point", "test", "query"}
_REQUESTS = ("Please complete the following python code precisely:", "### Format:")
"""What follows the statement, in version 0.2 and from 0.3 on."""
_HEADING = "### Question:"
_DIFFICULTIES = {"Easy": "easy", "Medium": "medium", "Hard": "hard"}


def matches(row: Mapping[str, Any]) -> bool:
    """A row with all keys that are read."""
    return set(row) >= _KEYS


def problem(row: Mapping[str, Any]) -> Problem:
    """One problem; ValueError if the row is malformed."""
    missing = _KEYS - set(row)
    if missing:
        raise ValueError(f"a LeetCodeDataset row needs {sorted(missing)}")
    statement, starter_code = _parts(row["query"])
    entry_point = row["entry_point"].replace("()", "", 1)
    parameters = _parameters(starter_code, entry_point)
    tests = tuple(assert_examples(parse_asserts(row["test"]), "candidate", parameters))
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
        checker="float" if expects_floats(tests) else "equal",  # the tests compare with ==
        reference=reference,
        solutions=(KnownProgram(code=reference, speed="unknown"),),
        preamble=plain_text(row["prompt"]),
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
