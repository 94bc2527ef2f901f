"""Weights between a network and safetensors files, never the whole of them in one place.

Reading, each worker takes its slices of every tensor. Writing, a tensor at a time is put together
on all workers and goes straight to the file of the one that owns it, so a worker needs memory for
its shards and one tensor. A folder's files have the names that transformers gives them, an index
if they are more than one, and the metadata {"format": "pt"}.
"""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import safe_open
from torch import nn
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.tensor import DTensor, distribute_tensor

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""Those of safetensors files, by the names that they have there."""

_MAX_FILE_BYTES = 5_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """This process among those that share a sharded network."""

    rank: int
    num_workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """What a safetensors file says of a tensor; `dtype` is None if torch has no such one."""

    file: str
    shape: tuple[int, ...]
    dtype: torch.dtype | None

    @property
    def num_bytes(self) -> int:
        """In a file."""
        assert self.dtype is not None
        return math.prod(self.shape) * self.dtype.itemsize


TensorOf = Callable[[str, bool], torch.Tensor | None]
"""The whole tensor of a name, on every worker that needs it: all of them call it with the same
names in the same order, and whether they own its file."""


def stored_tensors(folder: str) -> dict[str, StoredTensor]:
    """Those of a folder's *.safetensors, by name, from their headers."""
    found: dict[str, StoredTensor] = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (it cannot be iterated)
                part = file.get_slice(name)
                found[name] = StoredTensor(
                    file=str(path),
                    shape=tuple(part.get_shape()),
                    dtype=_DTYPES.get(part.get_dtype()),
                )
    return found


def stored_tensor(stored: StoredTensor, name: str) -> torch.Tensor:
    """Its values, mapped from the file."""
    with safe_open(stored.file, framework="pt") as file:
        values: torch.Tensor = file.get_tensor(name)
    return values


def own_tensors(causal_lm: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers of a model that belong into its files, by the names that they have
    there: tied ones once, adapters left out."""
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, value in causal_lm.state_dict(keep_vars=True).items():
        if id(value) not in seen and ".lora_" not in name:
            seen.add(id(value))
            found[name.replace(".base_layer.", ".")] = value
    return found


def read_tensors(tensors: Mapping[str, torch.Tensor], folder: str) -> None:
    """Puts what a folder's files hold into tensors, into sharded ones the slices of this worker; in
    the tensors' own dtype. Workers need not call it together."""
    values = {name: value.detach() for name, value in tensors.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        load(values, storage_reader=HuggingFaceStorageReader(folder), no_dist=True)


def whole_tensor(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on the CPU, put together on `device` if it is sharded: all workers call it."""
    placed: Any = value.detach().to(device)
    whole: torch.Tensor = placed.full_tensor() if isinstance(placed, DTensor) else placed
    return whole.cpu()


def set_tensor(target: torch.Tensor, value: torch.Tensor) -> None:
    """Puts values that every worker has whole into a tensor, into a sharded one their slice."""
    with torch.no_grad():
        if isinstance(target, DTensor):
            mesh, placements = target.device_mesh, target.placements
            part = distribute_tensor(
                value.to(mesh.device_type), mesh, placements, src_data_rank=None
            )
            target.to_local().copy_(part.to_local())
        else:
            target.copy_(value)


def write_tensors(
    folder: Path, stored: Mapping[str, StoredTensor], tensor_of: TensorOf, workers: Workers
) -> None:
    """Writes model files with the names, shapes and dtypes of `stored` into a folder that is there.

    Every worker calls it and writes the files that are its own; rank 0 writes the index.
    """
    files = _divided(stored, workers.num_workers)
    names = _file_names(len(files))
    owners = [number % workers.num_workers for number in range(len(files))]
    with contextlib.ExitStack() as stack:
        streams: dict[int, IO[bytes]] = {}
        for number, (file, owner) in enumerate(zip(files, owners, strict=True)):
            if owner == workers.rank:
                stream = stack.enter_context((folder / names[number]).open("wb"))
                stream.write(_header({name: stored[name] for name in file}))
                streams[number] = stream
        # In turns, so that while one worker writes the next can.
        for row in zip_longest(*files):
            for number, name in enumerate(row):
                if name is None:
                    continue
                values = tensor_of(name, number in streams)
                if number in streams:
                    assert values is not None
                    assert tuple(values.shape) == stored[name].shape, name
                    streams[number].write(_bytes(values.to(stored[name].dtype)))
    if workers.rank == 0 and len(files) > 1:
        index = {
            "metadata": {"total_size": sum(each.num_bytes for each in stored.values())},
            "weight_map": {
                name: names[number] for number, file in enumerate(files) for name in file
            },
        }
        path = folder / "model.safetensors.index.json"
        path.write_text(json.dumps(index, indent=1, sort_keys=True), encoding="utf-8")


def _divided(stored: Mapping[str, StoredTensor], num_workers: int) -> list[list[str]]:
    """Names in the order of `stored`, cut into files of nearly equal size: as few as fit, but one
    for each worker."""
    total = sum(each.num_bytes for each in stored.values())
    num_files = max(-(-total // _MAX_FILE_BYTES), num_workers)
    files: list[list[str]] = [[] for _ in range(num_files)]
    done = 0
    for name, each in stored.items():
        # By its middle: a tensor larger than a file's share leaves none behind it too small.
        files[(2 * done + each.num_bytes) * num_files // (2 * total + 1)].append(name)
        done += each.num_bytes
    return [file for file in files if file]


def _file_names(num_files: int) -> list[str]:
    if num_files == 1:
        return ["model.safetensors"]
    return [f"model-{i:05d}-of-{num_files:05d}.safetensors" for i in range(1, num_files + 1)]


def _header(stored: Mapping[str, StoredTensor]) -> bytes:
    """A safetensors file up to its values: the length of a JSON text in 8 bytes, and the text.

    transformers before 4.47 refuses files without the format. The library writes files from
    tensors that are all in memory.
    """
    dtypes = {dtype: name for name, dtype in _DTYPES.items()}
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, each in stored.items():
        assert each.dtype is not None
        place = [end, end + each.num_bytes]
        entries[name] = {
            "dtype": dtypes[each.dtype],
            "shape": list(each.shape),
            "data_offsets": place,
        }
        end = place[1]
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _bytes(values: torch.Tensor) -> memoryview:
    flat: Any = values.contiguous().reshape(-1).view(torch.uint8).numpy()
    return memoryview(flat)
