"""Which problems a round and an evaluation get: disjoint, seeded, and each one once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
from effibench_rows import effibench_row
from enamel_rows import run_here
from mercury_rows import ANY_ORDER, LINKED, TOTAL_FAST, TOTAL_WRONG, row

from skeldpo.config import MeasureConfig, ProblemsConfig
from skeldpo.measure.verdict import Judge
from skeldpo.problems.families import all_families
from skeldpo.problems.sources import (
    SOURCES,
    LeftOutProblem,
    evaluation_problems,
    iter_problems,
    load_problems,
    problem_from_row,
    training_problems,
)
from skeldpo.records import Outcome, Problem
from skeldpo.suites.effibench import load_effibench
from skeldpo.suites.mercury import load_mercury

CONFIG = ProblemsConfig(num_train=100, num_heldout_variants=48, num_heldout_families=16)


def contest_row(**changes: Any) -> dict[str, Any]:
    """A row of CodeContests, changed."""
    return {
        "problem_id": "double", "statement": "Read n and print 2 n.", "solutions": ["print(2)"],
        "tests": [{"input": "1", "output": "2"}], "stress_generators": [], **changes,
    }  # fmt: skip


def _ids(problems: list[Problem]) -> list[str]:
    return [problem.problem_id for problem in problems]


def test_families_give_thousands_of_distinct_problems(family_pool: list[Problem]) -> None:
    assert len(all_families()) >= 40
    assert len(family_pool) >= 2000
    assert len({problem.statement for problem in family_pool}) == len(family_pool)
    assert len({problem.problem_id for problem in family_pool}) == len(family_pool)


def test_heldout_families_and_wordings_are_not_in_train(family_pool: list[Problem]) -> None:
    held_out = {f"families/{family.name}" for family in all_families() if family.held_out}
    assert len(held_out) >= 4
    for problem in family_pool:
        assert (problem.split == "heldout_family") == (problem.source in held_out)
    of_split = {
        split: {p.source for p in family_pool if p.split == split}
        for split in ("train", "heldout_variant")
    }
    assert of_split["train"] == of_split["heldout_variant"]
    assert len(of_split["train"]) + len(held_out) == len(all_families())


def test_training_problems_rounds_differ_until_all_were_used(family_pool: list[Problem]) -> None:
    pool = [problem for problem in family_pool if problem.split == "train"]
    num_rounds = len(pool) // CONFIG.num_train
    seen = [
        problem_id
        for index in range(1, num_rounds + 1)
        for problem_id in _ids(training_problems(pool, CONFIG, round_index=index, seed=3))
    ]
    assert len(seen) == len(set(seen)) == num_rounds * CONFIG.num_train
    beyond = training_problems(pool, CONFIG, round_index=num_rounds + 1, seed=3)
    assert len(set(_ids(beyond))) == CONFIG.num_train
    assert set(_ids(pool)) - set(seen) <= set(_ids(beyond))


@pytest.mark.parametrize("num_train", [42, 48, 126, 500])
def test_every_round_has_of_each_family_its_share(
    family_pool: list[Problem], num_train: int
) -> None:
    pool = [problem for problem in family_pool if problem.split == "train"]
    config = CONFIG.model_copy(update={"num_train": num_train})
    sizes = Counter(problem.source for problem in pool)
    for index in range(1, len(pool) // num_train + 1):
        chosen = training_problems(pool, config, round_index=index, seed=index)
        found = Counter(problem.source for problem in chosen)
        for source, size in sizes.items():
            assert abs(found[source] - num_train * size / len(pool)) < 1.5


def test_a_large_source_does_not_crowd_out_a_small_one(family_pool: list[Problem]) -> None:
    pool = [replace(p, source="small" if i % 10 == 0 else "large", split="train")
            for i, p in enumerate(family_pool[:660])]  # fmt: skip
    config = CONFIG.model_copy(update={"num_train": 33})
    for index in range(1, 21):
        chosen = training_problems(pool, config, round_index=index, seed=7)
        assert 2 <= sum(problem.source == "small" for problem in chosen) <= 5


def test_training_problems_are_those_of_the_seed_and_split(family_pool: list[Problem]) -> None:
    first = training_problems(family_pool, CONFIG, round_index=1, seed=3)
    assert first == training_problems(family_pool[::-1], CONFIG, round_index=1, seed=3)
    assert _ids(first) != _ids(training_problems(family_pool, CONFIG, round_index=1, seed=4))
    assert {problem.split for problem in first} == {"train"}


def test_training_problems_never_come_twice_in_a_round(family_pool: list[Problem]) -> None:
    few = [problem for problem in family_pool if problem.split == "train"][:7]
    for index in (1, 2, 3):
        chosen = training_problems(few, CONFIG, round_index=index, seed=0)
        assert sorted(_ids(chosen)) == sorted(_ids(few))


def test_training_problems_without_any_is_value_error(family_pool: list[Problem]) -> None:
    held_out = [problem for problem in family_pool if problem.split != "train"]
    with pytest.raises(ValueError, match=r"no problem of split 'train' in problems\.sources"):
        training_problems(held_out, CONFIG, round_index=1, seed=0)


def test_evaluation_problems_are_the_same_each_time_and_never_trained_on(
    family_pool: list[Problem],
) -> None:
    chosen = evaluation_problems(family_pool, CONFIG, seed=3)
    assert chosen == evaluation_problems(family_pool[::-1], CONFIG, seed=3)
    assert chosen != evaluation_problems(family_pool, CONFIG, seed=4)
    assert [p.split for p in chosen] == ["heldout_variant"] * 48 + ["heldout_family"] * 16
    assert len(set(_ids(chosen))) == len(chosen)
    train = {p.statement for p in family_pool if p.split == "train"}
    assert not train & {problem.statement for problem in chosen}


def test_evaluation_problems_take_turns_over_families(family_pool: list[Problem]) -> None:
    chosen = evaluation_problems(family_pool, CONFIG, seed=3)
    for split in ("heldout_variant", "heldout_family"):
        sources = [problem.source for problem in chosen if problem.split == split]
        counts = [sources.count(source) for source in set(sources)]
        assert max(counts) - min(counts) <= 1
        available = {problem.source for problem in family_pool if problem.split == split}
        assert len(counts) == min(len(available), len(sources))


def test_load_problems_of_some_families_only() -> None:
    problems = load_problems(["families"], ["covered_points"])
    assert {problem.source for problem in problems} == {"families/covered_points"}
    with pytest.raises(ValueError, match=r"no family \['covered'\]; known: .*covered_points"):
        load_problems(["families"], ["covered"])


def test_load_problems_joins_sources_and_refuses_an_id_twice(tmp_path: Path) -> None:
    row = {"problem_id": "p", "statement": "s", "tests": [{"input": "", "expected": ""}]}
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(json.dumps(row))
    problems = load_problems([str(tmp_path / "a.jsonl"), "families"], ["covered_points"])
    assert problems[0].problem_id == "p" and len(problems) > 1
    with pytest.raises(ValueError, match=r"b\.jsonl: problem_id 'p' is there twice"):
        load_problems([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")])


IN_PLACE = row(
    slug_name="reverse",
    evaluate_offline="def evaluate_offline(inputs, outputs, expected):\n"
    "    return inputs[0] == expected",
)


def test_sources_are_families_data_sets_and_files_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is called like a data set of the hub is read in its place."""
    datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_list([row(), row(slug_name="total-2")]),
            "eval": datasets.Dataset.from_list([row(slug_name="kept-out")]),
        }
    ).save_to_disk(tmp_path / "Elfsong" / "Mercury")
    mine = {"problem_id": "p", "statement": "s", "tests": [{"input": "", "expected": ""}]}
    (tmp_path / "my.jsonl").write_text(json.dumps(mine))
    monkeypatch.chdir(tmp_path)
    config = ProblemsConfig(
        sources=("families", "Elfsong/Mercury:train", "my.jsonl"),
        families=("covered_points",),
        num_train=1000,
    )
    problems = load_problems(config.sources, config.families)
    assert _ids(problems[-3:]) == ["total", "total-2", "p"]
    assert [p.source for p in problems[-3:]] == ["mercury", "mercury", "my.jsonl"]
    assert {p.source for p in problems[:-3]} == {"families/covered_points"}
    chosen = training_problems(problems, config, round_index=1, seed=0)
    assert {"total", "total-2", "p"} <= set(_ids(chosen))
    assert load_problems(["Elfsong/Mercury:eval"])[0].problem_id == "kept-out"


