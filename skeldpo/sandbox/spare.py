"""Containers that are alive, and the one that is made ready while another works.

Starting a container takes the better part of a second. The first time one has to be replaced, that
is waited for; from then on a spare is kept. It starts on the cores that time nothing, and is moved
to its core when it is taken, so that no timed run notices it.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from skeldpo.sandbox.cores import generation_cores
from skeldpo.sandbox.counters import EventCounter, count_instructions
from skeldpo.sandbox.engine import connect, container_arguments, remove_container
from skeldpo.sandbox.image import SandboxImage
from skeldpo.sandbox.protocol import Channel, ChannelError

_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveContainer:
    """A container whose PID 1 has said hello, and the connection to it."""

    container: Container
    channel: Channel
    instructions: EventCounter | None

    def kill(self) -> None:
        """Ends every process in it."""
        self.channel.close()
        if self.instructions is not None:
            self.instructions.close()
        self.container.kill()

    def remove(self) -> None:
        """Kills and removes it."""
        self.channel.close()
        if self.instructions is not None:
            self.instructions.close()
        remove_container(self.container)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecipe:
    """What all containers of one sandbox have in common."""

    image: SandboxImage
    core: int
    memory_limit_bytes: int
    runtime: str
    run_label: str

    def start(self, client: docker.DockerClient, *, aside: bool = False) -> LiveContainer:
        """A new container on its core, or `aside` on those that time nothing; ChannelError or
        DockerException if it does not start."""
        arguments = container_arguments(
            image_reference=self.image.reference,
            core=self.core,
            memory_limit_bytes=self.memory_limit_bytes,
            runtime=self.runtime,
            run_label=self.run_label,
        )
        if aside:
            arguments["cpuset_cpus"] = ",".join(map(str, generation_cores()))
        container = client.containers.create(**arguments)
        channel: Channel | None = None
        try:
            attached = client.api.attach_socket(
                container.id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            channel = Channel(attached)
            container.start()
            channel.hello(_START_TIMEOUT_S)
            container.reload()
        except (ChannelError, DockerException):
            if channel is not None:
                channel.close()
            remove_container(container)
            raise
        return LiveContainer(
            container=container,
            channel=channel,
            instructions=count_instructions(container.attrs["State"]["Pid"], str(container.id)),
        )


class Spare:
    """At most one container beside the one in use; not for more than one thread."""

    def __init__(self, recipe: ContainerRecipe) -> None:
        self._recipe = recipe
        self._thread: threading.Thread | None = None
        self._live: LiveContainer | None = None

    def prepare(self, retired: LiveContainer | None) -> None:
        """In the background: removes a container that is done with, then starts the spare."""
        self._thread = threading.Thread(target=self._work, args=(retired,), daemon=True)
        self._thread.start()

    def take(self) -> LiveContainer | None:
        """The spare, on its core; None if there is none that works."""
        self._wait()
        live, self._live = self._live, None
        if live is None:
            return None
        # One that is gone is dropped; whoever asks starts a new one, and hears what is wrong.
        with contextlib.suppress(DockerException):
            live.container.update(cpuset_cpus=str(self._recipe.core))
            live.container.reload()
            if live.container.status == "running":
                return live
        with contextlib.suppress(DockerException):
            live.remove()
        return None

    def close(self) -> None:
        """Removes the spare."""
        self._wait()
        if self._live is not None:
            self._live.remove()
            self._live = None

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self, retired: LiveContainer | None) -> None:
        try:
            client = connect()  # a client is not for two threads
        except RuntimeError:
            return
        try:
            if retired is not None:
                with contextlib.suppress(DockerException):  # gone already, or swept later
                    remove_container(client.containers.get(retired.container.id))
            self._live = self._recipe.start(client, aside=True)
        except (ChannelError, DockerException):
            self._live = None
        finally:
            client.close()
