"""Notices when the cluster has lost, or gained, nodes that something runs on, or waits for.

Ray lets what lost its last node wait for another one, in silence and without end.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from skeldpo.periodic import every

MAX_NODE_WAIT_S = 600.0
LOOK_EVERY_S = 2.0
AGAIN_AFTER_S = 30.0
"""After so long an interrupt that was swallowed is sent once more."""


class NoNodes(RuntimeError):
    """Nothing that a stage could run on came back in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the cluster, also one that is gone, which has no resources any more; `name` is for
    people, `death` what Ray says of its end."""

    node_id: str
    name: str
    is_alive: bool
    resources: Mapping[str, float]
    death: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What each actor or task of a kind takes of a node; without `num_wanted` of them at the same
    time nothing goes on."""

    resources: Mapping[str, float]
    num_wanted: int = 1

    def room(self, nodes: Sequence[Node]) -> int:
        """How many the nodes have room for, if nothing else were there."""
        return sum(
            min(int(node.resources.get(n, 0.0) / need + 1e-6) for n, need in self.resources.items())
            for node in nodes
            if node.is_alive
        )

    def text(self) -> str:
        """What one takes."""
        return " and ".join(f"{need:g} {name}" for name, need in self.resources.items())


def cluster_nodes() -> list[Node]:
    """All nodes that Ray knows of; none if it gives no answer."""
    import ray

    try:
        rows = ray.nodes()
    except Exception:  # of many kinds: its head does not answer for a while
        return []
    return [
        Node(
            node_id=row["NodeID"],
            name=f"{row['NodeManagerHostname']} ({row['NodeManagerAddress']}, "
            f"id {row['NodeID'][:8]})",
            is_alive=row["Alive"],
            resources=row["Resources"],
            death=" ".join(str(row.get("DeathReasonMessage") or "").split()),
        )
        for row in rows
    ]


class Roll:
    """Which nodes there are: tells of those that come and go."""

    def __init__(self) -> None:
        self._there: dict[str, str] = {}
        self.lost: list[str] = []
        """Nodes that went away since the first look, by name, with what Ray says of it."""

    def look(self, nodes: Sequence[Node]) -> list[str]:
        """What has changed since the last look, as lines to tell."""
        lines, is_first = [], not self._there
        for node in nodes:
            if node.is_alive and node.node_id not in self._there:
                self._there[node.node_id] = node.name
                lines += [] if is_first else [f"node {node.name} has joined"]
            elif not node.is_alive and self._there.pop(node.node_id, ""):
                why = f": {node.death}" if node.death else ""
                self.lost.append(f"{node.name}{why}")
                lines.append(f"node {node.name} is gone{why}")
        return lines

    def lost_text(self) -> str:
        """A part of a message, empty if none was lost."""
        return f"; lost meanwhile: {'; '.join(self.lost)}" if self.lost else ""


class NodeWatch:
    """Compares the nodes with what must run on them (`needs`, by the name of an actor's kind)."""

    def __init__(
        self,
        needs: Mapping[str, Need],
        max_wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needs = dict(needs)
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._roll = Roll()
        self._room: dict[str, int] = {}
        self._missing_since_s: dict[str, float] = {}

    @property
    def missing(self) -> frozenset[str]:
        """Kinds that there is no room for."""
        return frozenset(self._missing_since_s)

    def look(self, nodes: Sequence[Node]) -> list[str]:
        """What has changed since the last look, as lines to tell; if nothing has, and there has
        been no room for a kind for longer than `max_wait_s`, NoNodes."""
        if not nodes:
            return []
        lines = self._roll.look(nodes)
        has_news = bool(lines)
        for kind, need in self._needs.items():
            now = need.room(nodes)
            before = self._room.get(kind, now)
            self._room[kind] = now
            if now < need.num_wanted:
                lines += self._wait(kind, now, may_end=not has_news)
                continue
            self._missing_since_s.pop(kind, None)
            if now != before:
                lines.append(f"the cluster has room for {now} {kind}s, {before} before")
        return lines

    def _wait(self, kind: str, now: int, may_end: bool) -> list[str]:
        need = self._needs[kind]
        wanted = f"{need.num_wanted} {kind}s" if need.num_wanted > 1 else f"one {kind}"
        wanted += f" (which takes {need.text()} of a node; there is room for {now})"
        is_new = kind not in self._missing_since_s
        since_s = self._missing_since_s.setdefault(kind, self._clock())
        if may_end and self._clock() - since_s >= self._max_wait_s:
            raise NoNodes(no_room(wanted, self._max_wait_s, self._roll))
        return [waiting(wanted, self._max_wait_s)] if is_new else []


def waiting(wanted: str, max_wait_s: float) -> str:
    """The line that says what is waited for."""
    return f"no room for {wanted}; waiting for it for up to {max_wait_s:g} s (run.max_node_wait_s)"


def no_room(wanted: str, max_wait_s: float, roll: Roll) -> str:
    """The message of a wait that is over."""
    return (
        f"no room for {wanted} came within {max_wait_s:g} s (run.max_node_wait_s)"
        f"{roll.lost_text()}. `ray status` lists the nodes. Start one (cluster/README.md), then "
        "the same command again, which goes on from what is done"
    )


@contextlib.contextmanager
def watching(
    needs: Mapping[str, Need], max_wait_s: float, tell: Callable[[str], None]
) -> Iterator[None]:
    """Tells of nodes that come and go while the block runs, and ends it with NoNodes."""
    watch = NodeWatch(needs, max_wait_s)

    def look() -> None:
        try:
            lines = watch.look(cluster_nodes())
        except NoNodes as error:
            interrupt(error)
            return
        for line in lines:
            tell(line)

    with interruptible() as interrupt, every(LOOK_EVERY_S, look):
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[BaseException], None]]:
    """Gives a function by which another thread ends this block with an error, whatever it waits
    for: the first one, and again only if the block goes on. Within the block that is a
    KeyboardInterrupt, the one error that `ray.get` lets in while it waits. Without effect outside
    the main thread, where Python lets no signal in."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda error: None
        return
    errors: list[BaseException] = []
    sent_s = -AGAIN_AFTER_S

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def interrupt(error: BaseException) -> None:
        nonlocal sent_s
        errors.append(error)
        # A second one would end what the first one has begun to clean up.
        if time.monotonic() - sent_s >= AGAIN_AFTER_S:
            sent_s = time.monotonic()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)

    before = signal.signal(signal.SIGUSR2, handle)
    try:
        yield interrupt
    except KeyboardInterrupt:
        if errors:
            raise errors[0] from None
        raise
    finally:
        signal.signal(signal.SIGUSR2, before or signal.SIG_DFL)
