"""The starting policy of a run: trained from scratch, a local folder, or a Hugging Face id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldpo.config import STARTER, Config
from skeldpo.records import Problem

_NEEDED_FILES = ("config.json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Weights that generate: a Hugging Face folder and the digest of its weights."""

    folder: str
    model_id: str


def load_policy_folder(folder: str) -> Policy:
    """The policy of a folder; ValueError says what is missing in it."""
    from skeldpo.train.model import policy_digest

    missing = [name for name in _NEEDED_FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise ValueError(
            f"no such model folder: {folder} has no {', '.join(missing)}; expected a Hugging Face "
            "folder with config.json, *.safetensors and a tokenizer"
        )
    return Policy(folder=str(Path(folder).absolute()), model_id=policy_digest(folder))


def make_starting_policy(
    config: Config, problems: Sequence[Problem], folder: str, on_progress: Callable[[str], None]
) -> Policy:
    """The policy that enters round 1; `folder` receives it unless it is a local folder already.

    ValueError if it cannot be had, or not with the adapters of train.lora.
    """
    policy = _starting_policy(config, problems, folder, on_progress)
    if config.train.lora is not None:
        from skeldpo.train.adapters import check_adapters

        check_adapters(policy.folder, config.train.lora)
    return policy


def _starting_policy(
    config: Config, problems: Sequence[Problem], folder: str, on_progress: Callable[[str], None]
) -> Policy:
    model = config.policy.model
    if model == STARTER:
        from skeldpo.starter import train_starter

        train_starter(
            problems=problems,
            config=config.starter,
            policy=config.policy,
            output_folder=folder,
            seed=config.run.seed,
            on_progress=on_progress,
        )
        return load_policy_folder(folder)
    return fetch_policy(model, folder)


def fetch_policy(model: str, folder: str) -> Policy:
    """The policy of a local folder, or of a Hugging Face id, downloaded into `folder`."""
    if Path(model).expanduser().is_dir():
        return load_policy_folder(str(Path(model).expanduser()))
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise ValueError(
            f"policy.model: no such model folder: {model!r}; expected a folder, a Hugging Face id "
            f'such as "Qwen/Qwen2.5-Coder-7B-Instruct", or "{STARTER}"'
        )
    return _download(model, folder)


def _download(model: str, folder: str) -> Policy:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        snapshot_download(
            model,
            local_dir=folder,
            allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"],
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"policy.model: {model!r} is neither a folder here nor a model that could be "
            f"downloaded ({type(error).__name__}); check the name, the network and HF_TOKEN, or "
            "give a folder"
        ) from error
    return load_policy_folder(folder)
