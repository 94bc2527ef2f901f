"""The GPU command runs, part by part, at a tiny size on a CPU, where none of Ray's kind is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import TOTAL_S, _Limits, _steps
from benchmarks.matmul_rate import products
from benchmarks.train_workload import WORKLOADS, make_pairs, tree_tokens

REPOSITORY = Path(__file__).parents[1]
ABSENT = ("ray", "vllm", "docker", "pydantic", "datasets", "trl")


@pytest.mark.slow
def test_parts_run_tiny_on_a_cpu_without_ray_vllm_and_docker(tmp_path):
    for name in ABSENT:
        (tmp_path / f"{name}.py").write_text(
            f"raise ModuleNotFoundError('no {name}', name='{name}')"
        )
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--device", "cpu"]
    command += ["--seconds", str(10 * TOTAL_S), "--json", str(file), "--parts", "checks", "long"]
    path = f"{tmp_path}{os.pathsep}{REPOSITORY}"
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())
    checks, long = found["parts"]["checks"], found["parts"]["long"]
    assert checks["attention_output_error"] < 1e-5
    assert checks["policy_logps_error"] < 1e-5
    assert checks["policy_gradient_error"] < 1e-3
    assert long["ours"]["pairs_per_second"] > 0
    assert long["matmul_rate_share"] > 0
    assert found["environment"]["torch"]


def test_part_without_time_left_is_recorded_and_does_not_raise():
    limits = _Limits(scale=1.0, deadline=0.0)
    part = _steps(WORKLOADS["tiny-long"], "long", limits)
    assert part["failures"] == {"ours": "no time was left for it"}
    assert "mfu" not in part


def test_long_case_is_one_tree_of_32768_tokens():
    work = WORKLOADS["gpu-7b-long"]
    assert tree_tokens(make_pairs(work, 1)) == 32_768


def test_products_are_those_of_the_step_by_count():
    """cpu-40m: 22,544,384 weights in its layers times 4 x 1168 tokens, and 32000 x 512 times 2560
    answer tokens in one chunk, 6 operations each; adapters leave out the weights' gradients."""
    work = WORKLOADS["cpu-40m"]
    total = sum(product.flops for product in products(work))
    assert total == 6 * (22_544_384 * 4672 + 32_000 * 512 * 2560)
    frozen = next(iter(products(WORKLOADS["gpu-7b-lora"])))
    assert frozen.flops == 4 * frozen.count * frozen.rows * frozen.inputs * frozen.outputs
