"""LeetCodeDataset: its rows, each with one reference."""

from __future__ import annotations

from skeldpo.suites.contract import Protocol, Suite
from skeldpo.suites.problem_files import load_problem_file
from skeldpo.suites.scoring import place_among_references
from skeldpo.suites.speed import NAMES

SUITE = Suite(
    name="leetcode",
    data="a LeetCodeDataset file (PROBLEMS.md)",
    scores=f"pass@k, by difficulty; beyond@k, {NAMES} against its one reference",
    equality="it is `equal`, or within the `float` tolerance where an expe"
    "cted answer holds a float",
    load=load_problem_file,
    protocol=Protocol(score=place_among_references),
)
