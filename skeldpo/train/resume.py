"""What a training run resumes from: trainable parameters, optimizer, progress.

Written with torch.distributed.checkpoint, so a run resumes on another number of workers. Frozen
parameters are not in it: they come from the checkpoint that training started from. Of a training
that ended there is its history, which says that the folder it made need not be made again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from skeldpo.storage.files import folder_and_name, is_url
from skeldpo.storage.node_cache import INDEX
from skeldpo.storage.store import Store, write_file
from skeldpo.train.network import Network, workers_of

_PROGRESS_FILE = "progress.json"
_TRAINABLE = StateDictOptions(ignore_frozen_params=True, strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is: the next step's index and the metrics of the steps before it."""

    next_step: int
    history: tuple[dict[str, float], ...]


def save_state(
    network: Network, optimizer: torch.optim.Optimizer, progress: Progress, folder: str
) -> None:
    """Writes this worker's shards to a folder, which may be its own; rank 0 adds the progress."""
    save(_trainable_state(network, optimizer), checkpoint_id=folder)
    if workers_of(network).rank == 0:
        row = {"next_step": progress.next_step, "history": list(progress.history)}
        Path(folder, _PROGRESS_FILE).write_text(json.dumps(row), encoding="utf-8")


def load_state(network: Network, optimizer: torch.optim.Optimizer, folder: str) -> Progress:
    """Puts saved values into network and optimizer; `folder` holds the shards of all workers."""
    state = _trainable_state(network, optimizer)
    load(state, checkpoint_id=folder)
    set_state_dict(
        network,
        optimizer,
        model_state_dict=state["policy"],
        optim_state_dict=state["optimizer"],
        options=_TRAINABLE,
    )
    row = json.loads(Path(folder, _PROGRESS_FILE).read_text(encoding="utf-8"))
    return Progress(next_step=row["next_step"], history=tuple(row["history"]))


def save_ending(
    history: Sequence[dict[str, float]], round_metrics: dict[str, float], path: str
) -> None:
    """Says that the last step is done, before the trained folder gets its name; `round_metrics` are
    the figures of the whole training."""
    row = {"history": list(history), "round_metrics": round_metrics}
    write_file(path, json.dumps(row))


def find_ending(path: str, output_folder: str) -> dict[str, Any] | None:
    """`history` and `round_metrics` of a training whose folder is there as a whole, else None.

    `path` must be of no other training than the folder: the folder gets its name (at an URL, its
    index) after the ending was written, and is removed before another training begins.
    """
    folder, name = folder_and_name(path)
    store, output = Store(folder), Store(output_folder)
    last = INDEX if is_url(output_folder) else "config.json"
    if not (store.exists(name) and output.exists(last)):
        return None
    row: dict[str, Any] = json.loads(store.read_text(name))
    return row


def _trainable_state(network: Network, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The tensors that are saved, each once: `ignore_frozen_params` leaves tied ones in."""
    model_state, optimizer_state = get_state_dict(network, optimizer, options=_TRAINABLE)
    names = {name for name, value in network.named_parameters() if value.requires_grad}
    trainable = {name: value for name, value in model_state.items() if name in names}
    return {"policy": trainable, "optimizer": optimizer_state}
