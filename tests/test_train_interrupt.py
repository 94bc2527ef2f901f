"""Ctrl-C and SIGTERM while Ray Train trains: it ends in seconds, says how to go on, leaves no
process and no lease, and the same command goes on from the checkpoint."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_policy import keeps_checkpoint

from skeldpo.rounds import lease

pytestmark = [pytest.mark.ray, pytest.mark.slow]

COMMAND = Path(__file__).parent / "interrupted_training.py"
START_DEADLINE_S = 240
END_DEADLINE_S = 30
MARK = "SKELDPO_TEST_MARK"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's, for both tests: the second goes on."""
    made = tmp_path_factory.mktemp("interrupted") / "run"
    made.mkdir()
    return made


def processes_with(mark: str) -> list[str]:
    """Command lines of living processes that inherited a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [text for text in found if text]


def wait_for(is_so: Callable[[], bool], deadline_s: float, said: Path) -> None:
    end_s = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end_s, said.read_text()[-3000:]
        time.sleep(0.2)


def begin(folder: Path, log: Path, mark: str) -> subprocess.Popen[bytes]:
    with log.open("w") as output:
        return subprocess.Popen(
            # What a shell starts in the background ignores the signal, and its children do.
            ["env", "--default-signal=INT", sys.executable, str(COMMAND), str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RAY_ADDRESS": "local", MARK: mark},
            start_new_session=True,
        )


def first_step(said: str) -> int:
    """Of the lines of progress."""
    found = re.search(r"step (\d+)/10000", said)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("again", [False, True], ids=["terminated", "interrupted"])
def test_interrupted_training_ends_in_order_and_goes_on(folder: Path, again: bool) -> None:
    log, mark = folder.parent / f"log-{again}", uuid.uuid4().hex
    process = begin(folder, log, mark)

    def trains() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        return bool(first_step(log.read_text())) and keeps_checkpoint(folder / "ray")

    wait_for(trains, START_DEADLINE_S, log)
    assert (folder / lease.FILE).exists()
    began_s = time.monotonic()
    if again:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: Ray's processes get it too
    else:
        process.terminate()  # as `ray job stop` and Kubernetes do
    code = process.wait(timeout=END_DEADLINE_S)
    print(f"ended {time.monotonic() - began_s:.1f} s after the signal")
    said = log.read_text()
    assert code == (130 if again else 143), said[-3000:]
    assert said.splitlines()[-1].startswith("skeldpo: stopped, what is done is kept; to go on")
    assert "Traceback" not in said
    assert not (folder / lease.FILE).exists()
    wait_for(lambda: not processes_with(mark), END_DEADLINE_S, log)
    if again:
        assert first_step(said) > 10, "it begins at the checkpoint"
