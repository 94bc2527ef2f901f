"""Preferences: pairs of programs, one better beyond doubt, learnt by a joint DPO loss.

    trunk | code tag | chosen | rejected | skeleton tag | chosen | rejected

A pair has two programs and, if both sides have one, their skeletons; the trunk is what the code and
the skeleton prompt share. Correctness pairs (code term) come before efficiency pairs (joint loss).
"""

from __future__ import annotations

import enum
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from skeldpo.records import PairSide, PairStage, PreferencePair, content_id
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch
from skeldpo.train.learners.contract import ExampleLosses, Phase, ProblemRows, Scored, Wording
from skeldpo.train.learners.preferences_loss import (
    ANSWERS,
    STATISTICS,
    has_collapsed,
    joint_losses,
    step_metrics,
    term_scales,
)
from skeldpo.train.logps import sum_sequences

if TYPE_CHECKING:
    from skeldpo.config import Config, TrainConfig
    from skeldpo.pair import ProblemPairs
    from skeldpo.prompts import Prompts
    from skeldpo.storage.by_problem import MeasuredProblem


_THOUGHTS = ("chosen_thoughts", "rejected_thoughts")


class DropReason(enum.StrEnum):
    """Why a pair cannot be trained on."""

    CODE_TOO_LONG = "code prompt and completion exceed policy.max_model_tokens"
    SKELETON_TOO_LONG = "skeleton prompt and completion exceed policy.max_model_tokens"
    NO_ANSWER = "a side ends within its thoughts"
    SAME_TOKENS = "chosen and rejected code are the same tokens"
    OTHER_PROMPT = "chosen and rejected code were sampled behind different prompts"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTokens:
    """The token ids of one pair; the skeleton answers are empty when the pair has none. Thoughts
    are read before the code and not scored; empty without. `weight` is what its loss counts beside
    that of others."""

    pair_id: str
    stage: PairStage
    code_prompt: tuple[int, ...]
    skeleton_prompt: tuple[int, ...]
    code_chosen: tuple[int, ...]
    code_rejected: tuple[int, ...]
    skeleton_chosen: tuple[int, ...]
    skeleton_rejected: tuple[int, ...]
    chosen_thoughts: tuple[int, ...] = ()
    rejected_thoughts: tuple[int, ...] = ()
    weight: float = 1.0

    def __post_init__(self) -> None:
        where = f"pair {self.pair_id}"
        for name in ("code_prompt", "skeleton_prompt", "code_chosen", "code_rejected"):
            if not getattr(self, name):
                raise ValueError(f"{where}: {name} has no tokens")
        if bool(self.skeleton_chosen) != bool(self.skeleton_rejected):
            raise ValueError(f"{where}: both sides have a skeleton or none has")

    @property
    def example_id(self) -> str:
        """The pair's."""
        return self.pair_id

    @property
    def has_skeleton(self) -> bool:
        """Whether the skeleton term applies."""
        return bool(self.skeleton_chosen)

    @property
    def num_tokens(self) -> int:
        """Tokens of the pair's tree."""
        answers = sum(len(getattr(self, name)) for name in (*_THOUGHTS, *ANSWERS))
        prompts = len(self.code_prompt)
        if self.has_skeleton:
            prompts += len(self.skeleton_prompt) - self._trunk_length()
        return prompts + answers

    @property
    def num_reference_values(self) -> int:
        """The sums of its four answers, 0 for those that it lacks."""
        return len(ANSWERS)

    @property
    def tokens_id(self) -> str:
        """Digest of all that is scored."""
        names = ("code_prompt", "skeleton_prompt", *_THOUGHTS, *ANSWERS)
        return content_id(*(getattr(self, name) for name in names))

    @property
    def tree(self) -> Tree:
        """Its sequences are ANSWERS, in this order."""
        shared = self._trunk_length()
        answers = [
            Answer(token_ids=getattr(self, name), sequence=number)
            for number, name in enumerate(ANSWERS)
            if getattr(self, name)
        ]
        thoughts = (self.chosen_thoughts, self.rejected_thoughts)
        code = tuple(map(_behind, thoughts, answers[:2]))
        branches = [Prompt(token_ids=self.code_prompt[shared:], below=code)]
        if self.has_skeleton:
            tag = self.skeleton_prompt[shared:]
            branches.append(Prompt(token_ids=tag, below=tuple(answers[2:])))
        trunk = Prompt(token_ids=self.code_prompt[:shared], below=tuple(branches))
        return Tree(trunk=trunk, num_sequences=len(ANSWERS))

    def without_skeleton(self) -> PairTokens:
        """The same pair with the code term only."""
        return replace(self, skeleton_chosen=(), skeleton_rejected=())

    def _trunk_length(self) -> int:
        """Tokens both prompts start with; each tag keeps at least one, which predicts its
        answers."""
        limit = min(len(self.code_prompt), len(self.skeleton_prompt)) - 1
        for place in range(limit):
            if self.code_prompt[place] != self.skeleton_prompt[place]:
                return place
        return limit


