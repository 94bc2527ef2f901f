"""ENAMEL by its authors' rules: wall clock inside the process, six repeats in a row.

For comparison with published figures only. The program could lie to this clock; its times are
therefore held against the CPU time that PID 1 saw, and a program that claims less than half of that
is a VIOLATION and scores 0. Isolation, answers and checkers are as in our own protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from skeldpo.measure.on_cores import Run
from skeldpo.measure.verdict import ProblemFault
from skeldpo.records import Assignment, Measurement, Outcome
from skeldpo.sandbox.container import RunReport
from skeldpo.suites.contract import Judged, JudgedSample, Scores
from skeldpo.suites.enamel_tests import (
    LEVEL_OF,
    NUM_REPEATS,
    NUM_TESTS,
    PATIENT_LIMIT_S,
    REFERENCE_LIMIT_S,
    TIMED,
    TOLERANCE_NS,
    AnswerJudge,
    EnamelInput,
    Finished,
    broke_limit,
    by_level,
    call_request,
    efficiency_scores,
    finished_rows,
    finished_times,
    make_inputs,
    reference_code,
    reference_times,
    released_program,
    sample_codes,
)
from skeldpo.suites.evaluation import SampleResult
from skeldpo.suites.metrics import (
    LEVEL_WEIGHTS,
    EnamelLimits,
    enamel_efficiency,
    enamel_limits,
)
from skeldpo.timing import hodges_lehmann
from skeldpo.values import decode, encode

START_NS = 500_000_000
"""CPU time a process may take beside its repeats: compiling, input, copies, answers."""
CLOCK_SLACK_NS = 3_000_000
"""A program may claim half of what PID 1 saw beside twice what the reference left unclaimed,
and this much for its own compilation."""
LEAST_CALL_NS = 30
"""No call of Python takes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """What one program did on one test: wall times, answers, and what PID 1 saw."""

    report: RunReport
    times_ns: tuple[int, ...]
    answer_texts: tuple[str, ...]
    is_stopped: bool


def time_released(assignment: Assignment, run: Run) -> list[Measurement]:
    """Rows of the reference and of the samples of one problem, with times of the wall clock;
    ProblemFault if the suite's own programs fail."""
    session = _Session(assignment, run)
    samples = {code: session.finished(code) for code in sample_codes(assignment)}
    return finished_rows(assignment, Finished(times_ns=session.reference_ns), samples)


