"""Podman behind the same contract as Docker: chosen, reached, and as good a judge."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import APIError
from engines import image_of
from sandbox_runs import MEMORY_LIMIT_BYTES, call, pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.connect import HOST_VARIABLE, connect
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.docker import Dialect, DockerRuntime
from skeldpo.sandbox.image import ensure_image
from skeldpo.sandbox.podman import HOST_VARIABLE as PODMAN_HOST_VARIABLE
from skeldpo.sandbox.podman import is_podman, start_service
from skeldpo.sandbox.runtime import RuntimeFailure

WORK = "def f(n):\n    return sum(i * i % 7 for i in range(n))"


@pytest.fixture
def podman_socket(tmp_path: Path) -> Iterator[str]:
    """A service of its own, at a socket that only $DOCKER_HOST can lead to."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    path = tmp_path / "p.sock"
    command = ["podman", "system", "service", "--time=0", f"unix://{path}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as service:
        deadline = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < deadline and service.poll() is None
            time.sleep(0.05)
        yield f"unix://{path}"
        service.terminate()


def test_podman_is_told_from_docker_by_its_version() -> None:
    assert is_podman({"Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]})
    assert not is_podman({"Components": [{"Name": "Engine"}]})
    assert not is_podman({"Version": "20.10"})


def test_service_works_beside_its_socket_not_in_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its monitors write there: after a kill for lack of memory an empty file called oom."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "podman"
    program.write_text('#!/bin/sh\npwd -P > "$(dirname "$0")/where"\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(RuntimeFailure, match="does not start"):
        start_service(f"unix://{tmp_path}/run/podman.sock")
    assert (programs / "where").read_text().strip() == str((tmp_path / "run").resolve())


def test_user_without_a_place_for_sockets_is_told(tmp_path: Path) -> None:
    """As /run/user/1000 is none without a session: what looks for an engine ended."""
    (tmp_path / "user").write_text("no folder")
    with pytest.raises(RuntimeFailure, match="no place for Podman's socket .*user"):
        start_service(f"unix://{tmp_path}/user/1000/podman/podman.sock")


def test_engine_that_is_not_there_is_an_error_that_says_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, f"unix://{tmp_path}/none.sock")
    with pytest.raises(RuntimeFailure, match="cannot reach docker: no answer at .*none.sock"):
        connect("docker")
    monkeypatch.delenv(HOST_VARIABLE)
    monkeypatch.setenv(PODMAN_HOST_VARIABLE, f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(RuntimeFailure, match="no Podman service at .*nobody.sock"):
        connect("podman")


def test_host_that_does_not_speak_the_api_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(HOST_VARIABLE, f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RuntimeFailure, match="cannot reach a container engine"):
            connect(timeout_s=0.5)


@pytest.mark.docker
def test_docker_host_at_a_podman_socket_works(
    podman_socket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman names images that are made here localhost/NAME, and is found out by its answer."""
    image_of("podman")
    monkeypatch.setenv(HOST_VARIABLE, podman_socket)
    image = ensure_image()
    assert (image.engine, image.reference.partition("/")[0]) == ("podman", "localhost")
    with pytest.raises(RuntimeFailure, match="cannot reach docker: podman answers at"):
        connect("docker")
    with (
        lease_core(sandbox_cores()[-1:], timeout_s=120) as lease,
        Sandbox(image=image, core=lease.core, memory_limit_bytes=MEMORY_LIMIT_BYTES) as sandbox,
    ):
        assert sandbox.unverified == ""
        assert call(sandbox, "def f(a): return a + 1", "[41]").answer_texts == ("42",)


@pytest.mark.docker
def test_both_engines_judge_and_time_alike() -> None:
    """The same image, the same verdicts, CPU times of one program in turns on the same core.

    One folder more is writable under Podman unless it is asked for read-only: nothing may stay.
    """
    if os.environ.get(HOST_VARIABLE):
        pytest.skip(f"{HOST_VARIABLE} names the only engine that may be used")
    images = [image_of("docker"), image_of("podman")]
    assert images[0].digest == images[1].digest
    ratios = []
    with (
        lease_core(sandbox_cores()[-1:], timeout_s=120) as lease,
        Sandbox(image=images[0], core=lease.core, memory_limit_bytes=MEMORY_LIMIT_BYTES) as docker,
        Sandbox(image=images[1], core=lease.core, memory_limit_bytes=MEMORY_LIMIT_BYTES) as podman,
    ):
        for each in (docker, podman):
            assert all(promise.is_kept for promise in each.promises)
            assert pipe(each, "print(input())", "x").answer_texts == ("x\n",)
            memory = call(each, "def f(): return len(b'x' * (1 << 29))", cpu_limit_s=5)
            assert memory.outcome is Outcome.MEMORY_LIMIT
            put = (
                "def f():\n    done = []\n    for folder in ('/run', '/var/tmp', '/dev', '/'):\n"
                "        try: done.append(open(folder + '/x', 'w'))\n"
                "        except OSError: pass\n    return len(done)"
            )
            assert call(each, put).answer_texts == ("0",)
        for _ in range(9):
            times = [call(each, WORK, "[200000]", cpu_limit_s=5) for each in (docker, podman)]
            assert [report.outcome for report in times] == [Outcome.ACCEPTED] * 2
            ratios.append(times[1].cpu_time_ns / times[0].cpu_time_ns)
    assert 0.7 < statistics.median(ratios) < 1.4, ratios


class _Ending:
    """The API of a runtime whose container has ended by itself, which it notices at the third
    call: no real one can be held in that state."""

    def __init__(self, status_code: int, explanation: str) -> None:
        self.api = self
        self.calls = 0
        response = requests.Response()
        response.status_code = status_code
        self._error = APIError("refused", response=response, explanation=explanation)

    def remove_container(self, container_id: str, *, force: bool, v: bool) -> None:
        self.calls += 1
        if self.calls < 3:
            raise self._error


@pytest.mark.parametrize(
    ("status_code", "explanation", "num_calls", "is_refused"),
    [
        (500, "sending SIGKILL to container c: container state improper: stopped", 3, False),
        (500, "no space left on device", 1, True),
        (409, "removal of container c is already in progress", 1, False),
    ],
)
def test_removal_waits_for_a_container_that_has_just_ended(
    status_code: int, explanation: str, num_calls: int, is_refused: bool
) -> None:
    client: Any = _Ending(status_code, explanation)
    runtime = DockerRuntime(client, Dialect(version="4.3.1", tmpfs={}, ulimits={}))
    with pytest.raises(RuntimeFailure) if is_refused else contextlib.nullcontext():
        runtime.remove_container("c")
    assert client.calls == num_calls
