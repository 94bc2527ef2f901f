"""What a sandbox container is and may, and which leftovers of dead processes are removed.

Every argument stops something: docs/SANDBOX.md has the list. There is no CFS quota, as its 100 ms
periods would stall timed runs; the container has a core to itself instead. Labels name the owner,
so a later process of the node can tell a stale container from a live one.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit

from skeldpo.sandbox.cores import numa_node
from skeldpo.sandbox.guest.child import MAX_FDS
from skeldpo.sandbox.guest.serve import GUEST_FOLDER
from skeldpo.sandbox.seccomp import seccomp_profile

LABEL = "skeldpo.sandbox"
MOST_CPU_SHARES = 1 << 18
"""The kernel's largest: whatever else strays onto the sandbox's core waits for the timed program,
not the other way round."""

_NOBODY = "65534:65534"
_TMPFS = "rw,noexec,nosuid,nodev"


def connect() -> docker.DockerClient:
    """The engine that DOCKER_HOST names, or the local one; RuntimeError if it does not answer."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException as error:
        raise RuntimeError(
            f"cannot reach a Docker engine ({error}); start dockerd, add the user to the docker "
            "group, or set DOCKER_HOST"
        ) from error
    return client


def container_arguments(
    *, image_reference: str, core: int, memory_limit_bytes: int, runtime: str, run_label: str
) -> dict[str, Any]:
    """Everything the container is and may; docs/SANDBOX.md says what each argument stops."""
    labels = {LABEL: _owner(), "skeldpo.core": str(core), "skeldpo.run": run_label}
    arguments: dict[str, Any] = {
        "image": image_reference,
        "name": f"skeldpo-{os.getpid()}-{core}-{secrets.token_hex(4)}",
        "labels": labels,
        "stdin_open": True,
        "detach": False,  # with it stdin closes when this process dies, and the guest exits
        "user": _NOBODY,
        "healthcheck": {"test": ["NONE"]},  # an image's own check would look like an orphan
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {
            "/box": f"{_TMPFS},size=128m,nr_inodes=4096,mode=0700,uid=65534,gid=65534",
            "/tmp": f"{_TMPFS},size=16m,nr_inodes=1024,mode=1777",
        },
        "working_dir": "/box",
        "mem_limit": memory_limit_bytes,
        "memswap_limit": memory_limit_bytes,
        "pids_limit": 64,
        "cpuset_cpus": str(core),
        "cpu_shares": MOST_CPU_SHARES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={seccomp_profile()}"],
        "ipc_mode": "none",
        "cgroupns": "private",
        "ulimits": [
            Ulimit(name="nofile", soft=MAX_FDS, hard=MAX_FDS),
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="fsize", soft=64 << 20, hard=64 << 20),
            Ulimit(name="stack", soft=256 << 20, hard=-1),
            Ulimit(name="memlock", soft=65536, hard=65536),
            Ulimit(name="msgqueue", soft=0, hard=0),
        ],
        "log_config": LogConfig(type="none"),
        "environment": {
            "PYTHONPATH": GUEST_FOLDER,
            "LD_BIND_NOW": "1",  # in PID 1, once, and not in every child
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": "/box",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
    }
    if node := numa_node(core):
        arguments["cpuset_mems"] = node
    if runtime:
        arguments["runtime"] = runtime
    return arguments


def sweep_stale_containers() -> int:
    """Removes sandbox containers that ended or whose process on this node is gone; how many."""
    client = connect()
    try:
        num_removed = 0
        for container in client.containers.list(
            all=True, filters={"label": LABEL}, ignore_removed=True
        ):
            ended = container.status in ("exited", "dead")
            if ended or _is_dead(container.labels.get(LABEL, "")):
                remove_container(container)
                num_removed += 1
        return num_removed
    finally:
        client.close()


def remove_container(container: Container) -> None:
    """Kills and removes; a container that is gone or going is no error."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # its removal is under way
            raise


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
