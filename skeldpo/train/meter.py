"""Lines of progress, from the worker that writes them to the driver that shows them.

Nothing depends on a line: what storage refuses costs lines of progress, not the training.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from skeldpo.periodic import every
from skeldpo.storage.files import folder_and_name
from skeldpo.storage.store import Store, write_file
from skeldpo.train.learners.contract import AnyLearner

_LOG_EVERY_S = 5.0
_FOLLOW_EVERY_S = 1.0


class Meter:
    """Progress lines of rank 0 (the one with a path): first step, last, one every few seconds."""

    def __init__(self, num_steps: int, path: str) -> None:
        self._num_steps = num_steps
        self._path = path
        self._quiet_s = _LOG_EVERY_S
        self._lines: list[str] = []

    def show(self, metrics: dict[str, float], learner: AnyLearner) -> None:
        """Writes a step's metrics if it is time for a line."""
        done = int(metrics["step"]) + 1
        self._quiet_s += metrics["seconds"]
        if not self._path or (self._quiet_s < _LOG_EVERY_S and done < self._num_steps):
            return
        self._quiet_s = 0.0
        self.say(
            f"step {done}/{self._num_steps}, {learner.progress(metrics)}, "
            f"{metrics['seconds']:.2f} s a step"
        )

    def say(self, line: str) -> None:
        """Writes a line."""
        if not self._path:
            return
        self._lines.append(line)
        with contextlib.suppress(RuntimeError):
            write_file(self._path, "\n".join(self._lines))


@contextlib.contextmanager
def following(path: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Tells the lines of a file that workers write anew, until the block ends."""
    folder, name = folder_and_name(path)
    store, told = Store(folder), list[str]()
    store.write_text(name, "")

    def look() -> None:
        try:
            lines = store.read_text(name).splitlines()
        except (OSError, ValueError):
            return
        num_told = len(told) if lines[: len(told)] == told else 0
        for line in lines[num_told:]:
            tell(line)
        told[:] = lines

    try:
        with every(_FOLLOW_EVERY_S, look):
            yield
        look()
    finally:
        store.remove(name)
