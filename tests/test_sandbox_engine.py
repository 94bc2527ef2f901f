"""A container engine that is away for a while: waited for, and only once if it stays away."""

from __future__ import annotations

import pytest
import requests

from skeldpo.records import Outcome
from skeldpo.sandbox import container
from skeldpo.sandbox.container import ENGINE_WAIT_S, RunRequest, Sandbox
from skeldpo.sandbox.docker import DockerRuntime, docker_dialect
from skeldpo.sandbox.image import SandboxImage
from skeldpo.sandbox.protocol import Channel, ChannelError
from skeldpo.sandbox.runtime import RuntimeAway
from skeldpo.sandbox.spare import ContainerRecipe, LiveContainer

REQUEST = RunRequest(
    language="python",
    kind="function",
    code="def one():\n    return 1\n",
    entry_point="one",
    input_texts=("[]",),
    cpu_limit_s=1.0,
)


class Machine:
    """A clock, an engine that is away between two times, and containers that die when it goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.away = 0.0, (10.0, 10.0)
        self.num_asked = 0
        monkeypatch.setattr(container, "connect", lambda engine: self)
        monkeypatch.setattr(container, "sweep_stale_containers", lambda runtime: None)
        monkeypatch.setattr(container.time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(container.time, "sleep", self._sleep)
        monkeypatch.setattr(container.Spare, "prepare", lambda spare, retired: None)
        monkeypatch.setattr(ContainerRecipe, "start", lambda recipe, runtime: self._start())

    name, version, advice = "docker", "1", ""

    def _sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def _start(self) -> LiveContainer:
        self.num_asked += 1
        if self.away[0] <= self.now_s < self.away[1]:
            raise RuntimeAway("connection refused")
        return LiveContainer(
            container_id=f"c{self.now_s}", channel=Pipe(self), promises=(), instructions=None
        )

    def kill_container(self, container_id: str) -> None:
        raise RuntimeAway("connection refused")

    def remove_container(self, container_id: str) -> None:
        pass

    def close(self) -> None:
        pass


class Pipe(Channel):
    """To a container, which is gone if the engine went after its start."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.made_s = machine, machine.now_s

    def send(self, frame: bytes, timeout_s: float) -> None:
        if self.made_s < self.machine.away[0] <= self.machine.now_s:
            raise ChannelError("broken pipe")
        raise ChannelError("a container of now, which answers nothing here")

    def close(self) -> None:
        pass


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def _sandbox() -> Sandbox:
    image = SandboxImage(reference="i", digest="d", python_version="3.11", engine="docker")
    return Sandbox(image=image, core=0, memory_limit_bytes=1 << 30)


def test_engine_that_is_started_again_is_waited_for(machine: Machine) -> None:
    machine.away = (10.0, 25.0)
    sandbox = _sandbox()
    machine.now_s = 11.0
    report = sandbox.run(REQUEST)
    # The program's run is lost, and no more: the next one has a container.
    assert report.outcome is Outcome.SANDBOX_FAILED
    assert "broken pipe" in report.failure and "no new container" not in report.failure
    assert 25.0 <= machine.now_s <= 27.0
    assert sandbox.container_id == f"c{machine.now_s}"


def test_engine_that_stays_away_is_waited_for_once(machine: Machine) -> None:
    machine.away = (10.0, 1000.0)
    sandbox = _sandbox()
    machine.now_s = 11.0
    report = sandbox.run(REQUEST)
    assert "no new container started: connection refused" in report.failure
    waited_s = machine.now_s - 11.0
    assert ENGINE_WAIT_S <= waited_s <= ENGINE_WAIT_S + 2
    for _ in range(5):
        assert sandbox.run(REQUEST).outcome is Outcome.SANDBOX_FAILED
    assert machine.now_s == 11.0 + waited_s
    # It is back, and goes again: it is waited for again.
    machine.now_s = 1000.0
    sandbox.run(REQUEST)
    machine.away = (1010.0, 1020.0)
    machine.now_s = 1011.0
    assert "no new container" not in sandbox.run(REQUEST).failure
    assert 1020.0 <= machine.now_s <= 1022.0


def test_call_that_nobody_answers_is_an_engine_that_is_away() -> None:
    class Client:
        class api:  # noqa: N801
            @staticmethod
            def kill(container_id: str) -> None:
                raise requests.ConnectionError("refused")

    runtime = DockerRuntime(Client(), docker_dialect("20"))  # type: ignore[arg-type]
    with pytest.raises(RuntimeAway, match="refused"):
        runtime.kill_container("c")
