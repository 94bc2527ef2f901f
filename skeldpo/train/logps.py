"""Log-probabilities of scored tokens, and their sums over sequences. Pure functions of tensors.

Shapes: S sequences, N scored tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from skeldpo.train.batch import TreeBatch

_CHUNK_LOGITS = 2**27
"""Logits held at a time (fp32: 512 MiB)."""

_GPU_CHUNK_LOGITS = 2**28
"""The same on a GPU (1 GiB): each chunk costs a pass over the whole gradient of the weight."""


def answer_token_logps(
    hidden: torch.Tensor, weight: torch.Tensor, target_ids: torch.Tensor, chunk_tokens: int = 0
) -> torch.Tensor:
    """Log-probabilities (N,) in fp32 of target tokens, without a tensor of N x V.

    Args:
        hidden: states that predict the targets, (N, D).
        weight: of the output layer, (V, D).
        target_ids: (N,).
        chunk_tokens: rows whose logits exist at the same time; 0 takes equal parts that fit
            512 MiB (1 GiB on a GPU).
    """
    num_logits = _GPU_CHUNK_LOGITS if hidden.is_cuda else _CHUNK_LOGITS
    most = chunk_tokens or max(1, num_logits // weight.shape[0])
    num_chunks = -(-len(hidden) // most)
    rows = chunk_tokens or -(-len(hidden) // max(1, num_chunks)) or 1
    logps: torch.Tensor = _ChunkedLogps.apply(hidden, weight, target_ids, rows)  # type: ignore[no-untyped-call]
    return logps


def sum_sequences(token_logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
    """Summed log-probabilities (S,) of a batch's sequences; 0 where one has no tokens."""
    sums = token_logps.new_zeros(len(trees.num_sequence_tokens))
    return sums.index_add(0, trees.sequence_index, token_logps)


class _ChunkedLogps(torch.autograd.Function):
    """log softmax(hidden @ weight.T) at the targets.

    The backward pass starts with the last chunk, whose logits were kept: it would need that memory
    in any case. It makes those of the others again. The gradient of the weight is summed over
    chunks in fp32, whatever the dtype of the weight: a sum in bf16 loses more with every chunk.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, target_ids: torch.Tensor, rows: int
    ) -> torch.Tensor:
        logps = hidden.new_empty(len(hidden), dtype=torch.float32)
        log_norms = torch.empty_like(logps)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = (hidden[part] @ weight.T).float()  # (rows, V)
            log_norms[part] = logits.logsumexp(dim=1)
            of_targets = logits.gather(1, target_ids[part].unsqueeze(1)).squeeze(1)
            logps[part] = of_targets - log_norms[part]
        ctx.save_for_backward(hidden, weight, target_ids, log_norms)
        ctx.rows = rows
        ctx.last_logits = logits if len(hidden) and any(ctx.needs_input_grad) else None
        return logps

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> Any:
        (grad,) = grad_outputs
        hidden, weight, target_ids, log_norms = ctx.saved_tensors
        grad_hidden = torch.empty_like(hidden)
        trains_weight = ctx.needs_input_grad[1]
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if trains_weight else None
        for start in reversed(range(0, len(hidden), ctx.rows)):
            part = slice(start, start + ctx.rows)
            logits, ctx.last_logits = ctx.last_logits, None
            if logits is None:
                logits = (hidden[part] @ weight.T).float()  # (rows, V)
            slope = logits.sub_(log_norms[part].unsqueeze(1)).exp_().neg_()
            slope.scatter_add_(
                1, target_ids[part].unsqueeze(1), torch.ones_like(slope[:, :1])
            )  # one-hot - softmax
            slope = slope.mul_(grad[part].unsqueeze(1)).to(weight.dtype)
            grad_hidden[part] = slope @ weight
            if grad_weight is not None:
                grad_weight += slope.T @ hidden[part]
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight.dtype)
        return grad_hidden, grad_weight, None, None
