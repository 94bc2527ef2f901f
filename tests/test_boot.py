"""How PID 1 lays out its memory before it loads the guest."""

from __future__ import annotations

import subprocess
import sys

import pytest

NEIGHBOURS = """
import sys
from skeldpo.sandbox.guest import boot
made = [bytes(100) for _ in range(1500)]
del made[::3]
if sys.argv[1] == "filled":
    boot._fill_free_blocks()
places = [id(block) for block in [bytes(100) for _ in range(100)]]
print(sum(b - a == 144 for a, b in zip(places, places[1:])))
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="a layout of CPython's")
def test_objects_lie_side_by_side_once_free_blocks_are_taken() -> None:
    count = {}
    for memory in ("as it is", "filled"):
        command = [sys.executable, "-c", NEIGHBOURS, memory]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        count[memory] = int(done.stdout)
    assert count["as it is"] < 20
    assert count["filled"] > 90
