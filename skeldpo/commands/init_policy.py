"""`skeldpo init-policy`: the small starting policy, trained from scratch, without a run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from skeldpo.config import (
    Config,
    KeepOutConfig,
    PolicyConfig,
    ProblemsConfig,
    Section,
    StarterConfig,
)
from skeldpo.config.toml_file import load_config, load_sections
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.sources import load_problems
from skeldpo.starter import FAMILIES, StarterResult, train_starter
from skeldpo.storage.files import absolute_place, is_url
from skeldpo.storage.node_cache import new_folder, push_folder
from skeldpo.storage.store import Store

MAX_MODEL_TOKENS = 640
"""Of the starter: the longest built-in problem with its longest program."""


class _Sections(Section):
    starter: StarterConfig = StarterConfig()
    policy: PolicyConfig = PolicyConfig(model="starter", max_model_tokens=MAX_MODEL_TOKENS)
    problems: ProblemsConfig = ProblemsConfig(num_train=1, families=FAMILIES)
    keep_out: KeepOutConfig = KeepOutConfig()


def init_policy(
    *, output: str, config_path: str, overrides: Sequence[str], on_progress: Callable[[str], None]
) -> StarterResult:
    """Trains a policy as the configuration says, or on the default families, into a new folder,
    which may be an URL; ValueError if it holds something, such as the weights of another model."""
    output = absolute_place(output)
    held = Store(output).names("")
    if held:
        raise ValueError(
            f"{output} is not empty ({', '.join(held[:3])}); give another --out, or remove it"
        )
    seed = 0
    given: Config | _Sections
    if config_path:
        given = config = load_config(config_path, overrides)
        seed = config.run.seed
    else:
        given = load_sections(_Sections(), overrides)
    problems = load_problems(given.problems.sources, given.problems.families)
    kept = keep_out(problems, given.keep_out)
    if account := kept.account():
        on_progress(account)
    with new_folder() if is_url(output) else contextlib.nullcontext(output) as folder:
        result = train_starter(
            problems=kept.problems,
            config=given.starter,
            policy=given.policy,
            output_folder=folder,
            seed=seed,
            on_progress=on_progress,
        )
        if is_url(output):
            push_folder(folder, output)
            result = replace(result, folder=output)
    return result
