"""Ctrl-C on a command that measures: it ends within seconds, says how to go on, and leaves nothing
running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skeldpo.storage.store import MEASUREMENTS, Store

pytestmark = [pytest.mark.ray, pytest.mark.docker]

START_DEADLINE_S = 240
END_DEADLINE_S = 20


def make_row(index: int) -> dict[str, object]:
    """A problem of a file, with two programs (docs/PROBLEMS.md)."""
    return {
        "problem_id": f"add-{index}",
        "statement": f"Add {index} to x.",
        "entry_point": "add",
        "tests": [{"input": [1], "expected": 1 + index}],
        "generators": ["def generate_input(size, seed):\n    return [size + seed]\n"],
        "reference": f"def add(x):\n    return x + {index}\n",
        "solutions": [f"def add(x):\n    return {index} + x\n"],
    }


def test_interrupt_of_a_measuring_command_ends_it_and_says_how_to_go_on(tmp_path: Path) -> None:
    out, problems = tmp_path / "measured", tmp_path / "problems.jsonl"
    problems.write_text("".join(f"{json.dumps(make_row(index))}\n" for index in range(60)))
    arguments = ["measure", "--problems", str(problems), "--out", str(out),
                 "--set", "measure.min_cpu_time_ms=5"]  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            # What a shell starts in the background ignores the signal, and its children do.
            ["env", "--default-signal=INT", sys.executable, "-m", "skeldpo.cli", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RAY_ADDRESS": "local"},
            start_new_session=True,
        )
    deadline_s = time.monotonic() + START_DEADLINE_S
    while len(Store(str(out)).part_keys(MEASUREMENTS)) < 2:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline_s, log.read_text()[-3000:]
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: Ray's processes get it too
    began_s = time.monotonic()
    assert process.wait(timeout=END_DEADLINE_S) == 130, log.read_text()[-3000:]
    said = log.read_text()
    print(f"ended {time.monotonic() - began_s:.1f} s after Ctrl-C")
    assert "ray: starting on this machine\n" in said
    assert said.splitlines()[-1] == (
        "skeldpo: stopped, what is done is kept; to go on: skeldpo " + " ".join(arguments)
    )
    assert "Traceback" not in said
