"""Mercury's rows as problems: what is run, what is compared where, what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from enamel_rows import run_here
from hand_scores import scored_by_hand
from measured_rows import measurement
from mercury_rows import (
    ANY_ORDER,
    LINKED,
    PLAIN_EVALUATE,
    TOTAL_FAST,
    TOTAL_SLOW,
    TOTAL_WRONG,
    leetcode_rows,
    row,
    write_rows,
)

from skeldpo.config import MeasureConfig
from skeldpo.languages.python.data import compared_value
from skeldpo.measure.verdict import Judge
from skeldpo.problems import mercury_guest
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.mercury import problem
from skeldpo.records import Outcome
from skeldpo.suites.contract import SuiteProblems
from skeldpo.suites.mercury import load_mercury
from skeldpo.suites.scoring import (
    NOT_TIMED,
    suite_assignments,
)

STOPPED_NS = 1e9
_IF_EQUAL = (
    "def evaluate_offline(inputs, outputs, expected):\n"
    "    if outputs == expected:\n        return True\n"
)


def _outcome(suite: SuiteProblems, code: str) -> Outcome:
    problem = suite.problems[0]
    judge = Judge(problem, run_here, MeasureConfig())
    return judge.check(suite.assembled(problem.problem_id, code)).outcome


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (PLAIN_EVALUATE, "outputs"),
        ("def evaluate_offline(inputs, outputs, expected):\n    return outputs == expected",
         "outputs"),
        ("def evaluate_offline(inputs, outputs, expected):\n"
         "    return lctk.binaryTree2Arr(inputs[0]) == expected",
         "lctk.binaryTree2Arr(inputs[0])"),
        ("def evaluate_offline(inputs, outputs, expected):\n"
         "    return sorted(outputs) == sorted(expected)", ""),
        ("def evaluate_offline(inputs, outputs, expected):\n"
         "    outputs.sort()\n    return outputs == expected", ""),
        (_IF_EQUAL, "outputs"),
        (f"{_IF_EQUAL}    else:\n        return False\n", "outputs"),
        (f"{_IF_EQUAL}    return sorted(outputs) == sorted(expected)\n", ""),
        (f"{_IF_EQUAL}    else:\n        return abs(outputs - expected) < 1e-5\n", ""),
    ],
)  # fmt: skip
def test_compared_value(source: str, value: str) -> None:
    assert compared_value(source) == value


@pytest.mark.parametrize("answer", ["[4, 0, 2]", "[0, 2, 4]"])
def test_what_follows_an_equal_answer_in_the_rows_own_check_counts(
    tmp_path: Path, answer: str
) -> None:
    own = f"{_IF_EQUAL}    return sorted(outputs) == sorted(expected)\n"
    evens = {**ANY_ORDER, "evaluate_offline": own}
    program = f"class Solution:\n    def evens(self, n):\n        return {answer}\n"
    held = load_mercury(str(write_rows(tmp_path / "m.jsonl", evens)))
    assert _outcome(held, program) is Outcome.ACCEPTED
    judge = Judge(problem(evens), run_here, MeasureConfig())
    assert judge.check(program).outcome is Outcome.ACCEPTED
    assert _outcome(held, program.replace("4", "6")) is Outcome.WRONG_ANSWER


def test_compared_value_of_no_program_is_value_error() -> None:
    with pytest.raises(ValueError, match="evaluate_offline is no Python"):
        compared_value("def (")


@pytest.mark.parametrize("held", [row(), LINKED, ANY_ORDER], ids=["plain", "linked", "checker"])
def test_own_references_pass(tmp_path: Path, held: dict[str, Any]) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    assert _outcome(suite, held["solutions"][0]["solution"]) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (row(), TOTAL_WRONG),
        (LINKED, "class Solution:\n    def rev(self, head):\n        return head\n"),
        (ANY_ORDER, "class Solution:\n    def evens(self, n):\n        return [0, 2]\n"),
    ],
)
def test_wrong_programs_fail(tmp_path: Path, held: dict[str, Any], code: str) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    assert _outcome(suite, code) is Outcome.WRONG_ANSWER


_IMPORTED = {
    **LINKED,
    "convert_offline": "def convert_offline(case):\n    import lctk\n    inputs, expected = case\n"
    "    inputs = tuple([lctk.linkedList(inputs[0])])\n    return inputs, expected",
    "evaluate_offline": "def evaluate_offline(inputs, outputs, expected):\n    import lctk\n"
    "    outputs = lctk.linkedList2Arr(outputs)\n" + _IF_EQUAL.partition("\n")[2],
}
_IN_PLACE = {
    **LINKED,
    "evaluate_offline": "def evaluate_offline(inputs, outputs, expected):\n"
    "    inputs[0] = lctk.linkedList2Arr(inputs[0])\n    return inputs[0] == expected",
    "test_cases": [{"input": [[1, 2, 3]], "expected": [1]}],
}


@pytest.mark.parametrize("held", [LINKED, ANY_ORDER, _IMPORTED, _IN_PLACE])
def test_row_whose_check_is_code_is_no_fault_of_the_problem(
    tmp_path: Path, held: dict[str, Any]
) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    judge = Judge(suite.problems[0], run_here, MeasureConfig())
    assert judge.problem_fault() == ""
    assert _outcome(suite, held["solutions"][0]["solution"]) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("values", "expected"),
    [([5, None, 0], [5]), ([0], []), ([2, 0, 1], [2, 1]), ([2, 1, 0], [2, 0, 1]), ([], [])],
)
def test_trees_are_arrays_as_in_what_is_expected(
    tmp_path: Path, values: list[Any], expected: list[int]
) -> None:
    code = (
        "class Solution:\n    def flip(self, root):\n        if root:\n            root.left, "
        "root.right = self.flip(root.right), self.flip(root.left)\n        return root\n"
    )
    held = row(
        entry_point="flip", test_cases=[{"input": [values], "expected": expected}],
        convert_offline="def convert_offline(case):\n    inputs, expected = case\n"
        "    inputs = [lctk.binaryTree(inputs[0])]\n    return inputs, expected",
        evaluate_offline="def evaluate_offline(inputs, outputs, expected):\n"
        "    return lctk.binaryTree2Arr(outputs) == expected",
    )  # fmt: skip
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    assert _outcome(suite, code) is Outcome.ACCEPTED


def test_stand_in_for_lctk_passes_for_a_module() -> None:
    assert not hasattr(mercury_guest.lctk, "__file__")  # what walks sys.modules asks for it


@pytest.mark.parametrize("kind", ["ListNode", "TreeNode"])
def test_program_may_bring_a_node_class_of_its_own(tmp_path: Path, kind: str) -> None:
    own = f"class {kind}:\n    def __init__(self, x):\n        self.val, self.next = x, None\n\n\n"
    held = LINKED
    if kind == "TreeNode":
        held = row(
            entry_point="depth", test_cases=[{"input": [[1, None, 2, 3]], "expected": 3}],
            convert_offline="def convert_offline(case):\n    inputs, expected = case\n"
            "    inputs = [lctk.binaryTree(inputs[0])]\n    return inputs, expected",
            solutions=[{"solution": "class Solution:\n    def depth(self, root):\n        return 1 "
                        "+ max(map(self.depth, (root.left, root.right))) if root else 0\n"}],
        )  # fmt: skip
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    assert _outcome(suite, own + held["solutions"][0]["solution"]) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("held", "outcome"),
    [(LINKED, Outcome.RUNTIME_ERROR), (_IMPORTED, Outcome.WRONG_ANSWER)],
)
def test_list_is_no_linked_list(tmp_path: Path, held: dict[str, Any], outcome: Outcome) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", held)))
    code = (
        "class Solution:\n    def rev(self, head):\n        made = []\n        while head:\n"
        "            made.append(head.val)\n            head = head.next\n"
        "        return made[::-1]\n"
    )
    assert _outcome(suite, code) is outcome


def test_training_row_that_answers_with_nodes_is_left_out() -> None:
    with pytest.raises(UnsupportedProblemError, match="its answers are linked lists or trees"):
        problem({**_IMPORTED, "convert_offline": row()["convert_offline"]})


def test_program_may_begin_with_a_future_import_and_finds_the_promised_names(
    tmp_path: Path,
) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", LINKED)))
    code = (
        "from __future__ import annotations\n\n\nclass Solution:\n"
        "    def rev(self, head: Optional[ListNode]) -> Optional[ListNode]:\n        last = None\n"
        "        while head:\n            head.next, last, head = last, head, head.next\n"
        "        return last\n"
    )
    assert _outcome(suite, code) is Outcome.ACCEPTED
    assert _outcome(suite, code.partition("\n\n\n")[2]) is Outcome.ACCEPTED
    assert suite.wanted_of(suite.problems[0]).entry_point == "Solution.rev"


def test_program_cannot_see_expected_values(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    text = suite.assembled("total", TOTAL_FAST)
    assert "19999900000" not in text
    assert "44999850000" not in text


def test_rows_that_cannot_be_used_are_listed(tmp_path: Path) -> None:
    rows = (
        row(),
        row(),
        row(slug_name="a", test_cases="[]"),
        row(slug_name="b", solutions=[]),
        row(slug_name="c", test_cases='[{"input": 3, "expected": 1}]'),
        row(slug_name="d", evaluate_offline="def ("),
        row(slug_name="e", pretty_content=[None]),
    )
    file = write_rows(tmp_path / "m.jsonl", *rows)
    file.write_text(file.read_text() + '{"slug_name": \n')
    suite = load_mercury(str(file))
    assert [problem.problem_id for problem in suite.problems] == ["total"]
    reasons = {entry.place: entry.reason for entry in suite.left_out}
    assert "twice" in reasons[f"{file}:2"]
    assert "test_cases is empty" in reasons[f"{file}:3"]
    assert "['solutions']" in reasons[f"{file}:4"]
    assert "list of arguments" in reasons[f"{file}:5"]
    assert "no Python" in reasons[f"{file}:6"]
    assert "pretty_content must be a string" in reasons[f"{file}:7"]
    assert "not valid JSON" in reasons[f"{file}:8"]


def test_file_without_usable_rows_is_value_error(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "m.jsonl", {"slug_name": "x"})
    with pytest.raises(ValueError, match=r"none that can be used; first: .*missing or empty"):
        load_mercury(str(file))
    with pytest.raises(ValueError, match="no file at"):
        load_mercury(str(tmp_path / "none.jsonl"))


def test_scores_from_measurements_by_hand(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    codes = (TOTAL_FAST, TOTAL_WRONG, TOTAL_SLOW)
    (assignment,) = suite_assignments(suite, {"total": codes}, seed=0)
    slow, slowest, wrong, fast, sample_wrong, same = (c.candidate_id for c in assignment.candidates)
    assert len({slow, slowest, wrong, fast, sample_wrong, same}) == 6
    rows = [
        measurement(slow, slow),
        measurement(slowest, slowest),
        measurement(wrong, wrong, outcome=Outcome.WRONG_ANSWER),
        measurement(fast, fast),
        measurement(sample_wrong, wrong, outcome=Outcome.WRONG_ANSWER),
        measurement(same, slow),
        measurement(slow, slow, times=(10, 20, 30)),
        measurement(slowest, slowest, times=(60, 60, 60)),
        measurement(fast, fast, times=(1, 10, 99)),
    ]
    scored = scored_by_hand(suite, assignment, codes, rows, ((1, 3), STOPPED_NS))
    assert scored.left_out == ()
    assert scored.result is not None
    assert [s.values["beyond"] for s in scored.result.samples] == [1.0, 0.0, 1.0]
    # 50 ns and 40 ns before the slowest, of a range of 40 ns
    released = [s.values["beyond_released"] for s in scored.result.samples]
    assert released == pytest.approx([1.25, 0.0, 1.0])
    assert [s.code for s in scored.result.samples] == list(codes)
    assert scored.result.scores["pass@1"] == pytest.approx(2 / 3)
    assert scored.result.scores["beyond@3"] == pytest.approx(2 / 3)
    assert scored.result.scores["beyond_given_pass"] == 1.0


def test_reference_that_was_stopped_counts_with_the_limit(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    (assignment,) = suite_assignments(suite, {"total": (TOTAL_FAST,)}, seed=0)
    slow, slowest, wrong, fast = (c.candidate_id for c in assignment.candidates)
    rows = [
        measurement(slow, slow),
        measurement(slowest, slowest),
        measurement(wrong, wrong, outcome=Outcome.WRONG_ANSWER),
        measurement(fast, fast),
        measurement(slow, slow, times=(20, 20, 20)),
        replace(measurement(fast, fast, times=(40, 40, 40)), input_digest="of the input"),
        replace(measurement(slowest, slowest, outcome=Outcome.TIME_LIMIT), phase="screen"),
    ]
    scored = scored_by_hand(suite, assignment, (TOTAL_FAST,), rows, ((1,), 100.0))
    assert scored.result is not None
    assert scored.result.scores["beyond@1"] == pytest.approx((100 - 40) / (100 - 20))
    assert scored.result.relative_to == {
        "reference_times_ns": [[20, 20, 20], [100]],
        "baseline_times_ns": [7, 7, 7],
        "input_digest": "of the input",
    }
    lower = scored_by_hand(suite, assignment, (TOTAL_FAST,), rows, ((1,), 10.0))  # of each input
    assert lower.result is not None
    assert lower.result.relative_to["reference_times_ns"] == [[20, 20, 20], [20]]


def test_problem_without_passing_reference_is_listed_and_beyond_not_scored(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    (assignment,) = suite_assignments(suite, {"total": (TOTAL_FAST, "x")}, seed=0)
    *references, fast, broken = (c.candidate_id for c in assignment.candidates)
    rows = [measurement(key, key, outcome=Outcome.RUNTIME_ERROR) for key in references]
    rows += [
        measurement(fast, fast),
        measurement(broken, broken, outcome=Outcome.SANDBOX_FAILED),
    ]
    scored = scored_by_hand(suite, assignment, (TOTAL_FAST, "x"), rows, ((1,), STOPPED_NS))
    assert scored.result is not None
    assert scored.result.scores == {"pass@1": 1.0}
    reasons = [entry.reason for entry in scored.left_out]
    assert reasons[0].startswith("the sandbox failed")
    assert "no reference program passes" in reasons[1]


def test_every_k_that_a_problem_has_too_few_samples_for_is_named(tmp_path: Path) -> None:
    """Those without a verdict do not count: of three one is left for @3, and none for @5."""
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    codes = (TOTAL_FAST, TOTAL_WRONG, "x")
    (assignment,) = suite_assignments(suite, {"total": codes}, seed=0)
    keys = [c.candidate_id for c in assignment.candidates]
    rows = [measurement(key, key) for key in keys[:-1]]
    rows.append(measurement(keys[-1], keys[-1], outcome=Outcome.SANDBOX_FAILED))
    scored = scored_by_hand(suite, assignment, codes, rows, ((1, 2, 3, 5), STOPPED_NS))
    assert scored.result is not None
    assert {"pass@2", "pass@3"} & set(scored.result.scores) == {"pass@2"}
    notes = {entry.place: entry.reason for entry in scored.left_out}
    assert notes["2 samples"] == "too few to be scored @3 or @5"


@pytest.mark.parametrize("outcome", [Outcome.RUNTIME_ERROR, Outcome.SANDBOX_FAILED])
def test_sample_that_passes_and_has_no_time_counts_in_pass_alone(
    outcome: Outcome, tmp_path: Path
) -> None:
    """Beside one that is right and timed; only one that is too slow would score 0."""
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    codes = (TOTAL_FAST, TOTAL_FAST + "# other\nx = 1\n")
    (assignment,) = suite_assignments(suite, {"total": codes}, seed=0)
    slow, slowest, third, fast, other = (c.candidate_id for c in assignment.candidates)
    rows = [measurement(key, key) for key in (slow, slowest, third, fast, other)]
    rows += [
        measurement(slow, slow, times=(20, 20, 20)),
        measurement(third, third, times=(50, 50, 50)),
        measurement(slowest, slowest, times=(60, 60, 60)),
        measurement(fast, fast, times=(40, 40, 40)),
        replace(measurement(other, other, outcome=outcome), phase="screen"),
    ]
    scored = scored_by_hand(suite, assignment, codes, rows, ((1, 2), STOPPED_NS))
    assert scored.result is not None
    assert scored.result.scores == pytest.approx(
        {"pass@1": 1.0, "pass@2": 1.0, "beyond@1": 0.5, "beyond@2": 0.5,
         "beyond_released@1": 0.5, "beyond_released@2": 0.5, "beyond_given_pass": 0.5,
         "percentile@1": 2 / 3, "percentile@2": 2 / 3}
    )  # fmt: skip
    assert scored.result.samples[1].is_correct
    (entry,) = scored.left_out
    assert entry.place == "sample 1"
    assert entry.reason.startswith(NOT_TIMED)


def test_leetcode_material_in_this_format_is_read_whole(tmp_path: Path, real_data: Path) -> None:
    rows = leetcode_rows(real_data, 24)
    assert len(rows) == 24
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", *rows)))
    assert (len(suite.problems), suite.left_out) == (24, ())
    assert {problem.difficulty for problem in suite.problems} == {"Easy", "Medium", "Hard"}
    assert {len(problem.solutions) for problem in suite.problems} == {3}


@pytest.mark.parametrize("lost", ["verdict", "sandbox", "times"])
def test_problem_with_a_lost_reference_is_listed_and_beyond_not_scored(
    tmp_path: Path, lost: str
) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    (assignment,) = suite_assignments(suite, {"total": (TOTAL_FAST,)}, seed=0)
    slow, slowest, wrong, fast = (c.candidate_id for c in assignment.candidates)
    rows = [
        measurement(slow, slow),
        measurement(wrong, wrong, outcome=Outcome.WRONG_ANSWER),
        measurement(fast, fast),
        measurement(slow, slow, times=(40, 40, 40)),
        measurement(fast, fast, times=(20, 20, 20)),
    ]
    if lost != "verdict":
        outcome = Outcome.SANDBOX_FAILED if lost == "sandbox" else Outcome.ACCEPTED
        rows.append(measurement(slowest, slowest, outcome=outcome))
    scored = scored_by_hand(suite, assignment, (TOTAL_FAST,), rows, ((1,), STOPPED_NS))
    assert scored.result is not None
    assert scored.result.scores == {"pass@1": 1.0}
    (entry,) = scored.left_out
    assert "no verdict on, or no time of, reference 1: only pass@k is scored" in entry.reason


def test_right_sample_that_was_not_timed_is_listed_and_not_zero(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    codes = (TOTAL_FAST, "class Solution:\n    total = sum\n")
    (assignment,) = suite_assignments(suite, {"total": codes}, seed=0)
    slow, slowest, wrong, fast, untimed = (c.candidate_id for c in assignment.candidates)
    rows = [
        *(measurement(key, key) for key in (slow, slowest, fast, untimed)),
        measurement(wrong, wrong, outcome=Outcome.WRONG_ANSWER),
        measurement(slow, slow, times=(20, 20, 20)),
        measurement(slowest, slowest, times=(60, 60, 60)),
        measurement(fast, fast, times=(30, 30, 30)),
    ]
    scored = scored_by_hand(suite, assignment, codes, rows, ((1, 2), STOPPED_NS))
    assert scored.result is not None
    assert scored.result.scores["pass@2"] == 1.0
    assert scored.result.scores["beyond@2"] == pytest.approx(0.75)
    (entry,) = scored.left_out
    assert (entry.place, entry.problem_id) == ("sample 1", "total")
    assert "could not be timed" in entry.reason
    # Stopped when it was timed: slower than any, and that is a score.
    rows.append(replace(measurement(untimed, untimed, outcome=Outcome.TIME_LIMIT), phase="screen"))
    slow_too = scored_by_hand(suite, assignment, codes, rows, ((1, 2), STOPPED_NS))
    assert slow_too.result is not None
    assert slow_too.result.scores["beyond@2"] == pytest.approx(0.375)
    assert slow_too.left_out == ()


def test_sample_without_a_verdict_is_listed(tmp_path: Path) -> None:
    suite = load_mercury(str(write_rows(tmp_path / "m.jsonl", row())))
    (assignment,) = suite_assignments(suite, {"total": (TOTAL_FAST,)}, seed=0)
    scored = scored_by_hand(suite, assignment, (TOTAL_FAST,), [], ((1,), STOPPED_NS))
    assert scored.result is None
    assert scored.left_out[0].place == "sample 0"
