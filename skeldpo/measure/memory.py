"""How much memory a program holds while it works: one run more, whose memory is read as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome, ProblemKind
from skeldpo.sandbox.container import RunReport, RunRequest


def mean_memory(  # noqa: PLR0913
    run: Callable[[RunRequest], RunReport],
    code: str,
    *,
    language: str,
    kind: ProblemKind,
    entry_point: str,
    input_texts: Sequence[str],
    cpu_limit_s: float,
    preamble: str = "",
) -> int:
    """Bytes of the resident set, averaged over the CPU time on these inputs, the interpreter's
    included; 0, no figure, of a program that does not run. `run` is `Sandbox.run`; SandboxFailure
    if it fails."""
    report = run(
        RunRequest(
            language=language,
            kind=kind,
            code=code,
            entry_point=entry_point,
            input_texts=tuple(input_texts),
            cpu_limit_s=cpu_limit_s,
            preamble=preamble,
            samples_memory=True,
        )
    )
    if not report.outcome.is_verdict:
        raise SandboxFailure(f"profiling memory: {report.failure}")
    return report.mean_memory_bytes if report.outcome is Outcome.ACCEPTED else 0
