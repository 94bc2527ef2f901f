"""A checkpoint: a Hugging Face folder of weights, and their digest; what rounds hand on.

The folder is a path that every node sees, or an URL of an object store; `local_folder` gives the
path from which a node reads it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldpo.config import STARTER
from skeldpo.storage.files import is_url
from skeldpo.storage.node_cache import (
    WEIGHTS,
    IndexedFile,
    fetch_folder,
    new_folder,
    push_folder,
    read_index,
)
from skeldpo.storage.store import VISIBLE_WITHIN_S

_NEEDED_FILES = ("config.json",)
_WEIGHTS_INDEX = "model.safetensors.index.json"
_ONE_FILE = ("model.safetensors", "adapter_model.safetensors")
"""How transformers and peft call the only weight file of a folder."""
_TEXTS = (
    "config.json",
    "generation_config.json",
    "chat_template*",
    "tok*",
    "tekken.json",
    "special_tokens*",
    "added_tokens*",
    "vocab*",
    "merges*",
)
_ADAPTER_CONFIG = "adapter_config.json"
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights that generate, or start a training; `model_id` is their digest."""

    folder: str
    model_id: str


def load_checkpoint(folder: str) -> Checkpoint:
    """The checkpoint of a folder or URL; ValueError says what is missing in it."""
    if is_url(folder):
        return Checkpoint(folder=folder, model_id=_indexed_digest(read_index(folder), folder))
    _require_model(folder)
    return Checkpoint(folder=str(Path(folder).absolute()), model_id=weights_digest(folder))


def model_place(model: str) -> str:
    """The path of a local folder, or a Hugging Face id as it is; ValueError for what is neither."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        _require_model(str(folder))
        return str(folder)
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise ValueError(
            f"policy.model: no such model folder: {model!r}; expected a folder, a Hugging Face id "
            f'such as "Qwen/Qwen2.5-Coder-7B-Instruct", or "{STARTER}"'
        )
    return model


def _require_model(folder: str) -> None:
    if Path(folder, _ADAPTER_CONFIG).is_file():
        raise ValueError(
            f"{folder} has {_ADAPTER_CONFIG}, so it is an adapter, or a model that transformers "
            "puts one on and engines do not; expected a model alone: merge the adapter into its "
            "base (PEFT's merge_and_unload) and save that in a folder of its own"
        )
    missing = [name for name in _NEEDED_FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise ValueError(
            f"no such model folder: {folder} has no {', '.join(missing)}; expected a Hugging Face "
            "folder with config.json, *.safetensors and a tokenizer"
        )


def local_folder(checkpoint: Checkpoint, *, weights: bool = True) -> str:
    """The path from which this node reads a checkpoint, fetched into its cache if it is not there;
    where the weights are not wanted, they may be missing in it.

    RuntimeError if the URL holds other weights than the checkpoint's.
    """
    if not is_url(checkpoint.folder):
        if weights:
            weight_files(checkpoint.folder)  # engines and trainers list the folder themselves
        return checkpoint.folder
    index = read_index(checkpoint.folder)
    found = _indexed_digest(index, checkpoint.folder)
    if found != checkpoint.model_id:
        raise RuntimeError(
            f"{checkpoint.folder}: expected weights {checkpoint.model_id[:16]}..., found "
            f"{found[:16]}...; they were replaced after this run had used them"
        )
    return fetch_folder(checkpoint.folder, index, weights=weights)


def local_place(folder: str, *, weights: bool = True) -> str:
    """As `local_folder`, of whatever weights are there."""
    return fetch_folder(folder, read_index(folder), weights=weights) if is_url(folder) else folder


def pushed_part_digest(url: str, part: str) -> str:
    """`weights_digest` of a folder within a checkpoint at an URL, from its index; empty if it has
    no such folder."""
    digests = _weights_in(read_index(url), f"{part}/")
    return _joined_digest(digests.items()) if digests else ""


def push_checkpoint(checkpoint: Checkpoint, url: str) -> Checkpoint:
    """The same checkpoint at an URL, put there unless it is at one already."""
    if is_url(checkpoint.folder):
        return checkpoint
    push_folder(checkpoint.folder, url)
    return load_checkpoint(url)


def fetch_checkpoint(model: str, folder: str) -> Checkpoint:
    """That of a local folder, of one that a run put at an URL, or of a Hugging Face id, downloaded
    into `folder`; if that is an URL, the local ones are put there, too."""
    if is_url(model):
        return load_checkpoint(model.rstrip("/"))
    if is_url(folder):
        with new_folder() as place:
            return push_checkpoint(fetch_checkpoint(model, place), folder)
    place = model_place(model)
    return _given(place) if Path(place).is_dir() else _download(model, folder)


def weights_digest(folder: str) -> str:
    """SHA-256 (hex) of a folder's weight files: the model_id of what they write."""
    return _joined_digest((file.name, _file_digest(file)) for file in weight_files(folder))


