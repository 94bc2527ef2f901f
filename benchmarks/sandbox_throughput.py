"""What one sandboxed run of a program costs, beside what people use today.

    python -m benchmarks.sandbox_throughput [--quick] [--json FILE]

`overhead_ms_*`: from asking a leased sandbox to run an empty program until its verdict is there,
all checks and the cleaning included. `late_over_early`: the median of the last quarter of these
runs over that of the first, 1 if the cost does not grow. `runs_per_second_per_core`: programs one
after the other; `inputs_per_second_per_core`: one program on many inputs, each in a fresh process.
The `ratio_*` are times of the others over ours, taken in turns in the same minutes: evalplus's own
`untrusted_check` (the release below, without its dependencies), a manager and a process per program
with most of what Mercury's evaluator does in them (not its guard and its imports of `lctk` and
`sortedcontainers`), the same manager and process with the program alone (`ratio_bare_process`), and
a container per program. The first three isolate nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import json
import multiprocessing
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker

from skeldpo.languages import python
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import SandboxImage, ensure_image

EVALPLUS = "evalplus==0.3.1"
PROGRAM = "def answer(x):\n    return x\n"
STDIO_PROGRAM = "print(input())\n"
MERCURY_NAMESPACE = (
    *(f"import {name}" for name in (
        "re", "itertools", "collections", "heapq", "bisect", "string", "sys", "functools", "math",
        "copy",
    )),
    "from math import ceil, factorial, floor, inf, sqrt",
    "from sys import maxsize, stdin",
    "from bisect import bisect_left, bisect_right",
    "from itertools import permutations, zip_longest",
    "from heapq import heapify, heappop, heappush",
    "from collections import OrderedDict, defaultdict, deque",
    "from typing import List, Optional, Tuple",
    "from functools import cache, lru_cache",
    "class ListNode:\n    def __init__(self, val=0, next=None): self.val, self.next = val, next",
    "class TreeNode:\n    def __init__(self, val=0): self.val = val; self.left = self.right = None",
    "def print(*args): pass",
)  # fmt: skip
"""Statements that prepare the namespace of a program in Mercury's evaluator."""
NUM_INPUTS = 50
MEMORY_BYTES = 512 << 20


