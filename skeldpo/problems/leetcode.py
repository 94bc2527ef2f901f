"""Rows of LeetCodeDataset (arXiv 2504.14655) as function problems.

Tests are read from the asserts of a row's `test` without executing anything: calls of `candidate`
with literal arguments, compared with `==`. Problems about linked lists and trees have arguments
that only code can make; they are unsupported. The dataset's prelude of imports is the preamble of
every program, as LeetCode has it before every submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.answers import plain_text
from skeldpo.languages import python
from skeldpo.languages.python.data import parse_asserts, stub_parameters
from skeldpo.problems.asserts import assert_examples, compared_by, require_answers
from skeldpo.problems.growth import with_growth
from skeldpo.problems.reader import id_text, require_texts
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
    require_texts(row, sorted(_KEYS - {"task_id"}))
    statement, starter_code = _parts(row["query"])
    entry_point = row["entry_point"].replace("()", "", 1)
    parameters = stub_parameters(starter_code, entry_point.rpartition(".")[2])
    tests = tuple(assert_examples(parse_asserts(row["test"]), "candidate", parameters))
    require_answers(tests)
    reference = f"{row['prompt'].rstrip()}\n\n{row['completion'].strip()}\n"
    read = Problem(
        problem_id=id_text(row["task_id"]),
        language=python.NAME,
        source="leetcode",
        split="train",
        difficulty=_difficulty(row),
        kind="function",
        statement=statement,
        entry_point=entry_point,
        starter_code=starter_code,
        tests=tests,
        generators=(),
        checker=compared_by(tests),
        reference=reference,
        solutions=(KnownProgram(code=reference, speed="unknown"),),
        preamble=plain_text(row["prompt"]),
    )
    return with_growth(read, parameters)


def _difficulty(row: Mapping[str, Any]) -> str:
    """From the row, or from its `meta` in older versions."""
    meta = row.get("meta")  # text in a table
    held = meta.get("difficulty") if isinstance(meta, Mapping) else None
    level = row.get("difficulty") or held
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
