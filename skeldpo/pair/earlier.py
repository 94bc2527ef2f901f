"""Programs of a problem's earlier rounds, as further members of its skeleton groups.

Times of two sessions are never compared. So an earlier program keeps the side that it had in its
own session: that of the chosen or of the rejected program of the widest difference that was shown
there. A round that showed none says nothing, nor does a program that was on either side, with
whatever names and comments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skeldpo.config import PairConfig
from skeldpo.languages import language
from skeldpo.pair.judged import judge_candidates, middle
from skeldpo.pair.races import decided_races, find_races
from skeldpo.records import Candidate, Measurement
from skeldpo.skeleton.extract import HotLines


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierPrograms:
    """Texts of accepted programs by side, of the newest round first, and their hot lines."""

    efficient: tuple[str, ...]
    inefficient: tuple[str, ...]
    hot_lines: HotLines


NO_EARLIER = EarlierPrograms(efficient=(), inefficient=(), hot_lines={})


def earlier_programs(
    rounds: Iterable[tuple[Sequence[Candidate], Sequence[Measurement]]], pair: PairConfig
) -> EarlierPrograms:
    """Of the rows of a problem in each earlier round, oldest first."""
    keys: dict[str, str] = {}
    is_efficient: dict[str, set[bool]] = defaultdict(set)
    hot_lines: dict[str, tuple[int, ...]] = {}
    for candidates, measurements in reversed(list(rounds)):
        accepted = judge_candidates(candidates, measurements).accepted
        decided = decided_races(find_races(accepted, measurements), accepted, pair)
        holding = [race for race in decided if not (race.is_reversed or race.is_unchecked)]
        if not holding:
            continue
        widest = holding[0]
        limit = middle(accepted[widest.fast.candidate_id], accepted[widest.slow.candidate_id])
        for program in accepted.values():
            if program.time_ratio > 0:
                key = language(program.candidate.language).normalize_program(program.candidate.code)
                is_efficient[key].add(program.time_ratio < limit)
                for text in (program.candidate.code, *program.variants):
                    keys.setdefault(text, key)
                if program.hot_lines:
                    hot_lines.setdefault(program.candidate.code, program.hot_lines)
    return EarlierPrograms(
        efficient=tuple(text for text, key in keys.items() if is_efficient[key] == {True}),
        inefficient=tuple(text for text, key in keys.items() if is_efficient[key] == {False}),
        hot_lines=hot_lines,
    )
