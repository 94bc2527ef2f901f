"""One of several gloo workers that loads, tries and saves a sharded model and tells its memory.

    python tests/sharded_memory.py FOLDER LAYERS HIDDEN VOCABULARY WORKERS [DTYPE]

makes a random Qwen2 of that shape below FOLDER if there is none, computes in DTYPE (float32), runs
the workers and prints a row for each: GiB of the interpreter with its libraries, of its peak, and
what the peak may be at most.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import Counter
from pathlib import Path

import torch
from safetensors import safe_open
from tiny_policy import byte_tokenizer, tiny_config
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from transformers import Qwen2Config, Qwen2ForCausalLM

from skeldpo.train.loading import load_network
from skeldpo.train.saving import save_network
from skeldpo.train.weights import stored_tensors

GIB = 1 << 30


def memory_bytes(field: str) -> int:
    """A line of this process's /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(field + ":")]
    return int(row.split()[1]) * 1024


class Peak:
    """The most that this process held while the block ran, looked at ten times a second, without
    pages of files that are only mapped: the kernel drops those when memory is short."""

    def __enter__(self) -> Peak:
        self.bytes = self.all_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.bytes = max(self.bytes, memory_bytes("RssAnon") + memory_bytes("RssShmem"))

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.all_bytes = memory_bytes("VmHWM")


def make_model(folder: str, layers: int, hidden: int, vocabulary: int) -> None:
    """A model of random fp32 weights with heads of 64."""
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        num_key_value_heads=max(1, hidden // 256),
        tie_word_embeddings=False,
        max_position_embeddings=1024,
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def layer_bytes(folder: str) -> Counter[str]:
    """Bytes of each decoder layer of a folder, and of each weight outside them."""
    found: Counter[str] = Counter()
    for name, stored in stored_tensors(folder).items():
        layer = re.match(r"model\.layers\.\d+\.", name)
        found[layer[0] if layer else name] += stored.num_bytes
    return found


def worker(rank: int, num_workers: int, folder: str, dtype: str) -> None:
    """Loads the model sharded, tries it, saves it and writes its memory beside it."""
    torch.set_num_threads(1)
    store = f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=num_workers)
    before = memory_bytes("VmRSS")
    mesh = init_device_mesh("cpu", (num_workers,))
    with Peak() as peak:
        config = tiny_config(dtype=dtype).train
        network = load_network(f"{folder}/start", config, 160, seed=0, mesh=mesh)
        loaded = peak.bytes
        save_network(network, byte_tokenizer(), f"{folder}/saved", "")
    row = {
        "before": before,
        "loaded": loaded,
        "peak": peak.bytes,
        "peak_with_files": peak.all_bytes,
    }
    Path(folder, f"memory-{rank}.json").write_text(json.dumps(row), encoding="utf-8")
    distributed.destroy_process_group()


def measure(
    folder: str, shape: tuple[int, int, int], num_workers: int, dtype: str
) -> tuple[list[dict[str, int]], int]:
    """Rows of the workers in bytes, and the most that one may hold: its part of the fp32 model, the
    largest layer and 1 GiB."""
    if not Path(folder, "start").exists():
        make_model(f"{folder}/start", *shape)
    layers = layer_bytes(f"{folder}/start")
    size, largest = sum(layers.values()), max(layers.values())
    # Forked: four interpreters that import torch for themselves take longer than the rest.
    multiprocessing.start_processes(
        worker, args=(num_workers, folder, dtype), nprocs=num_workers, start_method="fork"
    )
    rows = [json.loads(Path(folder, f"memory-{r}.json").read_text()) for r in range(num_workers)]
    bound = size // num_workers + largest + GIB
    for rank, row in enumerate(rows):
        told = ", ".join(f"{name} {value / GIB:.2f}" for name, value in row.items())
        print(f"worker {rank}: GiB {told}; model {size / GIB:.2f}, at most {bound / GIB:.2f}")
    return rows, bound


def same_bits(first: str, second: str) -> bool:
    """Whether two folders hold the same tensors, whatever files these are in."""
    places = [
        {name: path for path in Path(folder).glob("*.safetensors") for name in names_of(path)}
        for folder in (first, second)
    ]
    return places[0].keys() == places[1].keys() and all(
        torch.equal(tensor(path, name), tensor(places[1][name], name))
        for name, path in places[0].items()
    )


def names_of(path: Path) -> list[str]:
    with safe_open(path, framework="pt") as file:
        return list(file.keys())


def tensor(path: Path, name: str) -> torch.Tensor:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor(name)


if __name__ == "__main__":
    layers, hidden, vocabulary, num_workers = map(int, sys.argv[2:6])
    dtype = sys.argv[6] if len(sys.argv) > 6 else "float32"
    rows, bound = measure(sys.argv[1], (layers, hidden, vocabulary), num_workers, dtype)
    assert same_bits(f"{sys.argv[1]}/start", f"{sys.argv[1]}/saved")
    sys.exit(any(row["peak"] > bound for row in rows))
