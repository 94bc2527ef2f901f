"""What is in an evaluation set does not get into training: by id and by statement."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from effibench_rows import effibench_row
from mercury_rows import row as mercury_row
from sample_records import FUNCTION_PROBLEM

from skeldpo.config import KeepOutConfig
from skeldpo.problems.overlap import EvaluationProblem, find_overlaps, keep_out, read_evaluation
from skeldpo.records import Problem

TEXT = (
    "You are given a list of deposits and withdrawals on a bank account that starts at zero. "
    "Say whether the balance falls below zero at any point."
)


def problem(problem_id: str, statement: str = TEXT, split: str = "train") -> Problem:
    return replace(FUNCTION_PROBLEM, problem_id=problem_id, statement=statement, split=split)


def entry(evaluation_id: str, statement: str = "") -> EvaluationProblem:
    return EvaluationProblem(source="set", evaluation_id=evaluation_id, statement=statement)


@pytest.mark.parametrize(
    "problem_id",
    ["two-sum", "Two Sum", "leetcode/two_sum", "TWO-SUM", "a/b/two-sum", "twoSum", "1. Two Sum",
     "leetcode/0001.TwoSum"],
)  # fmt: skip
def test_id_is_found_however_it_is_written(problem_id: str) -> None:
    (overlap,) = find_overlaps([problem(problem_id)], [entry("two-sum")], 0.5)
    assert (overlap.by, overlap.share, overlap.matched.evaluation_id) == ("id", 1, "two-sum")


@pytest.mark.parametrize("problem_id", ["two-sum-ii", "two_sum-003", "two", "7"])
def test_other_ids_are_no_match(problem_id: str) -> None:
    assert find_overlaps([problem(problem_id)], [entry("two-sum"), entry("HumanEval/7")], 0.5) == []


def test_number_in_front_of_an_id_is_part_of_it_where_nothing_else_tells_ids_apart() -> None:
    (overlap,) = find_overlaps([problem("two-sum")], [entry("0001-two-sum")], 0.5)
    assert overlap.by == "id"
    for training, evaluation in (
        ("7-problem", "8-problem"), ("1201/A", "1575/A"), ("1201_B2", "1575_B2"),
        ("a-1-12", "a-11-2"),
    ):  # fmt: skip
        assert find_overlaps([problem(training)], [entry(evaluation)], 0.5) == []


def test_task_in_the_docstring_of_the_starter_code_is_found(tmp_path: Path) -> None:
    asked = "Complete this program; answer with all of it."
    docstring = f'def below(xs):\n    """{TEXT}\n    """\n'
    told = replace(problem("mine", asked), starter_code=docstring)
    (overlap,) = find_overlaps([told], [entry("HumanEval/3", docstring)], 0.5)
    assert overlap.by == "statement" and overlap.share > 0.9
    file = tmp_path / "rows.jsonl"
    row = {"problem_id": "their", "statement": asked, "starter_code": docstring}
    file.write_text(json.dumps(row) + "\n")
    evaluation = read_evaluation(str(file))
    assert len(find_overlaps([problem("told", TEXT)], evaluation, 0.5)) == 1
    other = replace(told, starter_code='def f(x):\n    """Twice x, and once more the same."""\n')
    assert find_overlaps([other], evaluation, 0.5) == []


def test_other_names_of_the_function_and_its_arguments_hide_nothing() -> None:
    told = "Whether amounts, a list, falls below limit.\n>>> dips(amounts, limit)\nTrue\n" * 2
    written = f'def dips(amounts: list, limit: int = 0) -> bool:\n    """{told}"""\n'
    renamed = written.replace("dips(", "f(").replace("amounts", "xs").replace("limit", "n")
    apart = replace(problem("mine", renamed.split('"""')[1]), starter_code=renamed.split("\n")[0])
    for each in (problem("mine", renamed), apart):
        (overlap,) = find_overlaps([each], [entry("HumanEval/3", written)], 0.9)
        assert overlap.by == "statement"


