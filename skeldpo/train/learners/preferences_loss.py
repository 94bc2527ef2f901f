"""The joint DPO loss and its metrics. Pure functions of tensors.

    L = L_pref(code) + lambda s L_pref(skeleton) [+ sft_weight L_nll(chosen code)]
    L_pref = -(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)        loss = "sigmoid"
           = (h - 1 / (2 beta))^2                                         loss = "ipo"
           = L_nll(chosen)                                                loss = "sft"
    h = (log pi(y+|x) - log ref(y+|x)) - (log pi(y-|x) - log ref(y-|x))

DPO: arXiv 2305.18290, equation 7; e is the label smoothing of conservative DPO; IPO: arXiv
2310.12036, equation 17; the joint loss is SkelDPO's (arXiv 2606.06826), its s is 1 or, with
balance_terms, that of `term_scales`; the NLL term is RPO's (arXiv 2404.19733), a mean over tokens.
Shapes: B pairs; columns of (B, 4) are ANSWERS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import logsigmoid

from skeldpo.train.learners.contract import ExampleLosses

if TYPE_CHECKING:
    from skeldpo.config import TrainConfig

ANSWERS = ("code_chosen", "code_rejected", "skeleton_chosen", "skeleton_rejected")
"""The four answers of a pair: its sequences, and the columns of every (B, 4) tensor."""

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
    "skeleton/weight",
)
"""Columns of the per-pair statistics that metrics are made of."""

_COLLAPSE_STEPS = 5
"""Whose mean decides that the chosen side collapsed: one step may have got hard pairs."""


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


def term_scales(
    unlikelihood: torch.Tensor, num_answer_tokens: torch.Tensor, reduction: str
) -> torch.Tensor:
    """s (B,) = min(1, g(code) / g(skeleton)), where g is a term's gradient for a unit of margin.

    g^2 = the sum over the tokens of both answers of (1 - p_t)^2, with reduction "mean" over the
    squared number of an answer's tokens: up to a factor between 1 and sqrt 2, the squared norm of
    the gradient of h at the output layer, which is onehot - softmax of each token. DPO's own factor
    of h is left out, so a term that was learnt is not scaled up again. Gradient norms that balance
    two losses: arXiv 2012.09841, equation 7 (there of the last layer, and not bounded by 1).

    Args:
        unlikelihood: sums of (1 - p_t)^2 over the tokens of each answer, (B, 4).
        num_answer_tokens: of each answer, (B, 4); 0 where a pair has no skeletons.
        reduction: "sum" or "mean", as the log-probabilities of an answer are taken.
    """
    squares = unlikelihood.detach()
    if reduction == "mean":
        squares = squares / num_answer_tokens.clamp(min=1) ** 2
    code, skeleton = squares[:, :2].sum(dim=1), squares[:, 2:].sum(dim=1)  # (B,) each
    least = torch.finfo(squares.dtype).tiny
    return (code / skeleton.clamp(min=least)).sqrt().clamp(max=1.0)


def joint_losses(
    policy_logps: torch.Tensor,
    reference_logps: torch.Tensor,
    num_answer_tokens: torch.Tensor,
    config: TrainConfig,
    skeleton_weight: float | torch.Tensor,
) -> ExampleLosses:
    """The joint loss of each pair.

    Args:
        policy_logps: summed log-probabilities under the policy, (B, 4).
        reference_logps: the same under the reference, (B, 4).
        num_answer_tokens: tokens of each answer, (B, 4); 0 where a pair has no skeletons.
        config: loss, beta, reduction, label_smoothing, sft_weight.
        skeleton_weight: lambda s, of all pairs or of each, (B,): config.skeleton_weight times
            `term_scales` if they are balanced, or 0 in the correctness epochs.
    """
    counts = num_answer_tokens.clamp(min=1)
    ratios = policy_logps - reference_logps  # (B, 4)
    if config.reduction == "mean":
        ratios = ratios / counts
    chosen_nll = -policy_logps[:, (0, 2)] / counts[:, (0, 2)]  # (B, 2)
    code = _preference_losses(ratios[:, :2], chosen_nll[:, 0], config)
    skeleton = _preference_losses(ratios[:, 2:], chosen_nll[:, 1], config)
    weight = torch.zeros_like(code.detach()) + skeleton_weight  # (B,)
    applies = ((num_answer_tokens[:, 2] > 0) & (weight > 0)).to(code.dtype)  # (B,)
    loss = code + weight * applies * skeleton
    if config.sft_weight > 0:
        loss = loss + config.sft_weight * chosen_nll[:, 0]
    rewards = config.beta * ratios
    columns = [
        loss, code, policy_logps[:, 0], policy_logps[:, 1], rewards[:, 0], rewards[:, 1],
        applies, skeleton * applies,
        *(values * applies for values in (*policy_logps[:, 2:].T, *rewards[:, 2:].T, weight)),
    ]  # fmt: skip
    gap = ((policy_logps - reference_logps).detach() / counts).abs().amax(dim=1)  # (B,)
    return ExampleLosses(
        loss=loss,
        statistics=torch.stack([c.detach() for c in columns], dim=1),
        reference_gap=gap,
    )


def step_metrics(statistics: torch.Tensor) -> dict[str, float]:
    """Means over the pairs of a step, from (B, 13), under the names TRL users know.

    `code/...` and `skeleton/...` hold loss, logps/chosen, logps/rejected, rewards/chosen,
    rewards/rejected, rewards/margins and rewards/accuracies (share of pairs with chosen over
    rejected); the skeleton ones are means over the pairs that have skeletons, and absent if none.
    """
    column = {name: statistics[:, index].double() for index, name in enumerate(STATISTICS)}
    metrics = {"loss": float(column["loss"].mean()), "num_pairs": float(len(statistics))}
    applies = column["has_skeleton"] > 0
    metrics["num_skeleton_pairs"] = float(applies.sum())
    if applies.any():
        metrics["skeleton/weight"] = float(column["skeleton/weight"][applies].mean())
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


def has_collapsed(history: Sequence[Mapping[str, float]], config: TrainConfig) -> bool:
    """Whether the chosen code has become less probable than train.max_chosen_drop_nats allows.

    A falling chosen side (likelihood displacement) means that probability goes to programs that
    nobody preferred; the margin keeps growing meanwhile, and the loss falling.
    """
    if not config.max_chosen_drop_nats or len(history) < _COLLAPSE_STEPS:
        return False
    rewards = [row["code/rewards/chosen"] for row in history[-_COLLAPSE_STEPS:]]
    return -sum(rewards) / _COLLAPSE_STEPS > config.max_chosen_drop_nats * config.beta


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