def tokenize_pair(
    pair: PreferencePair, prompts: Prompts, max_tokens: int
) -> PairTokens | DropReason:
    """Ids of a pair, or the reason why it is left out; nothing is ever cut.

    What was sampled keeps the ids that the engine read and wrote. Skeletons that are equal on both
    sides teach nothing and count as none.
    """
    asked = (pair.statement, pair.starter_code, pair.language)
    rendered = tuple(prompts.code_prompt_ids(*asked))
    read = {side.prompt_token_ids for side in (pair.chosen, pair.rejected)} - {()} or {rendered}
    if len(read) > 1:
        return DropReason.OTHER_PROMPT
    (code_prompt,) = read
    skeleton_prompt = tuple(prompts.skeleton_prompt_ids(*asked))
    chosen = _code_ids(pair.chosen, pair.language, prompts)
    rejected = _code_ids(pair.rejected, pair.language, prompts)
    if chosen == rejected:
        return DropReason.SAME_TOKENS
    if len(code_prompt) + max(len(chosen), len(rejected)) > max_tokens:
        return DropReason.CODE_TOO_LONG
    num_read = [prompts.read_before_answer(ids) for ids in (chosen, rejected)]
    if num_read[0] == len(chosen) or num_read[1] == len(rejected):
        return DropReason.NO_ANSWER
    texts = (pair.chosen.skeleton.text, pair.rejected.skeleton.text)
    skeletons: list[tuple[int, ...]] = [(), ()]
    if all(texts) and texts[0] != texts[1]:
        skeletons = [tuple(prompts.answer_ids(text, pair.language)) for text in texts]
        if len(skeleton_prompt) + max(map(len, skeletons)) > max_tokens:
            return DropReason.SKELETON_TOO_LONG
    return PairTokens(
        pair_id=pair.pair_id,
        stage=pair.stage,
        code_prompt=code_prompt,
        skeleton_prompt=skeleton_prompt,
        code_chosen=chosen[num_read[0] :],
        code_rejected=rejected[num_read[1] :],
        skeleton_chosen=skeletons[0],
        skeleton_rejected=skeletons[1],
        chosen_thoughts=chosen[: num_read[0]],
        rejected_thoughts=rejected[: num_read[1]],
        weight=pair.weight,
    )


