"""MBPP+ (arXiv 2305.01210): pass@k on all of EvalPlus's tests."""

from __future__ import annotations

from skeldpo.suites.contract import Protocol, Suite
from skeldpo.suites.evalplus import EQUALITY, ROWS, SCORES, evalplus_task, load_tasks
from skeldpo.suites.scoring import place_among_references

NAME = "mbpp_plus"

SUITE = Suite(
    name=NAME,
    data=ROWS,
    scores=SCORES,
    equality=EQUALITY,
    load=lambda data: load_tasks(data, lambda row: evalplus_task(row, NAME)),
    protocol=Protocol(score=place_among_references),
)
