"""Sequences a row each, for models that a prefix tree is not exact for.

A row is a prompt and one answer; shorter rows are padded behind, where a causal model's earlier
tokens do not see it, so there is no mask. Layout and order of what is scored stay those of the
trees: learners and reference tables do not know how a forward pass was made.

Shapes: B rows, L tokens of the longest, N scored tokens.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch

from skeldpo.train.batch import TreeBatch, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRows:
    """The sequences of a batch of trees; `predictor_index` points into the B * L hidden states and
    is in the order of TreeBatch."""

    input_ids: torch.Tensor  # (B, L) int64
    predictor_index: torch.Tensor  # (N,) int64


def sequence_rows(trees: TreeBatch) -> SequenceRows:
    """A row for each answer, in order."""
    ends = [0, *itertools.accumulate(trees.node_lengths)]
    places: list[list[int]] = []
    num_scored: list[int] = []
    for chain in trees.chains:
        path = (*chain.context, *chain.own)
        if len(path) == 1:
            continue  # padding of the tree's row: an answer has a prompt above it
        places.append([place for node in path for place in range(ends[node], ends[node + 1])])
        num_scored.append(trees.node_lengths[path[-1]])
    longest = max(map(len, places))
    predictors = [
        number * longest + place
        for number, (row, scored) in enumerate(zip(places, num_scored, strict=True))
        for place in range(len(row) - scored - 1, len(row) - 1)
    ]
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in places])  # (B, L)
    device = trees.input_ids.device
    return SequenceRows(
        input_ids=trees.input_ids[0][moved(padded, device)],
        predictor_index=moved(torch.tensor(predictors), device),
    )
