"""Learners, a module each behind `contract.Learner`; `train.learner` names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skeldpo.train.learners.contract import AnyLearner
from skeldpo.train.learners.preferences import Preferences
from skeldpo.train.learners.rewards import Rewards

if TYPE_CHECKING:
    from skeldpo.config_train import TrainConfig


def make_learner(config: TrainConfig) -> AnyLearner:
    """The learner that a configuration names; the configuration has checked the name."""
    learners: dict[str, type[Preferences] | type[Rewards]]
    learners = {"preferences": Preferences, "rewards": Rewards}
    return learners[config.learner](config)