def text_digests(folder: str, names: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 (hex) of what says how a folder's weights are asked and computed with (configuration,
    tokenizer, chat template), by file: those that are listed, and of `names` those that are there.
    """
    if is_url(folder):
        found = {file.path: file.sha256 for file in read_index(folder)}
        return {name: found[name] for name in found if _is_text(name)}
    listed = {path.name for path in Path(folder).iterdir() if _is_text(path.name)}
    files = {name: Path(folder, name) for name in {*listed, *names}}
    return {name: _file_digest(file).hex() for name, file in files.items() if file.is_file()}


def _is_text(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _TEXTS)


def weight_files(folder: str, visible_within_s: float = VISIBLE_WITHIN_S) -> list[Path]:
    """The weight files of a folder of a disk, sorted. On shared disks a listing may lack what
    another node has just written: files that the folder's index names are waited for.

    ValueError if it has none; RuntimeError if those of its index do not come.
    """
    wanted = {Path(folder, name) for name in _indexed_names(Path(folder))}
    deadline_s = time.monotonic() + visible_within_s
    while True:
        found = set(Path(folder).glob("*.safetensors"))
        missing = sorted(wanted - found)
        if not missing or time.monotonic() >= deadline_s:
            break
        time.sleep(_POLL_S)
    if missing:
        raise RuntimeError(
            f"{missing[0]} is in the index of its folder and is not listed there after "
            f"{visible_within_s:g} s ({len(missing)} such files); if other nodes see it, start the "
            "same command again; if it is lost, remove the manifest of the stage that made it"
        )
    if not found:
        raise ValueError(f"no *.safetensors in {folder}; expected a saved policy")
    return sorted(found)


def _given(folder: str) -> Checkpoint:
    """The checkpoint of a folder that no run has made; ValueError for a tensor in two files, of
    which engines, trainers and transformers do not take the same one."""
    checkpoint = load_checkpoint(folder)
    seen: dict[str, Path] = {}
    for file in weight_files(folder):
        for name in _tensor_names(file):
            other = seen.setdefault(name, file)
            if other != file:
                raise ValueError(
                    f"{name} is in {other} and in {file.name}; remove the weight files that are "
                    "not the model's"
                )
    return checkpoint


def _tensor_names(file: Path) -> list[str]:
    """From the header of a weight file; none if it has no such header, which its readers tell."""
    with file.open("rb") as stream:
        num_bytes = int.from_bytes(stream.read(8), "little")
        header = stream.read(num_bytes) if num_bytes < file.stat().st_size else b"{}"
    return [name for name in _json_object(header, file) if name != "__metadata__"]


def _json_object(text: bytes, file: Path) -> dict[str, Any]:
    try:
        held = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{file} is damaged, or only half there: {error}") from error
    if not isinstance(held, dict):
        raise ValueError(f"{file} is damaged: expected a JSON object, got {held!r:.80}")
    return held


def _indexed_names(folder: Path) -> set[str]:
    """Weight files of which the folder itself says that they are there, opened by name."""
    index = folder / _WEIGHTS_INDEX
    if index.is_file():
        return set(_json_object(index.read_bytes(), index).get("weight_map", {}).values())
    return {name for name in _ONE_FILE if (folder / name).is_file()}


def _file_digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _indexed_digest(index: Iterable[IndexedFile], url: str) -> str:
    """`weights_digest` of a folder from its index."""
    index = tuple(index)
    weights, paths = _weights_in(index), {file.path for file in index}
    missing = [name for name in _NEEDED_FILES if name not in paths]
    if missing or not weights:
        raise ValueError(f"no such model folder: {url} lacks {missing or '*.safetensors'}")
    return _joined_digest(weights.items())


def _weights_in(index: Iterable[IndexedFile], folder: str = "") -> dict[str, bytes]:
    """Digests of the weight files right in a folder of an index ("" or "name/"), by sorted name."""
    found = {
        file.path.removeprefix(folder): bytes.fromhex(file.sha256)
        for file in index
        if file.path.startswith(folder) and file.path.endswith(WEIGHTS)
    }
    return {name: found[name] for name in sorted(found) if "/" not in name}


def _joined_digest(files: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(name.encode())
        digest.update(content)
    return digest.hexdigest()


def _download(model: str, folder: str) -> Checkpoint:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        snapshot_download(
            model,
            local_dir=folder,
            allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"],
            ignore_patterns=["consolidated*"],  # the weights of Mistral's models once more
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"policy.model: {model!r} is neither a folder here nor a model that could be "
            f"downloaded ({type(error).__name__}); check the name, the network and HF_TOKEN, or "
            "give a folder"
        ) from error
    return _given(folder)
