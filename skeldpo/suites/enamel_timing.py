"""ENAMEL in our protocol: outside CPU clock, pinned core, interleaved repeats, fresh processes.

What the suite defines stays: levels, tests, limits, the reference timed on the same core. Its clock
does not: every run is a new process whose CPU time PID 1 reads, reference and samples take turns,
repeats are joined by the mean of their lower half, and what the way in and out of the process costs
is measured with a program that does nothing else, and subtracted. A test that no sample is left for
is not timed as often, or at all, as its time then moves little or no score.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import replace

from skeldpo.measure.on_cores import Run
from skeldpo.measure.verdict import ProblemFault
from skeldpo.records import Assignment, Measurement, Outcome
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.guest.serve import PROGRAM_LIMIT_BYTES
from skeldpo.suites.contract import Judged, JudgedSample, Scores
from skeldpo.suites.enamel_tests import (
    ECHO,
    LEVEL_OF,
    NUM_REPEATS,
    NUM_TESTS,
    PATIENT_LIMIT_S,
    REFERENCE_LIMIT_S,
    TOLERANCE_NS,
    AnswerJudge,
    EnamelTest,
    Finished,
    broke_limit,
    by_level,
    call_request,
    echo_preamble,
    efficiency_scores,
    finished_rows,
    finished_times,
    make_tests,
    reference_code,
    reference_times,
    sample_codes,
    timed_rows,
)
from skeldpo.suites.evaluation import SampleResult
from skeldpo.suites.metrics import (
    LEVEL_WEIGHTS,
    TIMEOUT_FACTOR,
    EnamelLimits,
    enamel_efficiency,
    enamel_limits,
)
from skeldpo.suites.speed import IS_FASTER, SPEEDUP, fast_scores, speed_values
from skeldpo.timing import lower_half_mean

RESOLUTION_NS = 50_000
"""Times below this are taken as this: single runs vary by some 10 us, and so does what is
subtracted, so that of two that are shorter it is not known which one is."""
SHORT_NS, SHORT_REPEATS = 3_000_000, 12
"""Tests on which the reference takes less have more repeats than the suite's: single runs vary by
some 10 us, and a level counts its slowest test. They take little time."""
REPEATS_AT_ONCE = 2
"""Of a test, before the next test has its turn."""
START_NS = 150_000_000
"""CPU time a process may take beside the call: compiling, input, answer."""
RUN_LIMIT_FACTOR = 1.5
"""CPU limit of a run over T as first seen: T itself is known only after the last repeat."""
FEW_REPEATS, SMALL_SHARE = 4, 0.1
"""A test on which reference and samples take less than this share of T has these repeats: an error
of a time is one of share * error in f, so that 5 % of it are .0015 of one problem's score at most,
while single runs vary by less."""
REPEATS_ALONE = 3
"""Of the reference where no sample runs any more: its time there is in T alone, and T's error in
a score is that of T times (1 - f) of a level that was finished."""
MAX_ECHO_CHARS = PROGRAM_LIMIT_BYTES * 3 // 4
"""An answer that makes a longer preamble is not echoed, and nothing is subtracted."""


def time_levels(assignment: Assignment, run: Run) -> list[Measurement]:
    """Rows of the reference, of ECHO and of the samples of one problem; ProblemFault if the suite's
    own programs fail."""
    tests = make_tests(assignment, run)
    session = _Session(assignment, tests, run)
    session.time()
    samples = {
        code: Finished(times_ns=timed.times_ns, outcome=timed.outcome, failure=timed.failure)
        for code, timed in session.programs.items()
    }
    reference = Finished(times_ns=session.reference_ns)
    return [
        *finished_rows(assignment, reference, samples),
        *timed_rows(ECHO, assignment, session.echo_ns, session.echo_ns),
    ]


def score_levels(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k, eff@k and fast@p, and of each sample its efficiency and speed."""
    raw = reference_times(judged)
    overheads = [lower_half_mean(own) if own else 0.0 for own in finished_times(judged, ECHO)]
    limits = enamel_limits(
        by_level([_joined(own, overhead) for own, overhead in zip(raw, overheads, strict=True)])
    )
    samples = tuple(_scored(judged, sample, raw, overheads, limits) for sample in judged.samples)
    return Scores(
        samples=samples,
        scores=efficiency_scores(samples, ks) | fast_scores(samples, ks),
        relative_to={
            "reference_times_ns": by_level(raw),
            "overheads_ns": by_level(overheads),
            "limit_ns": limits.limit,
        },
    )


