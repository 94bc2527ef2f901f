"""One ENAMEL problem in the sandbox: its inputs, expected answers and judgement, and the rows that
either protocol makes of its programs.

Of each program there is a "check" row, which says why it stopped if it did, and a "screen" row for
each test that it finished, in the order of the tests. The reference is the candidate that is no
sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from skeldpo import values
from skeldpo.languages import python
from skeldpo.measure.actor import session_row
from skeldpo.measure.on_cores import Run
from skeldpo.measure.verdict import ProblemFault
from skeldpo.records import Assignment, Measurement, Outcome, Problem, content_id
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.suites import enamel_guest_inputs, enamel_guest_released
from skeldpo.suites.contract import Judged
from skeldpo.suites.evaluation import SampleResult
from skeldpo.suites.metrics import eff_at_k
from skeldpo.suites.scoring import pass_scores

Value = TypeVar("Value")

NUM_TESTS = (8, 4, 4, 4)
"""Tests of the four levels."""
LEVEL_OF = tuple(level for level, count in enumerate(NUM_TESTS) for _ in range(count))
NUM_REPEATS = 6
TOLERANCE_NS = 10_000_000
ECHO = "_skeldpo_echo"
MAKE = "_skeldpo_make"
CHECK = "_skeldpo_check"
TIMED = "_skeldpo_timed"
GENERATOR_LIMIT_S = 60.0
REFERENCE_LIMIT_S = 30.0
CHECKER_LIMIT_S = 30.0
PATIENT_LIMIT_S = 3.0
"""CPU limit of a second run after an idle one: on a busy node a process may wait for its core."""


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


def echo_preamble(answer_text: str) -> str:
    """ECHO(*arguments) takes and gives what a sample does, and does nothing between."""
    decode, before = '__import__("json").loads', ""
    if '"$' in answer_text:  # a type that JSON lacks; compiling `values` takes a run 4 ms more
        decode, before = '_skeldpo["decode"]', f"exec({guest_source(values)!r}, _skeldpo)\n"
    return (
        f"_skeldpo = {{}}\n{before}_skeldpo_held = {decode}({answer_text!r})\n"
        f"def {ECHO}(*arguments):\n    return _skeldpo_held\n"
    )


def generator_program(problem: Problem) -> str:
    """MAKE(seed, size, level, index) gives the list of arguments of a test."""
    return (
        f"exec({guest_source(enamel_guest_inputs)!r}, globals())\nimport time\n"
        f"{problem.starter_code}\n{problem.generators[0]}\n"
        f"def {MAKE}(seed, size, level, index):\n"
        "    random.seed(seed)\n"
        "    return list(generate_input(size=size, lid=level, cid=index))\n"
    )


def checker_program(problem: Problem) -> str:
    """CHECK(arguments, expected, answer) says whether an answer is right."""
    return (
        f"{problem.starter_code}\n    pass\n{problem.checker}\n"
        f"def {CHECK}(arguments, expected, answer):\n"
        "    try:\n"
        "        return bool(__check(tuple(arguments), expected, answer))\n"
        "    except Exception:\n"
        "        return False\n"
    )


def released_program() -> str:
    """TIMED(preamble, program, entry point, arguments, repeats, limit in s) times as ENAMEL does,
    and gives [times in ns, answers, whether it was stopped]."""
    return (
        f"{guest_source(enamel_guest_released)}\n"
        f"def {TIMED}(*arguments):\n"
        "    return list(timed(*arguments))\n"
    )


def make_inputs(problem: Problem, run: Run) -> tuple[EnamelInput, ...]:
    """All inputs of a problem, level by level, from the suite's seeds."""
    code = generator_program(problem)
    made: list[EnamelInput] = []
    for level in range(len(NUM_TESTS)):
        calls = [
            test.input_text
            for test, own in zip(problem.tests, LEVEL_OF, strict=True)
            if own == level
        ]
        reports = [run(call_request(code, MAKE, calls, GENERATOR_LIMIT_S))]
        if reports[0].outcome is Outcome.OUTPUT_LIMIT:  # together too large for one report
            reports = [run(call_request(code, MAKE, [call], GENERATOR_LIMIT_S)) for call in calls]
        for report in reports:
            if report.outcome is not Outcome.ACCEPTED:
                raise ProblemFault(f"its input generator failed at level {level}: {_why(report)}")
            made += [EnamelInput(level=level, arguments_text=text) for text in report.answer_texts]
    assert len(made) == sum(NUM_TESTS)
    return tuple(made)


