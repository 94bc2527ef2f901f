"""Can programs for a problem be timed? Finds inputs for its own programs, as measuring does, and
says on which they take how long, or why on none.

What the sandbox itself takes to hand over calls and answers is no time of a program: the time of
one that does nothing on the same inputs is taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from skeldpo.config import MeasureConfig
from skeldpo.measure.answered import answered
from skeldpo.measure.grown import generators_of
from skeldpo.measure.inputs import InputFinder, TimingInput, generated_tests
from skeldpo.measure.session import CROSSCHECK_ROUNDS
from skeldpo.measure.verdict import Judge, ProblemFault, SandboxFailure
from skeldpo.records import Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest

MAX_PROGRAMS = 4
"""Known programs that have to agree on a grown input."""
AT_FAULT = "the problem is at fault"
NOT_GROWN = "no input but its tests: none that is grown is allowed, or answered by its programs"
TOO_QUICK = "too quick on the largest inputs"
SANDBOX = "the sandbox failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeable:
    """What was found for a problem: CPU time in ms of its first right program on `num_inputs`
    inputs together, the sandbox's own taken off; `reason` is empty if that is at least what was
    asked for, else one of the above, and `detail` is what is known of it."""

    problem_id: str
    time_ms: float
    num_inputs: int
    generator: int
    reason: str
    detail: str = ""


def find_time(
    run: Callable[[RunRequest], RunReport],
    problem: Problem,
    config: MeasureConfig,
    *,
    least_ms: float,
    seed: int = 0,
) -> Timeable:
    """Whether the problem's own programs take `least_ms` on inputs that measuring finds."""
    try:
        problem = answered(problem, run, config)
        judge = Judge(problem, run, config)
        if not problem.tests:
            generated_tests(judge, problem, config.cpu_limit_s, seed)
        elif fault := judge.problem_fault():
            return _no_time(problem, AT_FAULT, fault)
        known = list(dict.fromkeys([problem.reference, *(p.code for p in problem.solutions)]))
        programs = {
            str(place): code
            for place, code in enumerate(filter(None, known[: MAX_PROGRAMS + 1]))
            if not problem.tests or judge.check(code).outcome is Outcome.ACCEPTED
        }
        if not programs:
            return _no_time(problem, AT_FAULT, "no known program of it is right")
        baseline = problem.reference or next(iter(programs.values()))
        finder = InputFinder(judge, problem, baseline, config, seed)
        found = finder.find(programs)
        if found is None:
            return _no_time(problem, NOT_GROWN, "; ".join(finder.faults))
        time_ms = _net_ms(judge, problem, baseline, found, config)
    except (ProblemFault, ValueError) as fault:
        return _no_time(problem, AT_FAULT, str(fault))
    except SandboxFailure as failure:
        return _no_time(problem, SANDBOX, str(failure))
    is_test = found.generator is None and bool(generators_of(problem))
    short = NOT_GROWN if is_test else TOO_QUICK
    return Timeable(
        problem_id=problem.problem_id,
        time_ms=round(time_ms, 3),
        num_inputs=len(found.tests),
        generator=-1 if found.generator is None else found.generator,
        reason="" if time_ms >= least_ms else short,
    )


def _net_ms(
    judge: Judge, problem: Problem, code: str, found: TimingInput, config: MeasureConfig
) -> float:
    """Of the quickest of a few runs of the program, less that of one that does nothing."""
    texts = [test.input_text for test in found.tests]
    runs = [
        judge.run_inputs(each, texts, config.cpu_limit_s)
        for each in (code, _idle_program(problem))
        for _ in range(CROSSCHECK_ROUNDS)
    ]
    times = [run.cpu_time_ns for run in runs]
    program, idle = times[:CROSSCHECK_ROUNDS], times[CROSSCHECK_ROUNDS:]
    return max(0, min(program) - min(idle)) / 1e6


def _idle_program(problem: Problem) -> str:
    """A program that is called like those of the problem, and answers None."""
    if problem.kind == "stdio":
        return "pass\n"
    owner, _, name = problem.entry_point.rpartition(".")
    if owner:
        return f"class {owner}:\n    def {name}(self, *arguments):\n        return None\n"
    return f"def {name}(*arguments):\n    return None\n"


def _no_time(problem: Problem, reason: str, detail: str) -> Timeable:
    return Timeable(
        problem_id=problem.problem_id,
        time_ms=0.0,
        num_inputs=0,
        generator=-1,
        reason=reason,
        detail=detail[:200],
    )
