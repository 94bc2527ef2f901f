"""Counters of a process and its children, with an event of the kernel's own: this machine may have
no hardware counters, but the same call counts CPU time by software."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time

import pytest
from sandbox_runs import MEMORY_LIMIT_BYTES, call

from skeldpo.sandbox import spare
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.sandbox.counters import SOFTWARE, TASK_CLOCK, EventCounter, count_instructions
from skeldpo.sandbox.image import SandboxImage

SPIN = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"


def _task_clock(process_id: int) -> EventCounter:
    try:
        return EventCounter(process_id, SOFTWARE, TASK_CLOCK, with_kernel=True)
    except OSError as error:
        pytest.skip(f"this kernel or user may not count events: {error}")


def test_counter_sees_the_children_of_a_process() -> None:
    program = (
        "import os, sys\nfor line in sys.stdin:\n    if os.fork() == 0:\n"
        "        sum(range(3_000_000)); os._exit(0)\n    os.wait(); print(flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        counter = _task_clock(process.pid)
        counts = [counter.read()]
        for _ in range(2):
            process.stdin.write("go\n")
            process.stdin.flush()
            process.stdout.readline()
            counts.append(counter.read())
        process.stdin.close()
    counter.close()
    assert all(after - before > 10_000_000 for before, after in itertools.pairwise(counts))


def test_no_counter_of_a_process_that_is_not_in_the_container() -> None:
    assert count_instructions(os.getpid(), "0123456789abcdef" * 4) is None
    assert count_instructions(1 << 22, "0123456789abcdef" * 4) is None


@pytest.mark.docker
def test_runs_are_counted_from_the_second_on(
    image: SandboxImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "count_instructions", lambda pid, container_id: _task_clock(pid))
    core = sandbox_cores()[-1]
    with Sandbox(image=image, core=core, memory_limit_bytes=MEMORY_LIMIT_BYTES) as sandbox:
        assert call(sandbox, SPIN, "[10]").instructions == 0
        for count in (10, 1_000_000):
            started_s = time.perf_counter()
            report = call(sandbox, SPIN, f"[{count}]", cpu_limit_s=5)
            wall_ns = 1e9 * (time.perf_counter() - started_s)
            assert report.cpu_time_ns < report.instructions < wall_ns
