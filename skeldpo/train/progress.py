"""Lines of progress, from the worker that writes them to the driver that shows them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from skeldpo.train.learners.contract import AnyLearner

_LOG_EVERY_S = 5.0


class Meter:
    """Progress lines of rank 0 (the one with a path): first step, last, one every few seconds."""

    def __init__(self, num_steps: int, path: str) -> None:
        self._num_steps = num_steps
        self._path = path
        self._quiet_s = _LOG_EVERY_S

    def show(self, metrics: dict[str, float], learner: AnyLearner) -> None:
        """Writes a step's metrics if it is time for a line."""
        done = int(metrics["step"]) + 1
        self._quiet_s += metrics["seconds"]
        if not self._path or (self._quiet_s < _LOG_EVERY_S and done < self._num_steps):
            return
        self._quiet_s = 0.0
        line = (
            f"step {done}/{self._num_steps}, {learner.progress(metrics)}, "
            f"{metrics['seconds']:.2f} s a step"
        )
        self.say(line)

    def say(self, line: str) -> None:
        """Writes a line."""
        if self._path:
            with open(self._path, "a", encoding="utf-8") as lines:
                lines.write(line + "\n")


@contextlib.contextmanager
def following(path: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Tells the lines that workers append to a file on the shared disk, until the block ends."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("", encoding="utf-8")
    ended = threading.Event()

    def follow() -> None:
        with open(path, encoding="utf-8") as lines:
            while True:
                at_end = ended.is_set()
                for line in lines:
                    tell(line.rstrip())
                if at_end:
                    return
                ended.wait(1.0)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
        Path(path).unlink()
