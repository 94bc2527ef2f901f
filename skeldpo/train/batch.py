"""Preference pairs -> token ids -> prefix trees, packed into one row (docs/METHOD.md, section 4).

    trunk | code tag | chosen | rejected | skeleton tag | chosen | rejected

The trunk is what the code and the skeleton prompt share; position ids go on from a node's parent,
and a token sees itself, earlier tokens of its node and its ancestors, so that every answer gets
the log-probabilities it has in a row of its own while the statement is computed once. Trees follow
each other in the row and do not see each other. A node is followed by what lies below it, so the
whole mask is one number a token: place q sees place k if k <= q < subtree_end[k].

Shapes: B pairs, T tokens of the row, N answer tokens of the whole batch.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from skeldpo.records import content_id

if TYPE_CHECKING:
    from skeldpo.prompts import Prompts
    from skeldpo.records import PairSide, PairStage, PreferencePair

ANSWERS = ("code_chosen", "code_rejected", "skeleton_chosen", "skeleton_rejected")
"""The four answers of a pair: the columns of every (B, 4) tensor of this package, in this order."""


class DropReason(enum.StrEnum):
    """Why a pair cannot be trained on."""

    CODE_TOO_LONG = "code prompt and completion exceed policy.max_model_tokens"
    SKELETON_TOO_LONG = "skeleton prompt and completion exceed policy.max_model_tokens"
    SAME_TOKENS = "chosen and rejected code are the same tokens"
    OTHER_PROMPT = "chosen and rejected code were sampled behind different prompts"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTokens:
    """The token ids of one pair; the skeleton answers are empty when the pair has none. `weight` is
    what its loss counts beside that of others."""

    pair_id: str
    stage: PairStage
    code_prompt: tuple[int, ...]
    skeleton_prompt: tuple[int, ...]
    code_chosen: tuple[int, ...]
    code_rejected: tuple[int, ...]
    skeleton_chosen: tuple[int, ...]
    skeleton_rejected: tuple[int, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        where = f"pair {self.pair_id}"
        for name in ("code_prompt", "skeleton_prompt", "code_chosen", "code_rejected"):
            if not getattr(self, name):
                raise ValueError(f"{where}: {name} has no tokens")
        if bool(self.skeleton_chosen) != bool(self.skeleton_rejected):
            raise ValueError(f"{where}: both sides have a skeleton or none has")

    @property
    def has_skeleton(self) -> bool:
        """Whether the skeleton term applies."""
        return bool(self.skeleton_chosen)

    @property
    def num_tokens(self) -> int:
        """Tokens of the pair's tree."""
        answers = sum(len(getattr(self, name)) for name in ANSWERS)
        prompts = len(self.code_prompt)
        if self.has_skeleton:
            prompts += len(self.skeleton_prompt) - _trunk_length(self)
        return prompts + answers

    @property
    def tokens_id(self) -> str:
        """Digest of all that is scored."""
        names = ("code_prompt", "skeleton_prompt", *ANSWERS)
        return content_id(*(getattr(self, name) for name in names))

    def without_skeleton(self) -> PairTokens:
        """The same pair with the code term only."""
        return replace(self, skeleton_chosen=(), skeleton_rejected=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Nodes whose tokens attend causally, after those of `context`; both are node numbers."""

    context: tuple[int, ...]
    own: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBatch:
    """One row of packed prefix trees and where their answers are.

    `predictor_index` points into the T hidden states: the state that predicts answer token n, whose
    id is `target_ids[n]` and which belongs to answer `answer_index[n]`, that is pair // 4 and
    column % 4 of ANSWERS. `num_answer_tokens` counts them per answer. `node_lengths` cuts the row
    into nodes, and `chains` says the same as `subtree_end`, node by node: their `own` nodes are
    those of the row, in order.
    """

    input_ids: torch.Tensor  # (1, T) int64
    position_ids: torch.Tensor  # (1, T) int64
    subtree_end: torch.Tensor  # (T,) int32
    predictor_index: torch.Tensor  # (N,) int64
    target_ids: torch.Tensor  # (N,) int64
    answer_index: torch.Tensor  # (N,) int64
    num_answer_tokens: torch.Tensor  # (B, 4) int64
    node_lengths: tuple[int, ...]
    chains: tuple[Chain, ...]

    def to(self, device: torch.device) -> TreeBatch:
        """The batch with its tensors on a device."""
        values = {name: getattr(self, name) for name in self.__slots__}
        tensors: dict[str, Any] = {
            name: moved(value, device)
            for name, value in values.items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **tensors)


def tokenize_pair(
    pair: PreferencePair, prompts: Prompts, max_tokens: int
) -> PairTokens | DropReason:
    """Ids of a pair, or the reason why it is left out; nothing is ever cut.

    What was sampled keeps the ids that the engine read and wrote. Skeletons that are equal on both
    sides teach nothing and count as none.
    """
    rendered = tuple(prompts.code_prompt_ids(pair.statement, pair.starter_code))
    read = {side.prompt_token_ids for side in (pair.chosen, pair.rejected)} - {()} or {rendered}
    if len(read) > 1:
        return DropReason.OTHER_PROMPT
    (code_prompt,) = read
    skeleton_prompt = tuple(prompts.skeleton_prompt_ids(pair.statement, pair.starter_code))
    chosen = _code_ids(pair.chosen, pair.language, prompts)
    rejected = _code_ids(pair.rejected, pair.language, prompts)
    if chosen == rejected:
        return DropReason.SAME_TOKENS
    if len(code_prompt) + max(len(chosen), len(rejected)) > max_tokens:
        return DropReason.CODE_TOO_LONG
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
        code_chosen=chosen,
        code_rejected=rejected,
        skeleton_chosen=skeletons[0],
        skeleton_rejected=skeletons[1],
        weight=pair.weight,
    )


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a device; a GPU fetches it while this process prepares what comes next."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def build_trees(pairs: Sequence[PairTokens], row_multiple: int = 1) -> TreeBatch:
    """Lays the pairs' trees out in one row, padded on the right to a multiple of a length."""
    if not pairs:
        raise ValueError("build_trees needs at least one pair, got none")
    row = _Row()
    for index, pair in enumerate(pairs):
        _add_tree(row, pair, index * len(ANSWERS))
    padding = -len(row.input_ids) % row_multiple
    if padding:
        row.chains.append(Chain(context=(), own=(row.add([0] * padding, 0),)))
    counts = [[len(getattr(pair, name)) for name in ANSWERS] for pair in pairs]
    return TreeBatch(
        input_ids=torch.tensor([row.input_ids], dtype=torch.int64),
        position_ids=torch.tensor([row.position_ids], dtype=torch.int64),
        subtree_end=torch.repeat_interleave(
            torch.tensor(row.node_ends, dtype=torch.int32), torch.tensor(row.node_lengths)
        ),
        predictor_index=torch.tensor(row.predictors, dtype=torch.int64),
        target_ids=torch.tensor(row.targets, dtype=torch.int64),
        answer_index=torch.tensor(row.answers, dtype=torch.int64),
        num_answer_tokens=torch.tensor(counts, dtype=torch.int64),
        node_lengths=tuple(row.node_lengths),
        chains=tuple(row.chains),
    )


class _Row:
    """The row while it is built; `node_ends` holds where the subtree of each node ends."""

    def __init__(self) -> None:
        self.input_ids: list[int] = []
        self.position_ids: list[int] = []
        self.node_lengths: list[int] = []
        self.node_ends: list[int] = []
        self.chains: list[Chain] = []
        self.predictors: list[int] = []
        self.targets: list[int] = []
        self.answers: list[int] = []

    def add(self, token_ids: Sequence[int], position: int) -> int:
        """Appends a node whose first token has the given position, and gives its number."""
        self.input_ids += token_ids
        self.position_ids += range(position, position + len(token_ids))
        self.node_lengths.append(len(token_ids))
        self.node_ends.append(len(self.input_ids))
        return len(self.node_lengths) - 1

    def add_answer(self, token_ids: Sequence[int], prompt_end: int, answer: int) -> int:
        """Appends an answer after the prompt whose last token is at place `prompt_end`."""
        first = len(self.input_ids)
        self.predictors += [prompt_end, *range(first, first + len(token_ids) - 1)]
        self.targets += token_ids
        self.answers += [answer] * len(token_ids)
        return self.add(token_ids, self.position_ids[prompt_end] + 1)

    def close(self, node: int) -> None:
        """Says that everything up to here lies below a node."""
        self.node_ends[node] = len(self.input_ids)


def _add_tree(row: _Row, pair: PairTokens, first_answer: int) -> None:
    """Appends a pair's tree; a chain is a branch from the first token that no other chain owns."""
    shared = _trunk_length(pair)
    trunk = row.add(pair.code_prompt[:shared], 0)
    tag = row.add(pair.code_prompt[shared:], shared)
    end = len(row.input_ids) - 1
    chosen = row.add_answer(pair.code_chosen, end, first_answer)
    rejected = row.add_answer(pair.code_rejected, end, first_answer + 1)
    row.close(tag)
    row.chains.append(Chain(context=(), own=(trunk, tag, chosen)))
    row.chains.append(Chain(context=(trunk, tag), own=(rejected,)))
    if pair.has_skeleton:
        tag = row.add(pair.skeleton_prompt[shared:], shared)
        end = len(row.input_ids) - 1
        chosen = row.add_answer(pair.skeleton_chosen, end, first_answer + 2)
        rejected = row.add_answer(pair.skeleton_rejected, end, first_answer + 3)
        row.close(tag)
        row.chains.append(Chain(context=(trunk,), own=(tag, chosen)))
        row.chains.append(Chain(context=(trunk, tag), own=(rejected,)))
    row.close(trunk)


def _trunk_length(pair: PairTokens) -> int:
    """Tokens both prompts start with; each tag keeps at least one, which predicts its answers."""
    limit = min(len(pair.code_prompt), len(pair.skeleton_prompt)) - 1
    for place in range(limit):
        if pair.code_prompt[place] != pair.skeleton_prompt[place]:
            return place
    return limit


def _code_ids(side: PairSide, language: str, prompts: Prompts) -> tuple[int, ...]:
    return side.completion_token_ids or tuple(prompts.answer_ids(side.code, language))
