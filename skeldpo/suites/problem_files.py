"""Files of problems that carry their known programs, as suites: those are the references."""

from __future__ import annotations

from skeldpo.problems.sources import LeftOutProblem, iter_problems
from skeldpo.suites.contract import SuiteData, SuiteProblems
from skeldpo.suites.evaluation import LeftOut


def load_problem_file(data: SuiteData) -> SuiteProblems:
    """The problems of a file (PROBLEMS.md); those that it leaves out are listed."""
    left_out: list[LeftOutProblem] = []
    problems = tuple(iter_problems([data.source], on_left_out=left_out.append))
    return SuiteProblems(
        problems=problems,
        left_out=tuple(
            LeftOut(place=entry.place, problem_id=entry.problem_id, reason=entry.reason)
            for entry in left_out
        ),
    )
