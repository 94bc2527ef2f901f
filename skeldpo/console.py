"""What a person sees while the product works: lines, rewritten in place on a terminal.

Only our own lines reach the terminal (`own_streams`). What libraries write while a command runs
goes to a file, which is named when the command fails and removed when it does not.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from skeldpo.columns import lay_out

EVERY_S = 5.0
"""Least time between two lines that only count further, when the output is no terminal."""
WAITING_EVERY_S = 30.0
"""The same for lines that only say that time passes."""
WAITING = "s so far"
COUNTING = ("s left", WAITING)
"""How lines end that replace each other."""
TRACEBACK_VARIABLE = "SKELDPO_TRACEBACK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where our own lines go, and the file that all others go to; "" if they are not kept apart."""

    out: TextIO
    err: TextIO
    log: str


@contextlib.contextmanager
def own_streams() -> Iterator[Streams]:
    """Keeps the terminal to our own lines: what others print in the block goes to a file.

    Settings of the libraries do not do: Ray's core worker writes its errors to file descriptor 2
    and Ray's listener prints to `sys.stdout`, whatever their levels are. Nothing is redirected
    where the streams are not the process's own (under a test, in a notebook), or with
    $SKELDPO_TRACEBACK set.
    """
    out, err = sys.stdout, sys.stderr
    if os.environ.get(TRACEBACK_VARIABLE) or not (_is_open_as(out, 1) and _is_open_as(err, 2)):
        yield Streams(out=out, err=err, log="")
        return
    descriptor, path = tempfile.mkstemp(prefix="skeldpo-", suffix=".log")
    log = open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    err.flush()
    own_err = open(os.dup(2), "w", buffering=1, encoding=err.encoding, errors=err.errors)  # noqa: SIM115
    os.dup2(descriptor, 2)
    sys.stdout = sys.stderr = log
    try:
        yield Streams(out=out, err=own_err, log=path)
    finally:
        log.flush()
        sys.stdout, sys.stderr = out, err
        os.dup2(own_err.fileno(), 2)


def _is_open_as(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (AttributeError, OSError, ValueError):
        return False


class Display:
    """Shows progress lines. Lines that differ only in their figures replace each other."""

    def __init__(self, console: Console | None = None, err: TextIO | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._err = err or sys.stderr
        self._spinner = Spinner("dots")
        # Not `Console.status`: it prints what others write to `sys.stdout` and `sys.stderr`.
        live = Live(self._spinner, console=self.console, transient=True, refresh_per_second=10,
                    redirect_stdout=False, redirect_stderr=False)  # fmt: skip
        self._live = live if self.console.is_terminal else None
        self._shown_s = 0.0
        self._pending = ""

    def tell(self, line: str) -> None:
        """Shows a line; a counting one ("... s left") at most every 5 s, but always the last."""
        if not line.endswith(COUNTING):
            self.flush()
            self._print(line)
        elif self._live is not None:
            self._spinner.update(text=Text(line))
            self._live.start()
            self._pending = line
        elif time.monotonic() - self._shown_s >= _least_wait_s(line):
            self._print(line)
            self._shown_s = time.monotonic()
            self._pending = ""
        else:
            self._pending = line

    def show(self, text: Text) -> None:
        """Shows a text with its colours."""
        self.flush()
        self.console.print(text, soft_wrap=True)

    @property
    def width(self) -> int:
        """Characters in a line; 80 where the output is no terminal and $COLUMNS is not set."""
        return self.console.width

    def flush(self) -> None:
        """Shows the last counting line for good."""
        if self._live is not None:
            self._live.stop()
        if self._pending:
            self._print(self._pending)
            self._pending = ""

    def complain(self, line: str) -> None:
        """Writes a line to standard error."""
        self.flush()
        self._err.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Writes a text to standard output as it is, such as a program for another program."""
        self.flush()
        self.console.file.write(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Shows a table, as wide as the terminal at most."""
        self.flush()
        layout = lay_out(title, columns, rows, self.width)
        for line in layout.title:
            self._print(line, "italic")
        for index, line in enumerate(layout.lines):
            self._print(line, "bold" if index < layout.num_header else "")

    def _print(self, line: str, style: str = "") -> None:
        """As it is: a terminal wraps what is longer, and a path can still be copied. Nor are there
        pictures for ":x:", which may stand in a slice or in the name of a problem."""
        self.console.print(line, markup=False, emoji=False, style=style, soft_wrap=True)


def _least_wait_s(line: str) -> float:
    return WAITING_EVERY_S if line.endswith(WAITING) else EVERY_S


class Warnings(logging.Handler):
    """Shows log records as complaints; on our own logger, as those of libraries are not ours."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Shows one record."""
        self._display.complain(self.format(record))


def keep_log(streams: Streams, failed: bool) -> str:
    """What to add to a failure's message: where the libraries' lines are. The file is removed when
    there is nothing to look up in it."""
    if not streams.log:
        return ""
    log = Path(streams.log)
    if failed and log.stat().st_size:
        return f"; what Ray and other libraries said: {log}"
    log.unlink()
    return ""


def own_command() -> str:
    """The command line that this process was started with."""
    script, *arguments = sys.argv
    is_ours = Path(script).name in ("skeldpo", "cli.py")
    return shlex.join(["skeldpo" if is_ours else script, *arguments])
