"""A user's own problems, against the programs they carry."""

from __future__ import annotations

from skeldpo.suites.contract import Protocol, Suite
from skeldpo.suites.problem_files import load_problem_file
from skeldpo.suites.scoring import PLACE_SCORES, place_among_references

SUITE = Suite(
    name="problems",
    data="your own problems (PROBLEMS.md) that carry `solutions`",
    scores=PLACE_SCORES,
    equality="the problem's checker takes it",
    load=load_problem_file,
    protocol=Protocol(score=place_among_references),
)
