"""The table of docs/SIZING.md: `python -m benchmarks.sizing_table` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from skeldpo.config import LoraConfig, TrainConfig
from skeldpo.sizing.needs import GIB, Part
from skeldpo.sizing.shape import ModelShape, llama_shape
from skeldpo.sizing.worker import worker_need

WORKERS = (1, 2, 4, 8)
NUM_TOKENS = 16384


def qwen_shapes() -> dict[str, ModelShape]:
    """Qwen2.5-Coder's, by their size; bf16 files."""
    rows = {
        "0.5 B": (896, 4864, 24, (14, 2), 151_936, True),
        "1.5 B": (1536, 8960, 28, (12, 2), 151_936, True),
        "7 B": (3584, 18_944, 28, (28, 4), 152_064, False),
        "14 B": (5120, 13_824, 48, (40, 8), 152_064, False),
        "32 B": (5120, 27_648, 64, (40, 8), 152_064, False),
    }
    return {
        name: llama_shape(
            hidden_size=hidden,
            mlp_size=mlp,
            num_layers=layers,
            heads=heads,
            vocab_size=vocabulary,
            is_tied=tied,
            stored_weight_bytes=2,
        )
        for name, (hidden, mlp, layers, heads, vocabulary, tied) in rows.items()
    }


def methods() -> dict[str, LoraConfig | None]:
    """What is trained; adapters of rank 32 on all linear layers."""
    return {
        "full": None,
        "LoRA": LoraConfig(rank=32, alpha=64),
        "QLoRA": LoraConfig(rank=32, alpha=64, load_in_4bit=True),
    }


def table() -> str:
    """Markdown: a row for each model and method, a column for each number of workers."""
    heads = ["model", "method", "host, GPU workers"]
    heads += [f"GPU, {number}" for number in WORKERS] + [f"host, {number}" for number in WORKERS]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows()]
    return "\n".join(lines)


def _rows() -> Iterator[list[str]]:
    for name, shape in qwen_shapes().items():
        for method, lora in methods().items():
            on_gpu = [worker_need(shape, _train(n, lora, on_gpu=True), NUM_TOKENS) for n in WORKERS]
            on_cpu = [
                worker_need(shape, _train(n, lora, on_gpu=False), NUM_TOKENS) for n in WORKERS
            ]
            cells = [_cell(on_gpu[0].host)]
            cells += [_cell(need.device) for need in on_gpu]
            cells += [_cell(need.host) for need in on_cpu]
            yield [name, method, *cells]


def _train(num_workers: int, lora: LoraConfig | None, *, on_gpu: bool) -> TrainConfig:
    return TrainConfig(
        beta=0.1,
        skeleton_weight=0.5,
        learning_rate=1e-6,
        lora=lora,
        dtype="bfloat16",
        activation_checkpointing=True,
        num_workers=num_workers,
        use_gpu=on_gpu,
    )


def _cell(parts: tuple[Part, ...]) -> str:
    num_gib = sum(part.num_bytes for part in parts) / GIB
    return f"{num_gib:.1f}" if num_gib < 10 else f"{num_gib:.0f}"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
