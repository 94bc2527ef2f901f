"""Podman, rootful and rootless, through its Docker-compatible service.

Its command line would do, but each call of it is a process, and its attached stream one more copy
of every byte; the service speaks Docker's API, so that one client serves both. What differs is the
names of images that are made here (localhost/), the seccomp profile (a path), the tmpfs options (no
inode limit: the memory limit bounds the number of files; the owner is "U", the container's user),
and calls that only its own API has: which limits it can set, and moving a container to a core.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import requests

from skeldpo.sandbox.docker import TIMEOUT_S, Dialect, DockerRuntime, open_client
from skeldpo.sandbox.runtime import CGROUP_CONTROLLERS, RuntimeFailure

HOST_VARIABLE = "CONTAINER_HOST"

_API = "/v4.0.0/libpod"  # 4.x and 5.x answer to it
_IDLE_S = 600
"""A service that was started here ends after so long without a connection."""
_START_WAIT_S = 15.0
_MOST_PROCESSES = 16384
"""Of one user, all containers together. No limit that matters: without one, Podman asks for more
than a service without CAP_SYS_RESOURCE may set."""
_TMPFS = "rw,noexec,nosuid,nodev"
_ADVICE = (
    "use runc or crun on Linux with cgroups (v1 with cpuacct, cpuset, memory and pids, or v2); "
    'where crun refuses hybrid cgroups, set measure.runtime to "runc"'
)
_ADVICE_ROOTLESS = {
    "v1": (
        "cgroups v1 cannot be limited by users: boot with systemd.unified_cgroup_hierarchy=1, or "
        "use Podman as root, or Docker"
    ),
    "v2": (
        "give users the controllers: write [Service] and Delegate=cpu cpuset io memory pids to "
        "/etc/systemd/system/user@.service.d/delegate.conf, run systemctl daemon-reload, log in "
        "again; or use Podman as root, or Docker"
    ),
}


def default_socket() -> str:
    """Where Podman's service of this user listens: $CONTAINER_HOST, or Podman's usual place."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    folder = "/run" if os.geteuid() == 0 else folder
    return os.environ.get(HOST_VARIABLE) or f"unix://{folder}/podman/podman.sock"


def open_podman(timeout_s: float = TIMEOUT_S) -> docker.DockerClient:
    """A client of this user's service, which is started if none answers where Podman is installed;
    not at $CONTAINER_HOST, which is somebody's choice."""
    host = default_socket()
    try:
        return open_client(host, timeout_s)
    except RuntimeFailure as failure:
        if os.environ.get(HOST_VARIABLE) or not shutil.which("podman"):
            raise RuntimeFailure(f"no Podman service at {host} ({failure})") from failure
    start_service(host)
    return open_client(host, timeout_s)


def is_podman(version: dict[str, Any]) -> bool:
    """Whether an answer to Docker's version call is Podman's."""
    names = [part.get("Name", "") for part in version.get("Components") or []]
    return "Podman Engine" in names


def podman_runtime(client: docker.DockerClient) -> DockerRuntime:
    """The runtime behind a client that Podman answers."""
    try:
        answer = client.api.get(f"{client.api.base_url}{_API}/info")
        answer.raise_for_status()
        info = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise RuntimeFailure(f"Podman does not say what it can limit: {error}") from error
    return DockerRuntime(client, podman_dialect(info))


def podman_dialect(info: dict[str, Any]) -> Dialect:
    """What Podman has other than Docker, by its answer to `podman info`."""
    host = info["host"]
    rootless, cgroups = bool(host["security"]["rootless"]), str(host["cgroupVersion"])
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    processes = min(most, _MOST_PROCESSES) if most >= 0 else _MOST_PROCESSES
    number = info.get("version", {}).get("Version", "?")
    return Dialect(
        name="podman",
        version=f"{number}, {'rootless' if rootless else 'rootful'}, cgroups {cgroups}",
        advice=_ADVICE_ROOTLESS.get(cgroups, _ADVICE) if rootless else _ADVICE,
        controllers=CGROUP_CONTROLLERS & set(host.get("cgroupControllers") or ()),
        image_prefix="localhost/",
        tmpfs={
            "/box": f"{_TMPFS},size=128m,mode=0700,U",
            "/tmp": f"{_TMPFS},size=16m,mode=1777",
            "/run": "ro,noexec,nosuid,nodev,size=4k",  # which Podman would make writable
            "/var/tmp": "ro,noexec,nosuid,nodev,size=4k",
        },
        ulimits={"nproc": (processes, processes)},
        takes_paths=True,
        update_path=f"{_API}/containers/{{}}/update",
    )


def start_service(host: str) -> None:
    """Starts a service at a socket, and waits until it answers; RuntimeFailure if it does not."""
    folder = Path(host.removeprefix("unix://")).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # of a user without a session, say
        raise RuntimeFailure(
            f"no place for Podman's socket ({error}); log in as this user (loginctl enable-linger "
            "keeps the place), or set XDG_RUNTIME_DIR to a folder of the user's"
        ) from error
    service = subprocess.Popen(
        ["podman", "system", "service", f"--time={_IDLE_S}", host],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,  # its monitors of containers leave a file "oom" where they work
        start_new_session=True,
    )
    # Its containers have its priority, and an actor of Ray that starts it has a low one.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, service.pid, 0)
    deadline = time.monotonic() + _START_WAIT_S
    while time.monotonic() < deadline and service.poll() is None:
        with contextlib.suppress(RuntimeFailure):
            open_client(host).close()
            return
        time.sleep(0.1)
    raise RuntimeFailure(
        f"Podman's service does not start; see what this says: podman system service {host}"
    )
