"""Prefix trees of token ids, packed into one row (docs/METHOD.md, section 4).

    trunk | tag | answer | answer | tag | answer | answer

A prompt is computed once for the answers that share it: position ids go on from a node's parent,
and a token sees itself, earlier tokens of its node and its ancestors, so that every answer gets
the log-probabilities it has in a row of its own. Trees follow each other in the row and do not see
each other. A node is followed by what lies below it, so the whole mask is one number a token: place
q sees place k if k <= q < subtree_end[k].

Shapes: S sequences (answers) of all trees, T tokens of the row, N scored tokens of the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Tokens that are scored: sequence number `sequence` of their tree, from 0."""

    token_ids: tuple[int, ...]
    sequence: int

    def __post_init__(self) -> None:
        if not self.token_ids:
            raise ValueError(f"sequence {self.sequence} has no tokens; leave it out of the tree")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Tokens that are read and not scored, and what follows them, each without the others. The last
    of them predicts the first token of an answer, so they may be none only above prompts."""

    token_ids: tuple[int, ...]
    below: tuple[Prompt | Answer, ...]

    def __post_init__(self) -> None:
        if not self.below:
            raise ValueError("a prompt with nothing below it scores nothing; leave it out")
        if not self.token_ids and any(isinstance(node, Answer) for node in self.below):
            raise ValueError("an answer needs a token before it, got a prompt without tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The sequences of one example; those of `num_sequences` that are not in it have no tokens."""

    trunk: Prompt
    num_sequences: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Nodes whose tokens attend causally, after those of `context`; both are node numbers."""

    context: tuple[int, ...]
    own: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBatch:
    """One row of packed prefix trees and where their sequences are.

    `predictor_index` points into the T hidden states: the state that predicts scored token n, whose
    id is `target_ids[n]` and which belongs to sequence `sequence_index[n]`; a tree's sequences
    follow those of the tree before. `num_sequence_tokens` counts them, absent ones too.
    `node_lengths` cuts the row into nodes, and `chains` says the same as `subtree_end`, node by
    node: their `own` nodes are those of the row, in order.
    """

    input_ids: torch.Tensor  # (1, T) int64
    position_ids: torch.Tensor  # (1, T) int64
    subtree_end: torch.Tensor  # (T,) int32
    predictor_index: torch.Tensor  # (N,) int64
    target_ids: torch.Tensor  # (N,) int64
    sequence_index: torch.Tensor  # (N,) int64
    num_sequence_tokens: torch.Tensor  # (S,) int64
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


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a device; a GPU fetches it while this process prepares what comes next."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def build_trees(trees: Sequence[Tree], row_multiple: int = 1) -> TreeBatch:
    """Lays the trees out in one row, padded on the right to a multiple of a length."""
    if not trees:
        raise ValueError("build_trees needs at least one tree, got none")
    row = _Row()
    for tree in trees:
        first = len(row.counts)
        row.counts += [0] * tree.num_sequences
        _add_prompt(row, tree.trunk, 0, Chain(context=(), own=()), first)
    padding = -len(row.input_ids) % row_multiple
    if padding:
        row.chains.append(Chain(context=(), own=(row.add([0] * padding, 0),)))
    return TreeBatch(
        input_ids=torch.tensor([row.input_ids], dtype=torch.int64),
        position_ids=torch.tensor([row.position_ids], dtype=torch.int64),
        subtree_end=torch.repeat_interleave(
            torch.tensor(row.node_ends, dtype=torch.int32), torch.tensor(row.node_lengths)
        ),
        predictor_index=torch.tensor(row.predictors, dtype=torch.int64),
        target_ids=torch.tensor(row.targets, dtype=torch.int64),
        sequence_index=torch.tensor(row.sequences, dtype=torch.int64),
        num_sequence_tokens=torch.tensor(row.counts, dtype=torch.int64),
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
        self.sequences: list[int] = []
        self.counts: list[int] = []

    def add(self, token_ids: Sequence[int], position: int) -> int:
        """Appends a node whose first token has the given position, and gives its number."""
        self.input_ids += token_ids
        self.position_ids += range(position, position + len(token_ids))
        self.node_lengths.append(len(token_ids))
        self.node_ends.append(len(self.input_ids))
        return len(self.node_lengths) - 1

    def add_answer(self, token_ids: Sequence[int], prompt_end: int, sequence: int) -> int:
        """Appends an answer after the prompt whose last token is at place `prompt_end`."""
        first = len(self.input_ids)
        self.predictors += [prompt_end, *range(first, first + len(token_ids) - 1)]
        self.targets += token_ids
        self.sequences += [sequence] * len(token_ids)
        self.counts[sequence] = len(token_ids)
        return self.add(token_ids, self.position_ids[prompt_end] + 1)

    def close(self, node: int) -> None:
        """Says that everything up to here lies below a node."""
        self.node_ends[node] = len(self.input_ids)


def _add_prompt(row: _Row, prompt: Prompt, position: int, chain: Chain, first: int) -> None:
    """Appends a prompt and what lies below it: `chain` holds what lies above, `first` is the number
    of its tree's first sequence. The first answer below ends the chain; the others start from it.
    """
    node = row.add(prompt.token_ids, position)
    end = len(row.input_ids) - 1
    chain = replace(chain, own=(*chain.own, node))
    for below in prompt.below:
        if isinstance(below, Answer):
            answer = row.add_answer(below.token_ids, end, first + below.sequence)
            row.chains.append(replace(chain, own=(*chain.own, answer)))
        else:
            _add_prompt(row, below, position + len(prompt.token_ids), chain, first)
        chain = Chain(context=(*chain.context, *chain.own), own=())
    row.close(node)
