"""LeetCodeDataset rows: tests are read, never run, and what cannot be judged is left out."""

from __future__ import annotations

import gzip
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest

from skeldpo.answers import Wanted
from skeldpo.problems import leetcode
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.programs import read_programs
from skeldpo.problems.sources import load_problems
from skeldpo.records import Example
from skeldpo.values import decode

STARTER = "class Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n"
ROW: dict[str, Any] = {
    "task_id": "two-sum",
    "prompt": "from typing import *\n\n",
    "completion": STARTER + "        return [0, 1]\n",
    "entry_point": "Solution().twoSum",
    "query": "Find two numbers.\n \nPlease complete the following python code precisely:\n"
    f"```python\n{STARTER}```\n",
    "test": "def check(candidate):\n    assert candidate(target = 9, nums = [2,-7]) == [0,1]\n"
    "    assert candidate([3, 2], target = 5) == [0, 1]\n",
    "meta": {"difficulty": "Easy"},
}


def with_test(check: str) -> dict[str, Any]:
    return ROW | {"test": f"def check(candidate):\n    assert {check}\n"}


def test_row_becomes_a_function_problem_with_positional_arguments() -> None:
    problem = leetcode.problem(ROW)
    assert problem.problem_id == "two-sum"
    assert problem.entry_point == "Solution.twoSum"
    assert problem.statement == "Find two numbers."
    assert problem.starter_code == STARTER
    assert problem.difficulty == "easy"
    assert problem.checker == "equal"
    assert problem.tests == (
        Example(input_text="[[2, -7], 9]", expected_text="[0, 1]"),
        Example(input_text="[[3, 2], 5]", expected_text="[0, 1]"),
    )
    assert problem.preamble == ROW["prompt"]
    assert problem.reference == "from typing import *\n\n" + ROW["completion"]
    assert [known.code for known in problem.solutions] == [problem.reference]


def test_newer_query_and_difficulty_are_read_too() -> None:
    query = (
        "You are an expert.\n\n### Question:\nFind two.\n\n### Format: Use this.\n"
        f"```python\n{STARTER}```\n\n### Answer: (use the format with backticks)\n"
    )
    row = {key: value for key, value in ROW.items() if key != "meta"}
    problem = leetcode.problem(row | {"query": query, "difficulty": "Hard"})
    assert (problem.statement, problem.difficulty) == ("Find two.", "hard")
    assert problem.starter_code == STARTER
    assert leetcode.problem(ROW | {"meta": "{'difficulty': 'Hard'}"}).difficulty == "unknown"


def test_infinity_and_floats_are_compared_with_a_tolerance() -> None:
    problem = leetcode.problem(with_test("candidate([1], -inf) == 0.5"))
    assert problem.checker == "float"
    assert problem.tests == (Example(input_text="[[1], -Infinity]", expected_text="0.5"),)


@pytest.mark.parametrize(
    "check",
    [
        "is_same_list(candidate([1], 2), list_node([1]))",
        "candidate(tree_node([1]), 2) == []",
        "candidate([1], 2) == {1: ...}",
        "candidate([1], 2) == {**{}}",
        "candidate([1], -'a') == 2",
        "candidate({[1]: 2}, 2) == 2",
        "candidate([1], dict(a=1)) == 2",
        "candidate([1], other.inf) == 2",
        "candidate(numbers = [1], target = 2) == []",
        "candidate([1]) == []",
        "candidate([1], 2, 3) == []",
        "candidate([1], 2) == None",
        "candidate([1], 2) < 3",
        "candidate(__import__('os').system('exit'), 2) == 0",
    ],
)
def test_check_that_is_no_plain_comparison_is_unsupported(check: str) -> None:
    with pytest.raises(UnsupportedProblemError):
        leetcode.problem(with_test(check))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"query": "no code"}, "between ```python and ```"),
        ({"query": "```python\nclass Solution:\n    def g(self):\n```"}, "no function 'twoSum'"),
        ({"query": "```python\nclass :\n```"}, "does not parse"),
        ({"test": "def check(candidate):\n    pass\n"}, "expected asserts"),
        ({"test": "def check("}, "test does not parse"),
    ],
)
def test_malformed_row_is_a_value_error(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        leetcode.problem(ROW | changes)
    assert not isinstance(error.value, UnsupportedProblemError)


def test_file_leaves_out_and_counts_what_cannot_be_judged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trees = with_test("candidate(tree_node([1]), 2) == []") | {"task_id": "trees"}
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, [ROW, trees])).encode()))
    with caplog.at_level(logging.WARNING):
        problems = load_problems([str(path)])
    assert [problem.problem_id for problem in problems] == ["two-sum"]
    assert "1 problems left out" in caplog.text and "rows.jsonl.gz:2" in caplog.text
    assert read_programs(path, {"two-sum": Wanted(language="python")}) == {
        "two-sum": [problems[0].reference]
    }


@pytest.mark.slow
def test_most_real_rows_are_read(real_data: Path) -> None:
    counts = [
        len(load_problems([str(path)])) for path in sorted((real_data / "leetcode").iterdir())
    ]
    assert sum(counts) >= 2300


@pytest.mark.parametrize(
    ("check", "arguments", "expected", "checker"),
    [
        ("candidate([1], 2) == '2.50'", [[1], 2], "2.50", "equal"),
        ("candidate(['1.5'], 2) == {1: ['a.b']}", [["1.5"], 2], {1: ["a.b"]}, "equal"),
        ("candidate([1], 2) == {1: [0.5]}", [[1], 2], {1: [0.5]}, "float"),
        ("candidate([1], 2) == ([1e-5],)", [[1], 2], ([1e-5],), "float"),
        ("candidate({4: 'x', 3: 'y'}, (1, 2)) == 9", [{4: "x", 3: "y"}, (1, 2)], 9, "equal"),
        ("candidate({3, 4}, b'a') == {3}", [{3, 4}, b"a"], {3}, "equal"),
        ("candidate([(1, {(2, 3): 4})], 2) == 2j", [[(1, {(2, 3): 4})], 2], 2j, "equal"),
        ("candidate([1], 2) == -inf", [[1], 2], -math.inf, "float"),
        ("candidate([inf, -math.inf], 2) == [-1]", [[math.inf, -math.inf], 2], [-1], "equal"),
        ("candidate(set([1, -2]), set()) == {()}", [{1, -2}, set()], {()}, "equal"),
        (
            "candidate(1 - 2j, float('inf')) == frozenset([3])",
            [1 - 2j, math.inf],
            frozenset([3]),
            "equal",
        ),
        ("candidate([-(1)], dict([(1, 2)])) == tuple([-1.5])", [[-1], {1: 2}], (-1.5,), "float"),
    ],
)
def test_values_of_asserts_keep_their_types(
    check: str, arguments: list[object], expected: object, checker: str
) -> None:
    problem = leetcode.problem(with_test(check))
    (test,) = problem.tests
    found = decode(test.input_text)
    assert (found, decode(test.expected_text)) == (arguments, expected)
    assert repr(found) == repr(arguments) and problem.checker == checker
