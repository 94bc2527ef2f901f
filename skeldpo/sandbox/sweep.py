"""Whose a sandbox container is, and the removal of those whose process is gone.

Labels name the owner, so a later process of the node can tell a stale container from a live one.
"""

from __future__ import annotations

import os
from pathlib import Path

from skeldpo.sandbox.runtime import ContainerRuntime

LABEL = "skeldpo.sandbox"


def owner_labels(core: int, run_label: str) -> dict[str, str]:
    """The labels of a container of this process."""
    return {LABEL: _owner(), "skeldpo.core": str(core), "skeldpo.run": run_label}


def sweep_stale_containers(runtime: ContainerRuntime) -> int:
    """Removes sandbox containers that ended or whose process on this node is gone; how many."""
    stale = [
        each
        for each in runtime.list_containers(LABEL)
        if each.has_ended or _is_dead(each.labels.get(LABEL, ""))
    ]
    for each in stale:
        runtime.remove_container(each.container_id)
    return len(stale)


def _process_space() -> str:
    """What makes process ids comparable: the boot and the process-id namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    return f"{boot.read_text().strip()}/{os.readlink(space)}" if space.exists() else ""


def _started(process_id: int) -> str:
    """The start time of a process in clock ticks since boot; "" if there is none."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _owner() -> str:
    return f"{_process_space()} {os.getpid()} {_started(os.getpid())}"


def _is_dead(owner: str) -> bool:
    """True only if the owner is of this node's process space and its process is gone."""
    space, _, process = owner.partition(" ")
    process_id, _, started = process.partition(" ")
    if not started or space != _process_space():
        return False
    return _started(int(process_id)) != started
