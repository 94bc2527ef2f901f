"""The rewards of a problem's candidates, from all that was measured of them. Pure.

    reward = right (0 or 1) + speed_weight * speed - penalties

Speed is compared by the confirming session, in levels (`levels`): programs of one level earn the
same, so equal programs have no difference in reward. A right program that no confirming session
timed earns the mean of those that one did: nothing was shown about it. Copies of a program earn
what it earns.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from skeldpo.answers import CUT_OFF
from skeldpo.config import RewardsConfig
from skeldpo.judging.right_answers import several_answers
from skeldpo.pair.judged import by_candidate, check_rows, judge_candidates, session_ratio
from skeldpo.pair.races import Race, find_races
from skeldpo.records import NO_VERDICT, Candidate, Dropped, Measurement, Outcome, Problem
from skeldpo.rewards.levels import Level, speed_levels
from skeldpo.timing import Comparison, compare, is_faster, is_slight

UNTIMED = -1
"""Level of a program whose speed was not compared."""


class _Standing(enum.Enum):
    """`STOPPED`: right by the tests, and stopped for its time on an input made to time it."""

    RIGHT = enum.auto()
    STOPPED = enum.auto()
    WRONG = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramReward:
    """What a candidate earns, and of what parts.

    `speed` is from -1 to 1 (log_speedup) or from 0 to 1 (beyond), 0 for a wrong program; `level`
    counts from 0, the fastest of its problem.
    """

    candidate_id: str
    outcome: Outcome
    is_right: bool
    level: int
    speed: float
    penalty: float
    reward: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRewards:
    """The rewards of the candidates of which something is known, in their order; the others are in
    `dropped`, by reason. `levels` are those of the distinct programs that were compared.
    `unverified` says why no times were taken, else it is empty."""

    problem_id: str
    rewards: tuple[ProgramReward, ...]
    dropped: tuple[Dropped, ...]
    levels: tuple[Level, ...]
    unverified: str


def problem_rewards(
    *,
    problem: Problem,
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    config: RewardsConfig,
) -> ProblemRewards:
    """Rewards all candidates of one problem, known programs among them.

    ValueError for rows of other problems or unknown candidates.
    """
    check_rows(problem, candidates, measurements)
    found, dropped = _judge(problem, candidates, measurements)
    ladder = _ladder(found, candidates, measurements, config)
    return ProblemRewards(
        problem_id=problem.problem_id,
        rewards=tuple(_program_reward(each, ladder, config) for each in found),
        dropped=tuple(Dropped(reason=r, num_rows=n) for r, n in sorted(dropped.items())),
        levels=ladder.levels,
        unverified=next((row.unverified for row in measurements if row.unverified), ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A candidate of which something is known; `run_as` is the candidate that was run for it."""

    candidate: Candidate
    outcome: Outcome
    standing: _Standing
    run_as: str

    @property
    def is_right(self) -> bool:
        """Cut off, it may be right by chance only, and is never preferred as a pair's side."""
        return (
            self.standing is not _Standing.WRONG
            and self.candidate.finish_reason != CUT_OFF
            and bool(self.candidate.code.strip())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """The levels, what each earns for its speed, and what those earn that are on none."""

    levels: tuple[Level, ...]
    speeds: tuple[float, ...]
    untimed_speed: float
    stopped_speed: float

    def place(self, each: _Judged) -> tuple[int, float]:
        """Level and speed of a right program."""
        if each.standing is _Standing.STOPPED:
            return len(self.levels), self.stopped_speed
        for place, level in enumerate(self.levels):
            if each.run_as in level.programs:
                return place, self.speeds[place]
        return UNTIMED, self.untimed_speed


def mean_within(values: Sequence[float]) -> float:
    """Their mean, which of equal values is that value to the last bit: else rounding alone would
    make a difference in reward. ValueError for no values."""
    return min(max(statistics.fmean(values), min(values)), max(values))


def _judge(
    problem: Problem, candidates: Sequence[Candidate], measurements: Sequence[Measurement]
) -> tuple[list[_Judged], Counter[str]]:
    """The candidates of which something is known, and reasons against the others."""
    rows = by_candidate(measurements)
    several = several_answers(problem)
    found: list[_Judged] = []
    dropped: Counter[str] = Counter()
    for candidate in candidates:
        run_as = _run_as(candidate.candidate_id, rows)
        outcome, standing, reason = _stand(rows[run_as], several)
        if standing is None:
            dropped[reason] += 1
            continue
        found.append(
            _Judged(candidate=candidate, outcome=outcome, standing=standing, run_as=run_as)
        )
    return found, dropped


def _ladder(
    found: Sequence[_Judged],
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    config: RewardsConfig,
) -> _Ladder:
    if config.speed == "none":
        return _Ladder(levels=(), speeds=(), untimed_speed=0.0, stopped_speed=0.0)
    accepted = judge_candidates(candidates, measurements).accepted
    levels = _levels(find_races(accepted, measurements), config)
    known = {each.run_as for each in found if each.candidate.origin == "dataset"}
    speeds = _speeds(levels, known, config)
    own = [
        speed
        for each in found
        for level, speed in zip(levels, speeds, strict=True)
        if each.candidate.origin == "sampled" and each.is_right and each.run_as in level.programs
    ]
    return _Ladder(
        levels=levels,
        speeds=speeds,
        untimed_speed=mean_within(own or speeds or [0.0]),
        stopped_speed=-1.0 if config.speed == "log_speedup" else 0.0,
    )


def _program_reward(each: _Judged, ladder: _Ladder, config: RewardsConfig) -> ProgramReward:
    place, speed = ladder.place(each) if each.is_right else (UNTIMED, 0.0)
    candidate = each.candidate
    is_misshapen = candidate.finish_reason == CUT_OFF or not candidate.code.strip()
    penalty = (
        config.length_penalty * len(candidate.code) / 1000 + config.format_penalty * is_misshapen
    )
    return ProgramReward(
        candidate_id=candidate.candidate_id,
        outcome=each.outcome,
        is_right=each.is_right,
        level=place,
        speed=speed,
        penalty=penalty,
        reward=each.is_right * (1.0 + config.speed_weight * speed) - penalty,
    )


def _run_as(candidate_id: str, rows: Mapping[str, Sequence[Measurement]]) -> str:
    """The candidate that was run for this one."""
    checks = (row for row in rows.get(candidate_id, ()) if row.phase == "check")
    return next((row.equal_to for row in checks), candidate_id)


def _stand(rows: Iterable[Measurement], several: str) -> tuple[Outcome, _Standing | None, str]:
    """The outcome of a program that was run, and how it stands; if that cannot be said, why."""
    checks, timed = [], set()
    for row in rows:
        if row.phase == "check":
            checks.append(row.outcome)
        elif row.outcome.is_verdict:
            timed.add(row.outcome)
    verdicts = {outcome for outcome in checks if outcome.is_verdict}
    if not verdicts:
        lost = max(checks, default=Outcome.SANDBOX_FAILED)
        return lost, None, NO_VERDICT[lost] if checks else "no verdict"
    outcome = max(verdicts)
    if Outcome.VIOLATION in verdicts | timed:
        return Outcome.VIOLATION, _Standing.WRONG, ""
    if len(verdicts | timed & {Outcome.ACCEPTED}) > 1:
        return outcome, None, "verdicts that contradict each other"
    if outcome is Outcome.WRONG_ANSWER and several:
        return outcome, None, "several answers are right: it may be one"
    if outcome is not Outcome.ACCEPTED:
        return outcome, _Standing.WRONG, ""
    failed = timed - verdicts
    if failed == {Outcome.TIME_LIMIT}:
        return outcome, _Standing.STOPPED, ""
    if failed:
        return outcome, None, f"accepted by the tests, {'/'.join(sorted(failed))} on timed inputs"
    return outcome, _Standing.RIGHT, ""


def _levels(races: Sequence[Race], config: RewardsConfig) -> tuple[Level, ...]:
    """Levels of the programs that met; the one that cannot be told from the baseline is at 0, and
    none is on the other side of it: that the next one can be told must not turn their order."""
    sessions: dict[str, Measurement] = {}
    for race in races:
        for row in (race.fast, race.slow):
            longest = sessions.setdefault(row.candidate_id, row)
            if len(row.cpu_times_ns) > len(longest.cpu_times_ns):
                sessions[row.candidate_id] = row
    levels = speed_levels(
        {key: math.log(session_ratio(row)) for key, row in sessions.items()},
        {
            (race.fast.candidate_id, race.slow.candidate_id)
            for race in races
            if _is_shown(race.comparison, config)
            and not (race.is_contradicted or race.is_slight)
            and not (race.is_reversed or race.is_unchecked)
        },
    )
    like_baseline = [
        level
        for level in levels
        if not all(_differs_from_baseline(sessions[key], config) for key in level.programs)
    ]
    if not like_baseline:
        return levels
    place = levels.index(min(like_baseline, key=lambda level: abs(level.log_ratio)))
    return (
        *(replace(level, log_ratio=min(0.0, level.log_ratio)) for level in levels[:place]),
        replace(levels[place], log_ratio=0.0),
        *(replace(level, log_ratio=max(0.0, level.log_ratio)) for level in levels[place + 1 :]),
    )


def _differs_from_baseline(row: Measurement, config: RewardsConfig) -> bool:
    own, baseline = row.cpu_times_ns, row.baseline_times_ns
    if is_slight(own, baseline, row.num_processes):
        return False
    comparisons = compare(own, baseline), compare(baseline, own)
    return any(_is_shown(comparison, config) for comparison in comparisons)


def _is_shown(comparison: Comparison, config: RewardsConfig) -> bool:
    return is_faster(comparison, min_speedup=config.min_speedup, max_p_value=config.max_p_value)


def _speeds(
    levels: Sequence[Level], known: AbstractSet[str], config: RewardsConfig
) -> tuple[float, ...]:
    """The speed part of each level. beyond is that of `suites.metrics`, on times over the
    baseline's; without a known program that was timed there is nothing to be beyond, and it is 0.
    """
    if config.speed == "log_speedup":
        limit = math.log(config.max_speedup)
        return tuple(max(-1.0, min(1.0, -level.log_ratio / limit)) for level in levels)
    references = [
        math.exp(level.log_ratio) for level in levels if not known.isdisjoint(level.programs)
    ]
    if not references:
        return (0.0,) * len(levels)
    low, high = min(references), max(references)
    speeds = []
    for level in levels:
        ratio = math.exp(level.log_ratio)
        if high == low:
            speeds.append(1.0 if ratio <= high else 0.0)
        else:
            speeds.append((high - min(max(ratio, low), high)) / (high - low))
    return tuple(speeds)
