"""Calls that repeat while something else goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def every(period_s: float, call: Callable[[], None]) -> Iterator[None]:
    """Calls a function again and again, from another thread, while the block runs."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(period_s):
            call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
