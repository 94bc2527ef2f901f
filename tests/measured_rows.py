"""Measurements made by hand."""

from __future__ import annotations

from typing import Any

from skeldpo.records import Measurement, Outcome


def measurement(candidate_id: str, equal_to: str, **values: Any) -> Measurement:
    """A row of phase "screen" if `times` are given, else of phase "check"."""
    times = values.get("times", ())
    return Measurement(
        candidate_id=candidate_id,
        problem_id="total",
        equal_to=equal_to,
        phase="screen" if times else "check",
        session_id="s" if times else "",
        outcome=values.get("outcome", Outcome.ACCEPTED),
        cpu_times_ns=times,
        baseline_times_ns=(7,) * len(times),
        peak_memory_bytes=values.get("peak", 0),
        failure="",
        input_digest="",
        host_id="h",
        core=1,
        image_digest="i",
        python_version="3",
        mean_memory_bytes=values.get("mean", 0),
    )
