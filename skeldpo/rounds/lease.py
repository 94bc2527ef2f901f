"""Who drives a run: one process at a time, on storage that may have no locks.

The driver's name is in a file of the run's folder, which it writes again every BEAT_S. Another one
that finds the file looks whether that process lives, where it can; else it watches the file for
GONE_AFTER_S by its own clock, as clocks of nodes differ, and takes the run over if nothing is
written. Of two that start at the same moment the one whose name stays goes on; a driver that was
taken over finds another's name and stops before its next stage. Nothing is asked of the storage but
that a file is replaced as a whole: pyarrow has no conditional writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from skeldpo.periodic import every
from skeldpo.processes import is_alive, is_dead, owner_name
from skeldpo.storage.store import Store

FILE = "driver.json"
BEAT_S = 5.0
GONE_AFTER_S = 90.0
"""Longer than a node may go on seeing an old file of a shared disk (NFS: 60 s)."""
SETTLE_S = 1.0
"""How long a driver waits for another that started at the same moment to write its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The file. `owner` names the process (`skeldpo.processes`), `beat` counts its writes."""

    token: str
    host: str
    process_id: int
    owner: str
    since: str
    beat: int

    def __str__(self) -> str:
        return f"process {self.process_id} on host {self.host}, since {self.since}"


class Lease:
    """The right to drive a run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taken_by: Driver | None = None
        self._own = Driver(
            token=uuid.uuid4().hex,
            host=platform.node(),
            process_id=os.getpid(),
            owner=owner_name(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            beat=0,
        )

    def require(self) -> None:
        """RuntimeError if another process has taken the run over."""
        self.beat()
        if self._taken_by is not None:
            raise RuntimeError(
                f"{self._store.root} was taken over by {self._taken_by}; this process stops. It "
                f"had not written {FILE} there for {GONE_AFTER_S:g} s, as one that is gone"
            )

    def beat(self) -> None:
        """Says that this process lives, unless another's name is there."""
        found = read_driver(self._store)
        if found is not None and found.token != self._own.token:
            self._taken_by = found
        if self._taken_by is None:
            self._own = replace(self._own, beat=self._own.beat + 1)
            self._store.write_text(FILE, json.dumps(asdict(self._own)))

    def take(self) -> None:
        """Writes this process's name over another's; RuntimeError if it does not stay."""
        self._store.write_text(FILE, json.dumps(asdict(self._own)))
        time.sleep(SETTLE_S)
        found = read_driver(self._store)
        if found is not None and found.token != self._own.token:
            raise RuntimeError(_refusal(self._store, found))

    def give_back(self) -> None:
        """Removes this process's name."""
        found = read_driver(self._store)
        if found is not None and found.token == self._own.token:
            self._store.remove(FILE)


@contextlib.contextmanager
def driving(store: Store, tell: Callable[[str], None]) -> Iterator[Lease]:
    """Holds a run while the block runs; RuntimeError says who holds it already."""
    _wait_until_gone(store, tell)
    lease = Lease(store)
    lease.take()

    def beat() -> None:
        # A disk that fails for a moment: the next write, or the stage, will tell.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            lease.beat()

    try:
        with every(BEAT_S, beat):
            yield lease
    finally:
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            lease.give_back()


def read_driver(store: Store) -> Driver | None:
    """Who drives a run, or did and was killed; None if nobody does."""
    if not store.exists(FILE):
        return None
    try:
        return Driver(**json.loads(store.read_text(FILE)))
    except FileNotFoundError:  # given back between the two
        return None
    except (ValueError, TypeError) as error:
        if not store.exists(FILE):
            return None
        raise ValueError(
            f"{store.location(FILE)} does not say who drives the run ({error}); remove it if no "
            "`skeldpo run` of it is going on"
        ) from error


def _wait_until_gone(store: Store, tell: Callable[[str], None]) -> None:
    """Returns when no living process drives the run; RuntimeError if one does."""
    first = read_driver(store)
    if first is None:
        return
    if is_alive(first.owner):
        raise RuntimeError(_refusal(store, first))
    if is_dead(first.owner):
        tell(f"the driver of this run is gone ({first}); going on")
        return
    tell(f"this run is held by {first}; watching for {GONE_AFTER_S:g} s whether it lives")
    deadline_s = time.monotonic() + GONE_AFTER_S
    while time.monotonic() < deadline_s:
        time.sleep(min(BEAT_S, GONE_AFTER_S) / 5)
        now = read_driver(store)
        if now is None:
            return
        if (now.token, now.beat) != (first.token, first.beat):
            raise RuntimeError(_refusal(store, now))
    tell("nothing was heard of it; going on")


def _refusal(store: Store, holder: Driver) -> str:
    return (
        f"{store.root} is driven by {holder}. Two at a time would write over each other: wait for "
        f"it, or stop it and start this command again (it goes on within {GONE_AFTER_S:g} s)"
    )
