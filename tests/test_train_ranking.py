"""The ranking of unseen programs: its pairs, its figures, and one training on a tiny policy."""

from __future__ import annotations

from pathlib import Path

import pair_rows
import pytest
from tiny_policy import save_tiny_policy, tiny_config

from studies import ranking
from studies.ablation_study import Arm
from studies.labelled import LabelledProblem
from studies.ranking import Job, Task, evalperf_tasks, task_pairs, train_and_rank
from studies.ranking_page import figures_of

FAST = tuple(f"def f(a):\n    s = set(a)\n    return len(s) + {i}\n" for i in range(4))
SLOW = tuple(
    f"def f(a):\n    b = []\n    for x in a:\n        if x not in b:\n            b.append(x)\n"
    f"    return len(b) + {i}\n"
    for i in range(3)
)
TASK = Task(
    statement="Count the distinct items.",
    programs=LabelledProblem(problem_id="Mbpp/1", efficient=FAST, inefficient=SLOW),
)
CONFIG = tiny_config(pairs_per_step=2, efficiency_epochs=2, correctness_epochs=0)


def test_pairs_join_the_most_extreme_programs_and_have_skeletons() -> None:
    pairs = task_pairs(TASK, CONFIG)
    assert [(p.chosen.code, p.rejected.code) for p in pairs] == list(
        zip(FAST[:3], SLOW, strict=True)
    )
    assert pairs[0].chosen.skeleton.text == FAST[0].replace("0", "_")
    assert len({pair.pair_id for pair in pairs}) == 3


def test_measured_programs_are_labelled_by_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(pair_rows.write_measured(tmp_path / "measured"))
    (task,) = ranking.measured_tasks(folder)
    assert task.statement == "Count the distinct items."
    assert sorted(task.programs.efficient) == sorted(pair_rows.FAST)
    assert sorted(task.programs.inefficient) == sorted(pair_rows.SLOW)
    monkeypatch.setattr(ranking, "MAX_STATEMENT_CHARACTERS", len(task.statement) - 1)
    assert ranking.measured_tasks(folder) == []


def row(arm: str, seed: int, **rewards: float) -> dict:
    return {
        "arm": arm, "learning_rate": 1e-4, "seed": seed, "num_skeletons": 3, "margin": 1.0,
        "ranked": {key: {"reward": value, "before": 0.5, "length": 0.25}
                   for key, value in rewards.items()},
    }  # fmt: skip


def test_figures_are_means_over_tasks_paired_with_the_base() -> None:
    rows = [row("code", 0, a=0.4, b=0.6), row("code", 1, a=0.6, b=0.8)]
    rows += [row("skeldpo", 0, a=0.6, b=0.8), row("skeldpo", 1, a=0.8, b=1.0)]
    figures = figures_of(rows, {"a": "", "b": ""})
    assert figures["num_tasks"] == 2
    assert figures["before"] == [0.5, 0.5, 0.5]
    assert figures["code/0.0001"]["reward"][0] == pytest.approx(0.6)
    assert figures["skeldpo/0.0001"]["difference"] == pytest.approx([0.2, 0.2, 0.2])


def test_intervals_resample_families_of_tasks() -> None:
    rewards = {f"t{index}": float(index >= 20) for index in range(40)}
    families = {name: str(index // 10) for index, name in enumerate(rewards)}
    rows = [row("code", 0, **rewards)]
    low, high = figures_of(rows, families)["code/0.0001"]["reward"][1:]
    alone = figures_of(rows, {})["code/0.0001"]["reward"]
    assert high - low > 1.5 * (alone[2] - alone[1])


@pytest.mark.slow
def test_training_ranks_programs_of_the_task_it_saw(tmp_path: Path) -> None:
    start = save_tiny_policy(tmp_path / "start")
    ranked = train_and_rank(
        Job(
            key="code",
            start=start,
            arm=Arm(name="code", config=CONFIG, skeletons="own", programs="all", rounds=1),
            seed=0,
            pairs=tuple(task_pairs(TASK, CONFIG)),
            unseen=(TASK,),
        )
    )
    assert (ranked["num_pairs"], ranked["num_skeletons"], ranked["dropped"]) == (3, 3, 0)
    assert ranked["margin"] > 0
    assert ranked["ranked"]["Mbpp/1"]["reward"] > 0.9
    assert ranked["ranked"]["Mbpp/1"]["length"] == 1.0


@pytest.mark.slow
def test_tasks_of_the_data_have_statements_and_both_sides(real_data: Path) -> None:
    tasks = evalperf_tasks(real_data)
    assert len(tasks) > 40
    assert all(task.statement and '"""' not in task.statement for task in tasks)
