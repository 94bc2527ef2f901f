"""Learners, a module each behind `contract.Learner`; `train.learner` names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skeldpo.train.learners.contract import AnyLearner

if TYPE_CHECKING:
    from skeldpo.config import TrainConfig


def make_learner(config: TrainConfig) -> AnyLearner:
    """The learner that a configuration names; the configuration has checked the name."""
    # Only that one: `rewards` needs pydantic, which a machine that only trains may lack.
    if config.learner == "rewards":
        from skeldpo.train.learners.rewards import Rewards

        return Rewards(config)
    from skeldpo.train.learners.preferences import Preferences

    return Preferences(config)
