"""Does the order of two programs depend on the input? Both are timed on one of every generator.

What `skeldpo measure` says of two programs, it says of the input on which it timed them. Another
judge, with other inputs, can only be held against it where the order is the same on all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from skeldpo.config import MeasureConfig
from skeldpo.measure.folder import MeasuredProblem
from skeldpo.measure.session import ProgramTimer
from skeldpo.measure.verdict import Judge, SandboxFailure
from skeldpo.records import PreferencePair
from skeldpo.sandbox.container import RunReport, RunRequest

NUM_ROUNDS = 5
REVERSED_RATIO = 1.2
"""The rejected program is at least so much faster on the other input, as a median over rounds."""
CONFIG = MeasureConfig(min_cpu_time_ms=5.0)


def reversed_pairs(
    measured: MeasuredProblem,
    pairs: Sequence[PreferencePair],
    run: Callable[[RunRequest], RunReport],
) -> dict[str, float]:
    """pair_id -> how many times faster its rejected program is than its chosen one on some
    generator's input, for the pairs where that is so; `run` is `Sandbox.run`."""
    codes = {side.code: side.code for pair in pairs for side in (pair.chosen, pair.rejected)}
    found: dict[str, float] = {}
    for generator in measured.problem.generators:
        problem = replace(measured.problem, generators=(generator,))
        judge = Judge(problem, run, CONFIG)
        timer = ProgramTimer(judge, problem, problem.reference, CONFIG, seed=0)
        try:
            timing_input = timer.find_input(codes)
            if timing_input is None:
                continue
            times = timer.screen(codes, timing_input, NUM_ROUNDS).cpu_times_ns
        except SandboxFailure:  # says nothing of the programs
            continue
        for pair in pairs:
            if pair.chosen.code in times and pair.rejected.code in times:
                rounds = zip(times[pair.chosen.code], times[pair.rejected.code], strict=True)
                ratio = statistics.median(chosen / rejected for chosen, rejected in rounds)
                if ratio >= REVERSED_RATIO:
                    found[pair.pair_id] = max(ratio, found.get(pair.pair_id, 0.0))
    return found
