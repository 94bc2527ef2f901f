"""Times the joint DPO step against what people use: `python -m benchmarks.train_step --json FILE`.

Every variant trains the same model on the same pairs in a process of its own: ours; ours with one
technique switched off; a plain padded loop; TRL's DPOTrainer, if installed. The file gets flat
keys: `<figure>_<variant>`; `matmul_rate_share`, the step's operations a second on tokens that must
be computed over those of its matrix products alone in the same process; and ratios of ours to each
other variant beside the bound that counting tokens gives, where a ratio of pairs per second above 1
says that ours is faster, and a ratio of peak memory below 1 that it needs less.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.child import run_child
from benchmarks.train_workload import OURS, PLAIN, TRL, WITHOUT, WORKLOADS, Workload

_SPEC_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bf16 operations a second, from NVIDIA's data sheets."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the variants, prints a table and writes the file; 1 if a variant failed."""
    options = _parse(arguments)
    work = _workload(options)
    figures: dict[str, Any] = {
        "workload": work.name,
        "device": torch.cuda.get_device_name() if work.device == "cuda" else "cpu",
        "num_threads": work.num_threads or torch.get_num_threads(),
        "torch": torch.__version__,
        "peak_flops_per_second": peak_flops(work),
    } | dataclasses.asdict(work)
    variants = options.variants or [OURS, PLAIN, TRL, *([] if options.quick else WITHOUT)]
    if TRL in variants and importlib.util.find_spec("trl") is None:
        print("trl is not installed, so it is left out: pip install --no-deps trl==1.16.0")
        variants = [variant for variant in variants if variant != TRL]
    failed = []
    for variant in variants:
        measured = run_variant(variant, work)
        if measured is None:
            failed.append(variant)
        else:
            _add(figures, variant, measured)
    if not options.quick and OURS in variants:
        failed += _add_other_shapes(figures, work, [v for v in variants if v in (PLAIN, TRL)])
    add_ratios(figures)
    print_table(figures)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def run_variant(
    variant: str, work: Workload, timeout_s: float | None = None
) -> dict[str, Any] | None:
    """The figures of one variant, or None if its process failed (its last lines are printed)."""
    request = {"variant": variant, "workload": dataclasses.asdict(work)}
    child = run_child("benchmarks.train_variant", request, timeout_s)
    if child.failure:
        print(f"{variant} failed:", *child.failure.splitlines(), sep="\n  ")
        return None
    print(f"{variant}: {child.seconds:.0f} s in all", flush=True)
    return child.figures


def add_ratios(figures: dict[str, Any]) -> None:
    """Adds ours over each other variant, and how much of the bound by tokens the ratio reaches.

    The bound: tokens of the sequences one by one over tokens of the trees. A step cannot be faster
    by more than that through sharing prompts; padding and logits of prompts come on top of it.
    """
    for suffix in ("", "_code_only"):
        if f"pairs_per_second_{OURS}{suffix}" not in figures:
            continue
        sequences = figures[f"sequence_tokens_per_step_{OURS}{suffix}"]
        bound = sequences / figures[f"tree_tokens_per_step_{OURS}{suffix}"]
        figures[f"token_bound{suffix}"] = bound
        for variant in (PLAIN, TRL, *WITHOUT):
            name = f"{variant}{suffix}"
            if f"pairs_per_second_{name}" not in figures:
                continue
            ours = f"{OURS}{suffix}"
            speed = figures[f"pairs_per_second_{ours}"] / figures[f"pairs_per_second_{name}"]
            memory = figures[f"peak_memory_bytes_{ours}"] / figures[f"peak_memory_bytes_{name}"]
            figures[f"pairs_per_second_ratio_{name}"] = speed
            figures[f"peak_memory_ratio_{name}"] = memory
        if f"pairs_per_second_ratio_{PLAIN}{suffix}" in figures:
            reached = figures[f"pairs_per_second_ratio_{PLAIN}{suffix}"] / bound
            figures[f"token_bound_share{suffix}"] = reached


