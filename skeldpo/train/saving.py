"""A trained network as a policy folder, which all workers write together.

It is a plain Hugging Face folder that vLLM and transformers load, in the dtypes of the one that the
training started from; with LoRA the adapter is merged into the base. What was trained exactly lies
beside the weights (see `start`).
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from skeldpo.storage import durable
from skeldpo.storage.files import is_url
from skeldpo.storage.node_cache import (
    IndexedFile,
    keep_folder,
    new_folder,
    push_files,
    remove_folder,
    write_index,
)
from skeldpo.storage.scratch import scratch_folder
from skeldpo.train.adapters import adapt, adapter_parameters, merged_weight, write_adapters
from skeldpo.train.heap import returning_memory
from skeldpo.train.network import Network, add_up, device_of, workers_of
from skeldpo.train.start import ADAPTER_FOLDER, MASTERS_FOLDER
from skeldpo.train.stored_model import read_dtypes
from skeldpo.train.weights import (
    StoredTensor,
    Workers,
    own_tensors,
    stored_tensor,
    stored_tensors,
    whole_tensor,
    write_tensors,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CONFIG = "config.json"
_COPIED_FILES = (
    "generation_config.json",
    # Without these no engine starts with a model that reads pictures too (Gemma 3).
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a training did to the weights that are served: how many of them differ from the ones
    before, as they are stored (0 of 0 if that was not looked at)."""

    num_changed: int
    num_weights: int


@returning_memory()
def save_network(
    network: Network,
    tokenizer: PreTrainedTokenizerBase,
    folder: str,
    card: str,
    base_name: str = "",
) -> Saved:
    """Writes a policy folder with a model card, replacing what was there: aside and renamed, or at
    an URL with its index last.

    Every worker calls it. Each needs memory for one tensor beside its shards; rank 0 for the model
    where the network's files do not have the model's own tensors (see `load_network`).

    Args:
        network: the trained one.
        tokenizer: saved with it.
        folder: on a disk that all workers share, or an URL.
        card: text of its README.md.
        base_name: what the adapter says that it belongs to; empty for the base's folder.
    """
    workers = workers_of(network)
    with _filled(folder, workers) as aside:
        adapters = {
            name: whole_tensor(value, device_of(network))
            for name, value in adapter_parameters(network.causal_lm).items()
            if network.lora is not None
        }
        saved = _write_model(network, adapters, aside)
        if workers.rank == 0:
            if network.lora is not None:
                base = base_name or network.start.model
                adapter = str(aside / ADAPTER_FOLDER)
                write_adapters(adapters, network.lora, adapter, base, network.causal_lm)
            tokenizer.save_pretrained(aside)
            Path(aside, "README.md").write_text(card, encoding="utf-8")
    return saved


@contextlib.contextmanager
def _filled(folder: str, workers: Workers) -> Iterator[Path]:
    """Where the block of each worker writes its files; they are in the folder, which all workers
    wait for, when it ends."""
    if is_url(folder):
        with new_folder() as own:
            yield Path(own)
            _push(own, folder, workers)
        return
    target = Path(folder)
    aside = target.parent / f".{target.name}-aside"
    if workers.rank == 0:
        target.parent.mkdir(parents=True, exist_ok=True)
        if aside.exists():  # of a worker group that died
            shutil.rmtree(aside)
        aside.mkdir()
    _wait()
    yield aside
    _wait()
    if workers.rank == 0:
        if target.exists():
            shutil.rmtree(target)
        durable.replace(aside, target)
    _wait()


def _push(own: str, url: str, workers: Workers) -> None:
    """Puts the files of every worker at an URL; this node need not fetch what is all here."""
    if workers.rank == 0:
        remove_folder(url)
    _wait()
    pushed = push_files(own, url)
    parts: list[tuple[IndexedFile, ...]] = [pushed]
    if distributed.is_initialized():
        parts = [()] * workers.num_workers
        distributed.all_gather_object(parts, pushed)
    index = tuple(sorted((file for part in parts for file in part), key=lambda file: file.path))
    if workers.rank == 0:
        write_index(url, index)
    keep_folder(own, index)
    _wait()


