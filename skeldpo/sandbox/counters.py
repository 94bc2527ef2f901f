"""Instructions that a container's programs retire, where the machine has hardware counters.

Counted from outside, by the kernel, for PID 1 and every process forked after the counter was opened
(perf_event_open(2) with `inherit`); kernel instructions are left out. Most virtual machines, and
gVisor, have no such counter, and other users than root need CAP_PERFMON: then there is none, and
nothing depends on it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from pathlib import Path

HARDWARE, INSTRUCTIONS = 0, 1
SOFTWARE, TASK_CLOCK = 1, 1

_SYSCALLS = {"x86_64": 298, "aarch64": 241}
_INHERIT, _EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
_CLOSE_ON_EXEC = 8
_ATTRIBUTE = struct.Struct("IIQQQQQIIQ")  # perf_event_attr, first published size


class EventCounter:
    """One event of a process and of what it forks from now on."""

    def __init__(self, process_id: int, event_type: int, event: int, *, with_kernel: bool) -> None:
        """OSError if the machine, the kernel or the user's rights do not allow it."""
        flags = _INHERIT | (0 if with_kernel else _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR)
        attribute = _ATTRIBUTE.pack(event_type, _ATTRIBUTE.size, event, 0, 0, 0, flags, 0, 0, 0)
        number = _SYSCALLS.get(platform.machine())
        if number is None:
            raise OSError(f"no counters on {platform.machine()}")
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.syscall(
            number, ctypes.c_char_p(attribute), process_id, -1, -1, ctypes.c_ulong(_CLOSE_ON_EXEC)
        )
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "perf_event_open failed")

    def read(self) -> int:
        """Events so far; those of a child are in it at the latest when it has ended."""
        return int.from_bytes(os.read(self._fd, 8), "little")

    def close(self) -> None:
        """Stops counting."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def count_instructions(process_id: int, container_id: str) -> EventCounter | None:
    """A counter of the instructions of a container whose PID 1 has this number on this host; None
    where there is none, or where the number is that of another host's or namespace's process."""
    try:
        if container_id not in Path(f"/proc/{process_id}/cgroup").read_text():
            return None
        return EventCounter(process_id, HARDWARE, INSTRUCTIONS, with_kernel=False)
    except OSError:
        return None
