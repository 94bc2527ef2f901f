"""Is a program right? Runs it on a problem's tests and compares the answers on the host.

Expected answers never enter the sandbox with the program; checkers and input generators written in
Python run there too, each in a process of its own. A sandbox that fails raises `SandboxFailure`:
it is retried and, in the end, reported as SANDBOX_FAILED, never as a verdict on the program. Where
the problem's own checker or reference is at fault, its programs are FAULTY_PROBLEM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skeldpo.config import MeasureConfig
from skeldpo.judging.checkers import is_correct, is_named
from skeldpo.judging.right_answers import known_programs_fault
from skeldpo.judging.stdio import input_text, line_ends
from skeldpo.languages import SUPPORT
from skeldpo.records import Example, Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.values import OBJECT, NotPlainError, as_json, decode, encode

FIRST_TESTS = 4
"""Tests of the first run; each further run has GROWTH times as many, and a wrong program is done
with after the run it fails in."""
GROWTH = 4
GENERATOR_CPU_LIMIT_S = 10.0
MAX_INPUT_CHARS = 16 << 20
FAILURE_CHARS = 400
_TAKEN = (("true",), ("1",))
_REFUSED = (("false",), ("0",), ("null",))
"""What a checker in Python says; one that ends without a return says nothing else than no."""
MAX_OVERRUN = 2.0
"""CPU time of a process over its limit, at which it is stopped: a clock that says more is wrong."""


class SandboxFailure(RuntimeError):
    """The sandbox, not the program, failed."""


class ProblemFault(RuntimeError):
    """The problem, not a program or the sandbox, is at fault: no program of it has a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of a program after a run: outcome, peak memory and why it was refused;
    `input_digest` is that of the timing input it was refused on, empty for the tests."""

    outcome: Outcome
    peak_memory_bytes: int
    failure: str
    input_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """One run on given inputs: its verdict, its answers, and CPU time in ns, 0 unless it answered
    all and was not refused, and where it cannot be true; instructions are 0 where they are not
    counted. A function program
    answers all inputs in one process, a stdio program each in one of its own."""

    verdict: Verdict
    answer_texts: tuple[str, ...]
    has_all_answers: bool
    cpu_time_ns: int
    run_delay_ns: int
    instructions: int
    num_processes: int


def without_time(run: TimedRun) -> Verdict:
    """The verdict of an accepted run of which the sandbox gives no time that can be used."""
    return replace(
        run.verdict,
        outcome=Outcome.SANDBOX_FAILED,
        failure=f"accepted, but the sandbox gave no time: {run.cpu_time_ns} ns",
    )


class Judge:
    """Runs programs of one problem; `run` is `Sandbox.run`."""

    def __init__(
        self, problem: Problem, run: Callable[[RunRequest], RunReport], config: MeasureConfig
    ) -> None:
        self._problem = problem
        self._run = run
        self._config = config
        self._numbers = _spread(len(problem.tests), config.max_tests)

    def problem_fault(self) -> str:
        """Why no verdict on this problem could be defended; empty if nothing speaks against it."""
        problem = self._problem
        if problem.tests and not self.accepts_expected(problem.tests[0]):
            return "its checker refuses the expected answer of the first test"
        if problem.reference:
            verdict = self.check(problem.reference)
            if verdict.outcome is not Outcome.ACCEPTED:
                return f"its reference fails its tests: {verdict.outcome.value} {verdict.failure}"
        return known_programs_fault(problem, lambda code: self.check(code).outcome)

    def check(self, code: str) -> Verdict:
        """The verdict of a program on the problem's tests; ValueError if there are none, since
        nothing would have been checked."""
        numbers = self._numbers
        if not numbers:
            raise ValueError(f"problem {self._problem.problem_id} has no tests to check a program")
        verdict = Verdict(outcome=Outcome.ACCEPTED, peak_memory_bytes=0, failure="")
        start, num_tests, peak_bytes = 0, FIRST_TESTS, 0
        while start < len(numbers) and verdict.outcome is Outcome.ACCEPTED:
            part = numbers[start : start + num_tests]
            tests = [self._problem.tests[number] for number in part]
            verdict = self.run_tests(code, tests, self._config.cpu_limit_s, part).verdict
            peak_bytes = max(peak_bytes, verdict.peak_memory_bytes)
            start, num_tests = start + num_tests, GROWTH * num_tests
        return replace(verdict, peak_memory_bytes=peak_bytes)

    def run_tests(
        self,
        code: str,
        tests: Sequence[Example],
        cpu_limit_s: float,
        numbers: Sequence[int] | None = None,
    ) -> TimedRun:
        """One timed run of a program on all `tests`, its answers compared with the expected.
        Messages name those of the problem by their `numbers` in it; without, they are inputs that
        were made, or chosen, to time programs."""
        run = self.run_inputs(code, [test.input_text for test in tests], cpu_limit_s)
        if not run.has_all_answers:
            return run
        for index, (test, answer) in enumerate(zip(tests, run.answer_texts, strict=True)):
            outcome, failure = self._judge_answer(test, answer)
            if outcome is not Outcome.ACCEPTED:
                name = f"timed input {index}" if numbers is None else f"test {numbers[index]}"
                refused = replace(run.verdict, outcome=outcome, failure=f"{name}: {failure}")
                return replace(run, verdict=refused, cpu_time_ns=0)
        return replace(run, verdict=replace(run.verdict, outcome=Outcome.ACCEPTED, failure=""))

    def run_inputs(self, code: str, input_texts: Sequence[str], cpu_limit_s: float) -> TimedRun:
        """One timed run whose answers are not compared (the baseline on generated inputs)."""
        report = self._ask(self.request(code, input_texts, cpu_limit_s))
        num_processes = len(input_texts) if self._problem.kind == "stdio" else 1
        can_be = report.cpu_time_ns <= MAX_OVERRUN * cpu_limit_s * 1e9 * num_processes
        has_all_answers = report.outcome is Outcome.ACCEPTED or bool(report.odd_answer_texts)
        return TimedRun(
            verdict=Verdict(
                outcome=report.outcome,
                peak_memory_bytes=report.peak_memory_bytes,
                failure=report.failure[-FAILURE_CHARS:],
            ),
            answer_texts=report.odd_answer_texts or report.answer_texts,
            has_all_answers=has_all_answers,
            cpu_time_ns=report.cpu_time_ns if has_all_answers and can_be else 0,
            run_delay_ns=report.run_delay_ns,
            instructions=report.instructions,
            num_processes=num_processes,
        )

    def request(self, code: str, input_texts: Sequence[str], cpu_limit_s: float) -> RunRequest:
        """What runs a program of the problem on inputs."""
        return RunRequest(
            language=self._problem.language,
            kind=self._problem.kind,
            code=code,
            entry_point=self._problem.entry_point,
            input_texts=tuple(input_texts),
            cpu_limit_s=cpu_limit_s,
            preamble=self._problem.preamble,
        )

    def generate_input(self, generator: str, size: int, seed: int) -> str | None:
        """The text of a generated input, or None when the generator fails or makes too much."""
        made = self.generate_inputs(generator, size, (seed,))
        return made[0] if made else None

    def generate_inputs(self, generator: str, size: int, seeds: Sequence[int]) -> list[str]:
        """The texts of an input a seed, of one process; none when the generator fails or makes too
        much."""
        report = self._call(generator, "generate_input", *([size, seed] for seed in seeds))
        if report.outcome is not Outcome.ACCEPTED:
            return []
        made = [self._input_text(text) for text in report.answer_texts]
        return [text for text in made if text is not None] if None not in made else []

    def _input_text(self, answer_text: str) -> str | None:
        """What a generator made, as programs are given it; grown arguments keep their types."""
        if len(answer_text) > MAX_INPUT_CHARS:
            return None
        try:
            value = decode(answer_text)
            made = value if self._problem.growth else as_json(value)
            if self._problem.kind == "function":
                return encode(made) if isinstance(made, list) else None
        except (ValueError, NotPlainError, RecursionError):
            return None
        return input_text(made) if isinstance(made, str) else None

    def accepts_expected(self, test: Example) -> bool:
        """Whether a checker in Python takes the expected answer; the named ones always do."""
        if is_named(self._problem.checker):
            return True
        return self._call_checker(test, test.expected_text).answer_texts in _TAKEN

    def _judge_answer(self, test: Example, answer_text: str) -> tuple[Outcome, str]:
        """What an answer is, and why.

        A checker in Python that raises has refused the answer if it takes the expected one. One
        that breaks a limit, cannot take its own answer or returns what is no bool (a list, a pair)
        says nothing about the program.
        """
        checker = self._problem.checker
        wrong = f"expected {_shown(test.expected_text)}, got {_shown(answer_text)}"
        if is_named(checker):
            kind = self._problem.kind
            given, expected = test.input_text, test.expected_text
            right = is_correct(checker, kind, answer_text, expected, given)
            return (Outcome.ACCEPTED, "") if right else (Outcome.WRONG_ANSWER, wrong)
        if len(answer_text) > MAX_INPUT_CHARS:
            return Outcome.OUTPUT_LIMIT, f"an answer of {len(answer_text)} characters"
        if not self._can_be_checked(answer_text):
            return Outcome.WRONG_ANSWER, wrong
        report = self._call_checker(test, answer_text)
        if report.answer_texts in _TAKEN:
            return Outcome.ACCEPTED, ""
        raised = report.outcome is Outcome.RUNTIME_ERROR
        if report.answer_texts in _REFUSED or (raised and self.accepts_expected(test)):
            return Outcome.WRONG_ANSWER, wrong
        said = f"{report.outcome.value} {report.failure[-120:]}"
        if report.answer_texts:
            said = f"it returns {_shown(report.answer_texts[0])}, which is no bool"
        return Outcome.FAULTY_PROBLEM, f"the problem's checker fails: {said}"

    def _can_be_checked(self, answer_text: str) -> bool:
        """Whether a checker in Python can be given the answer."""
        if self._problem.kind == "function":
            try:
                encode(as_json(decode(answer_text)))
            except (ValueError, NotPlainError, RecursionError):
                return False
        return True

    def _call_checker(self, test: Example, answer_text: str) -> RunReport:
        """A report without answers unless the checker ended well."""
        values: list[Any] = [test.input_text, line_ends(answer_text), test.expected_text]
        if self._problem.kind == "function":
            values = [as_json(decode(value)) for value in values]
        report = self._call(self._problem.checker, "check", values)
        return report if report.outcome is Outcome.ACCEPTED else replace(report, answer_texts=())

    def _call(self, code: str, entry_point: str, *calls: list[Any]) -> RunReport:
        """Calls a function that came with the problem (generator, checker) in the sandbox."""
        return self._ask(
            RunRequest(
                language=SUPPORT,
                kind="function",
                code=code,
                entry_point=entry_point,
                input_texts=tuple(map(encode, calls)),
                cpu_limit_s=GENERATOR_CPU_LIMIT_S,
            )
        )

    def _ask(self, request: RunRequest) -> RunReport:
        report = self._run(request)
        if not report.outcome.is_verdict:
            raise SandboxFailure(report.failure)
        num_answers, num_inputs = len(report.answer_texts), len(request.input_texts)
        if report.outcome is Outcome.ACCEPTED and num_answers != num_inputs:
            raise SandboxFailure(f"{num_answers} answers to {num_inputs} inputs")
        return report


def _shown(text: str) -> str:
    """What a value looks like in a message; of an answer that is no plain data, its type."""
    prefix = f'{{"{OBJECT}":"'
    if text.startswith(prefix):
        return f"what is no plain data: {text.removeprefix(prefix)[:120]}".removesuffix('"}')
    return repr(text[:120])


def _spread(num_tests: int, max_tests: int) -> Sequence[int]:
    """The numbers of at most `max_tests` (0: all) tests, evenly from the first to the last."""
    if not max_tests or num_tests <= max_tests:
        return range(num_tests)
    step = (num_tests - 1) / max(1, max_tests - 1)
    return [round(index * step) for index in range(max_tests)]
