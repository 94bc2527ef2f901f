"""A program that sees whether it is alone in its container, and how quick the container is."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox_runs import call

from skeldpo.sandbox.container import RunReport, Sandbox

CANARY = """
import os
def f(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    others = [name for name in os.listdir("/proc") if name.isdecimal() and int(name) > 1]
    return [len(others), os.listdir("/box"), os.listdir("/tmp"), total > 0]
"""
MAX_SLOWER = 1.3
"""1.05 would do on a core of its own; on shared cores the best of few runs varies by more."""
CANARY_RUNS = 6


def canary(sandbox: Sandbox) -> RunReport:
    """One run of a program that sees whether it is alone."""
    report = call(sandbox, CANARY, "[100000]", cpu_limit_s=5)
    assert report.answer_texts == ("[1,[],[],true]",), report
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The canary's best CPU time in a container, and that over its best in another, in turns."""

    best_ns: int
    ratio: float

    def is_slower_than(self, new: Pace) -> bool:
        """By both: a machine that became slower leaves the ratio as it was, and what befell the
        other container the time."""
        return self.ratio > MAX_SLOWER * new.ratio and self.best_ns > MAX_SLOWER * new.best_ns


def pace(sandbox: Sandbox, untouched: Sandbox, num_runs: int) -> Pace:
    """The best of so many runs in each container."""
    best_ns = untouched_ns = 1 << 62
    for _ in range(num_runs):
        best_ns = min(best_ns, canary(sandbox).cpu_time_ns)
        untouched_ns = min(untouched_ns, canary(untouched).cpu_time_ns)
    return Pace(best_ns=best_ns, ratio=best_ns / untouched_ns)
