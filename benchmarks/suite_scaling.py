"""How much faster is a suite on twice the cores? On one core for everything, then on two.

    python -m benchmarks.suite_scaling --json FILE -- --suite enamel --data enamel.csv \\
        --programs humaneval-canonical.json --k 1

What stands behind `--` is given to `skeldpo evaluate`. The command, the Docker engine and the
sandboxes share the cores that they are held to, as they do on a machine that has no more: with the
driver on a core of its own, one core for programs would have two. `seconds_N` are those of the
whole command on N cores, `speedup` is their ratio, `N_SCORE` the scores. Needs root, since it holds
dockerd and containerd to the cores too (they are let go at the end), and nothing else running.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ENGINE = ("dockerd", "containerd")
SKELDPO = Path(sys.executable).with_name("skeldpo")


def main() -> None:
    options = _options()
    cores = sorted(os.sched_getaffinity(0))[-2:]
    if len(cores) < 2:
        raise SystemExit("expected two cores or more, found one")
    figures: dict[str, float] = {}
    for used in (cores[-1:], cores):
        with held_to([*engine_processes(), os.getpid()], used):
            seconds, scores = evaluate(options.evaluate, used)
        figures[f"seconds_{len(used)}"] = seconds
        figures |= {f"{len(used)}_{name}": value for name, value in scores.items()}
        print(f"{len(used)} cores: {seconds:.1f} s, {scores}", flush=True)
    figures["speedup"] = figures["seconds_1"] / figures["seconds_2"]
    print(f"speedup: {figures['speedup']:.3f}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def engine_processes() -> list[int]:
    """Processes of the Docker engine of this machine; RuntimeError if there are none."""
    found = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it has ended
            if file.read_text().strip() in ENGINE:
                found.append(int(file.parent.name))
    if not found:
        raise RuntimeError(f"no process of {' or '.join(ENGINE)} on this machine")
    return found


@contextlib.contextmanager
def held_to(processes: Sequence[int], cores: Sequence[int]) -> Iterator[None]:
    """All threads of the processes run on these cores only, and so does what they start; after
    it they run where they did before."""
    before = [(process, os.sched_getaffinity(process)) for process in processes]
    try:
        for process in processes:
            _hold(process, cores)
        yield
    finally:
        for process, own in before:
            _hold(process, own)


def _hold(process: int, cores: Sequence[int] | set[int]) -> None:
    for thread in Path(f"/proc/{process}/task").glob("*"):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), cores)


def evaluate(arguments: Sequence[str], cores: Sequence[int]) -> tuple[float, dict[str, float]]:
    """Seconds of `skeldpo evaluate` with sandboxes on the cores, and its scores."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        started_s = time.monotonic()
        subprocess.run(
            [SKELDPO, "evaluate", *arguments, "--out", report],
            env=os.environ | {"SKELDPO_SANDBOX_CORES": ",".join(map(str, cores))},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.monotonic() - started_s
        return seconds, json.loads(report.read_text(encoding="utf-8"))["scores"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite_scaling")
    parser.add_argument("--json", default="", help="file of the figures, flat keys")
    parser.add_argument("evaluate", nargs="+", help="arguments of `skeldpo evaluate`, behind --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
