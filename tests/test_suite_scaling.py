"""Holding processes to cores, for the benchmark of suites on one core and on two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.suite_scaling import held_to

THREADED = """
import sys, threading
threading.Thread(target=sys.stdin.read).start()
print("ready", flush=True)
"""


@pytest.fixture
def threaded() -> Iterator[int]:
    """A process of two threads."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield process.pid
        process.communicate(timeout=30)


def test_all_threads_are_held_to_the_cores_and_let_go_even_after_an_error(threaded: int) -> None:
    threads = [int(name) for name in os.listdir(f"/proc/{threaded}/task")]
    before = os.sched_getaffinity(threaded)
    one = min(before)
    assert len(threads) == 2

    def places() -> list[set[int]]:
        return [os.sched_getaffinity(thread) for thread in threads]

    with pytest.raises(KeyError), held_to([threaded], [one]):
        assert places() == [{one}, {one}]
        raise KeyError
    assert places() == [before, before]
