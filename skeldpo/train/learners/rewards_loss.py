"""The clipped policy gradient of a group and its metrics. Pure functions of tensors.

    L = 1/G sum_i 1/D_i sum_t [ -w_it c_it min(r_it A_i, clip(r_it, 1 - e_low, 1 + e_high) A_i)
                                + kl_weight KL_it ]
    r_it  = pi(y_it | x, y_i<t) / pi_old(y_it | ...)                    GRPO, equation 3
    w_it  = min(pi_old / pi_sampler, max_importance_weight)             old_logps = "recomputed"
    KL_it = pi_old / pi - log(pi_old / pi) - 1                          GRPO, equation 4

GRPO: arXiv 2402.03300. D_i is generate.max_tokens (Dr. GRPO, arXiv 2503.20783) or the answer's
length; c_it is the credit of a token, 1 without skeletons. pi_old is the policy at the start of the
round, which is also the reference of the divergence: GRPO's is the policy before all rounds. w
corrects for an engine whose precision, or kernels, differ from the trainer's (truncated importance
sampling); what it does not correct for is that programs were sampled at another temperature or with
top_p: the log-probabilities are those of the softmax itself on both sides.

Two tokens by hand: one answer of two tokens with advantage A, the same answer in size with -A, no
clipping active, D = 1, G = 2. The derivative of r = exp(l - l_old) by l is r, so

    dL/dl_1t = -A r_1t / 2        dL/dl_2t = A r_2t / 2

and with r_11 = 1.5 and A > 0, above 1 + e_high, the clipped product is the smaller one and does not
depend on l: dL/dl_11 = 0. With A < 0 it is the larger one, and the derivative stays -A 1.5 / 2.
Shapes: N tokens of all answers of B groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from skeldpo.train.learners.contract import ExampleLosses

if TYPE_CHECKING:
    from skeldpo.config import PolicyGradientConfig

STATISTICS = (
    "loss",
    "num_tokens",
    "ratio",
    "max_log_ratio",
    "clipped",
    "kl",
    "sampler_gap",
    "max_sampler_gap",
    "truncated",
    "reward",
    "right",
    "advantage",
)
"""Columns of the per-group statistics: sums over tokens but for loss, maxima, and the last three,
which are means over answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTensors:
    """What is known of each token before the step, (N,) each, on one device.

    `divisors` are G D_i; `groups` numbers the group of each token from 0 to B - 1; `figures` (B, 3)
    has the last three of STATISTICS.
    """

    advantages: torch.Tensor
    credits: torch.Tensor
    divisors: torch.Tensor
    old_logps: torch.Tensor
    sampler_logps: torch.Tensor
    groups: torch.Tensor
    figures: torch.Tensor


def group_losses(
    token_logps: torch.Tensor, given: GroupTensors, config: PolicyGradientConfig
) -> ExampleLosses:
    """The loss of each group from log-probabilities (N,) under the policy."""
    num_groups = len(given.figures)
    sampler_gap = given.old_logps - given.sampler_logps
    weights, is_truncated = torch.ones_like(sampler_gap), torch.zeros_like(sampler_gap)
    base = given.sampler_logps
    if config.old_logps == "recomputed":
        base = given.old_logps
        if config.max_importance_weight:
            weights = sampler_gap.exp()
            is_truncated = (weights > config.max_importance_weight).to(weights.dtype)
            weights = weights.clamp(max=config.max_importance_weight)
    log_ratios = token_logps - base
    ratios = log_ratios.exp()
    clipped = ratios.clamp(1 - config.clip_low, 1 + config.clip_high)
    free, bounded = ratios * given.advantages, clipped * given.advantages
    to_start = given.old_logps - token_logps
    divergence = to_start.exp() - to_start - 1
    losses = -weights * given.credits * torch.minimum(free, bounded)
    losses = losses + config.kl_weight * divergence
    loss = _sums(losses / given.divisors, given.groups, num_groups)
    with torch.no_grad():
        per_token = (
            torch.ones_like(ratios), ratios, (bounded < free).to(ratios.dtype), divergence,
            sampler_gap.abs(), is_truncated,
        )  # fmt: skip
        count, ratio, clips, kl, gap, truncated = (
            _sums(values.detach(), given.groups, num_groups) for values in per_token
        )
        reference_gap = _maxima(to_start.detach().abs(), given.groups, num_groups)
        columns = [
            loss.detach(), count, ratio,
            _maxima(log_ratios.detach().abs(), given.groups, num_groups), clips, kl, gap,
            _maxima(sampler_gap.abs(), given.groups, num_groups), truncated, *given.figures.T,
        ]  # fmt: skip
    return ExampleLosses(
        loss=loss, statistics=torch.stack(columns, dim=1), reference_gap=reference_gap
    )


def step_metrics(statistics: torch.Tensor) -> dict[str, float]:
    """Of a step, from (P, 12): means over groups (loss, reward/...), over tokens, or maxima.

    `ratio/max_log` is the largest |log r|, 0 at the first step with recomputed old
    log-probabilities; `sampler/gap` and `sampler/max_gap` are mean and largest difference, in nats
    a token, between the engine's log-probabilities and the trainer's at the start of the round.
    """
    column = {name: statistics[:, index].double() for index, name in enumerate(STATISTICS)}
    num_tokens = float(column["num_tokens"].sum())
    metrics = {
        "loss": float(column["loss"].mean()),
        "num_groups": float(len(statistics)),
        "ratio/max_log": float(column["max_log_ratio"].max()),
        "sampler/max_gap": float(column["max_sampler_gap"].max()),
        "reward/mean": float(column["reward"].mean()),
        "reward/right": float(column["right"].mean()),
        "advantage/mean_size": float(column["advantage"].mean()),
    }
    for name, shown in (
        ("ratio", "ratio/mean"), ("clipped", "ratio/clipped"), ("kl", "kl"),
        ("sampler_gap", "sampler/gap"), ("truncated", "sampler/truncated"),
    ):  # fmt: skip
        metrics[shown] = float(column[name].sum()) / num_tokens
    return metrics


def _sums(values: torch.Tensor, groups: torch.Tensor, num_groups: int) -> torch.Tensor:
    """(B,) sums of (N,) by group."""
    return values.new_zeros(num_groups).index_add(0, groups, values)


def _maxima(values: torch.Tensor, groups: torch.Tensor, num_groups: int) -> torch.Tensor:
    """(B,) maxima of (N,) values from 0, by group."""
    return values.new_zeros(num_groups).scatter_reduce(0, groups, values, "amax")
