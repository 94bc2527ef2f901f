"""What a person sees while the product works: lines, rewritten in place on a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

EVERY_S = 5.0
"""Least time between two lines that only count further, when the output is no terminal."""


class Display:
    """Shows progress lines. Lines that differ only in their figures replace each other."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._status = self.console.status("") if self.console.is_terminal else None
        self._shown_s = 0.0
        self._pending = ""

    def tell(self, line: str) -> None:
        """Shows a line; a counting one ("... s left") at most every 5 s, but always the last."""
        counting = line.endswith("s left")
        if not counting:
            self.flush()
            self.console.print(line, markup=False)
        elif self._status is not None:
            self._status.update(line)
            self._status.start()
            self._pending = line
        elif time.monotonic() - self._shown_s >= EVERY_S:
            self.console.print(line, markup=False)
            self._shown_s = time.monotonic()
            self._pending = ""
        else:
            self._pending = line

    def flush(self) -> None:
        """Shows the last counting line for good."""
        if self._status is not None:
            self._status.stop()
        if self._pending:
            self.console.print(self._pending, markup=False)
            self._pending = ""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Shows a table; columns after the first are right-aligned."""
        self.flush()
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, expand=False)
        for index, name in enumerate(columns):
            table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)
