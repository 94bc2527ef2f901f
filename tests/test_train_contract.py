"""The contract of learners: who is known, who knows of pairs, and a learner of another kind."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tiny_policy import save_tiny_policy, tiny_config
from transformers import AutoModelForCausalLM

from skeldpo.config import TrainConfig
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch
from skeldpo.train.learners import make_learner
from skeldpo.train.learners.contract import (
    ExampleLosses,
    Learner,
    Phase,
    ProblemRows,
    Scored,
    Wording,
)
from skeldpo.train.learners.preferences import Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.reference import load_reference, reference_logps, save_reference

SOURCE = Path(__file__).parent.parent / "skeldpo"


def test_preferences_are_the_learner_unless_another_is_named():
    assert make_learner(tiny_config().train) == Preferences(tiny_config().train)


def test_unknown_learner_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match="train.learner.*'preferences'.*'rewards'"):
        tiny_config(learner="reward")


def test_only_the_learner_of_pairs_knows_of_pairs():
    """Everything in skeldpo/train but learners/ is for every learner."""
    files = [*SOURCE.glob("train/*.py"), SOURCE / "train/learners/contract.py"]
    files.append(SOURCE / "checkpoints.py")
    assert len(files) > 10
    found = [
        f"{file.name}:{number}: {line}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.search("chosen|rejected|pair", line, re.IGNORECASE)
    ]
    assert found == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One prompt, several answers, each with an advantage."""

    example_id: str
    prompt: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    advantages: tuple[float, ...]
    weight: float = 1.0

    @property
    def tokens_id(self) -> str:
        return f"{self.prompt} {self.answers}"

    @property
    def num_tokens(self) -> int:
        return len(self.prompt) + self.num_reference_values

    @property
    def num_reference_values(self) -> int:
        return sum(map(len, self.answers))

    @property
    def tree(self) -> Tree:
        below = tuple(Answer(token_ids=ids, sequence=n) for n, ids in enumerate(self.answers))
        trunk = Prompt(token_ids=self.prompt, below=below)
        return Tree(trunk=trunk, num_sequences=len(self.answers))


@dataclass(frozen=True)
class Groups:
    """A policy gradient over groups of any size, with a reference value a token."""

    config: TrainConfig
    stage: ClassVar[str] = "group"
    table: ClassVar[str] = "groups.parquet"
    wording: ClassVar[Wording] = Wording(
        noun="group", wanted="group", advice="", tag="x", trained_on="x", card_metrics=()
    )
    statistics: ClassVar[tuple[str, ...]] = ("loss",)
    row: ClassVar[type] = Group
    examples_per_step: ClassVar[int] = 2

    made: ClassVar[type] = Group

    def maker(self, config: Any, round_index: int) -> Callable[[MeasuredProblem], Group]:
        raise AssertionError("the loop does not make rows")

    def choose_rows(
        self, made: Callable[[], Iterable[Group]], config: Any
    ) -> Iterator[ProblemRows[Group]]:
        raise AssertionError("the loop does not make rows")

    def sum_up(self, sums: Mapping[str, float], num_problems: int) -> tuple[dict[str, float], str]:
        raise AssertionError("the loop does not make rows")

    def texts(self, row: Group) -> tuple[str, ...]:
        return ()

    def make_example(self, row: Group, prompts: Any, max_tokens: int) -> Group | enum.StrEnum:
        return row

    def phases(self, examples: Sequence[Group]) -> tuple[Phase[Group], ...]:
        return (Phase(name="inner", examples=tuple(examples), num_epochs=2),)

    def reference_values(self, token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
        return token_logps

    def losses(self, scored: Scored[Group]) -> ExampleLosses:
        sizes = [group.num_reference_values for group in scored.examples]
        advantages = torch.tensor([a for group in scored.examples for a in group.advantages])
        gains = advantages[scored.trees.sequence_index] * scored.token_logps
        gaps = (scored.token_logps.detach() - scored.reference).abs()
        loss = torch.stack([-part.sum() for part in gains.split(sizes)])
        return ExampleLosses(
            loss=loss,
            statistics=loss.detach().unsqueeze(1),
            reference_gap=torch.stack([part.max() for part in gaps.split(sizes)]),
        )

    def metrics(self, statistics: torch.Tensor, phase: str) -> dict[str, float]:
        return {"loss": float(statistics.mean())}

    def reason_to_stop(self, history: Sequence[Mapping[str, float]]) -> str:
        return ""

    def progress(self, metrics: Mapping[str, float]) -> str:
        return ""


GROUPS = [
    Group(
        example_id=f"g{number}",
        prompt=(1, 2, 3 + number),
        answers=((4, 5), (6,), (7, 8, 9 + number))[: 2 + number % 2],
        advantages=(1.0, -0.5, 0.25)[: 2 + number % 2],
    )
    for number in range(3)
]


@pytest.mark.slow
def test_groups_of_answers_are_learnt_with_the_same_loop(tmp_path):
    """The loss is that of single sequences, however the groups are packed; the reference is kept by
    token and read back; good answers become more probable."""
    torch.set_num_threads(1)
    folder = save_tiny_policy(tmp_path / "start")
    curves = []
    for budget in (64, 4096):
        config = tiny_config(max_tokens_per_forward=budget).train
        learner: Learner[Group, Group] = Groups(config)
        network = load_network(folder, config, 160, seed=0)
        rows = reference_logps(network, learner, GROUPS, budget, "m")
        assert [len(row.logps) for row in rows] == [3, 6, 3]
        save_reference(rows, str(tmp_path / "reference.parquet"))
        assert load_reference(str(tmp_path / "reference.parquet"), GROUPS, "m") == rows
        steps = plan_steps(GROUPS, learner, seed=0)
        assert [len(step.examples) for step in steps] == [2, 1, 2, 1]
        history: list[dict[str, float]] = []
        run_steps(
            network,
            build_optimizer(network, config),
            steps,
            {row.example_id: row for row in rows},
            learner,
            lambda _, metrics, history=history: history.append(metrics) is not None,
        )
        curves.append([row["loss"] for row in history])
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)
    assert curves[0][0] == pytest.approx(mean_loss(folder, steps[0].examples), abs=1e-4)
    assert sum(curves[0][2:]) < sum(curves[0][:2])


@torch.no_grad()
def mean_loss(folder: str, groups: Sequence[Group]) -> float:
    """One sequence at a time through the model's own attention."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    total = 0.0
    for group in groups:
        for answer, advantage in zip(group.answers, group.advantages, strict=True):
            ids = torch.tensor([group.prompt + answer])
            logps = model(ids).logits[0, len(group.prompt) - 1 : -1].log_softmax(dim=1)
            total -= advantage * float(logps.gather(1, torch.tensor(answer)[:, None]).sum())
    return total / len(groups)
