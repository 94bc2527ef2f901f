"""Every built-in family: its programs pass the hand-written tests and agree with each other."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from skeldpo.checkers import is_correct, is_named
from skeldpo.problems.families import all_families
from skeldpo.problems.family import ANY_SIZE, Family, family_problems
from skeldpo.records import Problem

SIZES = (1, 2, 5, 20)
SEEDS = (0, 1)


def _function(code: str, name: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(compile(code, name, "exec"), scope)
    found: Callable[..., Any] = scope[name]
    return found


def _is_right(problem: Problem, input_text: str, answer: object, expected_text: str) -> bool:
    answer_text = json.dumps(answer)
    if is_named(problem.checker):
        return is_correct(problem.checker, "function", answer_text, expected_text)
    check = _function(problem.checker, "check")
    return check(json.loads(input_text), json.loads(answer_text), json.loads(expected_text)) is True


def _one_a_variation(family: Family) -> list[Problem]:
    """The first wording and name set of every variation."""
    problems = list(family_problems(family))
    chosen = []
    start = 0
    for variation in family.variations:
        chosen.append(problems[start])
        start += len(variation.wordings) * len(family.entry_points)
    assert start == len(problems)
    return chosen


def test_no_statement_of_a_family_limits_how_large_its_input_may_be(
    family_pool: list[Problem],
) -> None:
    """So that every generated input respects it, and a program that is wrong there is wrong."""
    limit = re.compile(r"constraint|<= ?\d|\d{3}|10\^|\b(at most|up to|more than|within) \d", re.I)
    assert [problem.statement for problem in family_pool if limit.search(problem.statement)] == []
    assert {problem.max_size for problem in family_pool} == {ANY_SIZE}


@pytest.mark.parametrize("family", all_families(), ids=lambda family: family.name)
def test_family_programs_pass_tests_and_agree_on_generated_inputs(family: Family) -> None:
    generate = _function(family.generator, "generate_input")
    inputs = [json.dumps(generate(size, seed)) for size in SIZES for seed in SEEDS]
    assert inputs == [json.dumps(generate(size, seed)) for size in SIZES for seed in SEEDS]
    problems = _one_a_variation(family)
    for problem in problems:
        reference = _function(problem.reference, problem.entry_point)
        expected = [json.dumps(reference(*json.loads(text))) for text in inputs]
        cases = [(test.input_text, test.expected_text) for test in problem.tests]
        cases += zip(inputs, expected, strict=True)
        for known in problem.solutions:
            program = _function(known.code, problem.entry_point)
            for input_text, expected_text in cases:
                answer = program(*json.loads(input_text))
                assert _is_right(problem, input_text, answer, expected_text), (
                    problem.problem_id, known.speed, known.code, input_text, answer, expected_text,
                )  # fmt: skip


@pytest.mark.parametrize("family", all_families(), ids=lambda family: family.name)
def test_family_problems_are_well_formed(family: Family) -> None:
    generated = _function(family.generator, "generate_input")(5, 0)
    assert isinstance(generated, list) and len(generated) == len(family.parameters)
    larger = _function(family.generator, "generate_input")(500, 0)
    assert len(json.dumps(larger)) > len(json.dumps(generated))
    for problem in family_problems(family):
        assert "$" not in problem.statement + problem.starter_code
        assert len(problem.tests) >= 3
        assert {known.speed for known in problem.solutions} == {"fast", "slow"}
        codes = [known.code for known in problem.solutions]
        assert len(set(codes)) == len(codes)
        assert problem.reference == codes[0]
        parsed = ast.parse(problem.starter_code + " pass").body[0]
        assert isinstance(parsed, ast.FunctionDef) and parsed.name == problem.entry_point
        assert len(parsed.args.args) == len(family.parameters)


@pytest.mark.parametrize("family", all_families(), ids=lambda family: family.name)
def test_family_programs_have_the_signature_of_the_starter_code(family: Family) -> None:
    for problem in _one_a_variation(family):
        starter = _function(problem.starter_code + " pass", problem.entry_point)
        for known in problem.solutions:
            program = _function(known.code, problem.entry_point)
            assert inspect.signature(program) == inspect.signature(starter), known.code
