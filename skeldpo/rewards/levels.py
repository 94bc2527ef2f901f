"""Levels of speed: programs that the exact test does not tell apart are on one level.

"No difference shown" is no equivalence relation: the first and the last of three programs may
differ where neither differs from the middle one. So programs are put in order of their times, and
cut only where every program before the cut was shown to be faster than every one behind it. Two
programs without a shown difference are then always on one level; the price is that some programs
with one are, too. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Programs that are equally fast as far as was shown. `log_ratio` is the mean of the logarithms
    of their CPU times over the baseline's."""

    programs: tuple[str, ...]
    log_ratio: float


def speed_levels(
    log_ratios: Mapping[str, float], shown: Collection[tuple[str, str]]
) -> tuple[Level, ...]:
    """Levels of programs, fastest first.

    Args:
        log_ratios: log of a program's CPU time over the baseline's, by program.
        shown: (fast, slow) for every two programs of which the test shows a difference.
    """
    order = sorted(log_ratios, key=lambda key: (log_ratios[key], key))
    levels: list[Level] = []
    start = 0
    for end in range(1, len(order) + 1):
        rest = order[end:]
        if all((fast, slow) in shown for fast in order[start:end] for slow in rest):
            programs = tuple(order[start:end])
            mean = sum(log_ratios[key] for key in programs) / len(programs)
            levels.append(Level(programs=programs, log_ratio=mean))
            start = end
    return tuple(levels)