@pytest.mark.parametrize(
    "written",
    [TEXT.replace(" ", "&nbsp;"), "_" + TEXT.replace(" ", "_ _") + "_",
     TEXT.replace("bank account", "bank_account"), TEXT.replace("bank account", "bankAccount"),
     TEXT.replace("fi", "\ufb01").replace(" ", "\u2003")],
    ids=["entities", "markdown", "snake", "camel", "forms"],
)  # fmt: skip
def test_same_words_are_found_however_they_are_marked(written: str) -> None:
    (overlap,) = find_overlaps([problem("mine", written)], [entry("their", TEXT)], 0.5)
    assert (overlap.by, overlap.share) == ("statement", 1)


def test_statement_is_found_inside_a_longer_one_and_in_html() -> None:
    longer = f"Intro words first. {TEXT} Then some more words about examples and limits."
    marked = f"<p>{TEXT.replace('zero', '<b>zero</b>')}</p>"
    for statement in (TEXT, longer, marked, TEXT.upper()):
        (overlap,) = find_overlaps([problem("mine", statement)], [entry("their", TEXT)], 0.5)
        assert overlap.by == "statement"
        assert overlap.share > 0.9


def test_statement_in_other_words_or_below_the_limit_is_kept() -> None:
    other = "Return whether the sum of the first operations is ever negative in the list."
    half = TEXT.split(". ")[0] + ". Something else altogether is asked about these numbers here now"
    assert find_overlaps([problem("a", other)], [entry("b", TEXT)], 0.5) == []
    (found,) = find_overlaps([problem("a", half)], [entry("b", TEXT)], 0.3)
    assert 0.3 <= found.share < 0.8
    assert find_overlaps([problem("a", half)], [entry("b", TEXT)], 0.9) == []


@pytest.mark.parametrize(
    ("statement", "other"),
    [("Add two numbers.", "Add three numbers."),
     ("\u7ed9\u5b9a\u6570\u7ec4\uff0c\u8fd4\u56de\u5b83\u7684\u548c\u3002",  # an array, its sum
      "\u7ed9\u5b9a\u4e00\u4e2a\u5b57\u7b26\u4e32\uff0c\u5224\u65ad\u5b83")],  # a text, a question
    ids=["short", "chinese"],
)  # fmt: skip
def test_same_statement_is_found_without_a_run_of_words(statement: str, other: str) -> None:
    (overlap,) = find_overlaps([problem("mine", statement)], [entry("their", statement)], 0.5)
    assert (overlap.by, overlap.share) == ("statement", 1)
    assert find_overlaps([problem("mine", other)], [entry("their", statement)], 0.5) == []


def test_best_match_is_named() -> None:
    evaluation = [entry("half", TEXT.split(". ")[0]), entry("whole", TEXT), entry("mine")]
    (by_id,) = find_overlaps([problem("mine")], evaluation, 0.5)
    (by_text,) = find_overlaps([problem("other")], evaluation, 0.5)
    assert (by_id.matched.evaluation_id, by_id.by) == ("mine", "id")
    assert by_text.matched.evaluation_id == "half"


