"""How fast are the accepted programs? Inputs big enough to time, then interleaved rounds.

One session times several programs and the problem's baseline on the same inputs and core, in
rounds of shuffled order, every run in a fresh process and every answer checked. Screening and
confirming use sessions of their own, so that the choice of a pair and the proof of it never share
a measurement (SANDBOX 3.2).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.verdict import Judge, SandboxFailure, TimedRun, Verdict
from skeldpo.records import Example, Outcome, Phase, Problem, content_id
from skeldpo.timing import estimate_ns, is_noisy, is_settled

FIRST_SIZE = 64
MAX_SIZE = 1 << 22
QUADRATIC_GROWTH = 4
"""Doubling the input multiplies the time of a slow program by about this."""
MIN_AGREEING_SHARE = 0.8
"""Of the accepted programs, on an input whose expected answer no trusted reference gives."""
EXTRA_ROUNDS = 3
MAX_SCORE_ROUNDS = 30
"""Of a session for a score, however quick its programs are (config.EvaluateConfig)."""
NUM_AT_EACH_END = 3
"""Fastest, and slowest, references that further rounds of a session for a score are about."""
MAX_TIMED_INPUTS = 16
"""Fixed stdio tests on which programs are timed, the longest ones: each is a process."""
SESSION_LIMIT_FACTOR = 3.0
"""A session's CPU limit over the limit of the search. On a generated input only a program that got
stuck reaches it; on fixed tests also one that is as slow as that."""

_BASELINE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingInput:
    """Inputs on which programs are timed, with the expected answers."""

    tests: tuple[Example, ...]
    digest: str


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


def session_limit_ns(config: MeasureConfig) -> float:
    """CPU time at which a process of a session is stopped."""
    return SESSION_LIMIT_FACTOR * _search_limit_ns(config)


def _search_limit_ns(config: MeasureConfig) -> float:
    return min(config.max_slow_ratio * config.min_cpu_time_ms * 1e6, config.cpu_limit_s * 1e9)


class ProgramTimer:
    """Times programs of one problem. `refused` collects those that failed on a timing input,
    `faults` what is wrong with the problem's generators."""

    def __init__(
        self, judge: Judge, problem: Problem, baseline: str, config: MeasureConfig, seed: int
    ) -> None:
        self.refused: dict[str, Verdict] = {}
        self.faults: list[str] = []
        self._judge = judge
        self._problem = problem
        self._baseline = baseline
        self._seed = seed
        self._target_ns = config.min_cpu_time_ms * 1e6
        self._limit_ns = _search_limit_ns(config)
        self._session_limit_s = session_limit_ns(config) / 1e9
        self._full_limit_s = config.cpu_limit_s
        self._looks = config.confirm_repeats
        self._min_ratio = config.propose_ratio
        self._max_p_value = config.max_p_value

    def find_input(self, programs: Mapping[str, str]) -> TimingInput | None:
        """The inputs to time on; None when there is neither a usable generator nor a test.

        Each generator is asked for growing inputs until the fastest program takes
        `min_cpu_time_ms` or the slowest `max_slow_ratio` times that. The first generator on which
        some program takes `min_cpu_time_ms` wins, else the one on which one takes longest. Without
        generators the tests together are the input, of a stdio problem the longest ones.
        """
        best: tuple[int, TimingInput] | None = None
        for index, generator in enumerate(self._problem.generators):
            first, again = (
                self._judge.generate_input(generator, FIRST_SIZE, self._seed) for _ in range(2)
            )
            if first is None:
                self.faults.append(f"input generator {index} fails, or gives no input")
                continue
            if first != again:
                self.faults.append(f"input generator {index} differs for the same seed")
                continue
            found = self._grow_input(generator, first, programs)
            if found and (best is None or found[0] > best[0]):
                best = found
            if best and best[0] >= self._target_ns:
                break
        if best:
            return best[1]
        tests = self._problem.tests
        if self._problem.kind == "stdio":
            longest = sorted(tests, key=lambda test: -len(test.input_text))[:MAX_TIMED_INPUTS]
            tests = tuple(test for test in tests if test in longest)
        if not tests:
            return None
        return TimingInput(tests=tests, digest=content_id(*(test.input_text for test in tests)))

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
            self._refuse_stopped(rounds, config.num_repeats)
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

    def _refuse_stopped(self, rounds: Sequence[Mapping[str, TimedRun]], least: int) -> None:
        """Refuses programs that were stopped in more than half of their rounds, `least` or more."""
        for key in rounds[-1]:
            own = [runs[key] for runs in rounds if key in runs]
            stops = [run.verdict for run in own if _is_stopped(run)]
            if key != _BASELINE and 2 * len(stops) > max(len(own), least):
                self.refused[key] = stops[-1]

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
        )

    def _grow_input(
        self, generator: str, first_text: str, programs: Mapping[str, str]
    ) -> tuple[int, TimingInput] | None:
        """(time of the slowest program in ns, input) of the largest size all can be timed on."""
        best: tuple[int, TimingInput] | None = None
        size = FIRST_SIZE
        text: str | None = first_text
        while text is not None and size <= MAX_SIZE:
            made = self._with_answer(text)
            if made is None or (best and best[1].digest == made.digest):
                break
            runs = self._try_input(made, programs)
            times = [run.cpu_time_ns for run in runs.values() if run.cpu_time_ns]
            too_slow = any(run.verdict.outcome is Outcome.TIME_LIMIT for run in runs.values())
            if not times or (too_slow and best):
                break
            best = max(times), made
            fastest, slowest = min(times), max(times)
            grown = slowest * QUADRATIC_GROWTH
            if too_slow or fastest >= self._target_ns or grown > self._limit_ns:
                break
            far = grown * QUADRATIC_GROWTH < self._limit_ns and fastest * 8 < self._target_ns
            size *= 4 if far else 2
            text = self._judge.generate_input(generator, size, self._seed)
        return best

    def _with_answer(self, text: str) -> TimingInput | None:
        """The input with the baseline's answer; None if the baseline fails on it."""
        expected = self._judge.run_inputs(self._baseline, [text], self._full_limit_s)
        if expected.verdict.outcome is not Outcome.ACCEPTED:
            return None
        test = Example(input_text=text, expected_text=expected.answer_texts[0])
        return TimingInput(tests=(test,), digest=content_id(text))

    def _try_input(self, made: TimingInput, programs: Mapping[str, str]) -> dict[str, TimedRun]:
        """One run of every program; wrong ones are refused, unless it is the input that is wrong
        (no trusted reference, and programs disagree): then no run is returned."""
        fine = (Outcome.ACCEPTED, Outcome.TIME_LIMIT)
        runs = {
            key: self._judge.run_tests(code, made.tests, self._limit_ns / 1e9)
            for key, code in programs.items()
            if key not in self.refused
        }
        wrong = {key: run.verdict for key, run in runs.items() if run.verdict.outcome not in fine}
        if not self._problem.reference and len(wrong) > (1 - MIN_AGREEING_SHARE) * len(runs):
            return {}
        self.refused.update(wrong)
        return {key: run for key, run in runs.items() if key not in wrong}

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
            if run.verdict.outcome is Outcome.ACCEPTED or is_kept:
                runs[key] = run
            elif key == _BASELINE:
                raise SandboxFailure(f"the baseline program failed: {run.verdict.failure}")
            else:
                self.refused[key] = run.verdict
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
