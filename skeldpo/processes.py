"""Whose something is: names of processes that tell, later and from elsewhere, whether they live."""

from __future__ import annotations

import os
from pathlib import Path


def owner_name() -> str:
    """A name of this process, for `is_dead` and `is_alive`."""
    return f"{_space()} {os.getpid()} {_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """True only if the process is of this node's process space and gone."""
    return _in_this_space(owner) and not _runs(owner)


def is_alive(owner: str) -> bool:
    """True only if the process is of this node's process space and there."""
    return _in_this_space(owner) and _runs(owner)


def _space() -> str:
    """What makes process ids comparable: the boot and the process-id namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    return f"{boot.read_text().strip()}/{os.readlink(space)}" if space.exists() else ""


def _started(process_id: int) -> str:
    """The start time of a process in clock ticks since boot; "" if there is none, or it ended and
    only its parent has not asked for its exit code yet."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _in_this_space(owner: str) -> bool:
    space, _, process = owner.partition(" ")
    return bool(process.partition(" ")[2]) and space == _space()


def _runs(owner: str) -> bool:
    _, process_id, started = owner.rsplit(" ", 2)
    return _started(int(process_id)) == started
