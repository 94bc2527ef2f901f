"""On which inputs are programs timed? Generated ones, grown until programs take long enough.

`InputFinder.find` gives the inputs on which a problem's programs are timed, `others` those of its
further generators, on which the order of two programs must not be the reverse. `generated_tests`
are what programs are checked on where a problem has no tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from skeldpo.config import MeasureConfig
from skeldpo.measure.grown import generators_of
from skeldpo.measure.verdict import (
    MAX_INPUT_CHARS,
    Judge,
    ProblemFault,
    TimedRun,
    Verdict,
    without_time,
)
from skeldpo.records import Example, Outcome, Problem, content_id
from skeldpo.timing import STARTING_NS

FIRST_SIZE = 64
MAX_SIZE = 1 << 22
FIRST_GROWN_SIZE = 8
MAX_GROWN_SIZE = 1 << 20
"""Of inputs that are grown from tests, some of problems whose programs take exponential time."""
VERY_FAR = 32
"""Times that a grown input may take as long before what it grows to; then it grows the faster."""
MAX_BATCH = 256
"""Grown inputs that programs are timed on together where the largest alone takes too little."""
NUM_CHECK_SEEDS = 4
"""Inputs of each generator that a problem without tests is checked on."""
QUADRATIC_GROWTH = 4
"""Doubling the input multiplies the time of a slow program by about this."""
MIN_AGREEING_SHARE = 0.8
"""Of the accepted programs, on an input whose expected answer no trusted reference gives, or which
is grown: nobody knows whether the statement allows it."""
MAX_TIMED_INPUTS = 16
"""Fixed stdio tests on which programs are timed, the longest ones: each is a process."""
OTHER_TARGET_SHARE = 0.2
"""Of `min_cpu_time_ms`, on the other generators' inputs: they decide no speedup, only an order."""
_OTHER_LEAST_NS = 5 * STARTING_NS
"""... but so long, as far as `min_cpu_time_ms` is, that starting a process decides no order."""
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
        self._generators = generators_of(problem)
        self._is_grown = bool(self._generators) and not problem.generators
        self._is_doubting = self._is_grown or not problem.reference
        self._ways: list[int] = []

    def find(self, programs: Mapping[str, str], least_left: int = 2) -> TimingInput | None:
        """The inputs to time on; None when there is neither a usable generator nor a test.

        Each generator is asked for growing inputs until the fastest program takes
        `min_cpu_time_ms` or the slowest `max_slow_ratio` times that. The first generator on which
        some program takes `min_cpu_time_ms` wins, else the one on which one takes longest. Without
        generators, or where none that grows the tests gives an input that can be used, the tests
        together are the input, of a stdio problem the longest ones.

        On a grown input programs have to agree with the reference. Where that leaves no input that
        takes `min_cpu_time_ms`, the reference is believed, and who disagrees is not timed.

        A program that is stopped where nothing smaller was worth timing is refused as too slow if
        `least_left` others are not: it must not end the search for all.
        """
        target = _Target(
            self._config.min_cpu_time_ms * 1e6,
            _search_limit_ns(self._config),
            self._baseline_s,
            least_left,
        )
        best = self._longest(programs, target)
        is_long = best is not None and best[0] >= target.fast_ns
        if self._is_grown and self._problem.reference and len(programs) > 1 and not is_long:
            self._is_doubting = False
            found = self._longest(programs, target)
            self._is_doubting = True
            best = found if best is None or (found and found[0] > best[0]) else best
        if best:
            return best[1]
        tests = self._problem.tests
        if self._problem.kind == "stdio":
            longest = sorted(tests, key=lambda test: -len(test.input_text))[:MAX_TIMED_INPUTS]
            tests = tuple(test for test in tests if test in longest)
        if not tests:
            return None
        return TimingInput(tests=tests, digest=content_id(*(test.input_text for test in tests)))

    def _longest(
        self, programs: Mapping[str, str], target: _Target
    ) -> tuple[int, TimingInput] | None:
        """The first generator's that is long enough, or the longest; with the slowest's time."""
        best: tuple[int, TimingInput] | None = None
        for index in self._distinct_ways():
            found = self._grow(index, programs, target)
            if found and (best is None or found[0] > best[0]):
                best = found
            if best and best[0] >= target.fast_ns:
                break
        return best

    def _distinct_ways(self) -> Sequence[int]:
        """The generators; of those that grow tests one of each that make the same."""
        if not self._is_grown:
            return range(len(self._generators))
        if not self._ways:
            made: dict[str, int] = {}
            for index, generator in enumerate(self._generators):
                text = self._judge.generate_input(generator, FIRST_SIZE, self._seed)
                made.setdefault(f"none {index}" if text is None else text, index)
            self._ways = list(made.values())
        return self._ways

    def others(self, programs: Mapping[str, str], found: TimingInput) -> Iterator[TimingInput]:
        """Inputs of the other generators than `found` is of, `crosscheck_inputs` at most, grown as
        in `find` until programs take OTHER_TARGET_SHARE of the time, or _OTHER_LEAST_NS."""
        if found.generator is None:
            return
        whole_ns = self._config.min_cpu_time_ms * 1e6
        share = min(1.0, max(OTHER_TARGET_SHARE, _OTHER_LEAST_NS / whole_ns))
        target = _Target(
            whole_ns * share,
            _search_limit_ns(self._config) * share,
            self._baseline_s,
            0,
        )
        num_found = 0
        for index in self._distinct_ways():
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
        can be timed on; None if there is none. A size at which grown inputs fail is halved towards
        the last that did not: some programs take exponential time."""
        generator = self._generators[index]
        largest = MAX_GROWN_SIZE if self._is_grown else _largest_size(self._problem)
        size = min(FIRST_GROWN_SIZE if self._is_grown else FIRST_SIZE, largest)
        text = self._first_text(index, size)
        best: tuple[int, TimingInput] | None = None
        before: Mapping[str, int] = {}
        timed_size = 0
        while text is not None:
            made = self._with_answers([text], index, target)
            if made and best and best[1].digest == made.digest:
                break
            runs = self._try(made, programs) if made else {}
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
            if made is None or not times or (stopped and best):
                largest = size - 1
                size = (timed_size + size) // 2
                if not self._is_grown or 2 * (size - timed_size) <= timed_size or not best:
                    break
                text = self._judge.generate_input(generator, size, self._seed)
                continue
            fastest = min(times.values())
            grown = _grown_ns(times, before)
            # Nothing is known of how times grow after the first size alone.
            is_too_slow = grown > target.slow_ns and bool(before)
            best, before, timed_size = (max(times.values()), made), times, size
            if stopped or fastest >= target.fast_ns or is_too_slow or size == largest:
                break
            far = grown * QUADRATIC_GROWTH < target.slow_ns and fastest * 8 < target.fast_ns
            is_very_far = self._is_grown and fastest * VERY_FAR < target.fast_ns
            size = min(largest, size * (8 if far and is_very_far else 4 if far else 2))
            text = self._judge.generate_input(generator, size, self._seed)
        if self._is_grown and best and min(before.values()) < target.fast_ns:
            return self._batch(index, timed_size, programs, target, before) or best
        return best

    def _first_text(self, index: int, size: int) -> str | None:
        """The smallest input of a generator; None if it fails, or if that of a
        problem gives another the second time."""
        texts = [
            self._judge.generate_input(self._generators[index], size, self._seed)
            for _ in range(1 if self._is_grown else 2)
        ]
        if texts[0] is None and not self._is_grown:
            self._note(f"input generator {index} fails, or gives no input")
        elif texts[0] != texts[-1]:
            self._note(f"input generator {index} differs for the same seed")
            return None
        return texts[0]

    def _batch(
        self,
        index: int,
        size: int,
        programs: Mapping[str, str],
        target: _Target,
        times_ns: Mapping[str, int],
    ) -> tuple[int, TimingInput] | None:
        """As `_grow`, of several inputs of one size together, as many as the target needs; None
        where that is no more than one, or a program is stopped on them that was not on one."""
        num_inputs = math.ceil(target.fast_ns / min(times_ns.values()))
        num_inputs = min(num_inputs, MAX_BATCH, int(target.slow_ns / max(times_ns.values())))
        (text,) = self._judge.generate_inputs(self._generators[index], size, (self._seed,)) or ("",)
        num_inputs = min(num_inputs, MAX_INPUT_CHARS // max(1, len(text)))
        if num_inputs < 2:
            return None
        seeds = range(self._seed, self._seed + num_inputs)
        texts = self._judge.generate_inputs(self._generators[index], size, seeds)
        made = self._with_answers(list(dict.fromkeys(texts)), index, target)
        if made is None:
            return None
        runs = self._try(made, {key: programs[key] for key in times_ns})
        times = [run.cpu_time_ns for run in runs.values()]
        return (max(times), made) if times and all(times) else None

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _with_answers(
        self, texts: Sequence[str], index: int, target: _Target
    ) -> TimingInput | None:
        """The inputs with the baseline's answers; None if the baseline fails on one."""
        if not texts:
            return None
        expected = self._judge.run_inputs(self._baseline, texts, target.baseline_s)
        if expected.verdict.outcome is not Outcome.ACCEPTED:
            return None
        tests = tuple(
            Example(input_text=text, expected_text=answer)
            for text, answer in zip(texts, expected.answer_texts, strict=True)
        )
        if not self._judge.accepts_expected(tests[0]):
            self._note(f"its checker fails on an input of generator {index}")
            return None
        return TimingInput(tests=tests, digest=content_id(*texts), generator=index)

    def _try(self, made: TimingInput, programs: Mapping[str, str]) -> dict[str, TimedRun]:
        """One run of every program, those that failed left out and refused, also those of which no
        time was taken; unless it is the input that is wrong (no trusted reference, or a grown
        input, and programs disagree): then no run is returned."""
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
        is_doubted = len(runs) - len(disagreeing) < MIN_AGREEING_SHARE * len(runs)
        if self._is_doubting and is_doubted:
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
