"""The rate of the matrix products that a training step consists of, timed alone.

What a step could reach at most: the same products, of the same shapes, with the same threads and
dtype in the same process, one after the other with nothing between them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from benchmarks.train_workload import Workload, tree_length

_CHUNK_LOGITS = {"cpu": 2**27, "cuda": 2**28}
"""As `skeldpo.train.logps` cuts the output layer's rows."""

_REPEATS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`count` times (rows, inputs) by (inputs, outputs), with both products of its backward pass
    unless the weight is frozen."""

    rows: int
    inputs: int
    outputs: int
    count: int
    is_frozen: bool

    @property
    def flops(self) -> float:
        """Of all of it."""
        return (
            (4.0 if self.is_frozen else 6.0) * self.count * self.rows * self.inputs * self.outputs
        )


def products(work: Workload) -> Iterator[Product]:
    """Those of one forward and backward pass over `pairs_per_forward` pairs."""
    head_size = work.hidden_size // work.num_heads
    keys = work.num_key_heads * head_size
    rows, layers = work.pairs_per_forward * tree_length(work), work.num_layers
    for inputs, outputs, number in (
        (work.hidden_size, work.hidden_size, 2),
        (work.hidden_size, keys, 2),
        (work.hidden_size, work.intermediate_size, 2),
        (work.intermediate_size, work.hidden_size, 1),
    ):
        yield Product(
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            count=number * layers,
            is_frozen=work.lora_rank > 0,
        )
    answers = work.pairs_per_forward * (4 if work.skeletons else 2) * work.answer_tokens
    num_chunks = -(-answers * work.vocab_size // _CHUNK_LOGITS[work.device])
    yield Product(
        rows=-(-answers // num_chunks),
        inputs=work.hidden_size,
        outputs=work.vocab_size,
        count=num_chunks,
        is_frozen=work.lora_rank > 0,
    )


def matmul_flops_per_second(work: Workload) -> float:
    """All products' operations over the sum of their times; each is the best of five."""
    flops = seconds = 0.0
    for product in products(work):
        flops += product.flops
        seconds += product.count * _seconds(product, work)
    return flops / seconds


def _seconds(product: Product, work: Workload) -> float:
    """Best time of one of them, its backward pass included."""
    dtype, device = getattr(torch, work.dtype), torch.device(work.device)
    inputs = torch.randn(product.rows, product.inputs, device=device).to(dtype)
    weight = torch.randn(product.outputs, product.inputs, device=device).to(dtype)
    slope = torch.randn(product.rows, product.outputs, device=device).to(dtype)
    best = float("inf")
    for _ in range(_REPEATS):
        _wait(device)
        started = time.perf_counter()
        inputs @ weight.T
        slope @ weight
        if not product.is_frozen:
            slope.T @ inputs
        _wait(device)
        best = min(best, time.perf_counter() - started)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
