"""The contract of a container runtime: read this before writing another (docker.py, podman.py).

A runtime finds and builds images, starts a container with the isolation that a spec asks for, and
hands over its standard input and output; it moves it to a core, looks after it and ends it. What a
container then really has is not taken from the runtime's word: PID 1 looks (guest/facts.py), and
promises.py compares that with the spec. The counters of a run are those of the container's cgroup,
which PID 1 reads, and of its process on this host (counters.py). A runtime object is not for two
threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

RuntimeName = Literal["docker", "podman"]
RuntimeChoice = Literal["auto", "docker", "podman"]
"""auto: what $DOCKER_HOST names, else Docker where it answers, else Podman."""

PROCESS_LIMIT = 64
"""Processes and threads of a container."""
CGROUP_CONTROLLERS = frozenset(("cpu", "cpuset", "memory", "pids"))
"""What limits of a container rest on."""


class RuntimeFailure(RuntimeError):
    """The container runtime did not do what it was asked; the message is its own."""


class RuntimeAway(RuntimeFailure):
    """It does not answer: it does not run, or is being started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to make; docs/SANDBOX.md lists the isolation that every one gets besides.

    It runs on `core` alone, with memory that is near it; if `aside` is given, on those cores until
    it is pinned. `oci_runtime` is the program under the container runtime ("runsc" for gVisor;
    empty: its default). `labels` are found again by `list_containers`.
    """

    image: str
    core: int
    aside: tuple[int, ...] = ()
    memory_limit_bytes: int
    oci_runtime: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedContainer:
    """A running container. `stream` carries standard input one way and Docker's multiplexed frames
    of both outputs the other; `process_id` is PID 1's number on the runtime's machine."""

    container_id: str
    process_id: int
    stream: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedContainer:
    """One that is there, running or not."""

    container_id: str
    labels: Mapping[str, str]
    has_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImage:
    """One that is here; `made_s` is when it was made, in seconds since 1970."""

    reference: str
    made_s: float


class ContainerRuntime(Protocol):
    """What the sandbox asks for; every call but `close` raises RuntimeFailure if it fails."""

    @property
    def name(self) -> RuntimeName:
        """Which runtime it is."""

    @property
    def version(self) -> str:
        """Of the runtime, with what tells kinds of it apart (such as "rootless")."""

    @property
    def controllers(self) -> frozenset[str]:
        """Those of CGROUP_CONTROLLERS that it can limit containers with."""

    @property
    def advice(self) -> str:
        """What to do where a container lacks what it was to have."""

    def find_image(self, reference: str) -> str:
        """The digest of an image that is here: the registry's if it came from one; else ""."""

    def pull_image(self, reference: str) -> None:
        """Gets an image from its registry."""

    def local_name(self, repository: str, tag: str) -> str:
        """The reference of an image that is made here."""

    def import_image(self, layer: bytes, reference: str, entry_point: Sequence[str]) -> None:
        """Makes an image of one layer, a tar archive."""

    def extend_image(
        self, base: str, layer: bytes, reference: str, entry_point: Sequence[str]
    ) -> None:
        """Makes an image of another and one more layer."""

    def list_images(self, repository: str) -> list[ListedImage]:
        """Those that were made here under a repository's name, by each of their tags."""

    def remove_image(self, reference: str) -> None:
        """Removes an image; RuntimeFailure if a container uses it, ended or not."""

    def run_in_image(self, reference: str, command: Sequence[str], timeout_s: float) -> str:
        """Standard output of a command in a container of its own, without network."""

    def start_container(self, spec: ContainerSpec) -> StartedContainer:
        """Makes, attaches to and starts a container; one that does not start is removed."""

    def pin_container(self, container_id: str, core: int) -> bool:
        """Moves a container to one core; false if it is not running any more."""

    def kill_container(self, container_id: str) -> None:
        """Ends every process in it; it stays until it is removed."""

    def remove_container(self, container_id: str) -> None:
        """Kills and removes it; one that is gone or going is no error."""

    def list_containers(self, label: str) -> list[ListedContainer]:
        """All that have a label."""

    def close(self) -> None:
        """Gives up the connection."""
