"""Forward passes of a step: which examples go through the network together, and in which pieces.

An example above the budget of a pass is cut: its answers are divided among pieces, each with the
prompts above them. A loss may couple all answers of an example, so it is computed from
log-probabilities that were made piece by piece without a graph; then each piece is computed again,
with one, and gets its part of the loss's gradient by log-probability. That is the chain rule, not
an approximation, and costs one more forward pass of what was cut (GradCache, arXiv 2101.06983,
section 3). One sequence is never cut. Workers make equally many passes, which gather a sharded
model together.

Shapes: N scored tokens of a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch
from skeldpo.train.network import Network, lay_out, token_logps, workers_of
from skeldpo.train.packing import pack_rectangles, pack_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a worker computes between two sums over all workers.

    `rows` are numbers of its examples; with none left it computes `given`, which count for nothing.
    `trees` are theirs, uncut.
    """

    rows: tuple[int, ...]
    given: tuple[int, ...]
    trees: tuple[Tree, ...]
    pieces: tuple[tuple[Tree, ...], ...]
    num_pieces: int
    """Forward passes of every worker; one that has fewer pieces repeats its last."""


@dataclass(slots=True, kw_only=True)
class Scores:
    """Log-probabilities (N,) of a pass: with their graph if it is one piece, else without, and
    `learn_from` makes it then. `trees` are those of all its examples."""

    trees: TreeBatch
    token_logps: torch.Tensor
    seeds: list[int]


def plan_passes(network: Network, trees: Sequence[Tree], max_tokens: int) -> list[Pass]:
    """The passes of this worker, of at most `max_tokens` tokens as the network lays them out."""
    workers, by_row = workers_of(network), bool(network.against_trees)
    if by_row:
        lengths = [sequence_lengths(tree.trunk) for tree in trees]
        shapes = [(len(each), max(each)) for each in lengths]
        plan = pack_rectangles(shapes, max_tokens, workers.num_workers)
    else:
        num_tokens = [num_tree_tokens(tree.trunk) for tree in trees]
        plan = pack_rows(num_tokens, max_tokens, workers.num_workers)
    passes = []
    for shares in plan:
        all_given = [rows or shares[0][:1] for rows in shares]
        cuts = [_pieces([trees[row] for row in given], max_tokens, by_row) for given in all_given]
        passes.append(
            Pass(
                rows=tuple(shares[workers.rank]),
                given=tuple(all_given[workers.rank]),
                trees=tuple(trees[row] for row in all_given[workers.rank]),
                pieces=cuts[workers.rank],
                num_pieces=max(map(len, cuts)),
            )
        )
    return passes


def score(network: Network, work: Pass) -> Scores:
    """Log-probabilities of all scored tokens of a pass, in the order of its trees."""
    trees = lay_out(network, work.trees)
    if work.num_pieces == 1:
        return Scores(trees=trees, token_logps=token_logps(network, trees), seeds=[])
    parts, seeds = list[torch.Tensor](), list[int]()
    with torch.no_grad():
        for number in range(work.num_pieces):
            # Dropout must be the same when the piece is computed again.
            seeds.append(int(torch.randint(2**31, ())))
            torch.manual_seed(seeds[-1])
            part = token_logps(network, lay_out(network, _piece(work, number)))
            if number < len(work.pieces):
                parts.append(part)
    return Scores(
        trees=trees,
        token_logps=torch.cat(parts).requires_grad_(torch.is_grad_enabled()),
        seeds=seeds,
    )


def learn_from(network: Network, work: Pass, scores: Scores, loss: torch.Tensor) -> None:
    """Adds the gradients of a loss (a number) that was computed from the scores."""
    torch.autograd.backward(loss)
    if work.num_pieces == 1:
        return
    slopes = scores.token_logps.grad
    assert slopes is not None
    first = 0
    for number, seed in enumerate(scores.seeds):
        torch.manual_seed(seed)
        logps = token_logps(network, lay_out(network, _piece(work, number)))
        if number < len(work.pieces):
            slope = slopes[first : first + len(logps)]
            first += len(logps)
        else:
            slope = torch.zeros_like(logps)
        torch.autograd.backward(logps, slope)


def sequence_lengths(prompt: Prompt, above: int = 0) -> list[int]:
    """Tokens of each sequence of a tree, prompts included."""
    above += len(prompt.token_ids)
    lengths: list[int] = []
    for node in prompt.below:
        if isinstance(node, Answer):
            lengths.append(above + len(node.token_ids))
        else:
            lengths += sequence_lengths(node, above)
    return lengths


def num_tree_tokens(prompt: Prompt) -> int:
    """Tokens of a tree."""
    return len(prompt.token_ids) + sum(
        len(node.token_ids) if isinstance(node, Answer) else num_tree_tokens(node)
        for node in prompt.below
    )


def cut_tree(tree: Tree, max_tokens: int, by_row: bool) -> tuple[Tree, ...]:
    """Trees that together have its sequences, in order, each within `max_tokens` unless it is one
    sequence; `by_row`: as padded rows count."""
    num_answers = len(sequence_lengths(tree.trunk))
    pieces: list[Tree] = []
    first = 0
    while first < num_answers:
        last = first + 1
        piece = _with_answers(tree, first, last)
        while last < num_answers:
            longer = _with_answers(tree, first, last + 1)
            if _cost(longer, by_row) > max_tokens:
                break
            piece, last = longer, last + 1
        pieces.append(piece)
        first = last
    return tuple(pieces)


def _pieces(trees: Sequence[Tree], max_tokens: int, by_row: bool) -> tuple[tuple[Tree, ...], ...]:
    """What was packed with others is within the budget."""
    if len(trees) > 1 or _cost(trees[0], by_row) <= max_tokens:
        return (tuple(trees),)
    return tuple((piece,) for piece in cut_tree(trees[0], max_tokens, by_row))


def _piece(work: Pass, number: int) -> tuple[Tree, ...]:
    return work.pieces[min(number, len(work.pieces) - 1)]


def _cost(tree: Tree, by_row: bool) -> int:
    if not by_row:
        return num_tree_tokens(tree.trunk)
    lengths = sequence_lengths(tree.trunk)
    return len(lengths) * max(lengths)


def _with_answers(tree: Tree, first: int, last: int) -> Tree:
    """The tree with those of its answers that have these numbers, counted as they are laid out."""
    trunk, _ = _kept(tree.trunk, 0, first, last)
    assert trunk is not None
    return replace(tree, trunk=trunk)


def _kept(prompt: Prompt, number: int, first: int, last: int) -> tuple[Prompt | None, int]:
    """What is left of a prompt whose first answer has a number, and the number after its last."""
    below: list[Prompt | Answer] = []
    for node in prompt.below:
        if isinstance(node, Answer):
            below += [node] if first <= number < last else []
            number += 1
        else:
            rest, number = _kept(node, number, first, last)
            below += [rest] if rest is not None else []
    return (replace(prompt, below=tuple(below)) if below else None), number
