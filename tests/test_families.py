"""Every built-in family: its programs pass the hand-written tests and agree with each other."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from skeldpo.judging.checkers import is_correct, is_named
from skeldpo.problems.families import all_families, read_families
from skeldpo.problems.family import ANY_SIZE, Family, family_problems
from skeldpo.records import Problem

SIZES = (1, 2, 5, 20)
SEEDS = (0, 1)
FIELDS = {
    "problem_id", "source", "split", "difficulty", "kind", "statement", "entry_point",
    "starter_code", "tests", "generators", "checker", "reference", "solutions", "preamble",
    "max_size",
}  # fmt: skip
NUM_PROBLEMS = 3660
PROBLEMS_SHA256 = "ffac17c8860374ac477b7bd0f3fce41917b1e381a2870852cc1a389dca97e110"
"""Of the FIELDS of the first built-in problems: results name them by id, so texts never change."""
FAMILY = """\
topic = "sums"
difficulty = "easy"
held_out = false
checker = "checker.py"
entry_points = ["total", "add_up"]
parameters = [["values", "nums", "data"], ["start"]]

[[variations]]
name = "from_start"
wordings = ["Add the values of `$values` to `$start`; `$values`[0] first. All values count."]
tests = '''
{"input": [[1, 2], 3], "expected": 6}

{"input": [[], 0], "expected": null}
'''
"""
PROGRAMS = """\
# %% fast
def total(values, start):
    values.values = sum(values)  # of values
    return total_of(values, start)


# %% slow
def total(values, start):
    return total(values[1:], start + values[0]) if values else start
"""


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
    """The first wording of every variation, with the name sets in turns."""
    problems = list(family_problems(family))
    chosen = []
    start = 0
    for number, variation in enumerate(family.variations):
        chosen.append(problems[start + number % len(family.entry_points)])
        start += len(variation.wordings) * len(family.entry_points)
    assert start == len(problems)
    return chosen


def test_built_in_problems_are_the_same_text_for_text_in_the_same_order(
    family_pool: list[Problem],
) -> None:
    digest = hashlib.sha256()
    for problem in family_pool[:NUM_PROBLEMS]:
        fields = {name: value for name, value in asdict(problem).items() if name in FIELDS}
        assert set(fields) == FIELDS
        digest.update(json.dumps(fields, sort_keys=True).encode() + b"\n")
    assert digest.hexdigest() == PROBLEMS_SHA256


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


def _write_family(folder: Path) -> Path:
    family = folder / "sums"
    family.mkdir()
    (folder / "order.txt").write_text("sums\n")
    (family / "family.toml").write_text(FAMILY)
    (family / "from_start.py").write_text(PROGRAMS)
    (family / "generator.py").write_text("def generate_input(size, seed):\n    return [[], size]\n")
    (family / "checker.py").write_text("def check(input, answer, expected):\n    return True\n")
    return family


def test_a_folder_is_a_family_whose_names_are_replaced_as_whole_names(tmp_path: Path) -> None:
    folder = _write_family(tmp_path)
    (family,) = read_families(tmp_path)
    first, second = family_problems(family)
    programs = PROGRAMS.split("# %% fast\n")[1].split("\n\n\n# %% slow\n")
    assert [known.code for known in first.solutions] == [programs[0] + "\n", programs[1]]
    assert first.statement == (
        "Add the values of `values` to `start`; `values`[0] first. All values count."
    )
    assert second.statement == (
        "Add the values of `nums` to `start`; `nums`[0] first. All values count."
    )
    assert second.starter_code == "def add_up(nums, start):"
    assert [(known.code, known.speed) for known in second.solutions] == [
        (
            "def add_up(nums, start):\n    nums.values = sum(nums)  # of nums\n"
            "    return total_of(nums, start)\n",
            "fast",
        ),
        (
            "def add_up(nums, start):\n"
            "    return add_up(nums[1:], start + nums[0]) if nums else start\n",
            "slow",
        ),
    ]
    assert [(test.input_text, test.expected_text) for test in second.tests] == [
        ("[[1, 2], 3]", "6"),
        ("[[], 0]", "null"),
    ]
    assert second.checker == (folder / "checker.py").read_text()
    assert second.generators == ((folder / "generator.py").read_text(),)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("family.toml", "topic =", "topic", r"sums/family\.toml is not valid TOML"),
        ("family.toml", "topic", "topics", r"unknown key topics; did you mean topic\?"),
        ("family.toml", "held_out = false\n", "", r"family\.toml: held_out: Field required"),
        ("family.toml", '"add_up"', '"add up"', r"entry_points\.1: .*name of Python, got 'add up'"),
        ("family.toml", '"start"', '"values"', "must start with different names"),
        ("family.toml", "checker.py", "exactly", r"checker: expected equal, .*, got 'exactly'"),
        (
            "family.toml",
            "wordings",
            "words",
            r"unknown key variations\.0\.words; did you mean word",
        ),
        (
            "family.toml",
            "`$start`",
            "`$stop`",
            r"'from_start': wordings\.0: \$ stands before \$tot",
        ),
        ("family.toml", "`$start`", "5 $", r"'from_start': wordings\.0: \$ stands before"),
        ("family.toml", "3], ", "3, ", r"tests, line 1: not valid JSON"),
        ("family.toml", "2], 3]", "2]]", r"tests, line 1: input is a list of 2 arguments"),
        ("family.toml", '"expected": null', '"e": 1', r"tests, line 3: a test has the keys"),
        ("family.toml", "from_start", "from_end", r"expected the programs .*from_end\.py"),
        ("from_start.py", "# %% slow", "# slow", r"from_start\.py: expected programs below lines"),
        ("from_start.py", "# %% fast", "import os\n# %% fast", r"below lines .*, got 'import os'"),
        ("from_start.py", "# %% fast", "# %% slow", r"below lines .*\['slow', 'slow'\]"),
        ("generator.py", "generate_input", "generate", "expected a definition of generate_input"),
        ("checker.py", "check", "test", r"checker\.py: expected a definition of check"),
        ("../order.txt", "sums", "sum", r"not a folder: \['sum'\], not listed: \['sums'\]"),
        ("../order.txt", "sums", "sums sums", r"twice: \['sums'\]"),
    ],
)
def test_mistakes_in_a_family_are_named_with_file_and_field(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    path = _write_family(tmp_path) / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_families(tmp_path)
