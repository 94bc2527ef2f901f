"""How much memory a program holds while it works: one run more, whose memory is read as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest


def mean_memory(run: Callable[[RunRequest], RunReport], request: RunRequest) -> int:
    """Bytes of the resident set, averaged over the CPU time on the request's inputs, the
    interpreter's included; 0, no figure, of a program that does not run. `run` is `Sandbox.run`;
    SandboxFailure if it fails."""
    report = run(replace(request, samples_memory=True))
    if not report.outcome.is_verdict:
        raise SandboxFailure(f"profiling memory: {report.failure}")
    return report.mean_memory_bytes if report.outcome is Outcome.ACCEPTED else 0
