"""Comparisons of two programs by the confirming session that they share.

Which program is faster may depend on the input (an early exit, duplicates, long words). Where their
cross-checks, on inputs of the problem's other generators, say the reverse, there is no preference.
Nor is there where one was asked for and is missing, since it might have said so.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from skeldpo.answers import CUT_OFF
from skeldpo.config import PairConfig
from skeldpo.pair.judged import Program, by_candidate
from skeldpo.records import Measurement
from skeldpo.timing import (
    DISCOUNT,
    MIN_AGREEING_RATIO,
    Comparison,
    compare,
    estimate_ns,
    is_faster,
    is_slight,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Two programs of one confirming session; `fast` has the lower median. `other_ratios` are the
    times of `slow` over those of `fast` in each cross-check of both, `is_unchecked` says that one
    is missing."""

    fast: Measurement
    slow: Measurement
    comparison: Comparison
    other_ratios: tuple[float, ...]
    is_unchecked: bool

    @property
    def is_reversed(self) -> bool:
        """Whether `fast` is the slower one on another kind of input, by more than the difference
        that is no difference to the test either."""
        return min(self.other_ratios, default=1.0) < 1 / DISCOUNT

    @property
    def is_slight(self) -> bool:
        """Whether the sandbox, not the programs, may make the difference."""
        return is_slight(self.fast.cpu_times_ns, self.slow.cpu_times_ns, self.fast.num_processes)

    @property
    def is_contradicted(self) -> bool:
        """Whether instructions were counted and the slow program hardly retires more: then it
        was the core, not the program, that was slow (docs/SANDBOX.md, timing)."""
        fast, slow = self.fast.instructions, self.slow.instructions
        return bool(fast and slow) and median(slow) < MIN_AGREEING_RATIO * median(fast)


def find_races(accepted: Mapping[str, Program], measurements: Sequence[Measurement]) -> list[Race]:
    """A comparison for every two programs that share a confirming session.

    Where they share several, the one with most rounds decides, alone: taking the best of several
    would find differences that are not there.
    """
    sessions: dict[str, list[Measurement]] = defaultdict(list)
    for row in measurements:
        if row.phase == "confirm" and row.cpu_times_ns and row.candidate_id in accepted:
            sessions[row.session_id].append(row)
    meetings: dict[tuple[str, str], list[Measurement]] = {}
    for _, rows in sorted(sessions.items()):
        _check_session(rows)
        rows.sort(key=lambda row: row.candidate_id)
        for both in itertools.combinations(rows, 2):
            key = (both[0].candidate_id, both[1].candidate_id)
            before = meetings.get(key)
            if before is None or len(both[0].cpu_times_ns) > len(before[0].cpu_times_ns):
                meetings[key] = sorted(both, key=lambda row: estimate_ns(row.cpu_times_ns))
    rows_by_id = by_candidate(measurements)
    return [
        Race(
            fast=fast,
            slow=slow,
            comparison=compare(fast.cpu_times_ns, slow.cpu_times_ns),
            other_ratios=crosscheck_ratios(
                rows_by_id[fast.candidate_id], rows_by_id[slow.candidate_id]
            ),
            is_unchecked=any(
                row.phase == "crosscheck" and not row.cpu_times_ns
                for row in rows_by_id[fast.candidate_id] + rows_by_id[slow.candidate_id]
            ),
        )
        for fast, slow in meetings.values()
    ]


def crosscheck_ratios(
    fast: Iterable[Measurement], slow: Iterable[Measurement]
) -> tuple[float, ...]:
    """CPU time of `slow` over that of `fast` in each cross-check that both have rows of, by
    session id: the median over its rounds. Slight differences count: where inputs do not grow, the
    other order may be seen in no more, and all that a doubtful one costs is a pair. ValueError if
    their numbers of rounds differ."""
    own, theirs = (
        {r.session_id: r.cpu_times_ns for r in rows if r.phase == "crosscheck" and r.cpu_times_ns}
        for rows in (fast, slow)
    )
    return tuple(
        median(s / f for f, s in zip(own[key], theirs[key], strict=True))
        for key in sorted(own.keys() & theirs.keys())
    )


def is_shown(race: Race, pair: PairConfig) -> bool:
    """Whether the times of a race differ beyond doubt, whatever made the difference."""
    return is_faster(race.comparison, min_speedup=pair.min_speedup, max_p_value=pair.max_p_value)


def decided_races(
    races: Iterable[Race], accepted: Mapping[str, Program], pair: PairConfig
) -> list[Race]:
    """The races that prove a difference, largest certain ratio (`speedup_low`) first. Those that a
    cross-check reverses, or whose cross-check is missing, are among them: they are no pairs."""
    decided = [
        race
        for race in races
        if is_shown(race, pair)
        and not (race.is_contradicted or race.is_slight)
        and accepted[race.fast.candidate_id].candidate.finish_reason != CUT_OFF
    ]
    decided.sort(key=lambda race: (race.fast.candidate_id, race.slow.candidate_id))
    return sorted(
        decided, key=lambda race: (-race.comparison.speedup_low, -race.comparison.speedup)
    )


def _check_session(rows: Sequence[Measurement]) -> None:
    num_rounds = {row.candidate_id: len(row.cpu_times_ns) for row in rows}
    if len(num_rounds) < len(rows) or len(set(num_rounds.values())) > 1:
        raise ValueError(
            f"confirming session {rows[0].session_id} of problem {rows[0].problem_id}: expected "
            f"one row a candidate, as many rounds in each; got {len(rows)} rows with {num_rounds}; "
            "the session was written in part, measure the problem again"
        )
