"""Log-probabilities of scored tokens, and their sums over sequences. Pure functions of tensors.

Shapes: S sequences, N scored tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skeldpo.train.batch import TreeBatch

_CHUNK_LOGITS = 2**27
"""Logits held at a time (fp32: 512 MiB)."""

_GPU_CHUNK_LOGITS = 2**28
"""The same on a GPU (1 GiB): each chunk costs a pass over the whole gradient of the weight."""

_CACHED_LOGITS = 2**20
"""Logits that a CPU works on at a time (fp32: 4 MiB): what is done to them one after the other then
finds them in its cache, and needs no new memory as large as all of them."""


def answer_token_logps(  # noqa: PLR0913
    hidden: torch.Tensor,
    weight: torch.Tensor,
    target_ids: torch.Tensor,
    chunk_tokens: int = 0,
    *,
    scale: float = 1.0,
    cap: float = 0.0,
) -> torch.Tensor:
    """Log-probabilities (N,) in fp32 of target tokens, without a tensor of N x V.

    Logits are z = scale * hidden @ weight.T, or cap * tanh(z / cap) with a cap (Gemma 2, arXiv
    2408.00118, section 2).

    Args:
        hidden: states that predict the targets, (N, D).
        weight: of the output layer, (V, D).
        target_ids: (N,).
        chunk_tokens: rows whose logits exist at the same time; 0 takes equal parts that fit
            512 MiB (1 GiB on a GPU).
        scale: of the logits.
        cap: above 0, what they stay below.
    """
    num_logits = _GPU_CHUNK_LOGITS if hidden.is_cuda else _CHUNK_LOGITS
    most = chunk_tokens or max(1, num_logits // weight.shape[0])
    num_chunks = -(-len(hidden) // most)
    rows = chunk_tokens or -(-len(hidden) // max(1, num_chunks)) or 1
    logps: torch.Tensor = _ChunkedLogps.apply(  # type: ignore[no-untyped-call]
        hidden, weight, target_ids, rows, (scale, cap)
    )
    return logps


def sum_sequences(token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
    """Summed log-probabilities (S,) of a batch's sequences; 0 where one has no tokens."""
    sums = token_logps.new_zeros(len(trees.num_sequence_tokens))
    return sums.index_add(0, trees.sequence_index, token_logps)


class _ChunkedLogps(torch.autograd.Function):
    """log softmax(logits) at the targets.

    The backward pass starts with the last chunk, whose logits were kept: it would need that memory
    in any case. It makes those of the others again. The gradient of the weight is summed over
    chunks in fp32, whatever the dtype of the weight: a sum in bf16 loses more with every chunk.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        target_ids: torch.Tensor,
        rows: int,
        head: tuple[float, float],
    ) -> torch.Tensor:
        logps = hidden.new_empty(len(hidden), dtype=torch.float32)
        log_norms = torch.empty_like(logps)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = _logits(hidden[part], weight, head)  # (rows, V)
            log_norms[part] = torch.cat([block.logsumexp(dim=1) for block in _blocks(logits)])
            of_targets = logits.gather(1, target_ids[part].unsqueeze(1)).squeeze(1)
            logps[part] = of_targets - log_norms[part]
        ctx.save_for_backward(hidden, weight, target_ids, log_norms)
        ctx.rows, ctx.head = rows, head
        ctx.last_logits = logits if len(hidden) and any(ctx.needs_input_grad) else None
        return logps

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> Any:
        (grad,) = grad_outputs
        hidden, weight, target_ids, log_norms = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden)
        trains_weight = ctx.needs_input_grad[1]
        grad_weight: torch.Tensor | None = None
        for start in reversed(range(0, len(hidden), ctx.rows)):
            part = slice(start, start + ctx.rows)
            logits, ctx.last_logits = ctx.last_logits, None
            if logits is None:
                logits = _logits(hidden[part], weight, ctx.head)  # (rows, V)
            first = start
            for block in _blocks(logits):
                own = slice(first, first + len(block))
                _make_slope(block, log_norms[own], target_ids[own], grad[own], ctx.head)
                first = own.stop
            slope = logits.to(weight.dtype)
            grad_hidden[part] = slope @ weight
            if trains_weight:
                product = (slope.T @ hidden[part]).float()
                grad_weight = product if grad_weight is None else grad_weight.add_(product)
        if trains_weight:
            grad_weight = torch.zeros_like(weight) if grad_weight is None else grad_weight
            grad_weight = grad_weight.to(weight.dtype)
        return grad_hidden, grad_weight, None, None, None


def _blocks(rows: torch.Tensor) -> Sequence[torch.Tensor]:
    """Rows of logits in parts that a CPU's cache holds, as views; all at once on a GPU."""
    if rows.is_cuda:
        return (rows,)
    return torch.split(rows, max(1, _CACHED_LOGITS // rows.shape[1]))


def _make_slope(
    logits: torch.Tensor,
    log_norms: torch.Tensor,
    target_ids: torch.Tensor,
    grad: torch.Tensor,
    head: tuple[float, float],
) -> None:
    """Puts the loss's derivative by hidden @ weight.T in the place of logits."""
    bend = _bend(logits, head)  # before they are overwritten
    slope = logits.sub_(log_norms.unsqueeze(1)).exp_().neg_()
    # one-hot - softmax
    slope.scatter_add_(1, target_ids.unsqueeze(1), torch.ones_like(slope[:, :1]))
    slope.mul_(grad.unsqueeze(1) * bend)


def _logits(hidden: torch.Tensor, weight: torch.Tensor, head: tuple[float, float]) -> torch.Tensor:
    """(rows, V), fp32."""
    scale, cap = head
    logits = (hidden @ weight.T).float()
    if scale != 1:
        logits.mul_(scale)
    return logits.div_(cap).tanh_().mul_(cap) if cap else logits


def _bend(logits: torch.Tensor, head: tuple[float, float]) -> torch.Tensor | float:
    """Their derivative by hidden @ weight.T."""
    scale, cap = head
    return (logits / cap).square_().neg_().add_(1).mul_(scale) if cap else scale
