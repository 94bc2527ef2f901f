"""How long each line of a program takes. Its source runs in the sandbox, the program is data to it.

Standard library only. A line has the time from its start to that of the next line that runs, so
that of built-in functions it calls, but not that of the program's own functions, whose lines have
theirs. The clock stands still while this file works.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time

NAME = "<profiled>"
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


class Enough(BaseException):
    """The time that was given is over."""


class LineClock:
    """A trace function that adds up nanoseconds by line."""

    def __init__(self, limit_ns: int) -> None:
        self.times_ns: dict[int, int] = {}
        self._left_ns = limit_ns
        self._line = 0
        self._since_ns = time.perf_counter_ns()

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        passed_ns = time.perf_counter_ns() - self._since_ns
        if frame.f_code.co_filename != NAME:
            return None
        if self._line:
            self.times_ns[self._line] = self.times_ns.get(self._line, 0) + passed_ns
            self._left_ns -= passed_ns
        if self._left_ns < 0:
            raise Enough
        if event == "return":
            caller = frame.f_back
            inside = caller is not None and caller.f_code.co_filename == NAME
            self._line = caller.f_lineno if caller is not None and inside else 0
        else:
            self._line = frame.f_lineno
        self._since_ns = time.perf_counter_ns()
        return self.trace


def line_times(
    code: str, entry_point: str, inputs: list[Any], limit_ns: int, preamble: str = ""
) -> list[tuple[int, int]]:
    """(line, ns) of every line that ran on these inputs: arguments of calls of the entry point, or
    standard input where there is none. What ran before an error, an exit or the limit counts. The
    preamble defines names beforehand."""
    clock = LineClock(limit_ns)
    before = compile(preamble, "<preamble>", "exec", dont_inherit=True)
    program = compile(code.removeprefix("\ufeff"), NAME, "exec", dont_inherit=True)
    for given in inputs:
        with (
            contextlib.suppress(Exception, SystemExit, KeyboardInterrupt, Enough),
            contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        ):
            scope: dict[str, Any] = {"__name__": "program" if entry_point else "__main__"}
            exec(before, scope)
            if not entry_point:
                sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()))
            sys.settrace(clock.trace)
            try:
                exec(program, scope)
                if entry_point:
                    owner, _, name = entry_point.rpartition(".")
                    target = scope[owner or name]
                    call = getattr(target(), name) if owner else target
                    call(*given)
            finally:
                sys.settrace(None)
    return sorted(clock.times_ns.items())
