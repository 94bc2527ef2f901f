"""Preference pairs -> token ids -> prefix trees, one row a pair (METHOD section 4).

    trunk | code tag | chosen | rejected | skeleton tag | chosen | rejected

The trunk is what the code and the skeleton prompt share; position ids go on from a node's parent,
and a token sees itself, earlier tokens of its node and its ancestors, so that every answer gets
the log-probabilities it has in a row of its own while the statement is computed once.

Shapes: B pairs (rows), T tokens of the longest row, N answer tokens of the whole batch.
`SEES` and `node_ids` say all about the mask; only `dense_mask` turns them into a tensor of T x T.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from skeldpo.prompts import Prompts
    from skeldpo.records import PairSide, PairStage, PreferencePair

ANSWERS = ("code_chosen", "code_rejected", "skeleton_chosen", "skeleton_rejected")
"""The four answers of a pair: the columns of every (B, 4) tensor of this package, in this order."""

_ROW_MULTIPLE = 8

_TRUNK, _CODE_TAG, _CODE_CHOSEN, _CODE_REJECTED = 0, 1, 2, 3
_SKELETON_TAG, _SKELETON_CHOSEN, _SKELETON_REJECTED, _PADDING = 4, 5, 6, 7

_ANCESTORS = {
    _TRUNK: (),
    _CODE_TAG: (_TRUNK,),
    _CODE_CHOSEN: (_TRUNK, _CODE_TAG),
    _CODE_REJECTED: (_TRUNK, _CODE_TAG),
    _SKELETON_TAG: (_TRUNK,),
    _SKELETON_CHOSEN: (_TRUNK, _SKELETON_TAG),
    _SKELETON_REJECTED: (_TRUNK, _SKELETON_TAG),
    _PADDING: (),
}

SEES = torch.tensor(
    [[key == node or key in ancestors for key in _ANCESTORS]
     for node, ancestors in _ANCESTORS.items()]
)  # fmt: skip
"""SEES[q, k], (8, 8): tokens of node q see the earlier tokens of node k."""


class DropReason(enum.StrEnum):
    """Why a pair cannot be trained on."""

    CODE_TOO_LONG = "code prompt and completion exceed policy.max_model_tokens"
    SKELETON_TOO_LONG = "skeleton prompt and completion exceed policy.max_model_tokens"
    SAME_TOKENS = "chosen and rejected code are the same tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTokens:
    """The token ids of one pair; the skeleton answers are empty when the pair has none."""

    pair_id: str
    stage: PairStage
    code_prompt: tuple[int, ...]
    skeleton_prompt: tuple[int, ...]
    code_chosen: tuple[int, ...]
    code_rejected: tuple[int, ...]
    skeleton_chosen: tuple[int, ...]
    skeleton_rejected: tuple[int, ...]

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
        """Tokens of the pair's row in a tree batch."""
        answers = sum(len(getattr(self, name)) for name in ANSWERS)
        prompts = len(self.code_prompt)
        if self.has_skeleton:
            prompts += len(self.skeleton_prompt) - _trunk_length(self)
        return prompts + answers

    def without_skeleton(self) -> PairTokens:
        """The same pair with the code term only."""
        return replace(self, skeleton_chosen=(), skeleton_rejected=())


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBatch:
    """Rows of prefix trees and where their answers are.

    `predictor_index` points into the flattened (B * T) hidden states: the state that predicts
    answer token n, whose id is `target_ids[n]` and which belongs to answer `answer_index[n]`, that
    is pair // 4 and column % 4 of ANSWERS. `num_answer_tokens` counts them per answer.
    """

    input_ids: torch.Tensor  # (B, T) int64
    position_ids: torch.Tensor  # (B, T) int64
    node_ids: torch.Tensor  # (B, T) int64, rows and columns of SEES
    predictor_index: torch.Tensor  # (N,) int64
    target_ids: torch.Tensor  # (N,) int64
    answer_index: torch.Tensor  # (N,) int64
    num_answer_tokens: torch.Tensor  # (B, 4) int64

    def to(self, device: torch.device) -> TreeBatch:
        """The batch with its tensors on a device."""
        return TreeBatch(**{name: getattr(self, name).to(device) for name in self.__slots__})


def tokenize_pair(
    pair: PreferencePair, prompts: Prompts, max_tokens: int
) -> PairTokens | DropReason:
    """Ids of a pair, or the reason why it is left out; nothing is ever cut.

    A sampled side keeps the ids the engine wrote. Skeletons that are equal on both sides teach
    nothing and count as none.
    """
    code_prompt = tuple(prompts.code_prompt_ids(pair.statement, pair.starter_code))
    skeleton_prompt = tuple(prompts.skeleton_prompt_ids(pair.statement, pair.starter_code))
    chosen = _code_ids(pair.chosen, prompts)
    rejected = _code_ids(pair.rejected, prompts)
    if chosen == rejected:
        return DropReason.SAME_TOKENS
    if len(code_prompt) + max(len(chosen), len(rejected)) > max_tokens:
        return DropReason.CODE_TOO_LONG
    texts = (pair.chosen.skeleton.text, pair.rejected.skeleton.text)
    skeletons: list[tuple[int, ...]] = [(), ()]
    if all(texts) and texts[0] != texts[1]:
        skeletons = [tuple(prompts.completion_ids(text)) for text in texts]
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
    )