def _scored(
    judged: Judged,
    sample: JudgedSample,
    reference: Sequence[Sequence[float]],
    overheads: Sequence[float],
    limits: EnamelLimits,
) -> SampleResult:
    """Its score: finished levels up to the first with a test over T."""
    outcome, failure = sample.verdict.outcome, sample.verdict.failure
    own = [times for times in finished_times(judged, sample.verdict.equal_to) if times]
    levels: list[list[float]] = []
    for level, count in enumerate(NUM_TESTS):
        first = sum(NUM_TESTS[:level])
        finished = range(first, min(first + count, len(own)))
        times = [_joined(own[k], overheads[k]) for k in finished]
        if len(times) < count or max(times) > limits.limit + TOLERANCE_NS:
            break
        levels.append(times)
    # A wrong answer at a level after the one that was lost would not have been asked for.
    is_wrong = outcome is not Outcome.ACCEPTED and not broke_limit(outcome, failure)
    wrong_level = LEVEL_OF[len(own)] if is_wrong else len(NUM_TESTS)
    passed = bool(levels) and (not is_wrong or len(levels) < wrong_level)
    cut_short = passed and len(levels) < len(NUM_TESTS)
    if outcome is Outcome.ACCEPTED and len(levels) < len(NUM_TESTS):
        outcome, failure = Outcome.TIME_LIMIT, "slower than the limit"
    if cut_short:
        failure = f"levels from {len(levels)} on are lost: {outcome}: {failure}"
    return SampleResult(
        sample_index=sample.candidate.sample_index,
        code=sample.candidate.code,
        outcome=Outcome.ACCEPTED if passed else outcome,
        is_correct=passed,
        failure=failure,
        values={"eff": enamel_efficiency(levels, limits)} | _speed(own, reference, overheads)
        if passed
        else {"eff": 0.0},
        times_ns=tuple(map(tuple, by_level(own))),
    )


def _speed(
    own: Sequence[Sequence[float]],
    reference: Sequence[Sequence[float]],
    overheads: Sequence[float],
) -> dict[str, float]:
    """Of a right sample beside the reference, on the counted test on which that takes longest; one
    that was stopped before it is not fast."""
    counted = [k for k, level in enumerate(LEVEL_OF) if LEVEL_WEIGHTS[level]]
    longest = max(counted, key=lambda k: _joined(reference[k], overheads[k]))
    if longest >= len(own):
        return {SPEEDUP: 0.0, IS_FASTER: 0.0}
    overhead = overheads[longest]
    return speed_values(_net(own[longest], overhead), _net(reference[longest], overhead))