def print_table(figures: dict[str, Any]) -> None:
    """The figures as a table, one line a variant."""
    print(f"{figures['workload']} on {figures['device']}, torch {figures['torch']}")
    heads = ("pairs/s", "tokens/s", "of matmul", "MFU", "peak GB", "ours is")
    print(f"{'variant':<24}" + "".join(f"{head:>10}" for head in heads))
    for key in figures:
        name = key.removeprefix("pairs_per_second_")
        if name == key or name.startswith("ratio"):
            continue
        ratio = figures.get(f"pairs_per_second_ratio_{name}")
        print(
            f"{name:<24}{figures[key]:>10.3f}{figures[f'tokens_per_second_{name}']:>10.0f}"
            f"{figures[f'matmul_rate_share_{name}']:>10.1%}{figures[f'mfu_{name}']:>10.1%}"
            f"{figures[f'peak_memory_bytes_{name}'] / 1e9:>10.2f}"
            + (f"{ratio:>9.2f}x" if ratio else "")
        )
    for name in ("token_bound", "token_bound_share", "linear_cost_ratio", "matmul_rate_share"):
        if name in figures:
            print(f"{name} {figures[name]:.3f}")


def peak_flops(work: Workload) -> float:
    """Operations a second of the hardware: a data sheet's for a known GPU, else a measured product
    of two large matrices."""
    if work.device == "cuda":
        name = torch.cuda.get_device_name()
        known = [flops for part, flops in _SPEC_FLOPS.items() if part in name]
        if known and work.dtype == "bfloat16":
            return known[0]
    size = 8192 if work.device == "cuda" else 2048
    left = torch.randn(size, size, device=work.device, dtype=getattr(torch, work.dtype))
    best = 0.0
    for _ in range(10):
        started = time.perf_counter()
        product = left @ left
        float(product[0, 0])
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def _add(figures: dict[str, Any], name: str, measured: dict[str, Any]) -> None:
    flops_per_second = measured.pop("flops_per_second")
    share = flops_per_second / measured["matmul_flops_per_second"]
    figures |= {f"{key}_{name}": value for key, value in measured.items()}
    figures[f"mfu_{name}"] = flops_per_second / figures["peak_flops_per_second"]
    figures[f"matmul_rate_share_{name}"] = share
    if name == OURS:
        figures["matmul_rate_share"] = share


def _add_other_shapes(figures: dict[str, Any], work: Workload, peers: list[str]) -> list[str]:
    """Code pairs without skeletons, and steps of twice the pairs: names of those that failed."""
    failed = []
    code_only = dataclasses.replace(work, skeletons=False)
    for variant in (OURS, *peers):
        measured = run_variant(variant, code_only)
        if measured is None:
            failed.append(f"{variant}_code_only")
        else:
            _add(figures, f"{variant}_code_only", measured)
    doubled = run_variant(OURS, dataclasses.replace(work, pairs_per_step=2 * work.pairs_per_step))
    if doubled is None:
        failed.append("linear_cost")
    elif f"seconds_per_step_{OURS}" in figures:
        twice = 2 * figures[f"seconds_per_step_{OURS}"]
        figures["linear_cost_ratio"] = doubled["seconds_per_step"] / twice
    return failed


def _workload(options: argparse.Namespace) -> Workload:
    name = options.workload or ("gpu-1.5b" if torch.cuda.is_available() else "cpu-40m")
    changes: dict[str, Any] = {"real_lengths": options.real_lengths}
    if options.quick:  # behind a first one, which is slower: kernels compiled, memory taken
        changes["num_steps"] = 2 if WORKLOADS[name].device == "cuda" else 1
    if options.dtype:
        changes["dtype"] = options.dtype
    if options.steps:
        changes["num_steps"] = options.steps
    if options.pairs:
        changes["pairs_per_step"] = options.pairs
    if options.pairs_per_forward:
        changes["pairs_per_forward"] = options.pairs_per_forward
    if options.checkpointing:
        changes["activation_checkpointing"] = True
    if options.compile_layers:
        changes["compile_layers"] = True
    return dataclasses.replace(WORKLOADS[name], **changes)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=__doc__)
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="one timed step; ours, plain, TRL")
    parser.add_argument("--workload", choices=sorted(WORKLOADS), help="default: by the device")
    parser.add_argument(
        "--variants", nargs="+", choices=[OURS, PLAIN, TRL, *WITHOUT], help="default: all"
    )
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="of the computation")
    parser.add_argument("--steps", type=int, help="timed steps; one more warms up")
    parser.add_argument("--pairs", type=int, help="pairs a step")
    parser.add_argument("--pairs-per-forward", type=int, help="pairs a forward pass")
    parser.add_argument("--checkpointing", action="store_true", help="activation checkpointing")
    parser.add_argument(
        "--compile-layers", action="store_true", help="train.compile_layers of ours"
    )
    parser.add_argument(
        "--real-lengths", action="store_true", help="lengths drawn from those of real problems"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
