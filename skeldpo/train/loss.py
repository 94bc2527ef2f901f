"""Log-probabilities of answers, the joint DPO loss and its metrics. Pure functions of tensors.

    L = L_pref(code) + lambda L_pref(skeleton) [+ sft_weight L_nll(chosen code)]
    L_pref = -(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)        loss = "sigmoid"
           = (h - 1 / (2 beta))^2                                         loss = "ipo"
           = L_nll(chosen)                                                loss = "sft"
    h = (log pi(y+|x) - log ref(y+|x)) - (log pi(y-|x) - log ref(y-|x))

DPO: arXiv 2305.18290, equation 7; e is the label smoothing of conservative DPO; IPO: arXiv
2310.12036, equation 17; the joint loss is SkelDPO's (arXiv 2606.06826); the NLL term is RPO's
(arXiv 2404.19733), a mean over tokens.
Shapes: B pairs, N answer tokens, D hidden size, V vocabulary; columns of (B, 4) are batch.ANSWERS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import logsigmoid

from skeldpo.train.batch import ANSWERS

if TYPE_CHECKING:
    from skeldpo.config_train import TrainConfig

STATISTICS = (
    "loss",
    "code/loss",
    "code/logps/chosen",
    "code/logps/rejected",
    "code/rewards/chosen",
    "code/rewards/rejected",
    "has_skeleton",
    "skeleton/loss",
    "skeleton/logps/chosen",
    "skeleton/logps/rejected",
    "skeleton/rewards/chosen",
    "skeleton/rewards/rejected",
)
"""Columns of the per-pair statistics that metrics are made of."""

_CHUNK_LOGITS = 2**27
"""Logits held at a time (fp32: 512 MiB)."""

_GPU_CHUNK_LOGITS = 2**28
"""The same on a GPU (1 GiB): each chunk costs a pass over the whole gradient of the weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLosses:
    """What the loss says of each pair: `loss` (B,) with its graph, `statistics` (B, 12) without."""

    loss: torch.Tensor
    statistics: torch.Tensor


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


def sum_answer_logps(
    token_logps: torch.Tensor, answer_index: torch.Tensor, num_pairs: int
) -> torch.Tensor:
    """Summed log-probabilities (B, 4) of the answers; 0 where a pair lacks one."""
    sums = token_logps.new_zeros(num_pairs * len(ANSWERS))
    return sums.index_add(0, answer_index, token_logps).view(num_pairs, len(ANSWERS))


def dpo_losses(
    chosen_logratios: torch.Tensor,
    rejected_logratios: torch.Tensor,
    *,
    beta: float,
    label_smoothing: float,
) -> torch.Tensor:
    """DPO losses (B,) from log pi - log ref of both sides, (B,) each."""
    logits = beta * (chosen_logratios - rejected_logratios)
    return -(1 - label_smoothing) * logsigmoid(logits) - label_smoothing * logsigmoid(-logits)


def ipo_losses(
    chosen_logratios: torch.Tensor, rejected_logratios: torch.Tensor, *, beta: float
) -> torch.Tensor:
    """IPO losses (B,): the squared distance of the margin to 1 / (2 beta)."""
    return (chosen_logratios - rejected_logratios - 1 / (2 * beta)) ** 2


def joint_losses(
    policy_logps: torch.Tensor,
    reference_logps: torch.Tensor,
    num_answer_tokens: torch.Tensor,
    config: TrainConfig,
    skeleton_weight: float,
) -> PairLosses:
    """The joint loss of each pair.

    Args:
        policy_logps: summed log-probabilities under the policy, (B, 4).
        reference_logps: the same under the reference, (B, 4).
        num_answer_tokens: tokens of each answer, (B, 4); 0 where a pair has no skeletons.
        config: loss, beta, reduction, label_smoothing, sft_weight.
        skeleton_weight: lambda; config.skeleton_weight, or 0 in the correctness epochs.
    """
    counts = num_answer_tokens.clamp(min=1)
    ratios = policy_logps - reference_logps  # (B, 4)
    if config.reduction == "mean":
        ratios = ratios / counts
    chosen_nll = -policy_logps[:, (0, 2)] / counts[:, (0, 2)]  # (B, 2)
    code = _preference_losses(ratios[:, :2], chosen_nll[:, 0], config)
    skeleton = _preference_losses(ratios[:, 2:], chosen_nll[:, 1], config)
    applies = ((num_answer_tokens[:, 2] > 0) & (skeleton_weight > 0)).to(code.dtype)  # (B,)
    loss = code + skeleton_weight * applies * skeleton
    if config.sft_weight > 0:
        loss = loss + config.sft_weight * chosen_nll[:, 0]
    rewards = config.beta * ratios
    columns = [
        loss, code, policy_logps[:, 0], policy_logps[:, 1], rewards[:, 0], rewards[:, 1],
        applies, skeleton * applies,
        *(values * applies for values in (*policy_logps[:, 2:].T, *rewards[:, 2:].T)),
    ]  # fmt: skip
    return PairLosses(loss=loss, statistics=torch.stack([c.detach() for c in columns], dim=1))


def step_metrics(statistics: torch.Tensor) -> dict[str, float]:
    """Means over the pairs of a step, from (B, 12), under the names TRL users know.

    `code/...` and `skeleton/...` hold loss, logps/chosen, logps/rejected, rewards/chosen,
    rewards/rejected, rewards/margins and rewards/accuracies (share of pairs with chosen over
    rejected); the skeleton ones are means over the pairs that have skeletons, and absent if none.
    """
    column = {name: statistics[:, index].double() for index, name in enumerate(STATISTICS)}
    metrics = {"loss": float(column["loss"].mean()), "num_pairs": float(len(statistics))}
    applies = column["has_skeleton"] > 0
    metrics["num_skeleton_pairs"] = float(applies.sum())
    for term, rows in (("code", torch.ones_like(applies)), ("skeleton", applies)):
        if not rows.any():
            continue
        chosen = column[f"{term}/rewards/chosen"][rows]
        rejected = column[f"{term}/rewards/rejected"][rows]
        for name in ("loss", "logps/chosen", "logps/rejected"):
            metrics[f"{term}/{name}"] = float(column[f"{term}/{name}"][rows].mean())
        metrics[f"{term}/rewards/chosen"] = float(chosen.mean())
        metrics[f"{term}/rewards/rejected"] = float(rejected.mean())
        metrics[f"{term}/rewards/margins"] = float((chosen - rejected).mean())
        metrics[f"{term}/rewards/accuracies"] = float((chosen > rejected).double().mean())
    return metrics


def _preference_losses(
    ratios: torch.Tensor, chosen_nll: torch.Tensor, config: TrainConfig
) -> torch.Tensor:
    """(B,) from (B, 2) log-ratios of both sides and (B,) mean NLL of the chosen one."""
    if config.loss == "sft":
        return chosen_nll
    if config.loss == "ipo":
        return ipo_losses(ratios[:, 0], ratios[:, 1], beta=config.beta)
    return dpo_losses(
        ratios[:, 0], ratios[:, 1], beta=config.beta, label_smoothing=config.label_smoothing
    )


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
            chosen = logits.gather(1, target_ids[part].unsqueeze(1)).squeeze(1)
            logps[part] = chosen - log_norms[part]
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
