"""What a run begins with: its folder, and the policy that enters round 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from skeldpo.checkpoints import (
    Checkpoint,
    fetch_checkpoint,
    load_checkpoint,
    local_folder,
    push_checkpoint,
    text_digests,
)
from skeldpo.config import STARTER, Config
from skeldpo.config.toml_file import parse_config
from skeldpo.problems.kept import forget_problems
from skeldpo.records import Problem
from skeldpo.rounds.stages import same_weights
from skeldpo.special_tokens import read_tokenizer
from skeldpo.storage.files import is_url
from skeldpo.storage.node_cache import new_folder
from skeldpo.storage.store import Store, round_folder, run_root

POLICY_0 = "policy-0"
"""Folder of the starting policy, unless that is a local folder elsewhere."""
START_FILE = "policy-0.json"
"""Where the starting policy is, and the digests of its weights and of its other files."""

_NUM_TRIED = 8
"""Statements that a policy's tokenizer is tried on."""

Tell = Callable[[str], None]
"""Shows a line of progress."""


def make_starting_checkpoint(
    config: Config, problems: Sequence[Problem], folder: str, tell: Tell
) -> Checkpoint:
    """What enters round 1: trained from scratch into `folder`, downloaded there, or a local folder,
    which is put at `folder` if that is an URL.

    ValueError if it cannot be had, or could not be trained.
    """
    if is_url(folder):
        with new_folder() as place:
            made = make_starting_checkpoint(config, problems, place, tell)
            return push_checkpoint(made, folder)
    model = config.policy.model
    if model == STARTER:
        from skeldpo.starter import train_starter

        train_starter(
            problems=problems,
            config=config.starter,
            policy=config.policy,
            output_folder=folder,
            seed=config.run.seed,
            on_progress=tell,
        )
        checkpoint = load_checkpoint(folder)
    else:
        checkpoint = fetch_checkpoint(model, folder)
    check_policy(local_folder(checkpoint, weights=False), config, problems)
    return checkpoint


def check_policy(model: str, config: Config, problems: Sequence[Problem]) -> None:
    """ValueError if the model of a folder or Hugging Face id could not be asked or trained, as far
    as its configuration, tokenizer and names of weights tell; OSError if these cannot be had."""
    from skeldpo.prompts import Prompts  # these take seconds to import
    from skeldpo.train.loading import check_trainable
    from skeldpo.train.saving import check_tokenizer

    check_trainable(model, config.train, config.policy.max_model_tokens)
    tokenizer = read_tokenizer(model)
    Prompts(tokenizer, config.policy)
    check_tokenizer(tokenizer, [each.statement for each in problems[:_NUM_TRIED]], model)


def run_store(config: Config) -> Store:
    """The folder of a run."""
    return Store(run_root(config.run.storage, config.run.name))


def open_run(config: Config) -> Store:
    """The folder of a run, made if it is not there; ValueError if another configuration made it.

    A run that stopped before its starting policy was there has nothing to protect: what was wrong
    in its configuration or problems was mended since.
    """
    store = run_store(config)
    if store.exists("config.json"):
        made_with = read_config(store)
        is_same = made_with.digest() == config.digest()
        if not _has_begun(store):
            forget_problems(store)
            if not is_same:
                store.remove(POLICY_0)  # half a download of another model, say
        elif not is_same:
            raise ValueError(
                f"{store.root} was made by another configuration "
                f"({_differences(made_with, config)}); give the run another name (--set "
                "run.name=...) or remove that folder"
            )
    elif _has_begun(store):
        raise ValueError(
            f"{store.root} holds stages of a run, and no config.json that says what they were made "
            "with: put it back, or give the run another name (--set run.name=...)"
        )
    store.write_text("config.json", config.model_dump_json(indent=1))
    return store


def read_config(store: Store) -> Config:
    """The configuration that a run was made with; ValueError if this version does not take it."""
    held = store.read_json("config.json")
    try:
        return parse_config(held, store.location("config.json"))
    except ValueError as error:
        raise ValueError(
            f"{error}; if another version of skeldpo made that run, go on with that one, or give "
            "the run another name (--set run.name=...)"
        ) from error


def keep_start(store: Store, checkpoint: Checkpoint) -> None:
    """Writes down what enters round 1."""
    held = {**asdict(checkpoint), "files": text_digests(checkpoint.folder)}
    store.write_text(START_FILE, json.dumps(held))


def kept_start(store: Store) -> Checkpoint:
    """What entered round 1; ValueError if its weights, or what says how they are asked and
    computed with, are not what they were."""
    held, folder = store.read_json(START_FILE, "model_id", "folder"), start_folder(store)
    checkpoint = same_weights(folder, str(held["model_id"]))
    before = held.get("files", {})  # runs of before have none
    now = text_digests(folder, before) if before else {}
    changed = sorted(name for name in before | now if before.get(name) != now.get(name))
    if changed:
        raise ValueError(
            f"{', '.join(changed)} in {folder} changed since the run began: what is sampled next "
            "would not fit what was; put them back, or give the run another name (--set "
            "run.name=...)"
        )
    return checkpoint


def start_folder(store: Store) -> str:
    """Where the policy is that entered round 1. A run's own copy is found where the run is now: its
    folder may have been moved or copied since."""
    made = str(store.read_json(START_FILE, "folder")["folder"])
    return store.location(POLICY_0) if store.exists(POLICY_0) else made


def _has_begun(store: Store) -> bool:
    """Whether the starting policy is made, or anything is there that was made after it."""
    has_start = store.read_manifest(round_folder(0), "start") is not None
    return has_start or store.exists(round_folder(1))


def _differences(left: Config, right: Config) -> str:
    """The keys that can change a result and whose values differ, as section.key."""
    before, after = left.result_values(), right.result_values()
    keys = [
        f"{section}.{key}: {before[section].get(key)!r} there, {value!r} now"
        for section in after
        for key, value in after[section].items()
        if before[section].get(key) != value
    ]
    return "; ".join(keys[:5])
