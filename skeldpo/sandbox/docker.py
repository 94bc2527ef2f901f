"""Docker, and whatever else speaks its API: images and containers by the `docker` package.

The isolation of a container is here; docs/SANDBOX.md says what each argument stops. There is no
CFS quota, as its 100 ms periods would stall timed runs; the container has a core to itself instead.
Podman speaks the same API, with the differences that a Dialect names (podman.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig, Ulimit

from skeldpo.sandbox.cores import numa_node
from skeldpo.sandbox.guest.child import MAX_FDS
from skeldpo.sandbox.guest.serve import GUEST_FOLDER
from skeldpo.sandbox.runtime import (
    CGROUP_CONTROLLERS,
    PROCESS_LIMIT,
    ContainerSpec,
    ListedContainer,
    ListedImage,
    RuntimeAway,
    RuntimeFailure,
    RuntimeName,
    StartedContainer,
)
from skeldpo.sandbox.seccomp import seccomp_profile

TIMEOUT_S = 120.0
DEFAULT_SOCKET = "unix:///var/run/docker.sock"

_ENDING_WAIT_S = 10.0
_MOST_CPU_SHARES = 1 << 18
"""The kernel's largest: whatever else strays onto the sandbox's core waits for the timed program,
not the other way round."""
_NOBODY = "65534:65534"
_TMPFS = "rw,noexec,nosuid,nodev"
_ULIMITS = {  # soft and hard; -1: none
    "nofile": (MAX_FDS, MAX_FDS),
    "core": (0, 0),
    "fsize": (64 << 20, 64 << 20),
    "stack": (256 << 20, -1),
    "memlock": (65536, 65536),
    "msgqueue": (0, 0),
}
_ENVIRONMENT = {
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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between runtimes that speak Docker's API; the defaults are Docker's.

    `image_prefix` comes before the names of images that are made here, `tmpfs` are writable folders
    (or read-only ones, in place of what the runtime would add) with their options, `ulimits` are
    set besides those of every container. A seccomp profile is handed over as text or, with
    `takes_paths`, as the path of a file. `update_path` is where limits of a running container are
    changed, if not by Docker's own call.
    """

    name: RuntimeName = "docker"
    version: str = ""
    advice: str = "use runc on Linux with cgroups (v1 with cpuacct, cpuset, memory and pids, or v2)"
    controllers: frozenset[str] = CGROUP_CONTROLLERS
    image_prefix: str = ""
    tmpfs: Mapping[str, str]
    ulimits: Mapping[str, tuple[int, int]]
    takes_paths: bool = False
    update_path: str = ""


def docker_dialect(version: str) -> Dialect:
    """Docker's own."""
    tmpfs = {
        "/box": f"{_TMPFS},size=128m,nr_inodes=4096,mode=0700,uid=65534,gid=65534",
        "/tmp": f"{_TMPFS},size=16m,nr_inodes=1024,mode=1777",
    }
    return Dialect(version=version, tmpfs=tmpfs, ulimits={})


def server_version(client: docker.DockerClient) -> dict[str, Any]:
    """The answer to Docker's version call."""
    with _failures():
        return dict(client.version())


def open_client(host: str, timeout_s: float = TIMEOUT_S) -> docker.DockerClient:
    """A client of the API at a host, which answered; RuntimeFailure if none does."""
    with _failures():
        if host:
            client = docker.DockerClient(base_url=host, timeout=timeout_s)
        else:  # with the TLS settings of the environment
            client = docker.from_env(timeout=timeout_s)
        client.ping()
        return client


