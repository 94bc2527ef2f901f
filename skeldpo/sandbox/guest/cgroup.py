"""What the kernel counts of PID 1's own cgroup, and whether it counts what verdicts and times need.

Standard library only; copied into the image beside serve.py.
"""

from __future__ import annotations

import functools
import os
import resource
import time
from collections.abc import Callable, Sequence

SCHEDSTAT = "/proc/{}/schedstat"

_OOM_KILLS = (
    ("/sys/fs/cgroup/memory.events", b"oom_kill", 1),
    ("/sys/fs/cgroup/memory/memory.oom_control", b"oom_kill", 1),
)
_CPU_NS = (
    ("/sys/fs/cgroup/cpu.stat", b"usage_usec", 1000),
    ("/sys/fs/cgroup/cpuacct/cpuacct.usage", b"", 1),
)
_LIMIT_REACHED = (("/sys/fs/cgroup/memory.events", b"oom", 1),)
"""Allocations that failed at this cgroup's own limit, not at that of one above it or the host's."""
_MOST_USED = (("/sys/fs/cgroup/memory/memory.max_usage_in_bytes", b"", 1),)
_LIMIT = (("/sys/fs/cgroup/memory/memory.limit_in_bytes", b"", 1),)
_NEAR_LIMIT = 0.95
_PROBE_NS = 5_000_000


def counter_files() -> tuple[
    Callable[[], int] | None, Callable[[], int] | None, Callable[[], bool] | None
]:
    """Readers of the OOM kills, of the CPU time in ns, and of whether the memory has ever reached
    this cgroup's own limit: a kernel counts a kill the same if the whole host had none left. None
    for one whose files are not mounted."""
    return _counter(_OOM_KILLS), _counter(_CPU_NS), _limit_reader()


def _limit_reader() -> Callable[[], bool] | None:
    if reached := _counter(_LIMIT_REACHED):
        return lambda: reached() > 0
    most_used, limit = _counter(_MOST_USED), _counter(_LIMIT)
    if most_used is None or limit is None:
        return None
    return lambda: most_used() >= _NEAR_LIMIT * limit()


class Counters:
    """What the cgroup counts from one run to the next: kills for lack of memory, and CPU time of
    all its processes in ns; and whether it has reached its own limit of memory."""

    def __init__(
        self,
        *,
        oom_kills: Callable[[], int],
        cpu_ns: Callable[[], int],
        reached_limit: Callable[[], bool],
    ) -> None:
        self._oom_kills = oom_kills
        self._cpu_ns = cpu_ns
        self.reached_limit = reached_limit
        self._last = self._read()

    def since_last(self) -> tuple[int, int]:
        """OOM kills since the last call (at first: since PID 1 began), and the CPU time of the
        cgroup that is neither PID 1's nor that of a process it has waited for."""
        last, self._last = self._last, self._read()
        kills, cpu_ns, known_ns = (b - a for a, b in zip(last, self._last, strict=True))
        return kills, max(0, cpu_ns - known_ns)

    def cpu_ns_since_last(self) -> int:
        """CPU time of the whole cgroup since `since_last`."""
        return self._cpu_ns() - self._last[1]

    def _read(self) -> tuple[int, int, int]:
        waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        known_ns = time.process_time_ns() + round((waited.ru_utime + waited.ru_stime) * 1e9)
        return self._oom_kills(), self._cpu_ns(), known_ns


def missing_counters(
    oom_kills: Callable[[], int] | None,
    cpu_ns: Callable[[], int] | None,
    reached_limit: Callable[[], bool] | None,
) -> list[str]:
    """Which counts that verdicts and times rest on are not kept here: their files are not there, or
    they miss a process that works for PROBE_NS and that nobody waits for."""
    missing = [] if oom_kills and reached_limit else ["kills for lack of memory"]
    if not _counts_processes(cpu_ns):
        missing.append("the CPU time of a container's processes")
    try:
        with open(SCHEDSTAT.format("self"), "rb") as file:
            if int(file.read().split()[0]) <= 0:
                missing.append("the time that a process waits for its core")
    except (OSError, ValueError, IndexError):
        missing.append("the time that a process waits for its core")
    return missing


def _counts_processes(cpu_ns: Callable[[], int] | None) -> bool:
    """Whether the clock of another process, and the cgroup's count, see what a child does."""
    before_ns = cpu_ns() if cpu_ns else 0
    pid = os.fork()
    if pid == 0:
        while time.process_time_ns() < _PROBE_NS:
            pass
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        clock_ns = time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        clock_ns = 0
    os.waitpid(pid, 0)
    counted_ns = cpu_ns() - before_ns if cpu_ns else 0
    return min(clock_ns, counted_ns) >= _PROBE_NS


def _counter(places: Sequence[tuple[str, bytes, int]]) -> Callable[[], int] | None:
    """Reads a number of PID 1's own cgroup: the first of the files that is there, the word after a
    name (or the first), times a factor; None where none is mounted."""
    for path, name, factor in places:
        if os.path.exists(path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return functools.partial(_read_number, fd, name, factor)
    return None


def _read_number(fd: int, name: bytes, factor: int) -> int:
    words = os.pread(fd, 4096, 0).split()
    return factor * int(words[words.index(name) + 1 if name else 0])