class _Timed:
    """One distinct program: raw times of each test it finished, and why it stopped."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.times_ns: list[list[int]] = []
        self.outcome = Outcome.ACCEPTED
        self.failure = ""
        self._is_stopped = False

    def begin_test(self) -> None:
        """Room for the times of the next test, unless it was stopped at one before."""
        if not self._is_stopped:
            self.times_ns.append([])

    def stop(self, index: int, report: RunReport, failure: str) -> None:
        """No more runs of this test or those after it: at a limit the level is lost, else the
        program is wrong."""
        self._is_stopped = True
        del self.times_ns[index:]
        wrong_answer = report.outcome is Outcome.ACCEPTED
        self.outcome = Outcome.WRONG_ANSWER if wrong_answer else report.outcome
        self.failure = failure[-400:]


class _Session:
    """All runs of one problem."""

    def __init__(self, assignment: Assignment, tests: Sequence[EnamelTest], run: Run) -> None:
        problem = assignment.problem
        self.programs = {code: _Timed(code) for code in sample_codes(assignment)}
        self.reference_ns: list[list[int]] = [[] for _ in tests]
        self.echo_ns: list[list[int]] = [[] for _ in tests]
        self._order = random.Random(int(problem.problem_id.rpartition("/")[2]))
        self._reference = reference_code(assignment)
        self._tests = tests
        self._problem = problem
        self._judge = AnswerJudge(problem, run)
        self._run = run
        counted = [t.first_time_ns for t in tests if LEVEL_WEIGHTS[t.given.level]]
        self._first_limit_ns = TIMEOUT_FACTOR * max(counted)
        limit_ns = RUN_LIMIT_FACTOR * self._first_limit_ns + TOLERANCE_NS + START_NS
        self._limit_s = limit_ns / 1e9
        first = next(level for level, weight in enumerate(LEVEL_WEIGHTS) if weight)
        self._first_counted = sum(NUM_TESTS[: first + 1])

    def time(self) -> None:
        """Reference, echo and every running program in turns, as often as a test's level asks: a
        few of each test, then a few more of each, so that an interval in which the machine is slow
        has few of each and not all of one."""
        for begun in range(0, max(SHORT_REPEATS, NUM_REPEATS), REPEATS_AT_ONCE):
            for index, test in enumerate(self._tests):
                if not begun:
                    for program in self.programs.values():
                        program.begin_test()
                self._time_test(index, test, begun)

    def _time_test(self, index: int, test: EnamelTest, begun: int) -> None:
        """The next repeats of a test of which so many are begun."""
        running = [one for one in self.programs.values() if len(one.times_ns) > index]
        is_paired = LEVEL_WEIGHTS[test.given.level] > 0
        num_repeats = self._num_repeats(test, len(running))
        if not begun and not (is_paired and num_repeats):
            self.reference_ns[index].append(test.first_time_ns)
        if begun >= num_repeats or (begun >= FEW_REPEATS and self._decides_little(index, running)):
            return
        reference = self._request(self._reference, test, REFERENCE_LIMIT_S)
        before = echo_preamble(test.answer_text)
        echo = replace(reference, code="pass\n", entry_point=ECHO, preamble=before)
        samples = {p.code: self._request(p.code, test, self._limit_s) for p in running}
        for _ in range(begun, min(begun + REPEATS_AT_ONCE, num_repeats)):
            turns: list[_Timed | None] = [*running, *([None] if is_paired else [])]
            # What ran before leaves its caches: no program always follows the same one.
            self._order.shuffle(turns)
            if is_paired and len(before) < MAX_ECHO_CHARS:
                self.echo_ns[index].append(self._own_time(echo))
            for turn in turns:
                if turn is None:
                    self.reference_ns[index].append(self._own_time(reference))
                elif len(turn.times_ns) > index:
                    self._time_program(turn, samples[turn.code], index, test)

    def _num_repeats(self, test: EnamelTest, num_running: int) -> int:
        """How often a test is run. A program that finished no level that counts scores 0 whatever
        T is, so if no program did more, the reference's first time is enough."""
        if num_running:
            if not LEVEL_WEIGHTS[test.given.level]:
                return 1
            return SHORT_REPEATS if test.first_time_ns < SHORT_NS else NUM_REPEATS
        if any(len(program.times_ns) >= self._first_counted for program in self.programs.values()):
            return REPEATS_ALONE
        return 0

    def _decides_little(self, index: int, running: Sequence[_Timed]) -> bool:
        times_ns = [self.reference_ns[index], *(program.times_ns[index] for program in running)]
        longest_ns = max(statistics.median(own) for own in times_ns)
        return longest_ns < SMALL_SHARE * self._first_limit_ns

    def _time_program(
        self, program: _Timed, request: RunRequest, index: int, test: EnamelTest
    ) -> None:
        report = self._run(request)
        if report.outcome is Outcome.IDLE_LIMIT:
            report = self._run(replace(request, cpu_limit_s=PATIENT_LIMIT_S))
        if report.outcome is not Outcome.ACCEPTED:
            program.stop(index, report, report.failure)
        elif not self._judge.is_right(test.given, test.answer_text, report.answer_texts[0]):
            answer = report.answer_texts[0][:120]
            program.stop(index, report, f"expected {test.answer_text[:120]}, got {answer}")
        else:
            program.times_ns[index].append(report.cpu_time_ns)

    def _request(self, code: str, test: EnamelTest, limit_s: float) -> RunRequest:
        given = [test.given.arguments_text]
        entry_point, before = self._problem.entry_point, self._problem.preamble
        return call_request(code, entry_point, given, limit_s, before)

    def _own_time(self, request: RunRequest) -> int:
        report = self._run(request)
        if report.outcome is not Outcome.ACCEPTED:
            raise ProblemFault(f"its reference failed when timed: {report.failure[-300:]}")
        return report.cpu_time_ns


def _joined(times_ns: Sequence[float], overhead_ns: float) -> float:
    """A program's time on a test, without what the way in and out costs."""
    return max(lower_half_mean(times_ns) - overhead_ns, RESOLUTION_NS)


def _net(times_ns: Sequence[float], overhead_ns: float) -> list[int]:
    return [round(max(time - overhead_ns, RESOLUTION_NS)) for time in times_ns]
