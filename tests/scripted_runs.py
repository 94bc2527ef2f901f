"""Scripted runs in place of a sandbox: programs whose verdicts and times are exact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sample_records import FUNCTION_PROBLEM

from skeldpo.config import MeasureConfig
from skeldpo.measure.inputs import InputFinder, TimingInput
from skeldpo.measure.session import ProgramTimer
from skeldpo.measure.verdict import Judge, Verdict
from skeldpo.records import Example, Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest

CONFIG = MeasureConfig(min_cpu_time_ms=1.0, max_slow_ratio=20.0, cpu_limit_s=2.0)
"""Target 1 ms; the search stops programs at 20 ms, a session at 60 ms."""
Program = Callable[[RunRequest], RunReport]
TESTS = tuple(Example(input_text=f"[{n}]", expected_text=str(2 * n)) for n in range(1, 8))
PROBLEM = replace(
    FUNCTION_PROBLEM, tests=TESTS, generators=("gen",), reference="base", solutions=()
)


def make_report(outcome: Outcome = Outcome.ACCEPTED, **values: Any) -> RunReport:
    """A report that is ACCEPTED unless said otherwise."""
    base = RunReport(
        outcome=outcome,
        answer_texts=(),
        cpu_time_ns=0,
        total_cpu_time_ns=0,
        wall_time_ns=0,
        peak_memory_bytes=1 << 20,
        failure="" if outcome is Outcome.ACCEPTED else "Traceback: it failed",
        run_delay_ns=0,
    )
    return replace(base, **values)


def linear(ns_per_unit: int, answer: Callable[[int], object] = lambda n: 2 * n) -> Program:
    """A program for inputs [n] that takes `ns_per_unit` times n."""

    def run(request: RunRequest) -> RunReport:
        values = [json.loads(text)[0] for text in request.input_texts]
        cpu_time_ns = ns_per_unit * sum(values)
        if cpu_time_ns > request.cpu_limit_s * 1e9:
            return make_report(Outcome.TIME_LIMIT)
        answers = tuple(json.dumps(answer(value)) for value in values)
        return make_report(answer_texts=answers, cpu_time_ns=cpu_time_ns)

    return run


def sized(request: RunRequest) -> RunReport:
    """A generator: its input is the size."""
    sizes = [json.loads(text)[0] for text in request.input_texts]
    return make_report(answer_texts=tuple(json.dumps([n]) for n in sizes), cpu_time_ns=1)


@dataclass(slots=True)
class Script:
    """Answers requests by the text of their program, and keeps them."""

    programs: dict[str, Program]
    requests: list[RunRequest] = field(default_factory=list)

    def run(self, request: RunRequest) -> RunReport:
        self.requests.append(request)
        return self.programs[request.code](request)

    def codes(self) -> list[str]:
        """The programs that were run, in order."""
        return [request.code for request in self.requests]


def make_judge(script: Script, problem: Problem = PROBLEM) -> Judge:
    """A judge over scripted runs."""
    return Judge(problem, script.run, CONFIG)


def make_finder(
    script: Script, problem: Problem = PROBLEM, config: MeasureConfig = CONFIG
) -> InputFinder:
    """A finder of inputs over scripted runs."""
    return InputFinder(make_judge(script, problem), problem, "base", config, seed=5)


def make_timer(
    script: Script, problem: Problem = PROBLEM, refused: dict[str, Verdict] | None = None
) -> ProgramTimer:
    """A timer over scripted runs that adds to `refused`."""
    kept = {} if refused is None else refused
    return ProgramTimer(make_judge(script, problem), "base", CONFIG, seed=5, refused=kept)


def make_script(**programs: Program) -> Script:
    """A script with a baseline, a generator and the given programs."""
    return Script({"base": linear(10), "gen": sized, **programs})


def named(*names: str) -> dict[str, str]:
    """Programs keyed by an id that is their text."""
    return {name: name for name in names}


def input_size(found: TimingInput | None) -> int:
    """The size that made a timing input."""
    assert found is not None
    (test,) = found.tests
    return int(json.loads(test.input_text)[0])


def fails(outcome: Outcome) -> Program:
    """A program that always ends like that."""
    return lambda request: make_report(outcome)
