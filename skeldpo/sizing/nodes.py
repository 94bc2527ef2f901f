"""What there is: the nodes of a Ray cluster as it tells of them, or this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldpo.connection import SANDBOX_RESOURCE, join_cluster
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.sizing.needs import GIB, gib

_GPU_GIB = {
    "A100-40G": 40, "A100": 80, "A100-80G": 80, "H100": 80, "H200": 141, "H20": 96, "B200": 180,
    "L4": 24, "L40S": 48, "A10G": 24, "T4": 16, "V100": 32,
}  # fmt: skip
"""By Ray's name of the type; the larger where a type comes in two sizes."""

_TYPE = "accelerator_type:"
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine; `gpu_bytes` is memory of one of its GPUs, 0 if that is not known."""

    name: str
    host_bytes: int
    num_cpus: int
    num_gpus: int
    gpu_bytes: int
    sandbox_cores: int

    def told(self) -> str:
        """A line."""
        gpus = f", {self.num_gpus} GPUs of {gib(self.gpu_bytes)}" if self.num_gpus else ""
        if self.num_gpus and not self.gpu_bytes:
            gpus = f", {self.num_gpus} GPUs of unknown memory"
        return (
            f"{self.name}: {gib(self.host_bytes)}, {self.num_cpus} CPUs, "
            f"{self.sandbox_cores} {SANDBOX_RESOURCE}{gpus}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """All that a run may use; a cluster's may become more."""

    nodes: tuple[Node, ...]
    is_cluster: bool


def find_nodes(tell: Callable[[str], None]) -> Nodes:
    """The nodes of the cluster that a run would join, which is joined, else this machine."""
    if not join_cluster(tell):
        return Nodes(nodes=(this_machine(),), is_cluster=False)
    import ray

    return Nodes(nodes=nodes_of(ray.nodes()), is_cluster=True)


def nodes_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Node, ...]:
    """From the rows of `ray.nodes()`: a node's memory is what Ray counts for tasks and objects,
    which is what was free when it started."""
    found = []
    for row in rows:
        if not row["Alive"]:
            continue
        has: Mapping[str, float] = row["Resources"]
        types = [key.removeprefix(_TYPE) for key in has if key.startswith(_TYPE)]
        sizes = [_GPU_GIB[name] for name in types if name in _GPU_GIB]
        found.append(
            Node(
                name=str(row.get("NodeManagerHostname") or row["NodeID"]),
                host_bytes=int(has.get("memory", 0) + has.get("object_store_memory", 0)),
                num_cpus=int(has.get("CPU", 0)),
                num_gpus=int(has.get("GPU", 0)),
                gpu_bytes=max(sizes, default=0) * GIB,
                sandbox_cores=int(has.get(SANDBOX_RESOURCE, 0)),
            )
        )
    return tuple(found)


def this_machine() -> Node:
    """As a Ray that is started here would have it."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    (kib,) = [int(line.split()[1]) for line in lines if line.startswith("MemTotal:")]
    gpus = _gpu_sizes()
    return Node(
        name="this machine",
        host_bytes=min([kib << 10, *_limits()]),
        num_cpus=max(2, os.cpu_count() or 1),
        num_gpus=len(gpus),
        gpu_bytes=min(gpus, default=0),
        sandbox_cores=len(sandbox_cores()),
    )


def _limits() -> list[int]:
    """Of this container, if it has one."""
    texts = [Path(file).read_text().strip() for file in _CGROUP_LIMITS if Path(file).is_file()]
    return [int(text) for text in texts if text.isdecimal()]


def _gpu_sizes() -> list[int]:
    """Bytes of each GPU."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [int(line) << 20 for line in answer.stdout.split() if line.isdecimal()]