@pytest.mark.parametrize(
    "row",
    [
        mercury_row(slug_name="total-of-it", pretty_content=[TEXT]),
        mercury_row(slug_name="total-of-it", pretty_content=[*TEXT.split(". ")]),
        {"task_id": "total-of-it", "prompt": "from typing import *\n\nfrom math import *\n",
         "query": f"### Question:\n{TEXT}\n\n```python\nclass Solution:\n```"},
        effibench_row(markdown_description=TEXT),
        {"task_id": 11, "text": TEXT, "code": "def f():\n    pass", "test_list": ["assert f()"]},
        {"problem_id": 3, "question": TEXT, "starter_code": "", "difficulty": "interview"},
        {"task_id": "BigCodeBench/0", "complete_prompt": "import os\n", "instruct_prompt": TEXT},
        {"question_id": "1873_A", "question_title": "Bank", "question_content": TEXT},
        {"name": "1575_A. Bank", "description": TEXT},
    ],
    ids=["mercury", "parts", "leetcode", "effibench", "mbpp", "apps", "bigcodebench",
         "livecodebench", "code_contests"],
)  # fmt: skip
def test_statement_is_found_in_the_rows_of_every_data_set(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    file = tmp_path / "evaluation.jsonl"
    file.write_text(json.dumps(row) + "\n")
    (overlap,) = find_overlaps([problem("mine")], read_evaluation(str(file)), 0.5)
    assert overlap.by == "statement"
    assert overlap.share > 0.75


def test_only_training_problems_are_kept_out_and_counted(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("two-sum\n\n3sum\n")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(f'{{"task_id": "HumanEval/3", "prompt": "{TEXT}"}}\n')
    problems = [
        problem("two-sum", "one"),
        problem("3sum", "two", "heldout_variant"),
        problem("bank"),
        problem("free", "something else"),
    ]
    kept = keep_out(problems, KeepOutConfig(files=(str(names), str(rows))))
    assert [each.problem_id for each in kept.problems] == ["3sum", "free"]
    assert kept.account() == (
        "2 problems kept out of training: 1 by id (names.txt), 1 by statement (rows.jsonl)"
    )
    assert keep_out(problems, KeepOutConfig()).account() == ""


def test_names_that_cannot_be_looked_for_among_numbers_are_told(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("two-sum\n")
    kept = keep_out([problem("1"), problem("2"), problem("x")], KeepOutConfig(files=(str(names),)))
    assert kept.account() == (
        "2 training problems have numbers for ids, which names alone (names.txt) do not find: give "
        "keep_out.files rows with statements"
    )
    names.with_suffix(".jsonl").write_text('{"task_id": "two-sum", "text": "Add."}\n')
    config = KeepOutConfig(files=(str(names.with_suffix(".jsonl")),))
    assert keep_out([problem("1")], config).account() == ""


def test_file_that_is_no_evaluation_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file at"):
        read_evaluation(str(tmp_path / "none.txt"))
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"tw\xf6-sum\n")
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8 text"):
        read_evaluation(str(latin))
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    with pytest.raises(ValueError, match="found none"):
        read_evaluation(str(empty))
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"table\.csv:2: an evaluation problem needs one of"):
        read_evaluation(str(table))
    taco = tmp_path / "taco.jsonl"
    taco.write_text(json.dumps({"name": None, "question": TEXT}))
    kept = keep_out([problem("x")], KeepOutConfig(files=(str(taco),)))
    assert [(each.by, each.share) for each in kept.overlaps] == [("statement", 1.0)]


@pytest.mark.parametrize(
    ("name", "text"),
    [("rows.jsonl", '{"task_id": 11, "words": "Add the numbers up."}\n'), ("names.txt", "a\n11\n")],
)
def test_number_without_a_statement_is_refused(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(ValueError, match="problem '11' can be found by nothing: expected a name"):
        read_evaluation(str(file))


def test_ids_in_any_script_are_names() -> None:
    found = find_overlaps([problem("\u4e24\u6570-1"), problem("\u4e24\u6570-2")],
                          [entry("set/\u4e24\u6570_2")], 0.5)  # fmt: skip
    assert [overlap.problem_id for overlap in found] == ["\u4e24\u6570-2"]


def test_published_sets_are_read_and_found(real_data: Path) -> None:
    slugs = read_evaluation(str(real_data / "mercury_eval_slugs.txt"))
    enamel = read_evaluation(str(real_data / "enamel" / "enamel.csv"))
    assert (len(slugs), len(enamel)) == (256, 164)
    problems = [problem("leetcode/two-sum", "x"), problem("y", enamel[3].statement)]
    found = find_overlaps(problems, [*slugs, *enamel], 0.5)
    assert [(each.by, each.matched.evaluation_id) for each in found] == [
        ("id", "two-sum"), ("statement", "HumanEval/3"),
    ]  # fmt: skip
