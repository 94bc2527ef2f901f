"""A checkpoint: a Hugging Face folder of weights, and their digest; what rounds hand on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from skeldpo.config import STARTER

_NEEDED_FILES = ("config.json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights that generate, or start a training; `model_id` is their digest."""

    folder: str
    model_id: str


def load_checkpoint(folder: str) -> Checkpoint:
    """The checkpoint of a folder; ValueError says what is missing in it."""
    missing = [name for name in _NEEDED_FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise ValueError(
            f"no such model folder: {folder} has no {', '.join(missing)}; expected a Hugging Face "
            "folder with config.json, *.safetensors and a tokenizer"
        )
    return Checkpoint(folder=str(Path(folder).absolute()), model_id=weights_digest(folder))


def fetch_checkpoint(model: str, folder: str) -> Checkpoint:
    """That of a local folder, or of a Hugging Face id, downloaded into `folder`."""
    if Path(model).expanduser().is_dir():
        return load_checkpoint(str(Path(model).expanduser()))
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise ValueError(
            f"policy.model: no such model folder: {model!r}; expected a folder, a Hugging Face id "
            f'such as "Qwen/Qwen2.5-Coder-7B-Instruct", or "{STARTER}"'
        )
    return _download(model, folder)


def weights_digest(folder: str) -> str:
    """SHA-256 (hex) of a folder's weight files: the model_id of what they write."""
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise ValueError(f"no *.safetensors in {folder}; expected a saved policy")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _download(model: str, folder: str) -> Checkpoint:
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
    return load_checkpoint(folder)
