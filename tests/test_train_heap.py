"""Memory that tensors gave back, looked at from outside the allocator."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import contextlib, sys
import torch
from sharded_memory import memory_bytes
from skeldpo.train.heap import returning_memory

def held(block):
    before = memory_bytes("RssAnon")
    with block:
        # Blocks of 2 MiB below one that stays.
        tensors = [torch.ones(1 << 19) for _ in range(100)]
        stays = tensors[-1]
        tensors.clear()
        inside = memory_bytes("RssAnon") - before
    return inside, stays

torch.ones(1 << 22)  # 16 MiB, freed at once: glibc's threshold is that from here on
within, _ = held(returning_memory())
kept, _ = held(contextlib.nullcontext())
print(within >> 20, kept >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_goes_back_in_the_block_and_stays_in_the_heap_outside():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    within, kept = map(int, done.stdout.split())
    assert within < 20
    assert kept > 150
