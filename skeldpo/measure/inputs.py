"""On which inputs are programs timed? Generated ones, grown until programs take long enough.

`InputFinder.find` gives the inputs on which a problem's programs are timed, `others` those of its
further generators, on which the order of two programs must not be the reverse. `generated_tests`
are what programs are checked on where a problem has no tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from skeldpo.config import MeasureConfig
from skeldpo.measure.verdict import Judge, ProblemFault, TimedRun, Verdict, without_time
from skeldpo.records import Example, Outcome, Problem, content_id

FIRST_SIZE = 64
MAX_SIZE = 1 << 22
NUM_CHECK_SEEDS = 4
"""Inputs of each generator that a problem without tests is checked on."""
QUADRATIC_GROWTH = 4
"""Doubling the input multiplies the time of a slow program by about this."""
MIN_AGREEING_SHARE = 0.8
"""Of the accepted programs, on an input whose expected answer no trusted reference gives."""
MAX_TIMED_INPUTS = 16
"""Fixed stdio tests on which programs are timed, the longest ones: each is a process."""
OTHER_TARGET_SHARE = 0.2
"""Of `min_cpu_time_ms`, on the other generators' inputs: they decide no speedup, only an order."""
SESSION_LIMIT_FACTOR = 3.0
"""A session's CPU limit over the limit of the search. On a generated input only a program that got
stuck reaches it; on fixed tests also one that is as slow as that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingInput:
    """Inputs on which programs are timed, with the expected answers; `generator` is the index of
    the generator that made them, None if they are the problem's tests."""

    tests: tuple[Example, ...]
    digest: str
    generator: int | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """What an input grows to: the fastest program takes `fast_ns`, or the slowest `slow_ns`.
    `baseline_s`: time in which the baseline must have answered it. `least_left`: programs that must
    be left to be timed when others are set aside as too slow, 0 if none ever is."""

    fast_ns: float
    slow_ns: float
    baseline_s: float
    least_left: int


def session_limit_ns(config: MeasureConfig) -> float:
    """CPU time at which a process of a session is stopped."""
    return SESSION_LIMIT_FACTOR * _search_limit_ns(config)


def generated_tests(judge: Judge, problem: Problem, cpu_limit_s: float, seed: int) -> list[Example]:
    """The first inputs of the generators with the reference's answers; ProblemFault if there is
    none that it answers."""
    size = min(FIRST_SIZE, _largest_size(problem))
    texts = [
        judge.generate_input(generator, size, seed + place)
        for generator in problem.generators
        for place in range(NUM_CHECK_SEEDS)
    ]
    made, why = [], "no input"
    for text in dict.fromkeys(text for text in texts if text is not None):
        answered = judge.run_inputs(problem.reference, [text], cpu_limit_s)
        if answered.verdict.outcome is Outcome.ACCEPTED:
            made.append(Example(input_text=text, expected_text=answered.answer_texts[0]))
        else:
            why = f"{answered.verdict.outcome.value} {answered.verdict.failure}"
    if not made:
        raise ProblemFault(
            f"it has no tests, and no generator gives an input that its reference answers: {why}"
        )
    return made


def _largest_size(problem: Problem) -> int:
    return min(MAX_SIZE, problem.max_size or MAX_SIZE)


def _search_limit_ns(config: MeasureConfig) -> float:
    return min(config.max_slow_ratio * config.min_cpu_time_ms * 1e6, config.cpu_limit_s * 1e9)


