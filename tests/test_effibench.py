"""EffiBench's rows as problems, and its six figures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from effibench_rows import FAST, LISTED, SLOW, effibench_row
from enamel_rows import run_here
from hand_scores import scored_by_hand
from measured_rows import measurement
from mercury_rows import write_rows

from skeldpo.config import MeasureConfig
from skeldpo.judging.checkers import is_correct
from skeldpo.measure.verdict import Judge
from skeldpo.problems.sources import LeftOutProblem, iter_problems
from skeldpo.records import Example, Outcome
from skeldpo.suites.effibench import SUITE, load_effibench, score_overheads
from skeldpo.suites.given_programs import read_program_set
from skeldpo.suites.scoring import suite_assignments
from skeldpo.values import decode, encode_answer

STOPPED_NS = 1e9


def test_row_becomes_a_problem_with_its_canonical_solution_as_reference(tmp_path: Path) -> None:
    suite = load_effibench(
        str(write_rows(tmp_path / "rows.jsonl", effibench_row(difficulty="Easy")))
    )
    (problem,) = suite.problems
    assert (problem.problem_id, problem.difficulty) == ("7", "Easy")
    assert problem.entry_point == "Solution.total"
    assert problem.starter_code == (
        "class Solution:\n    def total(self, n: int, step: int=1) -> int:\n"
    )
    assert problem.tests == (
        Example(input_text="[5, 1]", expected_text="10"),
        Example(input_text="[300000, 2]", expected_text="22499850000"),
    )
    assert [known.code for known in problem.solutions] == [SLOW]
    assert SUITE.profiles_memory


def test_prelude_has_the_names_that_the_suite_gives_its_programs(tmp_path: Path) -> None:
    suite = load_effibench(str(write_rows(tmp_path / "rows.jsonl", effibench_row())))
    scope: dict[str, Any] = {}
    exec(suite.problems[0].preamble, scope)
    exec(suite.assembled("7", SLOW), scope)
    assert scope["ListNode"](3).val == 3
    assert scope["TreeNode"](1).left is None
    assert scope["pow"](2, 3) == 8  # of operator, the last module whose names are given
    assert scope["inf"] > scope["bisect"].bisect([1], 1)


def test_program_may_begin_with_a_future_import(tmp_path: Path) -> None:
    suite = load_effibench(str(write_rows(tmp_path / "rows.jsonl", effibench_row())))
    problem = suite.problems[0]
    judge = Judge(problem, run_here, MeasureConfig())
    for code in (SLOW, f"from __future__ import annotations\n{FAST}"):
        assert judge.check(suite.assembled("7", code)).outcome is Outcome.ACCEPTED
    assert suite.wanted_of(problem).entry_point == "Solution.total"


def test_json_array_of_rows_and_of_programs(tmp_path: Path) -> None:
    data = tmp_path / "dataset.json"
    data.write_text(json.dumps([effibench_row(), "no row", effibench_row(problem_idx=8)]))
    suite = load_effibench(str(data))
    assert [problem.problem_id for problem in suite.problems] == ["7", "8"]
    assert suite.left_out[0].reason == "expected an object, got str"
    programs = tmp_path / "results.json"
    programs.write_text(json.dumps([effibench_row(completion=f"Here:\n```python\n{FAST}```")]))
    given = read_program_set(programs, ["7", "8"])
    assert given.programs == {"7": (FAST,)}
    data.write_text("{}")
    with pytest.raises(ValueError, match="expected an array of rows, got dict"):
        load_effibench(str(data))


def test_rows_that_cannot_be_used_are_listed_with_their_reason(tmp_path: Path) -> None:
    file = write_rows(
        tmp_path / "rows.jsonl",
        effibench_row(),
        effibench_row(),
        effibench_row(problem_idx=1, test_case=""),
        effibench_row(problem_idx=2, test_case="assert solution.total(make(), 1) == 10"),
        effibench_row(problem_idx=3, test_case="assert abs(solution.total(5, 1) - 10) < 1"),
        effibench_row(problem_idx=4, test_case="assert solution.other(5, 1) == 10"),
        effibench_row(problem_idx=5, test_case="assert 1 == 1"),
        effibench_row(problem_idx=6, canonical_solution="class Solution:"),
        effibench_row(problem_idx=8, test_case="assert solution.total(5, 1, 2) == 10"),
        effibench_row(problem_idx=9, markdown_description=["Sum."]),
    )
    suite = load_effibench(str(file))
    assert [problem.problem_id for problem in suite.problems] == ["7"]
    reasons = {entry.problem_id: entry.reason for entry in suite.left_out}
    assert "there twice" in reasons["7"]
    assert "empty columns ['test_case']" in reasons["1"]
    assert "no plain value: make()" in reasons["2"]
    assert "no comparison: abs(" in reasons["3"]
    assert "no method Solution.other" in reasons["4"]
    assert "expected calls of solution" in reasons["5"]
    assert "expected" in reasons["6"]
    assert "a test with 3 arguments for parameters ['n', 'step']" in reasons["8"]
    assert "markdown_description must be a string" in reasons["9"]


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("solution = Solution([3, 1])", 1),
        ("solution: Solution = Solution(seed=3)", 1),
        ("solution = Solution()\nsolution.add(4)", 2),
        ("solution = Solution()\nsolution.step = 4", 2),
        ("solution = Solution()\nother = solution", 2),
    ],
)
def test_asserts_about_an_object_with_a_state_leave_the_row_out(
    tmp_path: Path, before: str, line: int
) -> None:
    row = effibench_row(test_case=f"{before}\nassert solution.total(5, 1) == 10")
    file = write_rows(tmp_path / "rows.jsonl", row, effibench_row(problem_idx=8))
    (left,) = load_effibench(str(file)).left_out
    assert left.reason == f"a test about a state: line {line} is no assert"
    left_out: list[LeftOutProblem] = []
    kept = [p.problem_id for p in iter_problems([str(file)], on_left_out=left_out.append)]
    assert (kept, left_out[0].reason) == (["8"], left.reason)


@pytest.mark.parametrize(
    ("head", "is_marked"),
    [("def total(self, n, /, step):", False), ("@staticmethod\n    def total(n, step):", True),
     ("@classmethod\n    def total(cls, n, step):", True)],
)  # fmt: skip
def test_every_argument_of_a_test_is_handed_over(
    tmp_path: Path, head: str, is_marked: bool
) -> None:
    code = f"class Solution:\n    {head}\n        return sum(range(0, n, step))\n"
    row = effibench_row(canonical_solution=code, test_case="assert solution.total(5, 2) == 6")
    (problem,) = load_effibench(str(write_rows(tmp_path / "rows.jsonl", row))).problems
    assert [test.input_text for test in problem.tests] == ["[5, 2]"]
    assert ("method\n    def total" in problem.starter_code) is is_marked
    assert Judge(problem, run_here, MeasureConfig()).check(code).outcome is Outcome.ACCEPTED


def test_six_figures_by_hand(tmp_path: Path) -> None:
    """Two correct samples of 1 and 3 s, the canonical one 2 s; MB are 2**20 bytes."""
    suite = load_effibench(str(write_rows(tmp_path / "rows.jsonl", effibench_row())))
    codes = (FAST, LISTED, "x")
    (assignment,) = suite_assignments(suite, {"7": codes}, seed=0)
    known, fast, listed, broken = (c.candidate_id for c in assignment.candidates)
    second, mib = 10**9, 1 << 20
    rows = [
        measurement(known, known),
        measurement(fast, fast),
        measurement(listed, listed),
        measurement(broken, broken, outcome=Outcome.RUNTIME_ERROR),
        measurement(known, known, times=(2 * second,), peak=20 * mib, mean=10 * mib),
        measurement(fast, fast, times=(second,), peak=10 * mib, mean=10 * mib),
        measurement(listed, listed, times=(3 * second,), peak=50 * mib, mean=20 * mib),
    ]
    scored = scored_by_hand(suite, assignment, codes, rows, ((1,), STOPPED_NS), score_overheads)
    assert scored.left_out == ()
    assert scored.result is not None
    assert scored.result.scores == pytest.approx(
        {
            "pass@1": 2 / 3,
            "et": 2.0, "mu": 30.0, "tmu": (10 + 60) / 2,
            "net": (0.5 + 1.5) / 2, "nmu": (0.5 + 2.5) / 2, "ntmu": (0.5 + 3) / 2,
            "canonical_et": 2.0, "canonical_mu": 20.0, "canonical_tmu": 20.0,
        }
    )  # fmt: skip
    assert scored.result.samples[2].values == {}


def test_canonical_solution_without_a_memory_figure_leaves_the_other_scores(tmp_path: Path) -> None:
    suite = load_effibench(str(write_rows(tmp_path / "rows.jsonl", effibench_row())))
    (assignment,) = suite_assignments(suite, {"7": (FAST,)}, seed=0)
    known, fast = (c.candidate_id for c in assignment.candidates)
    rows = [
        measurement(known, known),
        measurement(fast, fast),
        measurement(known, known, times=(2 * 10**9,) * 6),
        measurement(fast, fast, times=(10**9,) * 6, peak=1 << 20, mean=1 << 20),
    ]
    scored = scored_by_hand(suite, assignment, (FAST,), rows, ((1,), STOPPED_NS), score_overheads)
    assert scored.result is not None
    assert scored.result.scores.keys() == {"pass@1", "fast_1@1", "fast_1.2@1", "fast_2@1"}
    assert [entry.reason for entry in scored.left_out] == [
        "its canonical solution has no memory figure: no figures of EffiBench are scored"
    ]


def test_values_keep_their_types_in_answers_and_arguments(tmp_path: Path) -> None:
    canonical = (
        "class Solution:\n    def mirror(self, d, t):\n"
        "        return {v: k for k, v in d.items()}\n"
    )
    row = effibench_row(
        canonical_solution=canonical,
        test_case="solution = Solution()\n"
        "assert solution.mirror({(1, 2): 3}, {4}) == {3: (1, 2)}\n",
    )
    (problem,) = load_effibench(str(write_rows(tmp_path / "rows.jsonl", row))).problems
    (test,) = problem.tests
    assert decode(test.input_text) == [{(1, 2): 3}, {4}]
    assert decode(test.expected_text) == {3: (1, 2)}
    right = encode_answer(Counter({3: (1, 2)}))
    assert is_correct(problem.checker, "function", right, test.expected_text)
    for wrong in ([[3, (1, 2)]], {"3": (1, 2)}):
        assert not is_correct(problem.checker, "function", encode_answer(wrong), test.expected_text)
