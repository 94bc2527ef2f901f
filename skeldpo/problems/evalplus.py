"""Rows of EvalPlus and EvalPerf (arXiv 2305.01210, 2408.06450), which are no training problems.

They have no answers: a run of the canonical solution gives them, which the suites do
(docs/SUITES.md). And HumanEval+ and MBPP+ are what policies are compared on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.records import Problem

_INPUTS = {"plus_input", "pe_input"}


def matches(row: Mapping[str, Any]) -> bool:
    """A task with inputs of EvalPlus's or EvalPerf's."""
    return set(row) >= {"task_id", "entry_point"} and bool(set(row) & _INPUTS)


def problem(row: Mapping[str, Any]) -> Problem:
    """Always a ValueError that names the suites."""
    raise ValueError(
        f"{row['task_id']!r} is a row of EvalPlus, which has no answers to judge programs by; "
        "evaluate on it with --suite mbpp_plus, humaneval_plus or evalperf and --data"
    )
