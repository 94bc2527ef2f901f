"""Is a core fit to time programs on? Six small programs, each run a few times in its sandbox.

A core whose times vary by more than 3 %, or have moved by more than 10 % since it was
first calibrated, has a busy neighbour, a changing clock or no room in its cache. Measurements taken
there are still valid, since programs are only compared within one session on one core, but fewer
sessions will show anything; so a measurer waits a little for the core to calm down, and says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from skeldpo.languages import SUPPORT
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest

MAX_VARIATION = 0.03
MAX_DRIFT = 0.10
NUM_RUNS = 5
CPU_LIMIT_S = 10.0

_KERNELS = {
    "integers": ("total = 1", "total = (total * 31 + i) % 1000003", 200_000),
    "dictionary": ("table = {}", "table[i & 4095] = i", 250_000),
    "sorting": ("rows = [i * 7919 % 10007 for i in range(2000)]", "sorted(rows)", 130),
    "big integers": ("total = 3 ** 2000", "total * total", 1000),
    "strings": ("text = 'abc' * 100", "text.replace('b', str(i))", 8000),
    "memory": ("table = bytearray(1 << 23)", "table[i * 4099 & 0x7fffff] += 1", 150_000),
}
"""Preparation, body of a loop and how often it runs: some 20 ms each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """CPU times in ns of the kernels, by name."""

    times_ns: Mapping[str, tuple[int, ...]]

    @property
    def variation(self) -> float:
        """The largest coefficient of variation of a kernel's times."""
        return max(statistics.pstdev(ns) / statistics.fmean(ns) for ns in self.times_ns.values())

    def drift_from(self, first: Calibration) -> float:
        """The largest change of a kernel's median against another calibration, over that."""
        return max(
            abs(statistics.median(ns) / statistics.median(first.times_ns[name]) - 1)
            for name, ns in self.times_ns.items()
        )


def calibrate(run: Callable[[RunRequest], RunReport]) -> Calibration:
    """Times every kernel NUM_RUNS times, in turns; SandboxFailure if the sandbox fails on one."""
    times_ns: dict[str, list[int]] = {name: [] for name in _KERNELS}
    for _ in range(NUM_RUNS):
        for name, kept in times_ns.items():
            report = run(_request(name))
            if report.outcome is not Outcome.ACCEPTED:
                raise SandboxFailure(f"calibration: {report.outcome.value} {report.failure}")
            if report.cpu_time_ns <= 0:
                raise SandboxFailure(f"calibration: {name} took {report.cpu_time_ns} ns")
            kept.append(report.cpu_time_ns)
    return Calibration(times_ns={name: tuple(kept) for name, kept in times_ns.items()})


def unsteadiness(calibration: Calibration, first: Calibration) -> str:
    """What speaks against timing on the core now; empty if nothing does."""
    variation, drift = calibration.variation, calibration.drift_from(first)
    if variation > MAX_VARIATION:
        return f"times of one program vary by {variation:.1%} ({MAX_VARIATION:.0%} is steady)"
    if drift > MAX_DRIFT:
        return f"times have moved by {drift:.1%} since the core was first calibrated"
    return ""


def _request(name: str) -> RunRequest:
    prepare, body, count = _KERNELS[name]
    code = f"def work(n):\n    {prepare}\n    for i in range(n):\n        {body}\n    return n\n"
    return RunRequest(
        language=SUPPORT,
        kind="function",
        code=code,
        entry_point="work",
        input_texts=(f"[{count}]",),
        cpu_limit_s=CPU_LIMIT_S,
    )
