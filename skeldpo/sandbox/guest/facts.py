"""What PID 1 finds of its own isolation before any program runs: no word of the runtime's is taken.

Standard library only; copied into the image beside serve.py. A limit that cannot be seen is -1, and
counts as not kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_PROCESSES = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")


def facts() -> dict[str, object]:
    """Cores, limits, and what would let a program out; names as in skeldpo.sandbox.promises."""
    status = _status()
    return {
        "cores": sorted(os.sched_getaffinity(0)),
        "memory_limit_bytes": _limit(_MEMORY),
        "process_limit": _limit(_PROCESSES),
        "user_id": os.geteuid(),
        "has_capabilities": any(
            int(status.get(name, "1"), 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")
        ),
        "no_new_privileges": status.get("NoNewPrivs") == "1",
        "filters_calls": status.get("Seccomp") == "2",
        "root_is_read_only": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
        "interfaces": _interfaces(),
    }


def _status() -> dict[str, str]:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        fields = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in fields}


def _limit(places: Sequence[str]) -> int:
    for place in places:
        try:
            with open(place, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        return int(text) if text.isdecimal() else -1  # "max": none
    return -1


def _interfaces() -> list[str]:
    """Network interfaces but the loopback."""
    with open("/proc/net/dev", encoding="ascii") as file:
        names = [line.partition(":")[0].strip() for line in file if ":" in line]
    return [name for name in names if name != "lo"]
