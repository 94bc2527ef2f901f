"""A program that could not run says nothing: its wall limit is the sandbox's failure then."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import docker
import pytest
from docker.models.containers import Container
from sandbox_runs import call, pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, Sandbox
from skeldpo.sandbox.cores import sandbox_cores

pytestmark = pytest.mark.docker

CPU_LIMIT_S = 0.3
PAUSE_S = 3 * CPU_LIMIT_S + 1 + 0.5  # beyond the wall limit
WORK = "def f(): return sum(i * i % 7 for i in range(1_500_000))"
SLEEP = "import time\ndef f(): time.sleep(1e9)"


def _run_paused(sandbox: Sandbox, seconds: float, run: Callable[[], RunReport]) -> RunReport:
    """Of a run whose container is paused for a time in its window; one that the engine paused
    before or after it says nothing, and is made again."""
    with contextlib.closing(docker.from_env()) as client:
        for _ in range(5):
            thread = threading.Thread(
                target=_pause, args=(client.containers.get(sandbox.container_id), seconds)
            )
            thread.start()
            report = run()
            thread.join()
            if report.wall_time_ns > seconds * 1e9:
                return report
    raise AssertionError("five times the pause was not in the window", report)


def _pause(container: Container, seconds: float) -> None:
    time.sleep(0.05)
    container.pause()
    time.sleep(seconds)
    container.unpause()


@pytest.mark.parametrize("code", [WORK, SLEEP], ids=["works", "sleeps"])
def test_container_paused_past_the_wall_limit(sandbox: Sandbox, code: str) -> None:
    report = _run_paused(sandbox, PAUSE_S, lambda: call(sandbox, code, cpu_limit_s=CPU_LIMIT_S))
    assert report.outcome is Outcome.SANDBOX_FAILED, report
    assert call(sandbox, "def f(): return 1").outcome is Outcome.ACCEPTED


def test_stdio_program_paused_past_the_wall_limit(sandbox: Sandbox) -> None:
    code = f"{WORK}\nimport time\ntime.sleep(0.2)\nprint(f())"
    report = _run_paused(sandbox, PAUSE_S, lambda: pipe(sandbox, code, cpu_limit_s=CPU_LIMIT_S))
    assert report.outcome is Outcome.SANDBOX_FAILED, report


def test_program_that_prints_all_the_time_paused_past_the_wall_limit(sandbox: Sandbox) -> None:
    """Its output wakes the supervisor at once, late or not."""
    code = "import time\nwhile True:\n    print(1, flush=True)\n    time.sleep(0.001)"
    report = _run_paused(sandbox, PAUSE_S, lambda: pipe(sandbox, code, cpu_limit_s=CPU_LIMIT_S))
    assert report.outcome is Outcome.SANDBOX_FAILED, report


def test_short_pause_changes_neither_verdict_nor_time(sandbox: Sandbox) -> None:
    alone = call(sandbox, WORK, cpu_limit_s=5)
    report = _run_paused(sandbox, 0.8, lambda: call(sandbox, WORK, cpu_limit_s=5))
    assert report.outcome is Outcome.ACCEPTED, report
    assert report.answer_texts == alone.answer_texts
    assert report.cpu_time_ns < 3 * alone.cpu_time_ns


def test_core_taken_by_a_real_time_process(sandbox: Sandbox) -> None:
    """It leaves the core's other processes a twentieth of the time, if anything."""
    hog = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"],
        preexec_fn=lambda: os.sched_setaffinity(0, [sandbox_cores()[-1]]),
    )
    try:
        os.sched_setscheduler(hog.pid, os.SCHED_RR, os.sched_param(1))
        report = call(sandbox, WORK, cpu_limit_s=2 * CPU_LIMIT_S)
    except PermissionError:
        pytest.skip("real-time scheduling is not allowed here")
    finally:
        hog.send_signal(signal.SIGKILL)
        hog.wait()
    assert report.outcome in (Outcome.SANDBOX_FAILED, Outcome.ACCEPTED), report


def test_programs_that_wait_are_idle(sandbox: Sandbox) -> None:
    reads = "import os\nr, w = os.pipe()\ndef f(): return os.read(r, 1)"
    for code in (SLEEP, reads):
        assert call(sandbox, code, cpu_limit_s=0.1).outcome is Outcome.IDLE_LIMIT


def test_program_that_starves_itself_is_not_excused(sandbox: Sandbox) -> None:
    """Its own processes take the core, which is no fault of the sandbox's."""
    code = (
        "import os, time\ndef f():\n    for _ in range(20):\n        if os.fork() == 0:\n"
        "            while True: pass\n    time.sleep(1e9)"
    )
    report = call(sandbox, code, cpu_limit_s=CPU_LIMIT_S)
    assert report.outcome is Outcome.VIOLATION, report