def _outcome(problem: Problem, code: str) -> Outcome:
    return Judge(problem, run_here, MeasureConfig()).check(code).outcome


def test_mercury_row_is_a_training_problem_that_is_called_as_leetcode_does() -> None:
    problem = problem_from_row(row(), source="x")
    assert (problem.entry_point, problem.checker, problem.split) == (
        "Solution.total",
        "equal",
        "train",
    )
    assert problem.starter_code == "class Solution(object):\n    def total(self, n):\n"
    assert _outcome(problem, TOTAL_FAST) is Outcome.ACCEPTED
    assert _outcome(problem, TOTAL_WRONG) is Outcome.WRONG_ANSWER
    evens = problem_from_row(ANY_ORDER, source="x")
    scope: dict[str, object] = {}
    exec(evens.checker, scope)
    check = scope["check"]
    assert callable(check)
    assert check([5], [0, 2, 4], [4, 0, 2]) is True
    assert check([5], [0, 2], [4, 0, 2]) is False


def test_floats_of_training_rows_have_a_tolerance_and_those_of_the_suites_none(
    tmp_path: Path,
) -> None:
    tenths = row(test_cases=json.dumps([{"input": [3], "expected": 0.3}]))
    asserted = effibench_row(test_case="assert solution.total(3, 1) == 0.3")
    paths = {"mercury": tmp_path / "m.jsonl", "effibench": tmp_path / "e.jsonl"}
    paths["mercury"].write_text(json.dumps(tenths))
    paths["effibench"].write_text(json.dumps(asserted))
    program = "class Solution:\n    def total(self, n, step=1):\n        return 0.1 + 0.2\n"
    for problem in load_problems([str(path) for path in paths.values()]):
        assert problem.checker == "float"
        assert _outcome(problem, program) is Outcome.ACCEPTED
        assert _outcome(problem, program.replace("0.2", "0.3")) is Outcome.WRONG_ANSWER
    for load, path in ((load_mercury, paths["mercury"]), (load_effibench, paths["effibench"])):
        assert [problem.checker for problem in load(str(path)).problems] == ["equal"]


