"""The [rewards] section, and of [train] what the learner of rewards needs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skeldpo.config.base import Section


class RewardsConfig(Section):
    """[rewards] What a program earns (docs/REWARDS.md): 1 if it is right, and for its speed.

    Differences in speed that the measurement does not show beyond doubt are ties.
    """

    speed: Literal["log_speedup", "beyond", "none"] = "log_speedup"
    """log_speedup: log of the reference's time over the program's, over log max_speedup, from -1 to
    1. beyond: its place in the range of the problem's known programs, from 0 to 1 (arXiv
    2402.07844), which are timed with it. none: right or not is all."""
    speed_weight: float = Field(default=0.5, ge=0, lt=1)
    """What the speed counts beside being right. Below 1, so that a right program never earns less
    than a wrong one."""
    max_speedup: float = Field(default=8.0, gt=1)
    """Speedup over the reference above which log_speedup earns no more (1 / it: no less)."""
    min_speedup: float = Field(default=1.1, ge=1.1)
    """Least ratio of CPU times of two programs that is a difference. The test asks for 1.1."""
    max_p_value: float = Field(default=0.005, gt=0, lt=0.5)
    """Of the test that shows a difference (as pair.max_p_value)."""
    length_penalty: float = Field(default=0.0, ge=0)
    """Taken off for each 1,000 characters of a program."""
    format_penalty: float = Field(default=0.0, ge=0)
    """Taken off an answer without a program, or one that generate.max_tokens cut off."""


class PolicyGradientConfig(Section):
    """[train.policy_gradient] Group-relative policy gradient of train.learner = "rewards"."""

    baseline: Literal["mean", "leave_one_out"] = "mean"
    """What is taken off an answer's reward. mean: of its group (GRPO, arXiv 2402.03300);
    leave_one_out: of the others of its group (RLOO, arXiv 2402.14740)."""
    divide_by_std: bool = False
    """GRPO's division by the group's standard deviation, which Dr. GRPO (arXiv 2503.20783) leaves
    out: it makes a small difference count as much as a large one."""
    divide_by: Literal["max_tokens", "answer"] = "max_tokens"
    """What an answer's sum over tokens is divided by. max_tokens: generate.max_tokens, for all
    (Dr. GRPO); answer: its own number of tokens (GRPO)."""
    old_logps: Literal["recomputed", "sampler"] = "recomputed"
    """Ratios are to the policy at the start of the round. recomputed: by the trainer, so that the
    first step has ratio 1, the difference to the sampler being in the importance weight. sampler:
    as the engine computed it."""
    max_importance_weight: float = Field(default=2.0, ge=0)
    """Largest weight of a token for the difference between trainer and sampler; 0: no weights.
    Only with old_logps = "recomputed"."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """Ratios below 1 - clip_low push no further down."""
    clip_high: float = Field(default=0.2, gt=0)
    """Ratios above 1 + clip_high push no further up."""
    kl_weight: float = Field(default=0.0, ge=0)
    """Of the divergence from the policy at the start of the round (GRPO's beta)."""
    inner_epochs: int = Field(default=1, ge=1)
    """Passes over a round's groups."""
    groups_per_step: int = Field(default=8, ge=1)
    """Groups (problems) of one optimizer step, over all workers."""
    skeleton_credit: float = Field(default=0.0, ge=0)
    """How much more a token counts of a word that programs on the same side of the middle level
    share and those on the other do not. An answer's mean weight stays 1."""


class ServeConfig(Section):
    """[serve] The service that rewards programs of trainers on other machines."""

    host: str = "127.0.0.1"
    """Address to listen on; "0.0.0.0" for all. Put TLS in front of it on an open network."""
    port: int = Field(default=8091, ge=0, lt=65536)
    """0: any free one."""
    max_body_mib: float = Field(default=8.0, gt=0)
    """Largest request."""
    max_programs: int = Field(default=64, ge=1)
    """Programs of one request, which are timed against each other on one core."""
    max_waiting: int = Field(default=512, ge=1)
    """Programs that wait for a core; above that, requests get 429 and a time to try again."""
    keep_hours: float = Field(default=48.0, gt=0)
    """For which a finished answer is kept, so that a request that is repeated gets the same one."""
    refuse_unverified: bool = False
    """Answer 503 where times would prove nothing, in place of rewards without a speed part."""
