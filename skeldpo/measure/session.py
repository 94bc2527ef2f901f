"""How fast are the accepted programs? They are timed in interleaved rounds.

One session times several programs and the problem's baseline on the same inputs and core, in
rounds of shuffled order, every run in a fresh process and every answer checked. Screening and
confirming use sessions of their own, so that the choice of a pair and the proof of it never share
a measurement (docs/SANDBOX.md). Cross-checks time confirmed programs on inputs of other kinds.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.inputs import TimingInput, session_limit_ns
from skeldpo.measure.verdict import Judge, SandboxFailure, TimedRun, Verdict, without_time
from skeldpo.records import Outcome, Phase, content_id
from skeldpo.timing import estimate_ns, is_noisy, is_settled

EXTRA_ROUNDS = 24
"""A quiet core needs none; with these a session comes to its 8 rounds where two thirds of them are
disturbed. A round takes some tenths of a second."""
MAX_SCORE_ROUNDS = 30
"""Of a session for a score, however quick its programs are (config.EvaluateConfig)."""
NUM_AT_EACH_END = 3
"""Fastest, and slowest, references that further rounds of a session for a score are about."""
CROSSCHECK_ROUNDS = 3
"""Five would say otherwise of 3 in 720 pairs (docs/LOG.md)."""

_BASELINE = ""
LEAST_NS = 1000
"""No process starts, answers and ends in less: what is below is no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTimes:
    """Raw times of one session in ns, by program; the i-th entries of all programs are of the same
    round, but for further rounds of a score. `baseline_ns` is the baseline's, in the rounds that
    the program took part in."""

    session_id: str
    input_digest: str
    baseline_ns: Mapping[str, tuple[int, ...]]
    cpu_times_ns: Mapping[str, tuple[int, ...]]
    instructions: Mapping[str, tuple[int, ...]]
    """Of each run, by program; empty for those whose instructions were not counted in each."""
    num_processes: int
    """Of each run."""


class BaselineFailure(SandboxFailure):
    """The baseline failed on an input that it had answered: it, or something else, is wrong."""


