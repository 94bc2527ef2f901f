"""Inputs, expected answers and judgement of one ENAMEL problem, all made in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.evaluate.cores import Run
from skeldpo.evaluate.enamel import (
    CHECK,
    MAKE,
    NUM_TESTS,
    EnamelProblem,
    assembled,
    checker_program,
    generator_program,
    numbered_seeds,
)
from skeldpo.languages import python
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest

GENERATOR_LIMIT_S = 60.0
REFERENCE_LIMIT_S = 30.0
CHECKER_LIMIT_S = 30.0
PATIENT_LIMIT_S = 3.0
"""CPU limit of a second run after an idle one: on a busy node a process may wait for its core."""


class UnusableProblem(RuntimeError):
    """The suite's own generator or reference failed: the problem is listed, not scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnamelInput:
    """One test's input: the text of the list of arguments."""

    level: int
    arguments_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnamelTest:
    """An input with its expected answer and the reference's first CPU time on it."""

    given: EnamelInput
    answer_text: str
    first_time_ns: int


def call_request(
    code: str, entry_point: str, input_texts: Sequence[str], limit_s: float, preamble: str = ""
) -> RunRequest:
    """A function program called on each of the inputs in one process; `preamble` comes before it,
    and before the clock."""
    return RunRequest(
        language=python.NAME,
        kind="function",
        code=code,
        entry_point=entry_point,
        input_texts=tuple(input_texts),
        cpu_limit_s=limit_s,
        preamble=preamble,
    )


def make_inputs(problem: EnamelProblem, run: Run) -> tuple[EnamelInput, ...]:
    """All inputs of a problem, level by level, from the suite's seeds."""
    code = generator_program(problem)
    made: list[EnamelInput] = []
    for level, (size, seeds) in enumerate(zip(problem.sizes, numbered_seeds(problem), strict=True)):
        calls = [json.dumps([seed, size, level, index]) for index, seed in enumerate(seeds)]
        reports = [run(call_request(code, MAKE, calls, GENERATOR_LIMIT_S))]
        if reports[0].outcome is Outcome.OUTPUT_LIMIT:  # together too large for one report
            reports = [run(call_request(code, MAKE, [call], GENERATOR_LIMIT_S)) for call in calls]
        for report in reports:
            if report.outcome is not Outcome.ACCEPTED:
                raise UnusableProblem(
                    f"its input generator failed at level {level}: {_why(report)}"
                )
            made += [EnamelInput(level=level, arguments_text=text) for text in report.answer_texts]
    assert len(made) == sum(NUM_TESTS)
    return tuple(made)


def make_tests(problem: EnamelProblem, run: Run) -> tuple[EnamelTest, ...]:
    """The inputs with the answers of the suite's reference program."""
    made = []
    for given in make_inputs(problem, run):
        code, call = assembled(problem, problem.reference), [given.arguments_text]
        entry_point, before = problem.entry_point, problem.preamble
        report = run(call_request(code, entry_point, call, REFERENCE_LIMIT_S, before))
        if report.outcome is not Outcome.ACCEPTED:
            raise UnusableProblem(f"its reference failed at level {given.level}: {_why(report)}")
        made.append(
            EnamelTest(
                given=given,
                answer_text=report.answer_texts[0],
                first_time_ns=report.cpu_time_ns,
            )
        )
    return tuple(made)


class AnswerJudge:
    """Says whether answers are right, by the suite's checker where they are not the reference's.

    The checker runs away from the program that answered; each distinct answer is judged once.
    """

    def __init__(self, problem: EnamelProblem, run: Run) -> None:
        self._code = checker_program(problem)
        self._run = run
        self._known: dict[tuple[str, str], bool] = {}

    def is_right(self, given: EnamelInput, expected_text: str, answer_text: str) -> bool:
        """Whether the checker takes the answer; never one that it cannot be handed."""
        if answer_text == expected_text:
            return True
        key = (given.arguments_text, answer_text)
        if key not in self._known:
            call = f"[{given.arguments_text}, {expected_text}, {answer_text}]"
            try:
                report = self._run(call_request(self._code, CHECK, [call], CHECKER_LIMIT_S))
                self._known[key] = report.answer_texts[:1] == ("true",)
            except ValueError:  # a deque, say
                self._known[key] = False
        return self._known[key]


def broke_limit(report: RunReport) -> bool:
    """Time, memory or overflow: the program's level, and not the program, is lost."""
    if report.outcome in (Outcome.TIME_LIMIT, Outcome.IDLE_LIMIT, Outcome.MEMORY_LIMIT):
        return True
    lines = report.failure.strip().splitlines()
    overflowed = bool(lines) and lines[-1].startswith("OverflowError")
    return report.outcome is Outcome.RUNTIME_ERROR and overflowed


def _why(report: RunReport) -> str:
    return f"{report.outcome}: {report.failure.strip()[-300:]}"