def check_tokenizer(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], model_folder: str = ""
) -> None:
    """ValueError if the tokenizer gives other ids once it is saved and loaded by AutoTokenizer.

    `model_folder`, if given, is the folder whose config.json will lie beside it: transformers
    picks the tokenizer's class by it.
    """
    with scratch_folder() as folder:
        if model_folder:
            AutoConfig.from_pretrained(model_folder).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        loaded = AutoTokenizer.from_pretrained(folder)
    for text in texts:
        before, after = (t.encode(text, add_special_tokens=False) for t in (tokenizer, loaded))
        if before != after:
            raise ValueError(
                f"the tokenizer ({type(tokenizer).__name__}) gives other ids after it is saved and "
                f"loaded (as {type(loaded).__name__}): {before[:8]}... became {after[:8]}... for "
                f"{text[:40]!r}; use the tokenizer class that belongs to the model's architecture"
            )


def _write_model(network: Network, adapters: Mapping[str, torch.Tensor], folder: Path) -> Saved:
    """Config and weights, and the masters of full training if the weights are rounded."""
    start, workers, stored = network.start, workers_of(network), network.stored
    if not stored:
        return _write_whole(network, adapters, folder)
    if workers.rank == 0:
        _copy_files((_CONFIG, *_COPIED_FILES), start.model, folder)
    before = stored if start.policy == start.model else stored_tensors(start.policy)
    trained = own_tensors(network.causal_lm) if network.lora is None else {}
    counts = torch.zeros(2, dtype=torch.int64)  # changed, all

    def served(name: str, is_mine: bool) -> torch.Tensor | None:
        dtype = stored[name].dtype
        if trained:
            values = whole_tensor(trained[name].detach().to(dtype), device_of(network))
        elif is_mine:
            base = stored_tensor(stored[name], name)
            values = merged_weight(network.causal_lm, name, base, adapters).to(dtype)
        if not is_mine:
            return None
        counts[0] += int((values != stored_tensor(before[name], name)).sum())
        counts[1] += values.numel()
        return values

    write_tensors(folder, stored, served, workers)
    if any(each.dtype != torch.float32 for each in stored.values()):
        _write_masters(network, folder)
    counts = counts.to(device_of(network))
    add_up(network, counts)
    return Saved(num_changed=int(counts[0]), num_weights=int(counts[1]))


def _write_masters(network: Network, folder: Path) -> None:
    """What full training has trained, in fp32, with the model's own names."""
    if network.lora is not None:
        return
    own = own_tensors(network.causal_lm)
    kept = {
        name: StoredTensor(file="", shape=tuple(value.shape), dtype=value.dtype)
        for name, value in own.items()
    }
    masters = folder / MASTERS_FOLDER
    masters.mkdir(exist_ok=True)  # by all workers: the folder may be each one's own
    device = device_of(network)
    write_tensors(
        masters, kept, lambda name, _: whole_tensor(own[name], device), workers_of(network)
    )


def _write_whole(network: Network, adapters: Mapping[str, torch.Tensor], folder: Path) -> Saved:
    """By transformers, on rank 0, which loads the model again: it knows how files that do not have
    the model's own tensors are made of it."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    source = network.start.model
    state: dict[str, Any] = {}
    if network.lora is None:
        state = get_model_state_dict(network, options=options)
    if workers_of(network).rank == 0:
        dtype = AutoConfig.from_pretrained(source).dtype or torch.float32
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype if network.lora is None else torch.float32
        )
        if network.lora is None:
            model.load_state_dict({n.removeprefix("causal_lm."): v for n, v in state.items()})
        else:
            dtypes = read_dtypes(model, source)
            model = adapt(model, network.lora, adapters)
            for name, value in model.state_dict(keep_vars=True).items():
                value.data = value.data.to(dtypes[name])
        # The folder's own is copied: transformers reads some that it refuses to write.
        model.generation_config = GenerationConfig()
        model.save_pretrained(folder)
        _copy_files(_COPIED_FILES, source, folder)
    _write_masters(network, folder)
    return Saved(num_changed=0, num_weights=0)


def _copy_files(names: Sequence[str], source: str, folder: Path) -> None:
    for name in names:
        if Path(source, name).is_file():
            shutil.copyfile(Path(source, name), folder / name)


def _wait() -> None:
    if distributed.is_initialized():
        distributed.barrier()
