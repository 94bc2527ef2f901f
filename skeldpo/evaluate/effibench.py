"""EffiBench (arXiv 2402.02037): its rows as problems with the canonical solution as the reference.

A row's asserts are read as data; a row with other tests (lists linked by hand, tolerances) is
listed. Each test calls a fresh `Solution`, and answers are compared on the host. Time and memory
are those of all tests in one process: CPU time where the suite takes the wall clock, and without
the interpreter's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.evaluate.programs import LeftOut
from skeldpo.evaluate.reference_suite import ReferenceSuite
from skeldpo.evaluate.rows import suite_rows
from skeldpo.languages import python
from skeldpo.languages.python.data import called_method, method_head, parse_asserts
from skeldpo.problems.asserts import assert_examples
from skeldpo.records import KnownProgram, Problem

SUITE = "effibench"
HUB_ID = "DONG19/EffiBench"
HUB_SPLIT = "train"
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


def load_effibench(source: str) -> ReferenceSuite:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when it has no row that can be used; others are listed in the suite.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    for line in suite_rows(source, HUB_SPLIT):
        row = line.row or {}
        key = str(row.get("problem_idx", ""))
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if key in problems:
                raise ValueError("this problem_idx is there twice; the first counts")
            problems[key] = _problem(row)
        except (ValueError, TypeError, SyntaxError, RecursionError) as error:
            left_out.append(LeftOut(place=line.place, problem_id=key, reason=str(error)))
    if not problems:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected EffiBench rows, found none that can be used{first}")
    return ReferenceSuite(
        name=SUITE,
        problems=tuple(problems.values()),
        frames={},
        left_out=tuple(left_out),
        has_overheads=True,
    )


def _problem(row: Mapping[str, Any]) -> Problem:
    missing = [name for name in COLUMNS if row.get(name) in (None, "")]
    if missing:
        raise ValueError(f"missing or empty columns {missing}")
    checks = parse_asserts(row["test_case"])
    method = called_method(checks[0], _OBJECT)
    head = method_head(row["canonical_solution"], _OWNER, method)
    return Problem(
        problem_id=str(row["problem_idx"]),
        language=python.NAME,
        source=SUITE,
        split="heldout_family",
        difficulty=str(row.get("difficulty") or "unknown"),
        kind="function",
        statement=row["markdown_description"],
        entry_point=f"{_OWNER}.{method}",
        starter_code=head.code,
        tests=tuple(assert_examples(checks, f"{_OBJECT}.{method}", head.parameters)),
        generators=(),
        checker="equal",
        reference="",
        solutions=(KnownProgram(code=row["canonical_solution"], speed="unknown"),),
        preamble=PRELUDE,
    )
