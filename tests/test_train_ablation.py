"""One training of the ablation on a tiny policy, from pairs to its row of results."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sample_records import DOUBLE, FUNCTION_PROBLEM, LOOP
from tiny_policy import preference_pair, save_tiny_policy, tiny_config, tokens_of
from transformers import AutoModelForCausalLM, AutoTokenizer

from skeldpo.prompts import Prompts
from skeldpo.records import KnownProgram
from skeldpo.train.loading import load_network
from studies.ablation_sample import Writer, WritingJob, write_programs
from studies.ablation_train import Job, KnownPrograms, equal_steps, train_job

pytestmark = pytest.mark.slow

CONFIG = tiny_config(pairs_per_step=2, efficiency_epochs=3, correctness_epochs=0)
PROBLEM = replace(
    FUNCTION_PROBLEM,
    statement="Twice.",
    solutions=(
        KnownProgram(code=DOUBLE, speed="fast"),
        KnownProgram(code=LOOP, speed="slow"),
        KnownProgram(code="def double(x):\n    return sum((x, x))\n", speed="slow"),
    ),
)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.set_num_threads(1)
    return save_tiny_policy(tmp_path_factory.mktemp("ablation") / "start")


def test_masses_are_the_models_own_probabilities(start: str) -> None:
    policy = load_network(start, CONFIG.train, 160, seed=0)
    ((fast, slow),) = KnownPrograms([PROBLEM], CONFIG, start).masses(policy).values()
    model = AutoModelForCausalLM.from_pretrained(start)
    prompts = Prompts(AutoTokenizer.from_pretrained(start), CONFIG.policy)
    expected = {"fast": 0.0, "slow": 0.0}
    for known in PROBLEM.solutions:
        prompt = prompts.code_prompt_ids(PROBLEM.statement, PROBLEM.starter_code)
        answer = prompts.completion_ids(known.code, "python")
        with torch.no_grad():
            logps = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        rows = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
        expected[known.speed] += math.exp(
            sum(float(logps[row, token]) for row, token in zip(rows, answer, strict=True))
        )
    assert fast == pytest.approx(expected["fast"], rel=1e-4)
    assert slow == pytest.approx(expected["slow"], rel=1e-4)


def test_training_scores_its_points_and_saves_the_policy(start: str, tmp_path: Path) -> None:
    pairs = tokens_of([preference_pair(i) for i in range(4)], start, CONFIG)
    row = train_job(
        Job(
            key="code/0.01/0",
            arm="code",
            seed=0,
            start=start,
            save_to=str(tmp_path / "policy"),
            pairs=tuple(pairs),
            config=CONFIG,
            heldout=(PROBLEM,),
            num_steps=6,
            num_points=3,
        )
    )
    assert json.loads(json.dumps(row)) is not None
    assert (row["num_steps"], [point["step"] for point in row["points"]]) == (6, [2, 4, 6])
    saved = load_network(row_folder := row["points"][-1]["policy"], CONFIG.train, 160, seed=0)
    last = KnownPrograms([PROBLEM], CONFIG, row_folder).masses(saved)
    assert row["points"][-1]["masses"]["double"] == pytest.approx(last["double"], rel=1e-4)
    assert row["metrics"]["code/rewards/margins"] > 0


def test_arms_take_the_same_number_of_steps_whatever_their_pairs(start: str) -> None:
    train = CONFIG.train.model_copy(update={"correctness_epochs": 1, "efficiency_epochs": 1})
    pairs = tokens_of([preference_pair(i) for i in range(4)], start, CONFIG)
    mixed = [*pairs, *(replace(p, pair_id=f"c{p.pair_id}", stage="correctness") for p in pairs)]
    for rows in (pairs, mixed):
        steps = equal_steps(rows, train, 0, 9)
        assert [step.index for step in steps] == list(range(9))
    assert [step.phase for step in steps] == ["correctness"] * 2 + ["efficiency"] * 7
    assert steps[:4] == equal_steps(mixed, train, 0, 4)
    with pytest.raises(ValueError, match="no efficiency pairs to train on among 4"):
        equal_steps([replace(p, stage="correctness") for p in pairs], train, 0, 9)


def test_policies_write_their_samples_of_every_problem(start: str) -> None:
    problems = tuple(
        replace(PROBLEM, problem_id=f"p{n}", statement="Twice. " * n) for n in range(1, 4)
    )
    job = WritingJob(
        writer=Writer(name="code/0", folder=start),
        problems=problems,
        config=CONFIG,
        num_samples=2,
        temperature=0.8,
    )
    rows = write_programs(job)
    assert [(row.problem_id, row.sample_index) for row in rows] == [
        (problem.problem_id, index) for problem in problems for index in range(2)
    ]
    assert len({row.candidate_id for row in rows}) == 6
    assert rows == write_programs(job), "seeded"
    prompts = Prompts(AutoTokenizer.from_pretrained(start), CONFIG.policy)
    for row in rows:
        assert len(row.completion_token_ids) <= CONFIG.generate.max_tokens
        ended = row.completion_token_ids[-1] == prompts.eos_token_id
        assert ended == (row.finish_reason == "stop")
        assert prompts.eos_token_id not in row.completion_token_ids[:-1]
