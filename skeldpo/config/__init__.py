"""The configuration of a run, a frozen model a stage; `toml_file` reads it."""

from skeldpo.config.base import Section
from skeldpo.config.measure_section import MeasureConfig
from skeldpo.config.rewards_section import PolicyGradientConfig, RewardsConfig, ServeConfig
from skeldpo.config.sections import (
    STARTER,
    Config,
    EvaluateConfig,
    GenerateConfig,
    KeepOutConfig,
    PairConfig,
    PolicyConfig,
    ProblemsConfig,
    RunConfig,
    SkeletonConfig,
    StarterConfig,
    TrackingConfig,
)
from skeldpo.config.train_section import OF_PREFERENCES, LoraConfig, TrainConfig

__all__ = [
    "Config",
    "EvaluateConfig",
    "GenerateConfig",
    "KeepOutConfig",
    "LoraConfig",
    "MeasureConfig",
    "OF_PREFERENCES",
    "PairConfig",
    "PolicyConfig",
    "PolicyGradientConfig",
    "ProblemsConfig",
    "RewardsConfig",
    "RunConfig",
    "STARTER",
    "Section",
    "ServeConfig",
    "SkeletonConfig",
    "StarterConfig",
    "TrackingConfig",
    "TrainConfig",
]