def score_released(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k and eff@k, and of each sample its efficiency."""
    reference = reference_times(judged)
    limits = _limits(reference)
    samples = tuple(_scored(judged, sample, limits) for sample in judged.samples)
    return Scores(
        samples=samples,
        scores=efficiency_scores(samples, ks),
        relative_to={"reference_times_ns": by_level(reference), "limit_ns": limits.limit},
    )


def _scored(judged: Judged, sample: JudgedSample, limits: EnamelLimits) -> SampleResult:
    outcome, failure = sample.verdict.outcome, sample.verdict.failure
    own = [times for times in finished_times(judged, sample.verdict.equal_to) if times]
    levels = [
        level for level, count in zip(by_level(own), NUM_TESTS, strict=True) if len(level) == count
    ]
    passed = outcome is Outcome.ACCEPTED
    if not passed and levels and broke_limit(outcome, failure):
        passed, failure = True, f"levels from {len(levels)} on are lost: {failure}"
    joined = [[hodges_lehmann(times) for times in level] for level in levels]
    return SampleResult(
        sample_index=sample.candidate.sample_index,
        code=sample.candidate.code,
        outcome=Outcome.ACCEPTED if passed else outcome,
        is_correct=passed,
        failure=failure,
        values={"eff": enamel_efficiency(joined, limits) if passed else 0.0},
        times_ns=tuple(map(tuple, by_level(own))),
    )


def _limits(reference_ns: Sequence[Sequence[int]]) -> EnamelLimits:
    return enamel_limits(by_level([hodges_lehmann(times) for times in reference_ns]))


class _Session:
    """The reference's times and answers on all tests, and the samples' against them."""

    def __init__(self, assignment: Assignment, run: Run) -> None:
        problem = assignment.problem
        self._problem = problem
        self._run = run
        self._code = released_program()
        self._judge = AnswerJudge(problem, run)
        self._inputs = make_inputs(problem, run)
        self._answers: list[str] = []
        self._unclaimed_ns: list[int] = []
        self.reference_ns: list[tuple[int, ...]] = []
        for given in self._inputs:
            timed = self._time_reference(reference_code(assignment), given)
            self._answers.append(timed.answer_texts[-1])
            self._unclaimed_ns.append(max(0, timed.report.cpu_time_ns - sum(timed.times_ns)))
            self.reference_ns.append(timed.times_ns)
        self._limits = _limits(self.reference_ns)

    def finished(self, code: str) -> Finished:
        """Runs a sample level by level, and stops at the first that is wrong or over a limit."""
        times: list[tuple[int, ...]] = []
        for index, given in enumerate(self._inputs):
            timed = self._time(code, given, self._limits.limit)
            outcome, failure = self._verdict(index, timed)
            if outcome is not None:
                # What was stopped has lost its level, whatever its answers before were.
                is_lost = timed.is_stopped and LEVEL_OF[index] > 0
                outcome = Outcome.TIME_LIMIT if is_lost else outcome
                return Finished(times_ns=times, outcome=outcome, failure=failure)
            times.append(timed.times_ns)
        return Finished(times_ns=times)

    def _verdict(self, index: int, timed: _Timed) -> tuple[Outcome | None, str]:
        """(None, "") for a test that was finished in time with right answers."""
        given = self._inputs[index]
        for answer in timed.answer_texts:
            if not self._judge.is_right(given, self._answers[index], answer):
                expected = self._answers[index][:120]
                return Outcome.WRONG_ANSWER, f"expected {expected}, got {answer[:120]}"
        if timed.is_stopped:
            return Outcome.TIME_LIMIT, "stopped at the time limit"
        if timed.report.outcome is not Outcome.ACCEPTED:
            return timed.report.outcome, timed.report.failure[-400:]
        seen_ns = timed.report.cpu_time_ns - 2 * self._unclaimed_ns[index] - CLOCK_SLACK_NS
        if sum(timed.times_ns) < seen_ns / 2:
            return (
                Outcome.VIOLATION,
                f"its clock says {sum(timed.times_ns)} ns where the sandbox saw {seen_ns:.0f} ns",
            )
        return None, ""

    def _time_reference(self, code: str, given: EnamelInput) -> _Timed:
        timed = self._time(code, given, REFERENCE_LIMIT_S * 1e9)
        if timed.report.outcome is not Outcome.ACCEPTED or timed.is_stopped:
            raise ProblemFault(
                f"its reference failed at level {given.level}: {timed.report.outcome}: "
                f"{timed.report.failure[-300:]}"
            )
        return timed

    def _time(self, code: str, given: EnamelInput, limit_ns: float) -> _Timed:
        limit_s = (limit_ns + TOLERANCE_NS) / 1e9
        if not LEVEL_WEIGHTS[given.level]:
            return self._repeat(code, given, limit_s, 1)
        timed = self._repeat(code, given, limit_s, NUM_REPEATS)
        if timed.report.outcome is not Outcome.OUTPUT_LIMIT:
            return timed
        # The answers of all repeats are too large for one report: a process for each.
        parts: list[_Timed] = []
        while len(parts) < NUM_REPEATS:
            parts.append(self._repeat(code, given, limit_s, 1))
            if parts[-1].is_stopped or parts[-1].report.outcome is not Outcome.ACCEPTED:
                break
        return _Timed(
            report=replace(
                parts[-1].report, cpu_time_ns=sum(part.report.cpu_time_ns for part in parts)
            ),
            times_ns=tuple(time for part in parts for time in part.times_ns),
            answer_texts=tuple(text for part in parts for text in part.answer_texts),
            is_stopped=parts[-1].is_stopped,
        )

    def _repeat(self, code: str, given: EnamelInput, limit_s: float, num_repeats: int) -> _Timed:
        """Repeats in one process."""
        rest = json.dumps([num_repeats, limit_s])[1:]
        problem = self._problem
        names = json.dumps([problem.preamble, code, problem.entry_point])[:-1]
        call = [f"{names}, {given.arguments_text}, {rest}"]
        cpu_limit_s = (num_repeats + 1) * limit_s + START_NS / 1e9
        report = self._run(call_request(self._code, TIMED, call, cpu_limit_s))
        if report.outcome is Outcome.IDLE_LIMIT:
            patient_s = cpu_limit_s + PATIENT_LIMIT_S
            report = self._run(call_request(self._code, TIMED, call, patient_s))
        if report.outcome is not Outcome.ACCEPTED:
            return _Timed(report=report, times_ns=(), answer_texts=(), is_stopped=False)
        return _told(report, num_repeats)


def _told(report: RunReport, num_repeats: int) -> _Timed:
    """What the program's process says, if it has the form that an honest one has."""
    match decode(report.answer_texts[0]):
        case [list(times), list(answers), bool(is_stopped)] if (
            all(type(time) is int and time >= LEAST_CALL_NS for time in times)
            and len(times) == len(answers)
            and (is_stopped or len(times) == num_repeats)
        ):
            return _Timed(
                report=report,
                times_ns=tuple(times),
                answer_texts=tuple(map(encode, answers)),
                is_stopped=is_stopped,
            )
    forged = replace(report, outcome=Outcome.VIOLATION, failure="it forged its own times")
    return _Timed(report=forged, times_ns=(), answer_texts=(), is_stopped=False)
