"""ENAMEL by its authors' rules: wall clock inside the process, six repeats in a row.

For comparison with published figures only. The program could lie to this clock; its times are
therefore held against the CPU time that PID 1 saw, and a program that claims less than half of that
is a VIOLATION and scores 0. Isolation, answers and checkers are as in our own protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from skeldpo.evaluate.cores import Run
from skeldpo.evaluate.enamel import (
    NUM_REPEATS,
    NUM_TESTS,
    TIMED,
    TOLERANCE_NS,
    EnamelProblem,
    assembled,
    released_program,
)
from skeldpo.evaluate.enamel_tests import (
    PATIENT_LIMIT_S,
    REFERENCE_LIMIT_S,
    AnswerJudge,
    EnamelInput,
    UnusableProblem,
    broke_limit,
    call_request,
    make_inputs,
)
from skeldpo.evaluate.evaluation import ProblemResult, SampleResult, efficiency_scores
from skeldpo.evaluate.metrics import (
    LEVEL_WEIGHTS,
    EnamelLimits,
    enamel_efficiency,
    enamel_limits,
)
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport
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


def measure_enamel_released(
    problem: EnamelProblem, codes: Sequence[str], ks: Sequence[int], run: Run
) -> ProblemResult:
    """Scores the samples of one problem; UnusableProblem if the suite's own programs fail."""
    session = _Session(problem, run)
    results = {code: session.score(code) for code in dict.fromkeys(codes)}
    samples = tuple(
        SampleResult(
            sample_index=index,
            code=code,
            outcome=results[code].outcome,
            is_correct=results[code].outcome is Outcome.ACCEPTED,
            failure=results[code].failure,
            values={"eff": results[code].efficiency},
            times_ns=results[code].times_ns,
        )
        for index, code in enumerate(codes)
    )
    return ProblemResult(
        problem_id=problem.problem_id,
        difficulty="",
        samples=samples,
        relative_to={
            "reference_times_ns": session.reference_ns,
            "limit_ns": session.limits.limit,
        },
        scores=efficiency_scores(samples, ks),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    outcome: Outcome
    failure: str
    efficiency: float
    times_ns: tuple[tuple[tuple[int, ...], ...], ...]


class _Session:
    """The reference's times and answers on all tests, and the samples' against them."""

    def __init__(self, problem: EnamelProblem, run: Run) -> None:
        self._problem = problem
        self._run = run
        self._code = released_program()
        self._judge = AnswerJudge(problem, run)
        self._inputs = make_inputs(problem, run)
        self._answers: list[str] = []
        self._unclaimed_ns: list[int] = []
        self.reference_ns: list[list[tuple[int, ...]]] = [[] for _ in NUM_TESTS]
        for given in self._inputs:
            timed = self._reference(given)
            self._answers.append(timed.answer_texts[-1])
            self._unclaimed_ns.append(max(0, timed.report.cpu_time_ns - sum(timed.times_ns)))
            self.reference_ns[given.level].append(timed.times_ns)
        joined = [[hodges_lehmann(times) for times in level] for level in self.reference_ns]
        self.limits: EnamelLimits = enamel_limits(joined)

    def score(self, code: str) -> _Score:
        """Runs a sample level by level, and stops at the first that is wrong or over a limit."""
        times: list[tuple[tuple[int, ...], ...]] = []
        efficiency_times: list[list[float]] = []
        for level in range(len(NUM_TESTS)):
            level_times: list[tuple[int, ...]] = []
            for index, given in enumerate(self._inputs):
                if given.level != level:
                    continue
                timed = self._time(code, given, self.limits.limit)
                outcome, failure = self._verdict(index, timed)
                if outcome is None:
                    level_times.append(timed.times_ns)
                    continue
                lost_only = timed.is_stopped or broke_limit(timed.report)
                passed = lost_only and level > 0
                return _Score(
                    outcome=Outcome.ACCEPTED if passed else outcome,
                    failure=f"levels from {level} on are lost: {failure}" if passed else failure,
                    efficiency=self._efficiency(efficiency_times) if passed else 0.0,
                    times_ns=(*times, tuple(level_times)),
                )
            times.append(tuple(level_times))
            efficiency_times.append([hodges_lehmann(t) for t in level_times])
        return _Score(
            outcome=Outcome.ACCEPTED,
            failure="",
            efficiency=self._efficiency(efficiency_times),
            times_ns=tuple(times),
        )

    def _efficiency(self, level_times: Sequence[Sequence[float]]) -> float:
        return enamel_efficiency(level_times, self.limits)

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

    def _reference(self, given: EnamelInput) -> _Timed:
        timed = self._time(self._problem.reference, given, REFERENCE_LIMIT_S * 1e9)
        if timed.report.outcome is not Outcome.ACCEPTED or timed.is_stopped:
            raise UnusableProblem(
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
        program = assembled(problem, code)
        names = json.dumps([problem.preamble, program, problem.entry_point])[:-1]
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
