"""Rewards: all measured answers to a problem, learnt by a group-relative policy gradient.

    prompt | answer | answer | ... | answer

The answers of a problem are one example: their prompt is computed once. What each earns beside the
others is decided when the rows are made (`skeldpo.rewards`); here is what the tokens are, and the
loss. The policy at the start of the round is what ratios are to, token by token.
"""

from __future__ import annotations

import bisect
import enum
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from skeldpo.records import Dropped, content_id
from skeldpo.rewards.groups import (
    ProblemGroup,
    RewardedAnswer,
    RewardedGroup,
    group_or_reason,
    problem_sums,
    round_figures,
)
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch
from skeldpo.train.learners.contract import ExampleLosses, Phase, ProblemRows, Scored, Wording
from skeldpo.train.learners.rewards_loss import (
    STATISTICS,
    GroupTensors,
    group_losses,
    step_metrics,
)

if TYPE_CHECKING:
    from skeldpo.config import Config, TrainConfig
    from skeldpo.prompts import Prompts
    from skeldpo.storage.by_problem import MeasuredProblem


class DropReason(enum.StrEnum):
    """Why a group cannot be trained on."""

    TOO_LONG = "prompt and completion exceed policy.max_model_tokens"
    NO_LOGPS = "answers without the sampler's log-probabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTokens:
    """The token ids of one answer with the sampler's log-probability and the credit of each."""

    token_ids: tuple[int, ...]
    sampler_logps: tuple[float, ...]
    credits: tuple[float, ...]
    advantage: float
    reward: float
    is_right: bool

    def __post_init__(self) -> None:
        sizes = {len(self.token_ids), len(self.sampler_logps), len(self.credits)}
        if len(sizes) > 1 or not self.token_ids:
            raise ValueError(
                f"an answer needs as many log-probabilities and credits as tokens, got {sizes}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTokens:
    """The token ids of a prompt and its answers. `max_answer_tokens`: generate.max_tokens."""

    group_id: str
    prompt: tuple[int, ...]
    answers: tuple[AnswerTokens, ...]
    max_answer_tokens: int

    @property
    def example_id(self) -> str:
        """The group's."""
        return self.group_id

    @property
    def weight(self) -> float:
        """Groups count alike."""
        return 1.0

    @property
    def num_reference_values(self) -> int:
        """One a scored token."""
        return sum(len(answer.token_ids) for answer in self.answers)

    @property
    def num_tokens(self) -> int:
        """Of the tree."""
        return len(self.prompt) + self.num_reference_values

    @property
    def tokens_id(self) -> str:
        """Digest of all that is read and scored."""
        return content_id(self.prompt, *(answer.token_ids for answer in self.answers))

    @property
    def tree(self) -> Tree:
        """Its sequences are the answers, in order."""
        below = tuple(
            Answer(token_ids=answer.token_ids, sequence=number)
            for number, answer in enumerate(self.answers)
        )
        trunk = Prompt(token_ids=self.prompt, below=below)
        return Tree(trunk=trunk, num_sequences=len(self.answers))


def token_credits(
    answer: RewardedAnswer, prompts: Prompts, skeleton_credit: float
) -> tuple[float, ...]:
    """1 + skeleton_credit for tokens in the answer's spans and 1 for others, over their mean: an
    answer pushes as hard as without, but at other places.

    A token is in a span if any of its characters is; the code is that behind the thoughts, which
    may hold a draft of it. All are 1 if the code has no spans, or does not stand in the answer as
    it is (an import that was joined to it, a fence inside).
    """
    token_ids = answer.completion_token_ids
    even = (1.0,) * len(token_ids)
    if not answer.kept_spans or not skeleton_credit:
        return even
    num_thoughts = prompts.num_reasoning_tokens(token_ids)
    written = token_ids[num_thoughts:]
    text = prompts.decode(written)
    start = text.find(answer.code.strip("\n"))
    if start < 0:
        return even
    start -= len(answer.code) - len(answer.code.lstrip("\n"))
    starts, ends = [0], []  # of each token; several may share a character
    for place in range(len(written)):
        shown = prompts.decode(written[: place + 1])
        whole = len(shown if text.startswith(shown) else shown.rstrip("\ufffd"))
        starts.append(whole)
        ends.append(whole + (whole < len(shown)))
    raised = set[int]()
    for low, high in answer.kept_spans:
        first = bisect.bisect_right(ends, start + low)
        end = bisect.bisect_left(starts, start + high, hi=len(written))
        raised.update(range(num_thoughts + first, num_thoughts + end))
    weights = [1.0 + skeleton_credit * (place in raised) for place in range(len(token_ids))]
    mean = sum(weights) / len(weights)
    return tuple(weight / mean for weight in weights)


@dataclass(frozen=True, slots=True)
class Rewards:
    """The learner of rewards (see contract.Learner)."""

    config: TrainConfig

    stage: ClassVar[str] = "reward"
    table: ClassVar[str] = "groups.parquet"
    statistics: ClassVar[tuple[str, ...]] = STATISTICS
    wording: ClassVar[Wording] = Wording(
        noun="group",
        wanted="group with a difference in reward",
        advice="sample more (generate.num_samples) or at a higher generate.temperature",
        tag="grpo",
        trained_on="groups of programs. What a program earned is that it is right and, beside "
        "others for the same problem, how little CPU time it was measured to take.",
        card_metrics=(
            "loss",
            "reward/mean",
            "reward/right",
            "ratio/mean",
            "ratio/clipped",
            "kl",
            "sampler/gap",
        ),
    )

    @property
    def row(self) -> type[RewardedGroup]:
        """A group with its rewards."""
        return RewardedGroup

    @property
    def examples_per_step(self) -> int:
        """train.policy_gradient.groups_per_step."""
        return self.config.policy_gradient.groups_per_step

    @property
    def made(self) -> type[ProblemGroup]:
        """The group of a problem, or why it has none."""
        return ProblemGroup

    def maker(self, config: Config, round_index: int) -> Callable[[MeasuredProblem], ProblemGroup]:
        """As `group_or_reason`."""
        return functools.partial(group_or_reason, config=config, round_index=round_index)

    def choose_rows(
        self, made: Callable[[], Iterable[ProblemGroup]], config: Config
    ) -> Iterator[ProblemRows[RewardedGroup]]:
        """A group of every problem whose answers do not all earn the same."""
        for problem in made():
            reason = problem.reason
            yield ProblemRows(
                rows=problem.groups,
                dropped=(Dropped(reason=reason, num_rows=1),) if reason else (),
                sums=problem_sums(problem),
                error=problem.error,
            )

    def sum_up(self, sums: Mapping[str, float], num_problems: int) -> tuple[dict[str, float], str]:
        """As `round_figures`, and the groups."""
        figures = round_figures(sums, num_problems)
        return figures, (
            f"{figures['reward/groups']:.0f} groups from {num_problems} problems, "
            f"{figures['reward/groups_with_speed']:.0f} of them with a speed difference shown, "
            f"{figures['reward/groups_without_difference']:.0f} without any difference; "
            f"{figures['reward/untimed']:.0f} right answers untimed "
            "(measure.confirm_candidates)"
        )

    def texts(self, row: RewardedGroup) -> tuple[str, ...]:
        """The statement and an answer."""
        return row.statement, row.answers[0].code

    def make_example(
        self, row: RewardedGroup, prompts: Prompts, max_tokens: int
    ) -> GroupTokens | DropReason:
        """The ids that the engine read and wrote."""
        longest = max(len(answer.completion_token_ids) for answer in row.answers)
        if len(row.prompt_token_ids) + longest > max_tokens:
            return DropReason.TOO_LONG
        if not all(answer.completion_logps for answer in row.answers):
            return DropReason.NO_LOGPS
        credit = self.config.policy_gradient.skeleton_credit
        return GroupTokens(
            group_id=row.group_id,
            prompt=row.prompt_token_ids,
            max_answer_tokens=row.max_answer_tokens,
            answers=tuple(
                AnswerTokens(
                    token_ids=answer.completion_token_ids,
                    sampler_logps=answer.completion_logps,
                    credits=token_credits(answer, prompts, credit),
                    advantage=answer.advantage,
                    reward=answer.reward,
                    is_right=answer.is_right,
                )
                for answer in row.answers
            ),
        )

    def phases(self, examples: Sequence[GroupTokens]) -> tuple[Phase[GroupTokens], ...]:
        """One, gone through inner_epochs times."""
        inner = Phase(
            name="policy_gradient.inner",
            examples=tuple(examples),
            num_epochs=self.config.policy_gradient.inner_epochs,
        )
        return (inner,)

    def reference_values(self, token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
        """All of them (N,): ratios are by token."""
        return token_logps

    def losses(self, scored: Scored[GroupTokens]) -> ExampleLosses:
        """As `group_losses`."""
        device = scored.token_logps.device
        given = group_tensors(scored.examples, scored.reference, self.config, device)
        return group_losses(scored.token_logps, given, self.config.policy_gradient)

    def metrics(self, statistics: torch.Tensor, phase: str) -> dict[str, float]:
        """As `step_metrics`."""
        return step_metrics(statistics)

    def reason_to_stop(self, history: Sequence[Mapping[str, float]]) -> str:
        """The clipping bounds a step; nothing ends the round early."""
        return ""

    def progress(self, metrics: Mapping[str, float]) -> str:
        """Loss, rewards of the step's groups, and how far the policy has moved."""
        return (
            f"loss {metrics['loss']:.4f}, reward {metrics['reward/mean']:.3f}, "
            f"clipped {metrics['ratio/clipped']:.1%}, kl {metrics['kl']:.4f}"
        )


def group_tensors(
    groups: Sequence[GroupTokens],
    old_logps: torch.Tensor,
    config: TrainConfig,
    device: torch.device,
) -> GroupTensors:
    """What is known of each token of the groups, whose answers follow each other."""
    advantages: list[float] = []
    weights: list[float] = []
    divisors: list[float] = []
    sampler_logps: list[float] = []
    owners: list[int] = []
    by_answer = config.policy_gradient.divide_by == "answer"
    for number, group in enumerate(groups):
        for answer in group.answers:
            length = len(answer.token_ids)
            divisor = len(group.answers) * (length if by_answer else group.max_answer_tokens)
            advantages += [answer.advantage] * length
            weights += answer.credits
            divisors += [float(divisor)] * length
            sampler_logps += answer.sampler_logps
            owners += [number] * length
    figures = [
        [
            _mean([answer.reward for answer in group.answers]),
            _mean([float(answer.is_right) for answer in group.answers]),
            _mean([abs(answer.advantage) for answer in group.answers]),
        ]
        for group in groups
    ]
    floats = (advantages, weights, divisors, sampler_logps, list(itertools.chain(*figures)))
    placed = [torch.tensor(values, dtype=torch.float32).to(device) for values in floats]
    return GroupTensors(
        advantages=placed[0],
        credits=placed[1],
        divisors=placed[2],
        old_logps=old_logps,
        sampler_logps=placed[3],
        groups=torch.tensor(owners, dtype=torch.int64).to(device),
        figures=placed[4].view(-1, 3),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