def main() -> None:
    """Measures, prints a table and writes the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a smaller version within a minute")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    figures = measure(num_rounds=20 if options.quick else 150)
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def measure(num_rounds: int) -> dict[str, float]:
    """The figures by name. A round is 20 runs of ours, 5 of evalplus's, 2 of Mercury's kind, and in
    every tenth round a container."""
    image = ensure_image("")
    with tempfile.TemporaryDirectory() as folder, lease_core(sandbox_cores()) as lease:
        untrusted_check = _evalplus(folder)
        with Sandbox(image=image, core=lease.core, memory_limit_bytes=MEMORY_BYTES) as sandbox:
            times: dict[str, list[float]] = {
                "ours": [], "stdio": [], "evalplus": [], "mercury": [], "bare_process": [],
                "container": [],
            }  # fmt: skip
            for _ in range(100):
                _run_ours(sandbox)
            for index in range(num_rounds):
                times["ours"] += [_seconds(lambda: _run_ours(sandbox)) for _ in range(20)]
                each_s = _seconds(lambda: _run_stdio(sandbox)) / NUM_INPUTS
                times["stdio"].append(each_s)
                times["evalplus"] += [
                    _seconds(lambda: _run_evalplus(untrusted_check)) for _ in range(5)
                ]
                for name, work in (("mercury", _execute), ("bare_process", _execute_alone)):
                    call = functools.partial(_run_process, work)
                    times[name] += [_seconds(call) for _ in range(2)]
                if index % 10 == 0:
                    times["container"].append(_seconds(lambda: _run_container(image, lease.core)))
    ours_s = statistics.median(times["ours"])
    figures = {
        "overhead_ms_median": 1e3 * ours_s,
        "overhead_ms_p99": 1e3 * statistics.quantiles(times["ours"], n=100)[98],
        "runs_per_second_per_core": len(times["ours"]) / sum(times["ours"]),
        "inputs_per_second_per_core": len(times["stdio"]) / sum(times["stdio"]),
    }
    for name in ("evalplus", "mercury", "bare_process", "container"):
        figures[f"{name}_ms_median"] = 1e3 * statistics.median(times[name])
        figures[f"ratio_{name}"] = statistics.median(times[name]) / ours_s
    quarter = len(times["ours"]) // 4
    late_s = statistics.median(times["ours"][-quarter:])
    figures["late_over_early"] = late_s / statistics.median(times["ours"][:quarter])
    figures["num_runs"] = float(len(times["ours"]))
    return figures


def _seconds(call: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s


def _accepted(report: RunReport, num_answers: int) -> None:
    if report.outcome is not Outcome.ACCEPTED or len(report.answer_texts) != num_answers:
        raise RuntimeError(f"the empty program was not accepted: {report}")


def _run_ours(sandbox: Sandbox) -> None:
    request = RunRequest(
        language=python.NAME,
        kind="function",
        code=PROGRAM,
        entry_point="answer",
        input_texts=("[1]",),
        cpu_limit_s=2.0,
    )
    _accepted(sandbox.run(request), 1)


def _run_stdio(sandbox: Sandbox) -> None:
    """A program on many inputs, each in a process of its own."""
    request = RunRequest(
        language=python.NAME,
        kind="stdio",
        code=STDIO_PROGRAM,
        entry_point="",
        input_texts=("1\n",) * NUM_INPUTS,
        cpu_limit_s=2.0,
    )
    _accepted(sandbox.run(request), NUM_INPUTS)


def _evalplus(folder: str) -> Callable[..., Any]:
    """evalplus's checker, from its released wheel."""
    uv = shutil.which("uv")
    install = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    command = [*install, "--quiet", "--no-deps", "--target", folder, EVALPLUS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    sys.path.insert(0, folder)
    try:
        checker: Callable[..., Any] = importlib.import_module("evalplus.eval").untrusted_check
    finally:
        sys.path.remove(folder)
    return checker


def _run_evalplus(untrusted_check: Callable[..., Any]) -> None:
    status, _ = untrusted_check(
        "mbpp", PROGRAM, [[1]], "answer", expected=[1], atol=0, ref_time=[0.01]
    )
    if status != "pass":
        raise RuntimeError(f"evalplus did not accept the empty program: {status}")


def _run_process(work: Callable[[Any], None]) -> None:
    """A manager process and a worker process per program, as Mercury's evaluator starts them."""
    with multiprocessing.Manager() as manager:
        results = manager.list()
        worker = multiprocessing.Process(target=work, args=(results,))
        worker.start()
        worker.join(timeout=3)
        if list(results) != ["passed"]:
            raise RuntimeError(f"the empty program was not accepted: {list(results)}")


def _execute_alone(results: Any) -> None:
    """Program and test in a folder of their own, nothing else."""
    with tempfile.TemporaryDirectory():
        exec(f"{PROGRAM}\nassert answer(1) == 1\n", {})
        results.append("passed")


def _execute(results: Any) -> None:
    """Most of what Mercury's worker does: a folder of its own, silenced streams, an alarm, a
    namespace that is filled statement by statement, then program, conversion, judge and test."""
    namespace: dict[str, Any] = {}
    silence = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
    ):
        for statement in MERCURY_NAMESPACE:
            exec(statement, namespace)
        signal.setitimer(signal.ITIMER_REAL, 3)
        for statement in (
            "class Solution:\n    def answer(self, x):\n        return x",
            "solution = Solution()",
            "def convert_offline(case):\n    return case",
            "def evaluate_offline(inputs, outputs, expected):\n    return outputs == expected",
            "inputs, expected = [1], 1",
            "inputs, expected = convert_offline((inputs, expected))",
            "outputs = solution.answer(*inputs)",
            "passed = evaluate_offline(inputs, outputs, expected)",
        ):
            exec(statement, namespace)
        signal.setitimer(signal.ITIMER_REAL, 0)
    results.append("passed" if namespace["passed"] else "failed")


def _run_container(image: SandboxImage, core: int) -> None:
    """A container for one program: created, started, waited for, removed."""
    client = docker.from_env()
    try:
        entry = client.images.get(image.reference).attrs["Config"]["Entrypoint"][0]
        answer = client.containers.run(
            image.reference,
            entrypoint=[entry, "-c", f"{PROGRAM}\nprint(answer(1))"],
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            cpuset_cpus=str(core),
            remove=True,
        )
    finally:
        client.close()
    if answer.strip() != b"1":
        raise RuntimeError(f"the container answered {answer!r}")


if __name__ == "__main__":
    main()
