"""Which lines of a program take its time: what dynamic skeletons keep besides what is shared.

The program runs once more, traced, in the sandbox. Nothing is decided by these times: a program
that lies about them changes nothing but its own skeleton.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from skeldpo.languages import SUPPORT
from skeldpo.languages import language as language_of
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome, ProblemKind
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.values import decode, encode

MIN_SHARE = 0.1
"""Of a program's time, for a line of it to be hot (docs/METHOD.md, section 2)."""
LIMIT_S = 0.5
"""Traced time after which a run is ended; what ran until then counts."""
CPU_LIMIT_S = 20.0


def hot_lines(  # noqa: PLR0913
    run: Callable[[RunRequest], RunReport],
    code: str,
    *,
    language: str,
    kind: ProblemKind,
    entry_point: str,
    input_texts: Sequence[str],
    preamble: str = "",
) -> tuple[int, ...]:
    """Numbers (from 1) of the lines that take at least MIN_SHARE of the program's time on these
    inputs, rising; none of a program that does not run, or of a language
    without a profiler. `run` is `Sandbox.run`; SandboxFailure if
    it fails."""
    profiler = language_of(language).LINE_PROFILER
    if profiler is None:
        return ()
    is_function = kind == "function"
    inputs = [decode(text) if is_function else text for text in input_texts]
    entry = entry_point if is_function else ""
    arguments = [code, entry, inputs, round(LIMIT_S * 1e9), preamble]
    report = run(
        RunRequest(
            language=SUPPORT,
            kind="function",
            code=guest_source(profiler),
            entry_point="line_times",
            input_texts=(encode(arguments),),
            cpu_limit_s=CPU_LIMIT_S,
        )
    )
    if not report.outcome.is_verdict:
        raise SandboxFailure(f"profiling lines: {report.failure}")
    if report.outcome is not Outcome.ACCEPTED:
        return ()
    times_ns = dict(decode(report.answer_texts[0]))
    total_ns = sum(times_ns.values())
    return tuple(sorted(line for line, ns in times_ns.items() if ns >= MIN_SHARE * total_ns))
