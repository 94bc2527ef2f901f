"""Rows of EffiBench (arXiv 2402.02037): LeetCode problems with a canonical solution and asserts.

The asserts are read as data; rows with other tests (lists linked by hand, tolerances, objects
with a state) are unsupported. Each test calls a fresh `Solution`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.languages import python
from skeldpo.languages.python.data import (
    called_method,
    method_head,
    parse_asserts,
    require_plain_object,
)
from skeldpo.problems.asserts import (
    UnsupportedProblemError,
    assert_examples,
    compared_by,
    require_answers,
)
from skeldpo.problems.reader import require_texts
from skeldpo.records import KnownProgram, Problem

COLUMNS = ("problem_idx", "markdown_description", "canonical_solution", "test_case")
_OWNER = "Solution"
_OBJECT = "solution"
_STARRED = (
    "typing bisect collections copy datetime heapq math re string random itertools functools "
    "operator"
)
"""Modules whose names the suite gives every program, in its order: later ones hide earlier."""
_NAMED = "string re datetime collections heapq bisect copy math random itertools functools operator"
_NODES = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next


class TreeNode:
    def __init__(self, val=0, left=None, right=None, next=None):
        self.val, self.left, self.right, self.next = val, left, right, next
"""
PRELUDE = "\n".join(
    [f"from {name} import *" for name in _STARRED.split()]
    + [f"import {name}" for name in _NAMED.split()]
    + [_NODES]
)


def matches(row: Mapping[str, Any]) -> bool:
    """A row with all columns that are read."""
    return set(row) >= set(COLUMNS)


def problem(row: Mapping[str, Any]) -> Problem:
    """The problem; UnsupportedProblemError where the row's texts are not of this form."""
    try:
        return _problem(row)
    except (ValueError, TypeError, SyntaxError, RecursionError) as error:
        raise UnsupportedProblemError(str(error)) from error


def _problem(row: Mapping[str, Any]) -> Problem:
    missing = [name for name in COLUMNS if row.get(name) in (None, "")]
    if missing:
        raise ValueError(f"missing or empty columns {missing}")
    require_texts(row, COLUMNS[1:])
    checks = parse_asserts(row["test_case"])
    require_plain_object(row["test_case"], _OBJECT, _OWNER)
    method = called_method(checks[0], _OBJECT)
    head = method_head(row["canonical_solution"], _OWNER, method)
    tests = tuple(assert_examples(checks, f"{_OBJECT}.{method}", head.parameters))
    require_answers(tests)
    return Problem(
        problem_id=str(row["problem_idx"]),
        language=python.NAME,
        source="effibench",
        split="train",
        difficulty=str(row.get("difficulty") or "unknown"),
        kind="function",
        statement=row["markdown_description"],
        entry_point=f"{_OWNER}.{method}",
        starter_code=head.code,
        tests=tests,
        generators=(),
        checker=compared_by(tests),
        reference="",
        solutions=(KnownProgram(code=row["canonical_solution"], speed="unknown"),),
        preamble=PRELUDE,
    )
