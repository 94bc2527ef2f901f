"""All that a GPU is to show, in under nine minutes: `python -m benchmarks.gpu --json FILE`.

Parts, each in a process of its own and bounded in time; one that fails is recorded and the others
go on. `checks`: FlexAttention compiled, and a policy's gradients, against the CPU. `full` and
`lora`: steps of the 1.5 B shape in full and of 7 B with adapters, ours beside a padded loop and
TRL. `long`: a tree of 32,768 tokens through the 7 B shape. `tests`: those marked gpu. Weights are
random; needed are torch, transformers and peft, no Ray, vLLM or Docker, TRL and pydantic (for
`tests`) if they are there. `--tiny --device cpu` runs the same parts at a size that shows nothing
but that they run.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.child import Child, run_child
from benchmarks.train_step import peak_flops
from benchmarks.train_workload import OURS, PLAIN, TRL, WORKLOADS, Workload

TOTAL_S = 530.0
"""For all parts together; what is left when a part begins is the most that it gets."""

_LIMITS_S = {"checks": 90.0, "full": 90.0, "lora": 100.0, "long": 120.0, "tests": 120.0}
"""Of one process of each part."""

_WANTED = {
    "pairs_per_second_over_trl": (">=", 3.0),
    "peak_memory_over_trl": ("<=", 0.5),
    "mfu": (">=", 0.45),
}
"""What a part's figures are compared with."""

_TESTS = ("tests/test_train_attention.py", "tests/test_train_equality.py")
_PACKAGES = ("torch", "triton", "transformers", "peft", "trl")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Of time: a machine that is given longer for all gets longer for each part."""

    scale: float
    deadline: float

    def seconds(self, name: str) -> float:
        """What a process of a part gets."""
        return min(self.scale * _LIMITS_S[name], self.deadline - time.monotonic())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts, prints and writes what came of them; 1 if one failed."""
    options = _parse(arguments)
    limits = _Limits(
        scale=max(1.0, options.seconds / TOTAL_S), deadline=time.monotonic() + options.seconds
    )
    tiny = options.tiny
    found: dict[str, Any] = {"environment": _environment(options.device), "parts": {}}
    parts = found["parts"]
    for name in options.parts:
        started = time.perf_counter()
        try:
            if name == "checks":
                parts[name] = _checks(options.device, limits, tiny)
            elif name == "tests":
                parts[name] = _gpu_tests(options.device, limits)
            else:
                parts[name] = _steps(_workload(name, options.device, tiny), name, limits)
        except Exception as error:  # recorded, and the other parts go on
            parts[name] = {"failures": {name: f"{type(error).__name__}: {error}"}}
        parts[name]["seconds"] = time.perf_counter() - started
        print(name, json.dumps(parts[name]), flush=True)
        if options.json:  # after each part, in case the machine goes away
            Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(part["failures"] for part in parts.values()))


def _checks(device: str, limits: _Limits, tiny: bool) -> dict[str, Any]:
    size = {"head_size": 16, "statement_tokens": 40} if tiny else {
        "head_size": 128, "statement_tokens": 1024,
    }  # fmt: skip
    child = _run("checks", "benchmarks.gpu_checks", {"device": device, **size}, limits)
    return child.figures | {"failures": {"checks": child.failure} if child.failure else {}}


def _steps(work: Workload, name: str, limits: _Limits) -> dict[str, Any]:
    """Figures of each variant of a workload, and ours over TRL's and over the padded loop's."""
    variants = [OURS] if name == "long" else [OURS, PLAIN, TRL]
    part: dict[str, Any] = {"workload": dataclasses.asdict(work), "failures": {}}
    part["peak_flops_per_second"] = peak_flops(work)
    figures: dict[str, dict[str, Any]] = {}
    for variant in variants:
        if variant == TRL and importlib.util.find_spec("trl") is None:
            part["left_out"] = "trl is not installed"
            continue
        request = {"variant": variant, "workload": part["workload"]}
        child = _run(name, "benchmarks.train_variant", request, limits)
        if child.failure:
            part["failures"][variant] = child.failure
        else:
            figures[variant] = child.figures
    part |= figures
    if OURS in figures:
        ours = figures[OURS]
        part["mfu"] = ours["flops_per_second"] / part["peak_flops_per_second"]
        part["matmul_rate_share"] = ours["flops_per_second"] / ours["matmul_flops_per_second"]
        for variant in (PLAIN, TRL):
            if variant in figures:
                theirs = figures[variant]
                for column in ("pairs_per_second", "peak_memory_bytes"):
                    key = f"{column.removesuffix('_bytes')}_over_{variant}"
                    part[key] = ours[column] / theirs[column]
    part["wanted"] = {
        key: {"limit": f"{sign} {limit}", "met": _met(part[key], sign, limit)}
        for key, (sign, limit) in _WANTED.items()
        if key in part and work.device == "cuda"
    }
    return part


def _met(value: float, sign: str, limit: float) -> bool:
    return value >= limit if sign == ">=" else value <= limit


def _gpu_tests(device: str, limits: _Limits) -> dict[str, Any]:
    """Without conftest.py, whose fixtures of sandboxes need packages that training does not."""
    if importlib.util.find_spec("pydantic") is None:
        return {"failures": {}, "left_out": "pydantic is not installed"}
    asked = [] if device == "cuda" else ["--collect-only"]
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-m", "gpu", *asked, *_TESTS]
    path = f"{root}{os.pathsep}{root / 'tests'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=limits.seconds("tests"),
    )
    last = done.stdout.splitlines()[-1:] or done.stderr.splitlines()[-1:]
    failures = {"tests": done.stdout[-2000:]} if done.returncode else {}
    return {"outcome": " ".join(last), "failures": failures}


def _run(name: str, module: str, request: dict[str, Any], limits: _Limits) -> Child:
    limit_s = limits.seconds(name)
    if limit_s < 1:
        return Child(figures={}, failure="no time was left for it", seconds=0.0)
    return run_child(module, request, limit_s)


def _workload(name: str, device: str, tiny: bool) -> Workload:
    if tiny:
        return dataclasses.replace(WORKLOADS[f"tiny-{name}"], device=device)
    full = {"full": "gpu-1.5b", "lora": "gpu-7b-lora", "long": "gpu-7b-long"}[name]
    return dataclasses.replace(WORKLOADS[full], device=device)


def _environment(device: str) -> dict[str, Any]:
    found: dict[str, Any] = {"device": device, "python": sys.version.split()[0]}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "gpu_bytes": properties.total_memory}
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--seconds", type=float, default=TOTAL_S, help="for all parts together")
    parser.add_argument(
        "--parts", nargs="+", choices=tuple(_LIMITS_S), default=tuple(_LIMITS_S), help="default all"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
