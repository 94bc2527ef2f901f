"""How much memory a process holds over its CPU time, seen from outside it.

Standard library only; copied into the image beside serve.py.
"""

from __future__ import annotations

import mmap
import os
import time


class MemoryMeter:
    """The resident set of a process, averaged over its CPU time between samples (trapezoids)."""

    def __init__(self, pid: int, clock_id: int) -> None:
        self._path = f"/proc/{pid}/statm"
        self._clock_id = clock_id
        self._last = self._sum_bytes = self._sum_ns = 0
        self._last_ns = -1

    def sample(self) -> None:
        """Counts the CPU time since the last sample; a process that has ended keeps its size."""
        now_ns = time.clock_gettime_ns(self._clock_id)
        fd = os.open(self._path, os.O_RDONLY)
        size = int(os.read(fd, 256).split()[1]) * mmap.PAGESIZE or self._last
        os.close(fd)
        if self._last_ns >= 0:
            passed_ns = now_ns - self._last_ns
            self._sum_bytes += passed_ns * (self._last + size) // 2
            self._sum_ns += passed_ns
        self._last, self._last_ns = size, now_ns

    def mean_bytes(self) -> int:
        """The average; 0 if there was no CPU time between two samples."""
        return self._sum_bytes // self._sum_ns if self._sum_ns else 0
