"""Problems whose tests are all small, measured in a container on inputs grown from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import FUNCTION_PROBLEM

from benchmarks.timeable import AT_FAULT, NOT_GROWN, TOO_QUICK, find_time
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.work import ProblemWork
from skeldpo.problems.evalplus import problem as mbpp_problem
from skeldpo.problems.growth import with_growth
from skeldpo.problems.programs import given_assignment
from skeldpo.records import Example, KnownProgram, Measurement, Outcome, Problem
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.image import SandboxImage
from skeldpo.timing import estimate_ns

pytestmark = pytest.mark.docker
CONFIG = MeasureConfig(min_cpu_time_ms=10.0, screen_repeats=1, propose_ratio=1000.0)
FAST = "def f(nums):\n    return len(set(nums)) < len(nums)\n"
SLOW = "def f(nums):\n    return sum(nums.count(x) > 1 for x in nums) > 0\n"
LATE = "def f(nums):\n    return len(set(nums)) < len(nums) if len(nums) < 40 else None\n"
WRONG = "def f(nums):\n    return True\n"


def grown(reference: str, *tests: tuple[str, str]) -> Problem:
    problem = replace(
        FUNCTION_PROBLEM,
        entry_point="f",
        tests=tuple(Example(input_text=given, expected_text=answer) for given, answer in tests),
        generators=(),
        checker="equal",
        reference=reference,
        solutions=(KnownProgram(code=reference, speed="unknown"),),
    )
    return with_growth(problem)


DUPLICATES = grown(FAST, ("[[1, 2, 3, 1]]", "true"), ("[[4, 2]]", "false"), ("[[3]]", "false"))


def measured(
    sandbox: Sandbox, image: SandboxImage, problem: Problem, *codes: str
) -> list[list[Measurement]]:
    """The rows of each program."""
    assignment = given_assignment(problem, codes)
    work = ProblemWork(assignment, sandbox.run, CONFIG, EvaluateConfig())
    assert work.run() == "" and work.faults == []
    rows = list(work.rows(image, 0))
    return [[row for row in rows if row.candidate_id == candidate.candidate_id]
            for candidate in assignment.candidates]  # fmt: skip


def test_small_tests_judge_and_grown_inputs_time(sandbox: Sandbox, image: SandboxImage) -> None:
    fast, slow, late, wrong = measured(sandbox, image, DUPLICATES, FAST, SLOW, LATE, WRONG)
    outcomes = [rows[0].outcome for rows in (fast, slow, late, wrong)]
    assert outcomes == [Outcome.ACCEPTED] * 3 + [Outcome.WRONG_ANSWER]
    fast_ns, slow_ns = (
        estimate_ns(next(row.cpu_times_ns for row in rows if row.phase == "screen"))
        for rows in (fast, slow)
    )
    assert slow_ns > 5e6 and slow_ns > 2 * fast_ns
    (refusal,) = (row for row in late if row.phase == "screen")
    assert refusal.outcome is Outcome.WRONG_ANSWER and not refusal.cpu_times_ns
    assert refusal.input_digest and late[0].input_digest == ""


def test_mbpp_is_answered_by_its_reference(sandbox: Sandbox, image: SandboxImage) -> None:
    code = "def half(pair):\n    return sum(pair) / 2\n"
    row = {
        "task_id": "Mbpp/0", "prompt": "Half the sum.", "entry_point": "half",
        "canonical_solution": code, "contract": "\n  assert isinstance(pair, tuple)\n",
        "base_input": [[[1, 2]]], "plus_input": [[[3, 3, 3]]], "atol": 0,
    }  # fmt: skip
    near = "def half(pair):\n    return sum(pair) * 0.5 + 1e-9 * isinstance(pair, tuple)\n"
    off = "def half(pair):\n    return sum(pair) // 2\n"
    right, close, wrong = measured(sandbox, image, mbpp_problem(row), code, near, off)
    assert [rows[0].outcome for rows in (right, close, wrong)] == [
        Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG_ANSWER,
    ]  # fmt: skip
    assert "expected '1.5'" in wrong[0].failure


def test_why_a_problem_cannot_be_timed_is_said(sandbox: Sandbox) -> None:
    def reason(problem: Problem) -> str:
        # Far below the 10 ms aimed at: the next larger input of one of them takes too long.
        found = find_time(sandbox.run, problem, CONFIG, least_ms=2)
        assert (found.time_ms >= 2) == (found.reason == "")
        return found.reason

    assert reason(grown(SLOW, ("[[4, 2]]", "false"), ("[[3]]", "false"))) == ""
    assert reason(grown("def f(n):\n    return n % 2\n", ("[3]", "1"), ("[4]", "0"))) == TOO_QUICK
    assert reason(grown(FAST, ("[[3]]", "true"))) == AT_FAULT
    only = "def f(text):\n    return {'abc': 1}[text]\n"
    assert reason(grown(only, ('["abc"]', "1"))) == NOT_GROWN
    exponential = "def f(n):\n    return 1 if n < 2 else f(n - 1) + f(n - 2)\n"
    assert reason(grown(exponential, ("[3]", "3"), ("[5]", "8"))) == ""