def test_problem_whose_every_test_expects_none_is_left_out(tmp_path: Path) -> None:
    in_place = {"problem_id": "sort", "statement": "Sort nums in place.", "entry_point": "f"}
    none = {"tests": [{"input": [[2, 1]], "expected": None}]}
    rows = [
        row(test_cases=json.dumps([{"input": [3], "expected": None}])),
        effibench_row(test_case="assert solution.total(3, 1) == None"),
        in_place | none,
        in_place | none | {"problem_id": "mixed", "tests": [*none["tests"],
                           {"input": [[]], "expected": []}]},
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    left_out: list[LeftOutProblem] = []
    kept = list(iter_problems([str(path)], on_left_out=left_out.append))
    assert [problem.problem_id for problem in kept] == ["mixed"]
    assert [each.problem_id for each in left_out] == ["total", "7", "sort"]
    assert all("every test expects None" in each.reason for each in left_out)


def test_rows_of_other_data_sets_that_cannot_be_judged_are_left_out(tmp_path: Path) -> None:
    rows = [row(), LINKED, IN_PLACE, row(slug_name="none", test_cases="[]")]
    rows += [effibench_row(), effibench_row(problem_idx=8, test_case="print(1)")]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    left_out: list[LeftOutProblem] = []
    kept = list(iter_problems([str(path)], on_left_out=left_out.append))
    assert [(p.problem_id, p.split) for p in kept] == [("total", "train"), ("7", "train")]
    assert [(each.place.rpartition(":")[2], each.problem_id) for each in left_out] == [
        ("2", "reverse-list"), ("3", "reverse"), ("4", "none"), ("6", "8"),
    ]  # fmt: skip
    for each, reason in zip(
        left_out, ["made by code", "became of the arguments", "test_cases is empty", "asserts"],
        strict=True,
    ):  # fmt: skip
        assert reason in each.reason


@pytest.mark.parametrize(
    ("row_of", "message"),
    [
        (contest_row(statement=None), "statement must be a string, got None"),
        (contest_row(solutions="print(1)"), r"solutions must be a list of str, got 'print\(1\)'"),
        (contest_row(tests={"input": ["1"], "output": ["2"]}), "tests must be a list of dict"),
        (contest_row(tests=[{"input": "1"}]), "output must be a string, got None"),
        (row(solutions="class Solution: pass"), "solutions must be a list, got 'class"),
        (row(prompt=5), "prompt must be a string, got 5"),
        ({"task_id": "Mbpp/2", "prompt": "", "entry_point": "f", "canonical_solution": "def f(:",
          "base_input": [[1]], "plus_input": []}, "invalid syntax"),
    ],
)  # fmt: skip
def test_wrong_type_in_a_row_of_a_data_set_is_named_by_its_key(
    tmp_path: Path, row_of: dict[str, Any], message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row_of))
    with pytest.raises(ValueError, match=rf"rows\.jsonl:1: .*{message}"):
        load_problems([str(path)])


def test_id_of_a_problem_may_be_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(contest_row(problem_id=7))}\n{json.dumps(row(slug_name=8))}\n")
    assert [problem.problem_id for problem in load_problems([str(path)])] == ["7", "8"]


def test_rows_of_evalplus_that_lack_something_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"task_id": "Mbpp/2", "entry_point": "f", "plus_input": []}))
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: a row of MBPP\+ needs \['base_input'"):
        load_problems([str(path)])


def test_each_row_is_of_one_source_but_for_our_own_which_takes_the_rest() -> None:
    for known in (row(), effibench_row(), {"stress_generators": []}):
        assert [module.matches(known) for module in SOURCES].count(True) == 2
    assert [module.matches({"mine": 1}) for module in SOURCES] == [False] * 5 + [True]
