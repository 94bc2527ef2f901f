"""Rows of CodeContests in the format of Coffe: stdio problems with generators of large inputs.

The rows bring no checker; the statement decides (docs/PROBLEMS.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.answers import plain_text
from skeldpo.judging.right_answers import several_answers, stated_checker
from skeldpo.judging.stdio import expected_text, input_text
from skeldpo.languages import python
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.reader import id_text, require_lists, require_texts
from skeldpo.records import Example, KnownProgram, Problem

_KEYS = {"problem_id", "statement", "solutions", "tests", "stress_generators"}
_PREFIX = "You are an expert Python programmer, and here is your task:"
_SEEDED_GENERATOR = """

_generate_input = generate_input

def generate_input(size, seed):
    import random
    random.seed(seed)
    return _generate_input()
"""


def matches(row: Mapping[str, Any]) -> bool:
    """A row with stress generators, also if a key that it needs is missing."""
    return "stress_generators" in row


def problem(row: Mapping[str, Any]) -> Problem:
    """The problem; UnsupportedProblemError if it has several right answers."""
    read = any_problem(row)
    several = several_answers(read)
    if several:
        raise UnsupportedProblemError(
            f"several right answers, and no checker for them: {several!r}"
        )
    return read


def any_problem(row: Mapping[str, Any]) -> Problem:
    """The problem of a row, also if it has several right answers."""
    missing = _KEYS - set(row)
    if missing:
        raise ValueError(f"a CodeContests row needs {sorted(missing)}")
    require_texts(row, ["statement"])
    require_lists(row, ["solutions", "stress_generators"], str)
    require_lists(row, ["tests"], dict)
    for test in row["tests"]:
        require_texts(test, ["input", "output"])
    statement = row["statement"].removeprefix(_PREFIX).strip()
    tests = tuple(
        Example(input_text=input_text(test["input"]), expected_text=expected_text(test["output"]))
        for test in row["tests"]
    )
    return Problem(
        problem_id=id_text(row["problem_id"]),
        language=python.NAME,
        source="code_contests",
        split="train",
        difficulty="unknown",
        kind="stdio",
        statement=statement,
        entry_point="",
        starter_code="",
        tests=tests,
        generators=tuple(plain_text(code) + _SEEDED_GENERATOR for code in row["stress_generators"]),
        checker=stated_checker(statement, tests),
        reference="",
        solutions=tuple(
            KnownProgram(code=plain_text(code), speed="unknown") for code in row["solutions"]
        ),
    )