def make_tests(assignment: Assignment, run: Run) -> tuple[EnamelTest, ...]:
    """The inputs with the answers of the suite's reference program."""
    made, problem, code = [], assignment.problem, reference_code(assignment)
    for given in make_inputs(problem, run):
        call, before = [given.arguments_text], problem.preamble
        report = run(call_request(code, problem.entry_point, call, REFERENCE_LIMIT_S, before))
        if report.outcome is not Outcome.ACCEPTED:
            raise ProblemFault(f"its reference failed at level {given.level}: {_why(report)}")
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

    def __init__(self, problem: Problem, run: Run) -> None:
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


def broke_limit(outcome: Outcome, failure: str) -> bool:
    """Time, memory or overflow: the program's level, and not the program, is lost."""
    if outcome in (Outcome.TIME_LIMIT, Outcome.IDLE_LIMIT, Outcome.MEMORY_LIMIT):
        return True
    lines = failure.strip().splitlines()
    overflowed = bool(lines) and lines[-1].startswith("OverflowError")
    return outcome is Outcome.RUNTIME_ERROR and overflowed


def reference_code(assignment: Assignment) -> str:
    """The program of the suite's reference."""
    return next(c.code for c in assignment.candidates if c.origin == "dataset")


def sample_codes(assignment: Assignment) -> list[str]:
    """The distinct programs that are scored."""
    return list(dict.fromkeys(c.code for c in assignment.candidates if c.origin == "sampled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program after its last run: times in ns of each test that it finished, and why it stopped
    (ACCEPTED: it did not)."""

    times_ns: Sequence[Sequence[int]]
    outcome: Outcome = Outcome.ACCEPTED
    failure: str = ""


def finished_rows(
    assignment: Assignment, reference: Finished, samples: dict[str, Finished]
) -> list[Measurement]:
    """The rows of all candidates; those of equal programs are of the first."""
    made, keys = [], dict[str, str]()
    for candidate in assignment.candidates:
        is_sample = candidate.origin == "sampled"
        program = samples[candidate.code] if is_sample else reference
        key = keys.setdefault(candidate.code if is_sample else "", candidate.candidate_id)
        check = session_row(candidate.candidate_id, assignment, program.outcome, program.failure)
        made.append(replace(check, equal_to=key))
        if key == candidate.candidate_id:
            made += timed_rows(key, assignment, program.times_ns, reference.times_ns)
    return made


def timed_rows(
    key: str,
    assignment: Assignment,
    times_ns: Sequence[Sequence[int]],
    baselines_ns: Sequence[Sequence[int]],
) -> list[Measurement]:
    """A row for each test, "TEST" of "problem TEST"; a test without times has none."""
    problem_id = assignment.problem.problem_id
    return [
        replace(
            session_row(key, assignment, Outcome.ACCEPTED),
            phase="screen",
            session_id=f"{problem_id} test {index}",
            cpu_times_ns=tuple(own),
            baseline_times_ns=tuple(baseline),
            input_digest=content_id(assignment.problem.tests[index].input_text),
        )
        for index, (own, baseline) in enumerate(zip(times_ns, baselines_ns, strict=False))
        if own
    ]


def finished_times(judged: Judged, key: str) -> list[tuple[int, ...]]:
    """Times in ns of a candidate, () for a test without."""
    problem = judged.assignment.problem
    found = {
        row.session_id: row.cpu_times_ns
        for row in judged.rows
        if row.phase == "screen" and row.candidate_id == key
    }
    names = [f"{problem.problem_id} test {index}" for index in range(len(problem.tests))]
    return [found.get(name, ()) for name in names]


def reference_times(judged: Judged) -> list[tuple[int, ...]]:
    """Times in ns of the suite's reference, of every test."""
    (key,) = (c.candidate_id for c in judged.assignment.candidates if c.origin == "dataset")
    return finished_times(judged, key)


def by_level(tests: Sequence[Value]) -> list[list[Value]]:
    """Something of the first tests, level by level."""
    levels: list[list[Value]] = [[] for _ in NUM_TESTS]
    for level, value in zip(LEVEL_OF, tests, strict=False):
        levels[level].append(value)
    return levels


def efficiency_scores(samples: Sequence[SampleResult], ks: Sequence[int]) -> dict[str, float]:
    """pass@k and ENAMEL's eff@k of one problem, for every k it has samples for."""
    efficiencies = [sample.values["eff"] for sample in samples]
    made = pass_scores(samples, ks)
    return made | {f"eff@{k}": eff_at_k(efficiencies, k) for k in ks if k <= len(samples)}


def _why(report: RunReport) -> str:
    return f"{report.outcome}: {report.failure.strip()[-300:]}"
