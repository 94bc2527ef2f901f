"""Pairs of a problem, or the reason why they cannot be built: one problem costs no other its pairs.

Building is pure, so what raises once raises again: there is one try.
"""

from __future__ import annotations

from dataclasses import replace

from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.pair.build import Funnel, ProblemPairs, build_pairs
from skeldpo.pair.earlier import earlier_programs
from skeldpo.records import Dropped
from skeldpo.storage.by_problem import MeasuredProblem

QUARANTINED = "quarantined"
"""How the reason of a problem begins whose pairs cannot be built."""
_NOTHING = Funnel(
    num_candidates=0,
    num_distinct=0,
    num_accepted=0,
    num_timed=0,
    efficient_groups=(),
    inefficient_groups=(),
    num_races=0,
    num_decided=0,
    num_reversed=0,
    num_unchecked=0,
)


def pairs_or_reason(
    measured: MeasuredProblem, *, pair: PairConfig, skeleton: SkeletonConfig, round_index: int
) -> ProblemPairs:
    """As `build_pairs`, with the programs of earlier rounds; what that raises becomes
    `ProblemPairs.error`, and the problem has no pairs."""
    try:
        return build_pairs(
            problem=measured.problem,
            candidates=measured.candidates,
            measurements=measured.measurements,
            pair=pair,
            skeleton=skeleton,
            round_index=round_index,
            earlier=earlier_programs(
                [(before.candidates, before.measurements) for before in measured.earlier], pair
            ),
        )
    except Exception as error:  # of a program that nobody thought of, in a skeleton say
        reason = f"{type(error).__name__}: {error}"
    told = f"{QUARANTINED}: {reason}"
    return ProblemPairs(
        problem_id=measured.problem.problem_id,
        pairs=(),
        funnel=replace(_NOTHING, num_candidates=len(measured.candidates)),
        efficiency_reason=told,
        correctness_reason=told,
        dropped=(Dropped(reason=told, num_rows=1),),
        dropped_candidates=(Dropped(reason=told, num_rows=len(measured.candidates)),),
        error=reason,
    )
