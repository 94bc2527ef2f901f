"""The container runtime that is asked for, or that this machine has."""

from __future__ import annotations

import os

from skeldpo.sandbox.docker import (
    DEFAULT_SOCKET,
    TIMEOUT_S,
    DockerRuntime,
    docker_dialect,
    open_client,
    server_version,
)
from skeldpo.sandbox.podman import is_podman, open_podman, podman_runtime
from skeldpo.sandbox.runtime import ContainerRuntime, RuntimeChoice, RuntimeFailure

HOST_VARIABLE = "DOCKER_HOST"


def connect(choice: RuntimeChoice = "auto", timeout_s: float = TIMEOUT_S) -> ContainerRuntime:
    """A runtime that answers, for one thread; RuntimeFailure says what was tried.

    What answers at $DOCKER_HOST, Docker or Podman, is taken, and nothing else is looked for.
    """
    host = os.environ.get(HOST_VARIABLE, "")
    if host or choice != "podman":
        try:
            runtime = _open_docker(timeout_s)
        except RuntimeFailure as failure:
            found = f"no answer at {host or DEFAULT_SOCKET} ({failure})"
        else:
            if choice in ("auto", runtime.name):
                return runtime
            runtime.close()
            found = f"{runtime.name} answers at {host or DEFAULT_SOCKET}"
        if host or choice == "docker":
            raise RuntimeFailure(
                f"cannot reach {'a container engine' if choice == 'auto' else choice}: {found}; "
                f"start it (bash cluster/setup.sh engine), add the user to the docker group, or "
                f"set {HOST_VARIABLE}"
            )
    else:
        found = "Docker is not asked for (measure.engine)"
    try:
        return podman_runtime(open_podman(timeout_s))
    except RuntimeFailure as failure:
        raise RuntimeFailure(
            f"cannot reach a container engine: {found}; {failure}; start dockerd "
            f"(bash cluster/setup.sh engine), or install Podman, or set {HOST_VARIABLE}"
        ) from failure


def _open_docker(timeout_s: float) -> DockerRuntime:
    """Whatever answers at $DOCKER_HOST, or where Docker listens."""
    client = open_client("", timeout_s)
    version = server_version(client)
    if is_podman(version):
        return podman_runtime(client)
    number = f"{version.get('Version', '?')} (API {version.get('ApiVersion', '?')})"
    return DockerRuntime(client, docker_dialect(number))
