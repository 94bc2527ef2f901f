"""EffiBench (arXiv 2402.02037): its rows as problems with the canonical solution as the reference.

A row's asserts are read as data; a row with other tests (lists linked by hand, tolerances) is
listed. Each test calls a fresh `Solution`, and answers are compared on the host. Time and memory
are those of all tests in one process: CPU time where the suite takes the wall clock, and without
the interpreter's start.
"""

from __future__ import annotations

from dataclasses import replace

from skeldpo.evaluate.programs import LeftOut
from skeldpo.evaluate.reference_suite import ReferenceSuite
from skeldpo.problems.effibench import problem
from skeldpo.problems.reader import data_rows
from skeldpo.records import Problem

SUITE = "effibench"
HUB_ID = "DONG19/EffiBench"
HUB_SPLIT = "train"


def load_effibench(source: str) -> ReferenceSuite:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when it has no row that can be used; others are listed in the suite.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    for line in data_rows(source, HUB_SPLIT):
        row = line.row or {}
        key = str(row.get("problem_idx", ""))
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if key in problems:
                raise ValueError("this problem_idx is there twice; the first counts")
            problems[key] = replace(problem(row), split="heldout_family")
        except ValueError as error:
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
