"""The preference pairs of one problem, from the verdicts and times of its candidates.

Efficiency pairs: two distinct accepted programs of one confirming session, the chosen one faster
beyond doubt (`timing.is_faster`); both sides have skeletons if both groups of the problem are large
enough. Correctness pairs: an accepted program over one that is wrong for a reason of its own, the
two that are nearest in text first. A failure of the sandbox is evidence for nothing. Whatever gives
no pair is counted by reason. Pure: equal rows in any order give equal pairs.
"""

from __future__ import annotations

import difflib
import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.records import (
    Candidate,
    Dropped,
    Measurement,
    Outcome,
    PairSide,
    PairStage,
    PreferencePair,
    Problem,
    Skeleton,
    content_id,
)
from skeldpo.skeleton.lexical import empty_skeleton, group_skeleton
from skeldpo.timing import Comparison, compare, is_faster

CUT_OFF = "length"
"""finish_reason of a completion that reached generate.max_tokens: it may lose but is not chosen."""
MAX_COMPARED_TEXTS = 8
"""Programs a side whose texts are compared to find the nearest."""
_WRONG = frozenset(Outcome) - {Outcome.ACCEPTED, Outcome.VIOLATION, Outcome.SANDBOX_FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPairs:
    """The pairs of one problem and the account of the rest.

    `efficiency_reason` and `correctness_reason` say why there is no pair of that stage (empty where
    there is one). `dropped` counts problems: one row if there is no pair at all, else none.
    `dropped_candidates` counts candidates in no pair; with those in a pair they are all.
    """

    pairs: tuple[PreferencePair, ...]
    efficiency_reason: str
    correctness_reason: str
    dropped: tuple[Dropped, ...]
    dropped_candidates: tuple[Dropped, ...]


def build_pairs(
    *,
    problem: Problem,
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    pair: PairConfig,
    skeleton: SkeletonConfig,
    round_index: int,
) -> ProblemPairs:
    """Pairs of one problem: efficiency pairs by falling speedup, then correctness pairs.

    Candidates are looked up by id; measurements of other candidates or problems, and confirming
    sessions whose rows differ in length, are a ValueError.
    """
    trial = _Trial(problem, candidates, measurements)
    wins = _wins(trial, pair)
    contrasts = _contrasts(trial, pair.max_correctness_pairs)
    skeletons = _Skeletons(trial, pair, skeleton)
    pairs = [
        skeletons.efficiency_pair(win, problem, round_index)
        for win in wins[: pair.max_efficiency_pairs]
    ]
    pairs += [
        _preference(
            problem, round_index, "correctness",
            _side(chosen, trial.time_ratio(chosen), empty_skeleton(CORRECTNESS_NOTE)),
            _side(rejected, 0.0, empty_skeleton(CORRECTNESS_NOTE)),
        )
        for chosen, rejected in contrasts
    ]