class ProgramTimer:
    """Times programs of one problem, but none of `refused`, to which it adds those that fail, and
    as SANDBOX_FAILED those of which the sandbox gives no time."""

    def __init__(
        self,
        judge: Judge,
        baseline: str,
        config: MeasureConfig,
        seed: int,
        refused: dict[str, Verdict],
    ) -> None:
        self._judge = judge
        self._baseline = baseline
        self._seed = seed
        self.refused = refused
        self._session_limit_s = session_limit_ns(config) / 1e9
        self._looks = config.confirm_repeats
        self._min_ratio = config.propose_ratio
        self._max_p_value = config.max_p_value

    def screen(
        self, programs: Mapping[str, str], timing_input: TimingInput, num_rounds: int
    ) -> SessionTimes:
        """Times the programs not refused and the baseline in interleaved rounds."""
        order = random.Random(f"{self._seed} screen")
        rounds = [self._one_round(programs, timing_input, order) for _ in range(num_rounds)]
        return self._session("screen", programs, timing_input, rounds)

    def confirm(self, programs: Mapping[str, str], timing_input: TimingInput) -> SessionTimes:
        """Times the same way until every pair of programs is settled, on quiet rounds only.

        The first round warms up and is dropped; rounds that other processes disturbed are
        repeated, EXTRA_ROUNDS at most, so fewer than were needed may come back.
        """
        order = random.Random(f"{self._seed} confirm")
        self._one_round(programs, timing_input, order)
        kept: list[dict[str, TimedRun]] = []
        num_disturbed = 0
        while num_disturbed <= EXTRA_ROUNDS and not self._all_settled(kept):
            runs = self._one_round(programs, timing_input, order)
            if _is_disturbed(runs):
                num_disturbed += 1
            else:
                kept.append(runs)
        return self._session("confirm", programs, timing_input, kept)

    def crosscheck(self, programs: Mapping[str, str], timing_input: TimingInput) -> SessionTimes:
        """Times as `screen` does, on another generator's input. A program that is stopped is not
        refused: it counts with the limit."""
        order = random.Random(f"{self._seed} crosscheck")
        rounds = [
            self._one_round(programs, timing_input, order, stops_refuse=False)
            for _ in range(CROSSCHECK_ROUNDS)
        ]
        return self._session("crosscheck", programs, timing_input, self._with_limits(rounds))

    def score(
        self,
        programs: Mapping[str, str],
        timing_input: TimingInput,
        config: EvaluateConfig,
        *,
        samples: Collection[str],
        references: Collection[str],
    ) -> SessionTimes:
        """Times as `screen` does, for figures that are to come out the same again.

        After `num_repeats` rounds come further ones, `repeat_for_s` long, of what a place in the
        range of the references depends on: the samples and, by their times up to then, the
        references at both ends. A program is refused for its time only if it is stopped in most
        rounds. Where it is stopped in few, these count with the limit, or with the program's
        slowest round if that took longer (several processes).
        """
        order = random.Random(f"{self._seed} screen")
        rounds: list[dict[str, TimedRun]] = []
        decisive, left_ns = programs, config.repeat_for_s * 1e9
        while len(rounds) < config.num_repeats or (left_ns > 0 and len(rounds) < MAX_SCORE_ROUNDS):
            if len(rounds) >= config.num_repeats:
                keys = {*samples, *self._ends(rounds, references)}
                decisive = {key: code for key, code in programs.items() if key in keys}
            runs = self._one_round(decisive, timing_input, order, stops_refuse=False)
            if len(rounds) >= config.num_repeats:
                left_ns -= sum(run.cpu_time_ns for run in runs.values())
            rounds.append(runs)
            self._refuse_stopped(rounds, config.num_repeats, timing_input.digest)
        return self._session("screen", programs, timing_input, self._with_limits(rounds))

    def _ends(
        self, rounds: Sequence[Mapping[str, TimedRun]], references: Collection[str]
    ) -> list[str]:
        """The references that are the fastest and the slowest by the rounds so far."""
        times_ns = _times_by_key(self._with_limits(rounds))
        ranked = sorted(
            (key for key in references if key in times_ns),
            key=lambda key: (estimate_ns(times_ns[key]), key),
        )
        return ranked[:NUM_AT_EACH_END] + ranked[-NUM_AT_EACH_END:]

    def _refuse_stopped(
        self, rounds: Sequence[Mapping[str, TimedRun]], least: int, digest: str
    ) -> None:
        """Refuses programs that were stopped in more than half of their rounds, `least` or more."""
        for key in rounds[-1]:
            own = [runs[key] for runs in rounds if key in runs]
            stops = [run.verdict for run in own if _is_stopped(run)]
            if key != _BASELINE and 2 * len(stops) > max(len(own), least):
                self.refused[key] = replace(stops[-1], input_digest=digest)

    def _with_limits(self, rounds: Sequence[Mapping[str, TimedRun]]) -> list[dict[str, TimedRun]]:
        """The rounds of programs not refused, with a time in place of a stop."""
        limit_ns = round(self._session_limit_s * 1e9)
        slowest = {key: max(limit_ns, *times_ns) for key, times_ns in _times_by_key(rounds).items()}
        return [
            {
                key: replace(run, cpu_time_ns=run.cpu_time_ns or slowest[key])
                for key, run in runs.items()
                if key not in self.refused
            }
            for runs in rounds
        ]

    def _all_settled(self, rounds: Sequence[dict[str, TimedRun]]) -> bool:
        """Whether more rounds could change nothing for any two of the programs."""
        keys = set.intersection(*(set(runs) for runs in rounds)) - {_BASELINE} if rounds else set()
        times_ns = sorted(
            ([runs[key].cpu_time_ns for runs in rounds] for key in sorted(keys)), key=estimate_ns
        )
        return bool(rounds) and all(
            is_settled(
                fast_ns,
                slow_ns,
                looks=self._looks,
                min_ratio=self._min_ratio,
                max_p_value=self._max_p_value,
            )
            for fast_ns, slow_ns in itertools.combinations(times_ns, 2)
        )

    def _session(
        self,
        phase: Phase,
        programs: Mapping[str, str],
        timing_input: TimingInput,
        rounds: Sequence[Mapping[str, TimedRun]],
    ) -> SessionTimes:
        times = _times_by_key(rounds)
        timed = [key for key in programs if key not in self.refused]
        return SessionTimes(
            session_id=content_id(
                timing_input.digest, phase, times.get(_BASELINE, ()), sorted(timed)
            ),
            input_digest=timing_input.digest,
            baseline_ns={
                key: tuple(runs[_BASELINE].cpu_time_ns for runs in rounds if key in runs)
                for key in timed
            },
            cpu_times_ns={key: times.get(key, ()) for key in timed},
            instructions={key: _all_counted(rounds, key) for key in timed},
            num_processes=max(
                (run.num_processes for runs in rounds for run in runs.values()), default=1
            ),
        )

    def _one_round(
        self,
        programs: Mapping[str, str],
        timing_input: TimingInput,
        order: random.Random,
        *,
        stops_refuse: bool = True,
    ) -> dict[str, TimedRun]:
        codes = {_BASELINE: self._baseline, **programs}
        keys = [key for key in codes if key not in self.refused]
        order.shuffle(keys)
        runs = {}
        for key in keys:
            run = self._judge.run_tests(codes[key], timing_input.tests, self._session_limit_s)
            is_kept = _is_stopped(run) and not stops_refuse
            verdict = run.verdict
            if verdict.outcome is Outcome.ACCEPTED and run.cpu_time_ns < LEAST_NS:
                verdict = without_time(run)
                if key == _BASELINE:
                    raise SandboxFailure(f"the baseline program was {verdict.failure}")
            if verdict.outcome is Outcome.ACCEPTED or is_kept:
                runs[key] = run
            elif key == _BASELINE:
                raise BaselineFailure(f"the baseline program failed: {verdict.failure}")
            else:
                self.refused[key] = replace(verdict, input_digest=timing_input.digest)
        return runs


def _times_by_key(rounds: Sequence[Mapping[str, TimedRun]]) -> dict[str, tuple[int, ...]]:
    """CPU times of the rounds that each program, and the baseline, took part in."""
    keys = dict.fromkeys(key for runs in rounds for key in runs)
    return {key: tuple(runs[key].cpu_time_ns for runs in rounds if key in runs) for key in keys}


def _all_counted(rounds: Sequence[Mapping[str, TimedRun]], key: str) -> tuple[int, ...]:
    """A program's instructions in each of its rounds; empty if any of them was not counted."""
    counts = tuple(runs[key].instructions for runs in rounds if key in runs)
    return counts if all(counts) else ()


def _is_stopped(run: TimedRun) -> bool:
    return run.verdict.outcome is Outcome.TIME_LIMIT


def _is_disturbed(runs: Mapping[str, TimedRun]) -> bool:
    """Contention over a whole round: single runs of a few ms are too short to judge."""
    return is_noisy(
        cpu_time_ns=sum(run.cpu_time_ns for run in runs.values()),
        run_delay_ns=sum(run.run_delay_ns for run in runs.values()),
        num_runs=sum(run.num_processes for run in runs.values()),
    )
