"""Advantages: rewards relative to those of the other answers to the same prompt. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from skeldpo.config import PolicyGradientConfig


def advantages(rewards: Sequence[float], config: PolicyGradientConfig) -> tuple[float, ...]:
    """Of the answers of one group; all 0 if they earn the same.

    mean: r_i - mean(r), divided by the standard deviation of the group with `divide_by_std`
    (GRPO, arXiv 2402.03300, section 4.1.2; without: Dr. GRPO, arXiv 2503.20783, section 3.2).
    leave_one_out: r_i - mean of the others (RLOO, arXiv 2402.14740, equation 8), which is
    n / (n - 1) times the former. The deviation is that of the n answers, not of a population that
    they were drawn from (n - 1), and no constant is added to it: it is 0 only where all are equal.
    ValueError for fewer than two answers.
    """
    if len(rewards) < 2:
        raise ValueError(f"advantages need two answers or more, got rewards {list(rewards)}")
    if max(rewards) == min(rewards):
        return (0.0,) * len(rewards)
    mean = statistics.fmean(rewards)
    scale = len(rewards) / (len(rewards) - 1) if config.baseline == "leave_one_out" else 1.0
    if config.divide_by_std:
        scale /= statistics.pstdev(rewards)
    return tuple(scale * (reward - mean) for reward in rewards)
