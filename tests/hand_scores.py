"""A problem of a suite scored from rows that a test has made."""

from __future__ import annotations

from collections.abc import Sequence

from skeldpo.measure.on_cores import Run
from skeldpo.records import Assignment, Measurement
from skeldpo.suites.contract import Protocol, Score, SuiteProblems
from skeldpo.suites.evaluation import ProblemResult
from skeldpo.suites.scoring import (
    ScoredProblem,
    Terms,
    given_codes,
    place_among_references,
    score_problem,
    suite_assignments,
)


def scored_by_hand(
    held: SuiteProblems,
    assignment: Assignment,
    codes: Sequence[str],
    rows: Sequence[Measurement],
    terms: tuple[tuple[int, ...], float],
    score: Score = place_among_references,
) -> ScoredProblem:
    """`terms` are the k and where measuring stops a program, in ns."""
    ks, stopped_ns = terms
    made = Terms(score=score, ks=ks, stopped_ns=stopped_ns)
    return score_problem(held, assignment, given_codes(assignment, codes), rows, made)


def scored_by_session(
    held: SuiteProblems, codes: Sequence[str], protocol: Protocol, run: Run
) -> ProblemResult:
    """The first problem by a protocol's own session, with `run` in place of a sandbox."""
    (assignment,) = suite_assignments(held, {held.problems[0].problem_id: codes}, seed=0)
    assert protocol.session is not None
    rows = protocol.session(assignment, run)
    scored = scored_by_hand(held, assignment, codes, rows, ((1,), 0.0), protocol.score)
    assert scored.result is not None
    assert scored.left_out == ()
    return scored.result
