"""CodeContests: its problems with their human programs."""

from __future__ import annotations

from skeldpo.suites.contract import Protocol, Suite
from skeldpo.suites.problem_files import load_problem_file
from skeldpo.suites.scoring import PLACE_SCORES, place_among_references

SUITE = Suite(
    name="code_contests",
    data="a CodeContests file (PROBLEMS.md); problems of several right answers are left out",
    scores=f"{PLACE_SCORES}, against the human programs",
    equality="the problem's checker takes it",
    load=load_problem_file,
    protocol=Protocol(score=place_among_references),
)
