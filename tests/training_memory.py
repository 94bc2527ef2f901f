"""Trains a random Qwen2 for two steps on one or more gloo workers and tells their memory.

    python tests/training_memory.py FOLDER REQUEST...

A REQUEST is JSON: "name", "shape" (keywords of Qwen2Config), "train" (the [train] section) and
"pairs" a worker and step. Prints a row a worker, with the name and in bytes without pages of files:
what the process held before the model ("before"), and its peak ("peak").
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import peft  # noqa: F401 (before memory is looked at; LoRA imports it)
import torch
from sharded_memory import Peak, memory_bytes
from tiny_policy import byte_tokenizer, tiny_config
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmarks.train_workload import WORKLOADS, make_pairs
from skeldpo.train.learners.preferences import Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.reference import reference_logps


def worker(rank: int, folder: str, request: dict) -> None:
    """One worker from load to the second step."""
    torch.set_num_threads(1)
    train = tiny_config(**request["train"]).train
    size = train.num_workers
    store = f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=size)
    work = dataclasses.replace(
        WORKLOADS["cpu-1m"],
        vocab_size=request["shape"]["vocab_size"],
        statement_tokens=200,
        answer_tokens=64,
    )
    pairs = make_pairs(work, 2 * size * request["pairs"])
    learner = Preferences(train)
    before = memory_bytes("RssAnon")
    with Peak() as peak:
        mesh = init_device_mesh("cpu", (size,))
        network = load_network(f"{folder}/start", train, 8192, seed=0, mesh=mesh)
        budget = train.max_tokens_per_forward
        rows = reference_logps(network, learner, pairs, budget, "")
        run_steps(
            network,
            build_optimizer(network, train),
            plan_steps(pairs, learner, seed=0),
            {row.example_id: row for row in rows},
            learner,
            lambda index, metrics: False,
        )
    row = {"before": before, "peak": peak.bytes}
    Path(folder, f"memory-{rank}.json").write_text(json.dumps(row), encoding="utf-8")
    distributed.destroy_process_group()


def make_start(_: int, folder: str, request: dict) -> None:
    """The model, in a process of its own: what it leaves of memory is no worker's."""
    torch.manual_seed(0)
    Qwen2ForCausalLM(Qwen2Config(**request["shape"])).save_pretrained(f"{folder}/start")
    byte_tokenizer().save_pretrained(f"{folder}/start")


def run(folder: str, request: dict) -> None:
    """The rows of one request; forked, so that torch is imported once."""
    Path(folder).mkdir()
    number = request["train"].get("num_workers", 1)
    for work, num_processes in ((make_start, 1), (worker, number)):
        multiprocessing.start_processes(
            work, args=(folder, request), nprocs=num_processes, start_method="fork"
        )
    for rank in range(number):
        row = json.loads(Path(folder, f"memory-{rank}.json").read_text(encoding="utf-8"))
        print(json.dumps({"name": request["name"], **row}))


if __name__ == "__main__":
    for index, text in enumerate(sys.argv[2:]):
        run(f"{sys.argv[1]}/{index}", json.loads(text))
