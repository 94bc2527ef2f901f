"""Runs of programs in the shared sandbox, with the shortest limits that make a point."""

from __future__ import annotations

from skeldpo.records import ProblemKind
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox

MEMORY_LIMIT_BYTES = 256 << 20
CPU_LIMIT_S = 0.4
SPIN = "def f():\n    while True: pass"


def call(
    sandbox: Sandbox, code: str, *input_texts: str, cpu_limit_s: float = CPU_LIMIT_S
) -> RunReport:
    """Calls f of a function program, once without arguments if no input is given."""
    return run(sandbox, "function", code, input_texts or ("[]",), cpu_limit_s)


def pipe(
    sandbox: Sandbox, code: str, *input_texts: str, cpu_limit_s: float = CPU_LIMIT_S
) -> RunReport:
    """Runs a stdio program, once with empty input if no input is given."""
    return run(sandbox, "stdio", code, input_texts or ("",), cpu_limit_s)


def run(
    sandbox: Sandbox, kind: ProblemKind, code: str, input_texts: tuple[str, ...], cpu_limit_s: float
) -> RunReport:
    """Runs a program of either kind."""
    return sandbox.run(
        RunRequest(
            kind=kind,
            code=code,
            entry_point="f" if kind == "function" else "",
            input_texts=input_texts,
            cpu_limit_s=cpu_limit_s,
        )
    )
