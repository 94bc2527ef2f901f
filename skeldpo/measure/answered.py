"""Tests whose answers are what the problem's reference says: it is asked before anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from skeldpo.config import MeasureConfig
from skeldpo.judging.evalplus_oracles import is_evalplus, judged_by
from skeldpo.measure.verdict import Judge, ProblemFault
from skeldpo.records import Example, Problem
from skeldpo.sandbox.container import RunReport, RunRequest

REFERENCE_LIMIT_S = 20.0
"""CPU time for all tests together."""


def answered(
    problem: Problem, run: Callable[[RunRequest], RunReport], config: MeasureConfig
) -> Problem:
    """The problem with an expected answer to each test; ProblemFault if the reference fails."""
    is_open = [problem.kind == "function" and not test.expected_text for test in problem.tests]
    if not any(is_open):
        return problem
    texts = [test.input_text for test in problem.tests]
    answers = Judge(problem, run, config).run_inputs(problem.reference, texts, REFERENCE_LIMIT_S)
    if not answers.has_all_answers:
        verdict = answers.verdict
        raise ProblemFault(
            f"its reference fails on a test: {verdict.outcome.value} {verdict.failure}"
        )
    expected = [
        answer if unknown else test.expected_text
        for answer, test, unknown in zip(answers.answer_texts, problem.tests, is_open, strict=True)
    ]
    checker = problem.checker
    if is_evalplus(checker):
        judged = judged_by(checker, expected)
        checker, expected = judged.checker, list(judged.expected_texts)
    tests = tuple(
        Example(input_text=given, expected_text=answer)
        for given, answer in zip(texts, expected, strict=True)
    )
    return replace(problem, tests=tests, checker=checker)
