"""The clock of one actor's core: which part of its time programs had."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection

from skeldpo.accounts.core_use import CORE_USE, CoreUse
from skeldpo.measure.grown import generators_of
from skeldpo.measure.on_cores import Run
from skeldpo.records import Problem
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.storage.store import Store


class CoreClock:
    """Runs programs, and writes a row of CoreUse a problem."""

    def __init__(
        self, *, run: Run, pass_id: str, host_id: str, core: int, held_from_s: float
    ) -> None:
        """The actor has held the core from `held_from_s`, by time.time()."""
        self._once = run
        self._pass_id = pass_id
        self._actor_id = uuid.uuid4().hex[:8]
        self._host_id = host_id
        self._core = core
        self._held_from_s = held_from_s
        self._begun_s = held_from_s
        self._inputs: Collection[str] = ()
        self._program_ns = self._input_ns = 0

    def begin(self, problem: Problem) -> None:
        """A problem has come."""
        self._begun_s = time.time()
        self._inputs = {*generators_of(problem), problem.checker}
        self._program_ns = self._input_ns = 0

    def run(self, request: RunRequest) -> RunReport:
        """Runs a program, and counts its time."""
        report = self._once(request)
        if request.code in self._inputs:
            self._input_ns += report.total_cpu_time_ns
        else:
            self._program_ns += report.total_cpu_time_ns
        return report

    def end(self, store: Store, problem_id: str) -> None:
        """The problem is done."""
        ended_s = time.time()
        row = CoreUse(
            problem_id=problem_id,
            pass_id=self._pass_id,
            actor_id=self._actor_id,
            host_id=self._host_id,
            core=self._core,
            held_from_s=self._held_from_s,
            begun_s=self._begun_s,
            ended_s=ended_s,
            program_cpu_s=self._program_ns / 1e9,
            input_cpu_s=self._input_ns / 1e9,
        )
        store.write_part(CORE_USE, problem_id, CoreUse, [row])
        self._held_from_s = ended_s
