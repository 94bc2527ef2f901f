"""Which lines of a program take its time: what dynamic skeletons keep besides what is shared.

The program runs once more, traced, in the sandbox. Nothing is decided by these times: a program
that lies about them changes nothing but its own skeleton.
"""

from __future__ import annotations

from collections.abc import Callable

from skeldpo.languages import SUPPORT, language
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.values import decode, encode

MIN_SHARE = 0.1
"""Of a program's time, for a line of it to be hot (docs/METHOD.md, section 2)."""
LIMIT_S = 0.5
"""Traced time after which a run is ended; what ran until then counts."""
CPU_LIMIT_S = 20.0


def hot_lines(run: Callable[[RunRequest], RunReport], request: RunRequest) -> tuple[int, ...]:
    """Numbers (from 1) of the lines that take at least MIN_SHARE of the program's time on the
    request's inputs, rising; none of a program that does not run, or of a language without a
    profiler. Its own limits hold. `run` is `Sandbox.run`; SandboxFailure if it fails."""
    profiler = language(request.language).LINE_PROFILER
    if profiler is None:
        return ()
    is_function = request.kind == "function"
    inputs = [decode(text) if is_function else text for text in request.input_texts]
    limit_ns = round(LIMIT_S * 1e9)
    arguments = [request.code, request.entry_point, inputs, limit_ns, request.preamble]
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
