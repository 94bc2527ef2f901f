"""What a run that is under way says of itself, for `skeldpo status` on any node.

The driver writes one small file into the run's folder every few seconds and takes it away when it
ends. A file that is no longer written tells that the driver is gone, or has lost the storage.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from skeldpo.accounts.progress import Progress
from skeldpo.periodic import every
from skeldpo.storage.store import Store

RUNNING = "running.json"
WRITE_EVERY_S = 5.0
SILENT_S = 60.0
"""After so long without a word the driver counts as gone; clocks of nodes may differ a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How far a run was at `written_s` (seconds since 1970, the driver's clock).

    `left_s` is the time that the problems in work still take, -1 if that is not known; the figures
    of the actors are 0 where a stage has none. `line` is the last line that was told.
    """

    host_id: str
    process_id: int
    written_s: float
    round_index: int
    stage: str
    stage_s: float
    line: str = ""
    num_problems: int = 0
    num_done: int = 0
    num_quarantined: int = 0
    num_engines: int = 0
    num_engines_ready: int = 0
    tokens_per_s: float = 0.0
    num_sandboxes: int = 0
    candidates_per_s: float = 0.0
    left_s: float = -1.0


class RunNote:
    """The file of a run's driver, written from a thread while the block runs."""

    def __init__(self, store: Store, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._block = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._round, self._stage, self._began_s, self._line = 0, "", time.monotonic(), ""
        self._first: tuple[float, Progress] | None = None
        self._now: Progress | None = None

    def __enter__(self) -> RunNote:
        self._write()
        self._block.enter_context(every(WRITE_EVERY_S, self._write))
        return self

    def __exit__(self, *error: object) -> None:
        self._block.close()
        with contextlib.suppress(OSError):
            self._store.remove(RUNNING)

    def tell(self, line: str) -> None:
        """Tells a line, and keeps it."""
        self._line = line
        self._tell(line)

    def begin(self, stage: str, round_index: int) -> None:
        """A stage begins."""
        with self._lock:
            self._round, self._stage, self._began_s = round_index, stage, time.monotonic()
            self._first = self._now = None

    def following(self, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """A callback that keeps what it is told, and passes it on."""

        def follow(progress: Progress) -> None:
            with self._lock:
                has_begun = self._first is not None or progress.actors.num_sandboxes
                if has_begun and self._first is None:
                    self._first = time.monotonic(), progress
                self._now = progress
            show(progress)

        return follow

    def running(self) -> Running:
        """What is known now."""
        with self._lock:
            known = Running(
                host_id=platform.node(),
                process_id=os.getpid(),
                written_s=time.time(),
                round_index=self._round,
                stage=self._stage,
                stage_s=round(time.monotonic() - self._began_s, 1),
                line=self._line,
            )
            return known if self._now is None else self._with_counts(known, self._now)

    def _with_counts(self, known: Running, now: Progress) -> Running:
        since_s, first = self._first or (time.monotonic(), now)
        elapsed_s = max(time.monotonic() - since_s, 1e-3)
        num_new = now.num_done - first.num_done
        left_s = (now.num_problems - now.num_done) * elapsed_s / num_new if num_new else -1.0
        return Running(
            **{
                **asdict(known),
                "num_problems": now.num_problems,
                "num_done": now.num_done,
                "num_quarantined": now.num_quarantined,
                "num_engines": now.actors.num_engines,
                "num_engines_ready": now.actors.num_ready,
                "tokens_per_s": round(now.actors.tokens_per_s, 1),
                "num_sandboxes": now.actors.num_sandboxes,
                "candidates_per_s": round((now.num_measured - first.num_measured) / elapsed_s, 2),
                "left_s": round(left_s, 1),
            }
        )

    def _write(self) -> None:
        # Nothing depends on it: a store that is full or away is said by the run's own writing.
        with contextlib.suppress(OSError, RuntimeError):
            self._store.write_text(RUNNING, json.dumps(asdict(self.running())))


def read_running(store: Store) -> Running | None:
    """What the driver of a run said last; None if none is there, or it ended in order."""
    try:
        return Running(**store.read_json(RUNNING)) if store.exists(RUNNING) else None
    except (ValueError, TypeError) as error:
        if not store.exists(RUNNING):  # removed between the two
            return None
        raise ValueError(
            f"{store.location(RUNNING)} does not say what the run does ({error}); remove it, a "
            "driver that is at work writes it again"
        ) from error


def is_silent(now: Running, read_s: float) -> bool:
    """Whether its driver is gone, as far as that can be known at `read_s`."""
    return read_s - now.written_s > SILENT_S


def running_text(now: Running, read_s: float) -> str:
    """A line for a person, at `read_s` (seconds since 1970)."""
    silent_s = max(0.0, read_s - now.written_s)
    driver = f"driver: process {now.process_id} on {now.host_id}"
    if is_silent(now, read_s):
        return (
            f"{driver}, which has said nothing for {silent_s:.0f} s: it has ended, or has lost the "
            "storage"
        )
    parts = [f"{driver}, {silent_s:.0f} s ago: round {now.round_index} {now.stage}"]
    parts[0] += f" for {now.stage_s:.0f} s"
    if now.num_problems:
        parts.append(f"{now.num_done} of {now.num_problems} problems done")
    if now.num_engines:
        ready = f"{now.num_engines_ready} of {now.num_engines} engines ready"
        parts.append(f"{ready}, {now.tokens_per_s:.0f} tokens/s")
    if now.num_sandboxes:
        parts.append(f"{now.num_sandboxes} sandboxes, {now.candidates_per_s:.1f} candidates/s")
    if now.left_s >= 0:
        parts.append(f"{now.left_s:.0f} s left")
    if now.num_quarantined:
        parts.append(f"{now.num_quarantined} quarantined")
    return "; ".join(parts)
