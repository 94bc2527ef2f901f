"""Containers that are alive, and the one that is made ready while another works.

Starting a container takes the better part of a second. The first time one has to be replaced, that
is waited for; from then on a spare is kept. It starts on the cores that time nothing, and is moved
to its core when it is taken, so that no timed run notices it.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.cores import generation_cores
from skeldpo.sandbox.counters import EventCounter, count_instructions
from skeldpo.sandbox.image import SandboxImage
from skeldpo.sandbox.promises import Promise, examine_promises, refusal
from skeldpo.sandbox.protocol import Channel, ChannelError
from skeldpo.sandbox.runtime import ContainerRuntime, ContainerSpec, RuntimeFailure
from skeldpo.sandbox.sweep import owner_labels

_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveContainer:
    """A container whose PID 1 has said hello, what it was to have and has, and the connection."""

    container_id: str
    channel: Channel
    promises: tuple[Promise, ...]
    instructions: EventCounter | None

    def kill(self, runtime: ContainerRuntime) -> None:
        """Ends every process in it."""
        self._hang_up()
        runtime.kill_container(self.container_id)

    def remove(self, runtime: ContainerRuntime) -> None:
        """Kills and removes it."""
        self._hang_up()
        runtime.remove_container(self.container_id)

    def _hang_up(self) -> None:
        self.channel.close()
        if self.instructions is not None:
            self.instructions.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecipe:
    """What all containers of one sandbox have in common."""

    image: SandboxImage
    core: int
    memory_limit_bytes: int
    oci_runtime: str
    run_label: str

    def start(self, runtime: ContainerRuntime, *, aside: bool = False) -> LiveContainer:
        """A new container on its core, or `aside` on those that time nothing; ChannelError or
        RuntimeFailure if it does not start, or lacks what keeps programs in or counts them."""
        spec = ContainerSpec(
            image=self.image.reference,
            core=self.core,
            aside=generation_cores() if aside else (),
            memory_limit_bytes=self.memory_limit_bytes,
            oci_runtime=self.oci_runtime,
            labels=owner_labels(self.core, self.run_label),
        )
        started = runtime.start_container(spec)
        channel = Channel(started.stream)
        try:
            hello = channel.hello(_START_TIMEOUT_S)
            promises = examine_promises(hello, spec, runtime)
            if refused := refusal(promises, runtime):
                raise RuntimeFailure(refused)
        except (ChannelError, RuntimeFailure):
            channel.close()
            runtime.remove_container(started.container_id)
            raise
        return LiveContainer(
            container_id=started.container_id,
            channel=channel,
            promises=promises,
            instructions=count_instructions(started.process_id, started.container_id),
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

    def take(self, runtime: ContainerRuntime) -> LiveContainer | None:
        """The spare, on its core; None if there is none that works."""
        self._wait()
        live, self._live = self._live, None
        if live is None:
            return None
        # One that is gone is dropped; whoever asks starts a new one, and hears what is wrong.
        with contextlib.suppress(RuntimeFailure):
            if runtime.pin_container(live.container_id, self._recipe.core):
                return live
        with contextlib.suppress(RuntimeFailure):
            live.remove(runtime)
        return None

    def close(self, runtime: ContainerRuntime) -> None:
        """Removes the spare."""
        self._wait()
        if self._live is not None:
            self._live.remove(runtime)
            self._live = None

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self, retired: LiveContainer | None) -> None:
        try:
            runtime = connect(self._recipe.image.engine)  # a connection is not for two threads
        except RuntimeFailure:
            return
        try:
            if retired is not None:
                with contextlib.suppress(RuntimeFailure):  # gone already, or swept later
                    runtime.remove_container(retired.container_id)
            self._live = self._recipe.start(runtime, aside=True)
        except (ChannelError, RuntimeFailure):
            self._live = None
        finally:
            runtime.close()
