"""Which cluster a command joins: one that answers, never one that has ended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import ray
from ray._common.utils import get_ray_address_file

from skeldpo import connection
from skeldpo.connection import ADDRESS_VARIABLE, connect_ray
from skeldpo.sandbox.runtime import RuntimeFailure

DEAD = "127.0.0.1:9"


@contextmanager
def listening() -> Iterator[str]:
    """The address of something that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@dataclass
class Engine:
    """What `connect` gives when an engine answers."""

    closed: bool = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """The arguments of `ray.init`, which starts nothing, on a machine without an address file; the
    engines that were asked for are among them."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "init", lambda **given: calls.append(given))
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    (tmp_path / "ray").mkdir()
    assert Path(get_ray_address_file(None)).parent == tmp_path / "ray"

    def connect(choice: str) -> Engine:
        calls.append({"engine": choice})
        if choice == "podman":
            raise RuntimeFailure("no podman")
        return Engine()

    monkeypatch.setattr(connection, "connect_engine", connect)
    return calls


def write_address(address: str) -> None:
    """As `ray start` does; nothing takes it away when that cluster ends."""
    Path(get_ray_address_file(None)).write_text(address)


def test_without_a_cluster_ray_starts_here(started: list[dict[str, Any]]) -> None:
    told: list[str] = []
    connect_ray(told.append)
    assert told == ["ray: starting on this machine"]
    asked, init = started
    assert asked == {"engine": "auto"}
    assert init["address"] == "local" and "num_cpus" in init


def test_an_address_that_a_dead_cluster_left_behind_is_not_joined(
    started: list[dict[str, Any]],
) -> None:
    write_address(DEAD)
    told: list[str] = []
    connect_ray(told.append)
    assert told == ["ray: starting on this machine"]
    assert started[-1]["address"] == "local"


def test_a_cluster_that_runs_here_is_joined_unless_local_is_asked_for(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as address:
        write_address(address)
        told: list[str] = []
        connect_ray(told.append)
        assert told[0].startswith(f"ray: joined the cluster at {address}, which runs on this")
        (init,) = started
        assert init["address"] == address
        assert not {"num_cpus", "resources", "object_store_memory"} & set(init)
        monkeypatch.setenv(ADDRESS_VARIABLE, "local")
        connect_ray(told.append)
    assert told[1:] == ["ray: starting on this machine"]
    assert started[-1]["address"] == "local"


def test_a_named_cluster_is_joined_and_one_that_does_not_answer_is_said(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with listening() as address:
        monkeypatch.setenv(ADDRESS_VARIABLE, address)
        connect_ray(told.append)
    assert told == [f"ray: joined the cluster at {address} ($RAY_ADDRESS)"]
    assert started[-1]["address"] == address
    for named, said in (
        (DEAD, "no Ray cluster answers at .*127.0.0.1:9; start it, or unset RAY_ADDRESS"),
        ("http://127.0.0.1:8265", "a dashboard, to which jobs are submitted: expected HOST:PORT"),
        ("nonsense", "no Ray cluster answers at .*nonsense"),
        ("auto", "is auto, and no Ray cluster that was started on this machine answers"),
    ):
        monkeypatch.setenv(ADDRESS_VARIABLE, named)
        with pytest.raises(RuntimeError, match=said):
            connect_ray(told.append)
    assert len(started) == 1 and len(told) == 1


class Dashboard(BaseHTTPRequestHandler):
    """A web server, as Ray's dashboard is one; with tokens it refuses."""

    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        pass


def test_a_dashboard_that_is_named_without_http_is_told_from_a_head(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), Dashboard) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ADDRESS_VARIABLE, f"127.0.0.1:{server.server_port}")
        with pytest.raises(RuntimeError, match="a dashboard, to which jobs are submitted"):
            connect_ray(print)
        server.shutdown()
    assert started == []


def test_the_engine_that_is_asked_for_must_answer(started: list[dict[str, Any]]) -> None:
    with pytest.raises(RuntimeFailure, match="no podman"):
        connect_ray(lambda line: None, engine="podman")
    assert started == [{"engine": "podman"}]