class DockerRuntime:
    """A `ContainerRuntime` behind Docker's API."""

    def __init__(self, client: docker.DockerClient, dialect: Dialect) -> None:
        self._client = client
        self._dialect = dialect
        self.name = dialect.name
        self.version = dialect.version
        self.advice = dialect.advice
        self.controllers = dialect.controllers

    def find_image(self, reference: str) -> str:
        with _failures():
            try:
                image = self._client.images.get(reference)
            except ImageNotFound:
                return ""
            return str((image.attrs.get("RepoDigests") or [image.id])[0]).rpartition("@")[2]

    def pull_image(self, reference: str) -> None:
        with _failures():
            self._client.images.pull(reference)

    def local_name(self, repository: str, tag: str) -> str:
        return f"{self._dialect.image_prefix}{repository}:{tag}"

    def list_images(self, repository: str) -> list[ListedImage]:
        own = f"{self._dialect.image_prefix}{repository}:"
        with _failures():
            found = self._client.api.images()
        return [
            ListedImage(reference=tag, made_s=float(each["Created"]))
            for each in found
            for tag in each["RepoTags"] or ()
            if tag.startswith(own)
        ]

    def remove_image(self, reference: str) -> None:
        with _failures():
            self._client.api.remove_image(reference)

    def import_image(self, layer: bytes, reference: str, entry_point: Sequence[str]) -> None:
        with _failures():  # Podman 4.3 ignores a tag that is not in the repository's name
            self._client.api.import_image_from_data(
                layer, repository=reference, changes=[_entry_point(entry_point)]
            )

    def extend_image(
        self, base: str, layer: bytes, reference: str, entry_point: Sequence[str]
    ) -> None:
        repository, _, tag = reference.rpartition(":")
        with _failures():
            container = self._client.containers.create(base, network_mode="none")
            try:
                container.put_archive("/", layer)
                changes = [_entry_point(entry_point)]
                container.commit(repository=repository, tag=tag, changes=changes)
            finally:
                container.remove(force=True)

    def run_in_image(self, reference: str, command: Sequence[str], timeout_s: float) -> str:
        with _failures():
            container = self._client.containers.create(
                reference, entrypoint=list(command), network_mode="none"
            )
            try:
                container.start()
                container.wait(timeout=timeout_s)
                return bytes(container.logs(stderr=False)).decode()
            finally:
                container.remove(force=True)

    def start_container(self, spec: ContainerSpec) -> StartedContainer:
        with _failures():
            with self._seccomp() as profile:
                arguments = container_arguments(spec, self._dialect, profile)
                container = self._client.containers.create(**arguments)
            stream: Any = None
            try:
                stream = self._client.api.attach_socket(
                    container.id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
                container.start()
                container.reload()
            except (DockerException, OSError):
                if stream is not None:
                    stream.close()
                self.remove_container(container.id)
                raise
            process_id = container.attrs["State"]["Pid"]
        return StartedContainer(container_id=container.id, process_id=process_id, stream=stream)

    def pin_container(self, container_id: str, core: int) -> bool:
        with _failures():
            container = self._client.containers.get(container_id)
            if self._dialect.update_path:
                url = self._client.api.base_url + self._dialect.update_path.format(container_id)
                answer = self._client.api.post(url, json={"cpu": {"cpus": str(core)}})
                answer.raise_for_status()
            else:
                container.update(cpuset_cpus=str(core))
            container.reload()
            return bool(container.status == "running")

    def kill_container(self, container_id: str) -> None:
        with _failures():
            self._client.api.kill(container_id)

    def remove_container(self, container_id: str) -> None:
        deadline = time.monotonic() + _ENDING_WAIT_S
        with _failures():
            while True:
                try:
                    self._client.api.remove_container(container_id, force=True, v=True)
                    return
                except NotFound:
                    return
                except APIError as error:
                    if error.status_code == 409:  # its removal is under way
                        return
                    # Podman, of one that has ended by itself and is not yet known to have.
                    is_ending = "container state improper" in str(error)
                    if not is_ending or time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def list_containers(self, label: str) -> list[ListedContainer]:
        with _failures():
            found = self._client.api.containers(all=True, filters={"label": label})
        return [
            ListedContainer(
                container_id=each["Id"],
                labels=each["Labels"] or {},
                has_ended=each["State"] in ("exited", "dead"),
            )
            for each in found
        ]

    def close(self) -> None:
        self._client.close()

    @contextlib.contextmanager
    def _seccomp(self) -> Iterator[str]:
        """The system calls that are allowed, as the runtime takes them; a file is read when the
        container is made."""
        if not self._dialect.takes_paths:
            yield seccomp_profile()
            return
        with tempfile.NamedTemporaryFile("w", prefix="skeldpo-seccomp-", suffix=".json") as file:
            file.write(seccomp_profile())
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # the service may be another user's
            yield file.name


def container_arguments(spec: ContainerSpec, dialect: Dialect, seccomp: str) -> dict[str, Any]:
    """Everything the container is and may; docs/SANDBOX.md says what each argument stops."""
    arguments: dict[str, Any] = {
        "image": spec.image,
        "name": f"skeldpo-{os.getpid()}-{spec.core}-{secrets.token_hex(4)}",
        "labels": dict(spec.labels),
        "stdin_open": True,
        "detach": False,  # with it stdin closes when this process dies, and the guest exits
        "user": _NOBODY,
        "healthcheck": {"test": ["NONE"]},  # an image's own check would look like an orphan
        "network_mode": "none",
        "read_only": True,
        "tmpfs": dict(dialect.tmpfs),
        "working_dir": "/box",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={seccomp}"],
        "ipc_mode": "none",
        "cgroupns": "private",
        "ulimits": [
            Ulimit(name=name, soft=soft, hard=hard)
            for name, (soft, hard) in {**_ULIMITS, **dialect.ulimits}.items()
        ],
        "log_config": LogConfig(type="none"),
        "environment": _ENVIRONMENT,
    }
    if "memory" in dialect.controllers:
        arguments["mem_limit"] = arguments["memswap_limit"] = spec.memory_limit_bytes
    if "pids" in dialect.controllers:
        arguments["pids_limit"] = PROCESS_LIMIT
    if "cpu" in dialect.controllers:
        arguments["cpu_shares"] = _MOST_CPU_SHARES
    if "cpuset" in dialect.controllers:
        arguments["cpuset_cpus"] = ",".join(map(str, spec.aside or (spec.core,)))
        if node := numa_node(spec.core):
            arguments["cpuset_mems"] = node
    if spec.oci_runtime:
        arguments["runtime"] = spec.oci_runtime
    return arguments


def _entry_point(command: Sequence[str]) -> str:
    words = ", ".join(f'"{word}"' for word in command)
    return f"ENTRYPOINT [{words}]"


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Errors of the API and of the connection as the contract's own."""
    try:
        yield
    except requests.ConnectionError as error:
        raise RuntimeAway(str(error)) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise RuntimeFailure(str(error)) from error
