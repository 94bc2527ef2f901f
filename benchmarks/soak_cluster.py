"""A cluster of simulated nodes on one machine, and what of it can be killed."""

from __future__ import annotations

import contextlib
import math
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.soak_keeper import become_parent_of_orphans
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.sandbox.cores import CORES_VARIABLE
from skeldpo.sandbox.sweep import LABEL

NODES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
"""Addresses of this machine's loopback, by which a driver says which node it joins."""
DOWN_S = (3.0, 15.0)
"""How long a node that was killed stays away."""
GONE_WITHIN_S = 60.0
_ENGINE_PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "podman", "conmon")
"""Container engines that were started here: they stay, and what runs below them is told by its
containers."""
_KEEPER = "benchmarks.soak_keeper"
_ACTORS = {"engine": "Engine)", "sandbox": "ProgramMeasurer)", "worker": "TrainWorker"}
"""Kinds of processes, and what Ray's titles of them hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process below this one."""

    process_id: int
    title: str


class SoakCluster:
    """Nodes with CPUs, as many of them with a sandbox core of their own as the machine has cores;
    they come back after they were killed. What outlives its parent becomes a child of this process,
    so that it is found at the end."""

    def __init__(self, seed: int, engine_start: str = "") -> None:
        """With a command that starts the container engine, that can be killed too."""
        become_parent_of_orphans()
        self._drawn = random.Random(f"nodes {seed}")
        # Never killed: a cluster does not outlive its head.
        self._cluster = Cluster(initialize_head=True, head_node_args=_arguments("", num_cpus=0))
        self.head = str(self._cluster.head_node.node_ip_address)
        cores = sorted(os.sched_getaffinity(0), reverse=True)
        self._cores = {name: str(core) for name, core in zip(NODES, cores, strict=False)}
        self._nodes: dict[str, Any] = {}
        self._back_at_s: dict[str, float] = {}
        self._engine_start = engine_start
        self._engine_back_at_s = math.inf
        for name in NODES:
            self._add(name)

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self._cluster.address)

    @property
    def nodes(self) -> list[str]:
        """Addresses of the nodes that are there."""
        return [self.head, *self._nodes]

    def bring_back(self) -> list[str]:
        """Starts the nodes, and the container engine, whose time away is over; their names."""
        due = [name for name, at_s in self._back_at_s.items() if time.monotonic() >= at_s]
        for name in due:
            del self._back_at_s[name]
            self._add(name)
        if time.monotonic() >= self._engine_back_at_s:
            self._engine_back_at_s = math.inf
            self._start_engine()
            due.append("the container engine")
        return due

    def targets(self) -> dict[str, list[Callable[[], str]]]:
        """What can be killed now, by kind; each call kills and says what."""
        found: dict[str, list[Callable[[], str]]] = {
            "node": [_bind(self._kill_node, name) for name in self._nodes],
            "container": [_bind(_kill_container, key) for key in own_containers()],
        }
        if self._engine_start and self._engine_back_at_s == math.inf:
            found["container_engine"] = [
                _bind(self._kill_engine, number) for number in _numbers_of("dockerd")
            ]
        below = processes_below()
        for kind, text in _ACTORS.items():
            found[kind] = [_bind(_kill_process, one) for one in below if text in one.title]
        return {kind: kills for kind, kills in found.items() if kills}

    def shutdown(self) -> None:
        """Ends all nodes."""
        self._cluster.shutdown()

    def _add(self, name: str) -> None:
        core = self._cores.get(name, "")
        self._nodes[name] = self._cluster.add_node(node_ip_address=name, **_arguments(core))

    def _kill_node(self, name: str) -> str:
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)
        down_s = self._drawn.uniform(*DOWN_S)
        self._back_at_s[name] = time.monotonic() + down_s
        return f"{name} for {down_s:.0f} s"

    def _start_engine(self) -> None:
        """RuntimeError if it does not start."""
        command = [sys.executable, "-m", _KEEPER, *shlex.split(self._engine_start)]
        keeper = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert keeper.stdout
        if not keeper.stdout.readline():
            raise RuntimeError(f"the container engine does not start by {self._engine_start!r}")

    def _kill_engine(self, process_id: int) -> str:
        os.kill(process_id, signal.SIGKILL)
        down_s = self._drawn.uniform(*DOWN_S)
        self._engine_back_at_s = time.monotonic() + down_s
        return f"process {process_id} for {down_s:.0f} s"


def processes_below() -> list[Process]:
    """Every process that descends from this one and runs, without a container engine and what is
    below it."""
    parents, titles = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX":
                parents[int(folder.name)] = int(fields[1])
                text = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                titles[int(folder.name)] = text.decode(errors="replace").strip()
    own = os.getpid()
    engine = {
        key
        for key, title in titles.items()
        if _program_of(title) in _ENGINE_PROGRAMS or _KEEPER in title
    }
    return [
        Process(process_id=process_id, title=titles[process_id])
        for process_id in parents
        if own in (above := {*_line_of(process_id, parents)})
        and engine.isdisjoint({process_id, *above})
    ]


def own_containers() -> list[str]:
    """Ids of the containers whose owner is, or was, a process below this one."""
    given = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
    asked = ["docker", "ps", "-a", "--filter", f"label={LABEL}", "--format", given]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.split() for line in listed.stdout.splitlines()]
    below = {str(one.process_id) for one in processes_below()} | _SEEN
    _SEEN.update(below)
    return [fields[0] for fields in lines if len(fields) > 2 and fields[-2] in below]


_SEEN: set[str] = set()
"""Ids of processes that were below this one: their containers are ours when they are gone, too."""


def _arguments(core: str, num_cpus: int = 2) -> dict[str, Any]:
    return {
        "num_cpus": num_cpus,
        "resources": {SANDBOX_RESOURCE: 1.0} if core else {},
        "object_store_memory": 100 << 20,
        "env_vars": {CORES_VARIABLE: core} if core else {},
    }


def _numbers_of(program: str) -> list[int]:
    """Ids of the processes of a program, anywhere on this machine."""
    listed = subprocess.run(["pgrep", "-x", program], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def _program_of(title: str) -> str:
    return title.partition(" ")[0].rpartition("/")[2]


def _line_of(process_id: int, parents: dict[int, int]) -> Iterator[int]:
    """The ancestors of a process."""
    while process_id in parents and process_id > 1:
        process_id = parents[process_id]
        yield process_id


def _kill_process(one: Process) -> str:
    with contextlib.suppress(ProcessLookupError):
        os.kill(one.process_id, signal.SIGKILL)
    return f"process {one.process_id} {one.title[:60]}"


def _kill_container(key: str) -> str:
    subprocess.run(["docker", "kill", key], capture_output=True, check=False, timeout=60)
    return key


def _bind(kill: Callable[[Any], str], target: Any) -> Callable[[], str]:
    return lambda: kill(target)
