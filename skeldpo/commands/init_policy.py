"""`skeldpo init-policy`: the small starting policy, trained from scratch, without a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from skeldpo.config import PolicyConfig, ProblemsConfig, StarterConfig
from skeldpo.config_file import load_config, load_sections
from skeldpo.config_section import Section
from skeldpo.problems.sources import load_problems
from skeldpo.starter import FAMILIES, StarterResult, train_starter

MAX_MODEL_TOKENS = 640
"""Of the starter: the longest built-in problem with its longest program."""


def init_policy(
    *, output: str, config_path: str, overrides: Sequence[str], on_progress: Callable[[str], None]
) -> StarterResult:
    """Trains a policy as the configuration says, or on the default families, into a new folder."""
    seed = 0
    sections: dict[str, Section] = {
        "starter": StarterConfig(),
        "policy": PolicyConfig(model="starter", max_model_tokens=MAX_MODEL_TOKENS),
        "problems": ProblemsConfig(num_train=1, families=FAMILIES),
    }
    if config_path:
        config = load_config(config_path, overrides)
        sections = {name: getattr(config, name) for name in sections}
        seed = config.run.seed
    else:
        sections = load_sections(sections, overrides)
    starter, policy, problems = sections["starter"], sections["policy"], sections["problems"]
    assert isinstance(starter, StarterConfig)
    assert isinstance(policy, PolicyConfig)
    assert isinstance(problems, ProblemsConfig)
    return train_starter(
        problems=load_problems(problems.sources, problems.families),
        config=starter,
        policy=policy,
        output_folder=output,
        seed=seed,
        on_progress=on_progress,
    )
