"""Which problems a round and an evaluation get: disjoint, seeded, and each one once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skeldpo.config import ProblemsConfig
from skeldpo.problems.families import all_families
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import Problem

CONFIG = ProblemsConfig(num_train=100, num_heldout_variants=48, num_heldout_families=16)


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
