"""How long the chosen side of pairs is beside the rejected one, and balancing it.

Training follows any difference: where fast programs are mostly shorter, a policy learns to write
short ones. Lengths are tokens of the program text (`languages.contract`), which dataset
programs have too. Pure.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from skeldpo.languages import language
from skeldpo.pair.build import ProblemPairs
from skeldpo.records import Dropped, PairStage, PreferencePair

LEFT_OUT = "left out to balance lengths"
LEAST_GAIN = 1e-9
"""Of the mean logarithm of the ratio, by leaving a pair out: less is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthDifferences:
    """Tokens of the chosen program less those of the rejected one, over a number of pairs: the
    10 %, 50 % and 90 % quantiles, and the share of pairs whose chosen program is longer."""

    num_pairs: int
    low_tokens: float
    median_tokens: float
    high_tokens: float
    chosen_longer: float


def num_tokens(pair: PreferencePair) -> tuple[int, int]:
    """Tokens of the chosen program and of the rejected one."""
    tokens = language(pair.language).tokens
    return len(tokens(pair.chosen.code)), len(tokens(pair.rejected.code))


def length_difference(pair: PreferencePair) -> int:
    """Tokens of the chosen program less those of the rejected one."""
    chosen, rejected = num_tokens(pair)
    return chosen - rejected


def distribution(differences: Iterable[int]) -> LengthDifferences:
    """Of the length differences of at least one pair; ValueError for none."""
    differences = sorted(differences)
    if not differences:
        raise ValueError("length differences: needs at least one pair, got none")
    last = len(differences) - 1
    return LengthDifferences(
        num_pairs=len(differences),
        low_tokens=differences[round(0.1 * last)],
        median_tokens=statistics.median(differences),
        high_tokens=differences[round(0.9 * last)],
        chosen_longer=sum(difference > 0 for difference in differences) / len(differences),
    )


def balance_lengths(
    made: Callable[[], Iterable[ProblemPairs]], max_share: float
) -> Iterator[ProblemPairs]:
    """The same problems with fewer pairs, so that neither side is longer on average; `made` gives
    the problems, each time it is asked, and none is kept.

    In each stage the pair with the largest ratio of lengths in the direction that prevails goes,
    then the next, as long as that brings the mean logarithm of the ratio nearer to 0 and at most
    `max_share` of the stage's pairs went. A problem left without pairs of a stage says so.
    """
    ratios: dict[PairStage, dict[str, float]] = {"efficiency": {}, "correctness": {}}
    if max_share:
        for problem in made():
            for pair in problem.pairs:
                ratios[pair.stage][pair.pair_id] = _log_ratio(pair)
    gone: set[str] = set()
    for of_stage in ratios.values():
        gone |= _left_out(of_stage, math.floor(max_share * len(of_stage)))
    return (_without(problem, gone) for problem in made())


def _left_out(ratios: dict[str, float], max_pairs: int) -> set[str]:
    total = sum(ratios.values())
    gone: set[str] = set()
    for pair_id, ratio in sorted(ratios.items(), key=lambda item: (-abs(item[1]), item[0])):
        left = len(ratios) - len(gone)
        if len(gone) == max_pairs:
            break
        if abs(total - ratio) / (left - 1) < abs(total) / left - LEAST_GAIN:
            total -= ratio
            gone.add(pair_id)
    return gone


def _log_ratio(pair: PreferencePair) -> float:
    chosen, rejected = num_tokens(pair)
    return math.log((chosen + 1) / (rejected + 1))


def _without(problem: ProblemPairs, gone: set[str]) -> ProblemPairs:
    kept = tuple(pair for pair in problem.pairs if pair.pair_id not in gone)
    if len(kept) == len(problem.pairs):
        return problem
    stages = {pair.stage for pair in kept}
    efficiency = problem.efficiency_reason or ("" if "efficiency" in stages else LEFT_OUT)
    correctness = problem.correctness_reason or ("" if "correctness" in stages else LEFT_OUT)
    whole = f"efficiency: {efficiency}; correctness: {correctness}"
    before, after = _candidate_ids(problem.pairs), _candidate_ids(kept)
    left = (Dropped(reason=LEFT_OUT, num_rows=len(before - after)),) if before - after else ()
    return dataclasses.replace(
        problem,
        pairs=kept,
        efficiency_reason=efficiency,
        correctness_reason=correctness,
        dropped=() if kept else (Dropped(reason=whole, num_rows=1),),
        dropped_candidates=(*problem.dropped_candidates, *left),
    )


def _candidate_ids(pairs: Sequence[PreferencePair]) -> set[str]:
    return {side.candidate_id for pair in pairs for side in (pair.chosen, pair.rejected)}
