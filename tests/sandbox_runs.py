"""Runs of programs in the shared sandbox, with the shortest limits that make a point."""

from __future__ import annotations

from skeldpo.records import ProblemKind
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox

MEMORY_LIMIT_BYTES = 256 << 20
CPU_LIMIT_S = 0.4
SPIN = "def f():\n    while True: pass"


def call(
    sandbox: Sandbox,
    code: str,
    *input_texts: str,
    cpu_limit_s: float = CPU_LIMIT_S,
    samples_memory: bool = False,
) -> RunReport:
    """Calls f of a function program, once without arguments if no input is given."""
    texts = input_texts or ("[]",)
    return run(sandbox, "function", code, texts, cpu_limit_s, samples_memory=samples_memory)


def pipe(
    sandbox: Sandbox,
    code: str,
    *input_texts: str,
    cpu_limit_s: float = CPU_LIMIT_S,
    samples_memory: bool = False,
) -> RunReport:
    """Runs a stdio program, once with empty input if no input is given."""
    texts = input_texts or ("",)
    return run(sandbox, "stdio", code, texts, cpu_limit_s, samples_memory=samples_memory)


def run(
    sandbox: Sandbox,
    kind: ProblemKind,
    code: str,
    input_texts: tuple[str, ...],
    cpu_limit_s: float,
    *,
    samples_memory: bool = False,
) -> RunReport:
    """Runs a program of either kind."""
    return sandbox.run(
        RunRequest(
            language="python",
            kind=kind,
            code=code,
            entry_point="f" if kind == "function" else "",
            input_texts=input_texts,
            cpu_limit_s=cpu_limit_s,
            samples_memory=samples_memory,
        )
    )
