"""The built-in held-out problems as a suite, against their known programs."""

from __future__ import annotations

from skeldpo.config import ProblemsConfig
from skeldpo.problems.sources import evaluation_problems, load_problems
from skeldpo.suites.contract import Protocol, Suite, SuiteData, SuiteProblems
from skeldpo.suites.scoring import PLACE_SCORES, place_among_references


def _load(data: SuiteData) -> SuiteProblems:
    config = ProblemsConfig(num_train=1)
    problems = evaluation_problems(load_problems(config.sources), config, seed=0)
    return SuiteProblems(problems=tuple(problems))


SUITE = Suite(
    name="heldout",
    data="built in",
    scores=PLACE_SCORES,
    equality="the problem's checker takes it",
    load=_load,
    protocol=Protocol(score=place_among_references),
    needs_data=False,
)
