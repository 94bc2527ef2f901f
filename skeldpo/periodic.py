"""Calls that repeat while something else goes on."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def every(period_s: float, call: Callable[[], None]) -> Iterator[None]:
    """Calls a function again and again, from another thread, while the block runs; an OSError, of a
    disk or store that fails for a moment, is told once and does not end that."""
    ended = threading.Event()

    def repeat() -> None:
        is_told = False
        while not ended.wait(period_s):
            try:
                call()
                is_told = False
            except OSError as error:
                if not is_told:
                    logger.warning("%s; tried again every %g s", error, period_s)
                is_told = True

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
