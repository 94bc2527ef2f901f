"""How much of a round is overhead, and how long the first token takes after a training.

Times are of the driver's clock, but for the first token, which is of its engine's node.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class RoundClock:
    """Adds up what one process sees of a run's rounds; a round of which a stage was finished before
    has no overhead that could be told."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ended_at = 0.0
        self._began_at = 0.0
        self._work_s = {"sample": 0.0, "train": 0.0}
        self.since = ""

    def begin_round(self) -> None:
        """A round begins."""
        self._began_at = self._clock()
        self._work_s = {"sample": 0.0, "train": 0.0}

    def begin_sampling(self) -> None:
        """A policy is to be sampled; `since` says what time is counted from."""
        self.since = "training ended" if self._ended_at else "sampling began"
        self._ended_at = self._ended_at or self._clock()

    def sampled(self, first_token_at: float) -> dict[str, float]:
        """Sampling and measuring have ended; the seconds to the first token from the end of the
        training before, or from when sampling began if this process trained nothing; empty if
        nothing was written."""
        since, self._ended_at = self._ended_at, 0.0
        if not first_token_at:
            return {}
        self._work_s["sample"] = self._clock() - first_token_at
        return {"sample/seconds_to_first_token": first_token_at - since}

    def trained(self, step_seconds: float) -> None:
        """A training has ended, whose steps took so long."""
        self._ended_at = self._clock()
        self._work_s["train"] = step_seconds

    def end_round(self) -> dict[str, float]:
        """Seconds of the round, and of what was neither writing or measuring nor a training step;
        empty unless this process saw all of it."""
        if not all(self._work_s.values()):
            return {}
        seconds = self._clock() - self._began_at
        overhead_s = max(0.0, seconds - sum(self._work_s.values()))
        return {"round/seconds": seconds, "round/overhead_seconds": overhead_s}
