"""Notices when the cluster has lost, or gained, what the actors of a stage run on.

Ray lets an actor whose last node is gone wait for another one, in silence and without end.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

MAX_NODE_WAIT_S = 600.0


class NoNodes(RuntimeError):
    """Nothing that a stage could run on came back in time."""


class NodeWatch:
    """Compares what a cluster offers with what one actor of each kind takes (`needs`, by the name
    of the resource)."""

    def __init__(
        self,
        needs: Mapping[str, float],
        max_wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needs = dict(needs)
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._offered: dict[str, float] = {}
        self._missing_since_s: dict[str, float] = {}

    def look(self, offered: Mapping[str, float]) -> list[str]:
        """What has changed since the last look, as lines to tell.

        NoNodes if one of the resources has been missing for longer than `max_wait_s`.
        """
        lines = []
        for name, need in self._needs.items():
            now = offered.get(name, 0.0)
            before = self._offered.get(name, now)
            self._offered[name] = now
            if now < need:
                lines += self._wait(name, now)
                continue
            self._missing_since_s.pop(name, None)
            if now != before:
                lines.append(f"the cluster has {now:g} of resource {name}, {before:g} before")
        return lines

    def _wait(self, name: str, now: float) -> list[str]:
        is_new = name not in self._missing_since_s
        since_s = self._missing_since_s.setdefault(name, self._clock())
        if self._clock() - since_s >= self._max_wait_s:
            raise NoNodes(
                f"no node with enough of resource {name} (one actor takes {self._needs[name]:g}, "
                f"the cluster has {now:g}) came within {self._max_wait_s:g} s "
                "(run.max_node_wait_s); `ray status` lists the nodes. Start one "
                f"(cluster/README.md), then the same command again"
            )
        if not is_new:
            return []
        return [
            f"no node with enough of resource {name} is left (one actor takes "
            f"{self._needs[name]:g}, the cluster has {now:g}); waiting for one for up to "
            f"{self._max_wait_s:g} s (run.max_node_wait_s)"
        ]


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[BaseException], None]]:
    """Gives a function by which another thread raises an error in this block, whatever it waits
    for. Without effect outside the main thread, where Python lets no signal in."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda error: None
        return
    errors: list[BaseException] = []

    def handle(number: int, frame: FrameType | None) -> None:
        raise errors[0]

    def interrupt(error: BaseException) -> None:
        errors.append(error)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)

    before = signal.signal(signal.SIGUSR2, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGUSR2, before or signal.SIG_DFL)