@dataclass(frozen=True, slots=True)
class Preferences:
    """The learner of preference pairs (see contract.Learner)."""

    config: TrainConfig

    stage: ClassVar[str] = "pair"
    table: ClassVar[str] = "pairs.parquet"
    statistics: ClassVar[tuple[str, ...]] = STATISTICS
    wording: ClassVar[Wording] = Wording(
        noun="pair",
        wanted="preference pair",
        advice="sample more (generate.num_samples), or lower pair.min_speedup",
        tag="dpo",
        trained_on="preference pairs. Both programs of an efficiency pair are correct, and the "
        "preferred one was measured to take less CPU time.",
        card_metrics=(
            "loss",
            "code/rewards/margins",
            "code/rewards/accuracies",
            "code/logps/chosen",
            "code/logps/rejected",
            "skeleton/rewards/margins",
            "skeleton/rewards/accuracies",
        ),
    )

    @property
    def row(self) -> type[PreferencePair]:
        """The record of a row."""
        return PreferencePair

    @property
    def examples_per_step(self) -> int:
        """Pairs of one optimizer step."""
        return self.config.pairs_per_step

    @property
    def made(self) -> type[ProblemPairs]:
        """The pairs of a problem, and why it has no others."""
        # Needs pydantic, which a machine that only trains may lack.
        from skeldpo.pair import ProblemPairs

        return ProblemPairs

    def maker(self, config: Config, round_index: int) -> Callable[[MeasuredProblem], ProblemPairs]:
        """As `pairs_or_reason`."""
        from skeldpo.pair import pairs_or_reason

        return functools.partial(
            pairs_or_reason, pair=config.pair, skeleton=config.skeleton, round_index=round_index
        )

    def choose_rows(
        self, made: Callable[[], Iterable[ProblemPairs]], config: Config
    ) -> Iterator[ProblemRows[PreferencePair]]:
        """All pairs, but those that are left out to balance lengths."""
        from skeldpo.pair import balance_lengths

        for problem in balance_lengths(made, config.pair.balance_lengths):
            by_stage = Counter(pair.stage for pair in problem.pairs)
            yield ProblemRows(
                rows=problem.pairs,
                dropped=problem.dropped,
                sums={f"pair/{stage}": float(n) for stage, n in by_stage.items()},
                error=problem.error,
            )

    def sum_up(self, sums: Mapping[str, float], num_problems: int) -> tuple[dict[str, float], str]:
        """Pairs by stage."""
        efficiency, correctness = (
            sums.get(f"pair/{stage}", 0) for stage in ("efficiency", "correctness")
        )
        return dict(sums), (
            f"{efficiency:.0f} efficiency and {correctness:.0f} correctness pairs from "
            f"{num_problems} problems"
        )

    def texts(self, row: PreferencePair) -> tuple[str, ...]:
        """The statement and one side."""
        return row.statement, row.chosen.code

    def make_example(
        self, row: PreferencePair, prompts: Prompts, max_tokens: int
    ) -> PairTokens | DropReason:
        """As `tokenize_pair`."""
        return tokenize_pair(row, prompts, max_tokens)

    def phases(self, examples: Sequence[PairTokens]) -> tuple[Phase[PairTokens], ...]:
        """Skeletons that have no weight are left out."""
        epochs: tuple[tuple[PairStage, int], ...] = (
            ("correctness", self.config.correctness_epochs),
            ("efficiency", self.config.efficiency_epochs),
        )
        return tuple(
            Phase(
                name=stage,
                num_epochs=num_epochs,
                examples=tuple(
                    pair if self._skeleton_weight(stage) else pair.without_skeleton()
                    for pair in examples
                    if pair.stage == stage
                ),
            )
            for stage, num_epochs in epochs
        )

    def reference_values(self, token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
        """The sum of every answer's (4 B,)."""
        return sum_sequences(token_logps, trees)

    def losses(self, scored: Scored[PairTokens]) -> ExampleLosses:
        """The joint loss; the columns of an absent skeleton are 0."""
        counts = scored.trees.num_sequence_tokens.view(-1, len(ANSWERS))
        reference = scored.reference.view(-1, len(ANSWERS))
        weight: float | torch.Tensor = self._skeleton_weight(scored.phase)
        if self.config.balance_terms and self.config.loss != "sft":
            token_squares = (1 - scored.token_logps.detach().exp()) ** 2  # (N,)
            unlikelihood = sum_sequences(token_squares, scored.trees).view(-1, len(ANSWERS))
            weight = weight * term_scales(unlikelihood, counts, self.config.reduction)
        return joint_losses(
            sum_sequences(scored.token_logps, scored.trees).view(-1, len(ANSWERS)),
            torch.where(counts > 0, reference, 0.0),
            counts,
            self.config,
            weight,
        )

    def metrics(self, statistics: torch.Tensor, phase: str) -> dict[str, float]:
        """As `step_metrics`, and the weight of the skeleton term."""
        return step_metrics(statistics) | {"skeleton_weight": self._skeleton_weight(phase)}

    def reason_to_stop(self, history: Sequence[Mapping[str, float]]) -> str:
        """The chosen side collapsed."""
        if not has_collapsed(history, self.config):
            return ""
        return (
            "the chosen code is less probable than "
            f"train.max_chosen_drop_nats={self.config.max_chosen_drop_nats} allows"
        )

    def progress(self, metrics: Mapping[str, float]) -> str:
        """Loss, margin and accuracy of the code term."""
        return (
            f"loss {metrics['loss']:.4f}, margin {metrics['code/rewards/margins']:.4f}, "
            f"accuracy {metrics['code/rewards/accuracies']:.2f}"
        )

    def _skeleton_weight(self, stage: str) -> float:
        return self.config.skeleton_weight if stage == "efficiency" else 0.0


def _behind(thoughts: tuple[int, ...], answer: Answer) -> Prompt | Answer:
    return Prompt(token_ids=thoughts, below=(answer,)) if thoughts else answer


def _code_ids(side: PairSide, language: str, prompts: Prompts) -> tuple[int, ...]:
    return side.completion_token_ids or tuple(prompts.answer_ids(side.code, language))