class InputFinder:
    """Inputs of one problem. `refused` collects the programs that failed on one, `faults` what is
    wrong with the problem's generators or its checker."""

    def __init__(
        self, judge: Judge, problem: Problem, baseline: str, config: MeasureConfig, seed: int
    ) -> None:
        self.refused: dict[str, Verdict] = {}
        self.faults: list[str] = []
        self._judge = judge
        self._problem = problem
        self._baseline = baseline
        self._config = config
        self._baseline_s = min(config.cpu_limit_s, session_limit_ns(config) / 1e9)
        self._seed = seed

    def find(self, programs: Mapping[str, str], least_left: int = 2) -> TimingInput | None:
        """The inputs to time on; None when there is neither a usable generator nor a test.

        Each generator is asked for growing inputs until the fastest program takes
        `min_cpu_time_ms` or the slowest `max_slow_ratio` times that. The first generator on which
        some program takes `min_cpu_time_ms` wins, else the one on which one takes longest. Without
        generators the tests together are the input, of a stdio problem the longest ones.

        A program that is stopped where nothing smaller was worth timing is refused as too slow if
        `least_left` others are not: it must not end the search for all.
        """
        target = _Target(
            self._config.min_cpu_time_ms * 1e6,
            _search_limit_ns(self._config),
            self._baseline_s,
            least_left,
        )
        best: tuple[int, TimingInput] | None = None
        for index in range(len(self._problem.generators)):
            found = self._grow(index, programs, target)
            if found and (best is None or found[0] > best[0]):
                best = found
            if best and best[0] >= target.fast_ns:
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

    def others(self, programs: Mapping[str, str], found: TimingInput) -> Iterator[TimingInput]:
        """Inputs of the other generators than `found` is of, `crosscheck_inputs` at most, grown as
        in `find` until programs take OTHER_TARGET_SHARE of the time."""
        if found.generator is None:
            return
        target = _Target(
            self._config.min_cpu_time_ms * 1e6 * OTHER_TARGET_SHARE,
            _search_limit_ns(self._config) * OTHER_TARGET_SHARE,
            self._baseline_s,
            0,
        )
        num_found = 0
        for index in range(len(self._problem.generators)):
            if num_found == self._config.crosscheck_inputs:
                return
            other = None if index == found.generator else self._grow(index, programs, target)
            if other and other[1].digest != found.digest:
                num_found += 1
                yield other[1]

    def _grow(
        self, index: int, programs: Mapping[str, str], target: _Target
    ) -> tuple[int, TimingInput] | None:
        """(time of the slowest program in ns, input) of the largest size of a generator that all
        can be timed on; None if there is none."""
        generator = self._problem.generators[index]
        largest = _largest_size(self._problem)
        size = min(FIRST_SIZE, largest)
        text, again = (self._judge.generate_input(generator, size, self._seed) for _ in range(2))
        if text is None:
            self._note(f"input generator {index} fails, or gives no input")
        elif text != again:
            self._note(f"input generator {index} differs for the same seed")
            text = None
        best: tuple[int, TimingInput] | None = None
        before: Mapping[str, int] = {}
        while text is not None:
            made = self._with_answer(text, index, target)
            if made is None or (best and best[1].digest == made.digest):
                break
            runs = self._try(made, programs)
            times = {key: run.cpu_time_ns for key, run in runs.items() if run.cpu_time_ns}
            stopped = {
                key: run.verdict
                for key, run in runs.items()
                if run.verdict.outcome is Outcome.TIME_LIMIT
            }
            is_worth_timing = best is not None and best[0] >= target.fast_ns
            if 0 < target.least_left <= len(times) and not is_worth_timing:
                self.refused.update(stopped)
                stopped = {}
            if not times or (stopped and best):
                break
            fastest = min(times.values())
            grown = _grown_ns(times, before)
            # Nothing is known of how times grow after the first size alone.
            is_too_slow = grown > target.slow_ns and bool(before)
            best, before = (max(times.values()), made), times
            if stopped or fastest >= target.fast_ns or is_too_slow or size == largest:
                break
            far = grown * QUADRATIC_GROWTH < target.slow_ns and fastest * 8 < target.fast_ns
            size = min(largest, size * (4 if far else 2))
            text = self._judge.generate_input(generator, size, self._seed)
        return best

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _with_answer(self, text: str, index: int, target: _Target) -> TimingInput | None:
        """The input with the baseline's answer; None if the baseline fails on it."""
        expected = self._judge.run_inputs(self._baseline, [text], target.baseline_s)
        if expected.verdict.outcome is not Outcome.ACCEPTED:
            return None
        test = Example(input_text=text, expected_text=expected.answer_texts[0])
        if not self._judge.accepts_expected(test):
            self._note(f"its checker fails on an input of generator {index}")
            return None
        return TimingInput(tests=(test,), digest=content_id(text), generator=index)

    def _try(self, made: TimingInput, programs: Mapping[str, str]) -> dict[str, TimedRun]:
        """One run of every program, those that failed left out and refused, also those of which no
        time was taken; unless it is the input that is wrong (no trusted reference, and programs
        disagree): then no run is returned."""
        fine = (Outcome.ACCEPTED, Outcome.TIME_LIMIT)
        limit_s = _search_limit_ns(self._config) / 1e9
        runs = {}
        for key, code in programs.items():
            if key not in self.refused:
                run = self._judge.run_tests(code, made.tests, limit_s)
                is_timeless = run.verdict.outcome is Outcome.ACCEPTED and run.cpu_time_ns <= 0
                verdict = without_time(run) if is_timeless else run.verdict
                runs[key] = replace(run, verdict=replace(verdict, input_digest=made.digest))
        failed = {key: run.verdict for key, run in runs.items() if run.verdict.outcome not in fine}
        certain = (Outcome.VIOLATION, Outcome.SANDBOX_FAILED)
        disagreeing = {key for key, v in failed.items() if v.outcome not in certain}
        is_doubted = len(disagreeing) > (1 - MIN_AGREEING_SHARE) * len(runs)
        if not self._problem.reference and is_doubted:
            self.refused.update({k: v for k, v in failed.items() if k not in disagreeing})
            return {}
        self.refused.update(failed)
        return {key: run for key, run in runs.items() if key not in failed}


def _grown_ns(times_ns: Mapping[str, int], before_ns: Mapping[str, int]) -> int:
    """What the slowest program would take on twice the input, from its time on this one and, since
    a part of it may be constant, on the one before."""
    return max(
        time_ns + QUADRATIC_GROWTH * max(0, time_ns - before_ns.get(key, 0))
        for key, time_ns in times_ns.items()
    )