def build_trees(pairs: Sequence[PairTokens]) -> TreeBatch:
    """Lays every pair out as one row, padded on the right to a common length (a multiple of 8)."""
    if not pairs:
        raise ValueError("build_trees needs at least one pair, got none")
    rows = [_build_row(pair) for pair in pairs]
    longest = max(len(row.input_ids) for row in rows)
    length = -(-longest // _ROW_MULTIPLE) * _ROW_MULTIPLE
    shape = (len(rows), length)
    input_ids = torch.zeros(shape, dtype=torch.int64)  # (B, T)
    position_ids = torch.zeros(shape, dtype=torch.int64)  # (B, T)
    node_ids = torch.full(shape, _PADDING, dtype=torch.int64)  # (B, T)
    predictors: list[int] = []
    targets: list[int] = []
    answers: list[int] = []
    for index, row in enumerate(rows):
        used = len(row.input_ids)
        input_ids[index, :used] = torch.tensor(row.input_ids)
        position_ids[index, :used] = torch.tensor(row.position_ids)
        node_ids[index, :used] = torch.tensor(row.node_ids)
        predictors += [index * length + place for place in row.predictors]
        targets += row.targets
        answers += [index * len(ANSWERS) + column for column in row.columns]
    counts = [[len(getattr(pair, name)) for name in ANSWERS] for pair in pairs]
    return TreeBatch(
        input_ids=input_ids,
        position_ids=position_ids,
        node_ids=node_ids,
        predictor_index=torch.tensor(predictors, dtype=torch.int64),
        target_ids=torch.tensor(targets, dtype=torch.int64),
        answer_index=torch.tensor(answers, dtype=torch.int64),
        num_answer_tokens=torch.tensor(counts, dtype=torch.int64),
    )


def dense_mask(node_ids: torch.Tensor) -> torch.Tensor:
    """The attention mask (B, 1, T, T), True where query (dim 2) sees key (dim 3), from (B, T)."""
    length = node_ids.shape[1]
    sees = SEES.to(node_ids.device)[node_ids.unsqueeze(2), node_ids.unsqueeze(1)]  # (B, T, T)
    causal = torch.ones(length, length, dtype=torch.bool, device=node_ids.device).tril()
    return (sees & causal).unsqueeze(1)


class _Row:
    """One pair's row while it is built."""

    def __init__(self) -> None:
        self.input_ids: list[int] = []
        self.position_ids: list[int] = []
        self.node_ids: list[int] = []
        self.predictors: list[int] = []
        self.targets: list[int] = []
        self.columns: list[int] = []

    def add(self, node: int, token_ids: Sequence[int], position: int) -> int:
        """Appends a node whose first token has the given position; gives the place of its last."""
        self.input_ids += token_ids
        self.position_ids += range(position, position + len(token_ids))
        self.node_ids += [node] * len(token_ids)
        return len(self.input_ids) - 1

    def add_answer(self, node: int, token_ids: Sequence[int], prompt_end: int, column: int) -> None:
        """Appends an answer after the prompt whose last token is at place `prompt_end`."""
        first = len(self.input_ids)
        self.add(node, token_ids, self.position_ids[prompt_end] + 1)
        self.predictors += [prompt_end, *range(first, first + len(token_ids) - 1)]
        self.targets += token_ids
        self.columns += [column] * len(token_ids)


def _build_row(pair: PairTokens) -> _Row:
    row = _Row()
    trunk = _trunk_length(pair)
    row.add(_TRUNK, pair.code_prompt[:trunk], 0)
    end = row.add(_CODE_TAG, pair.code_prompt[trunk:], trunk)
    row.add_answer(_CODE_CHOSEN, pair.code_chosen, end, 0)
    row.add_answer(_CODE_REJECTED, pair.code_rejected, end, 1)
    if pair.has_skeleton:
        end = row.add(_SKELETON_TAG, pair.skeleton_prompt[trunk:], trunk)
        row.add_answer(_SKELETON_CHOSEN, pair.skeleton_chosen, end, 2)
        row.add_answer(_SKELETON_REJECTED, pair.skeleton_rejected, end, 3)
    return row


def _trunk_length(pair: PairTokens) -> int:
    """Tokens both prompts start with; each tag keeps at least one, which predicts its answers."""
    limit = min(len(pair.code_prompt), len(pair.skeleton_prompt)) - 1
    for place in range(limit):
        if pair.code_prompt[place] != pair.skeleton_prompt[place]:
            return place
    return limit


def _code_ids(side: PairSide, prompts: Prompts) -> tuple[int, ...]:
    return side.completion_token_ids or tuple(prompts.completion_ids(side.code))
