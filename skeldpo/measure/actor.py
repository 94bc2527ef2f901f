"""The Ray Data actor that judges and times candidates: one leased core, one container.

`ProgramMeasurer` takes ids of problems whose assignment and candidates are committed, commits the
measurements of each as one part file and yields a line of counts for the progress display.
"""

from __future__ import annotations

import collections
import json
import platform
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from skeldpo.actors import ActorNote
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.calibration import Calibration, calibrate, unsteadiness
from skeldpo.measure.on_cores import Run, make_sandbox, patient
from skeldpo.measure.verdict import ProblemFault, SandboxFailure
from skeldpo.measure.work import ProblemWork
from skeldpo.records import Assignment, Candidate, Measurement, Outcome, content_id
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import ensure_image
from skeldpo.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store

Session = Callable[[Assignment, Run], Sequence[Measurement]]
"""What is done with the candidates of a problem in place of `ProblemWork`: a function of a module
that gives their rows, without host, core and image. It raises ProblemFault if the problem is at
fault, and lets SandboxFailure pass."""
CALIBRATE_EVERY_S = 300.0
PAUSES_S = (1.0, 2.0)
"""How long a core that is not steady is given, before programs are timed on it all the same."""


class ProgramMeasurer:
    """A `map_batches` class: problem ids in, one row of counts per problem out."""

    def __init__(
        self,
        *,
        measure: MeasureConfig,
        evaluate: EvaluateConfig,
        output: str,
        avoid: Collection[tuple[str, int]] = (),
        pass_id: str = "",
        session: Session | None = None,
    ) -> None:
        """Leases a core of this node, one of `avoid` (host, core) only if no other is free."""
        self._config = measure
        self._evaluate = evaluate
        self._session = session
        self._store = Store(output)
        note = ActorNote(self._store, "sandbox", pass_id)
        host_id = platform.node()
        self._lease = lease_core(
            sorted(sandbox_cores(), key=lambda core: ((host_id, core) in avoid, core))
        )
        self._image = ensure_image(measure.image, numpy=measure.numpy, engine=measure.engine)
        self._sandbox = make_sandbox(measure, self._image, self._lease.core, content_id(output))
        self._first_calibration: Calibration | None = None
        self._calibrated_s = 0.0
        # Calibrated while the engines of the run are starting.
        self._note = self._sandbox.unverified or self._calibrate()
        note.ready()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for problem_id in map(str, batch["problem_id"]):
            is_due = time.monotonic() - self._calibrated_s > CALIBRATE_EVERY_S
            if is_due and not self._sandbox.unverified:
                self._note = self._calibrate()
            note, self._note = self._note, ""
            (assignment,) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
            candidates = tuple(self._store.read_part(CANDIDATES, problem_id, Candidate))
            rows, faults, failure = self.measure(replace(assignment, candidates=candidates))
            if failure and self._store.has_part(MEASUREMENTS, problem_id):
                rows = fuller(rows, self._store.read_part(MEASUREMENTS, problem_id, Measurement))
            self._store.write_part(MEASUREMENTS, problem_id, Measurement, rows)
            counts = _counts(problem_id, rows, faults) | {"failure": failure, "note": note}
            yield {name: [value] for name, value in counts.items()}

    def close(self) -> None:
        """Ends the container and gives the core back, as the end of the process does."""
        self._sandbox.close()
        self._lease.close()

    def _calibrate(self) -> str:
        """Waits, PAUSES_S at most, for the core to be steady; returns what is still wrong with it,
        empty if nothing is."""
        wrong = ""
        for pause_s in (0, *PAUSES_S):
            time.sleep(pause_s)
            try:
                calibration = calibrate(self._sandbox.run)
            except SandboxFailure as failure:
                wrong = str(failure)
                continue
            self._first_calibration = self._first_calibration or calibration
            wrong = unsteadiness(calibration, self._first_calibration)
            if not wrong:
                break
        self._calibrated_s = time.monotonic()
        return wrong and f"core {self._lease.core} of {platform.node()}: {wrong}"

    def measure(self, assignment: Assignment) -> tuple[list[Measurement], list[str], str]:
        """All measurements of one problem's candidates, what is wrong with the problem, and the
        sandbox's failure if it failed in every try, else empty."""
        if self._session is not None:
            return self._by_session(assignment, self._session)
        work = ProblemWork(
            assignment,
            self._sandbox.run,
            self._config,
            self._evaluate,
            self._sandbox.unverified,
        )
        failure = work.run()
        return list(work.rows(self._image, self._lease.core)), work.faults, failure

    def _by_session(
        self, assignment: Assignment, session: Session
    ) -> tuple[list[Measurement], list[str], str]:
        faults, failed = [], ""
        try:
            rows = session(assignment, patient(self._sandbox.run, self._config.max_retries))
        except SandboxFailure as failure:
            failed = str(failure)
            rows = _unjudged(assignment, Outcome.SANDBOX_FAILED, failed)
        except (ProblemFault, ValueError) as fault:
            faults = [str(fault)]
            rows = _unjudged(assignment, Outcome.FAULTY_PROBLEM, faults[0])
        refuse_times(rows, self._sandbox.unverified)
        placed = [
            replace(
                row,
                host_id=platform.node(),
                core=self._lease.core,
                image_digest=self._image.digest,
                python_version=self._image.python_version,
            )
            for row in rows
        ]
        return placed, faults, failed


def refuse_times(rows: Sequence[Measurement], doubt: str) -> None:
    """RuntimeError, with the `doubt` about times of this sandbox (empty: none), if a session of its
    own kind took some: a suite would score them."""
    if doubt and any(row.cpu_times_ns for row in rows):
        raise RuntimeError(doubt)


def _unjudged(assignment: Assignment, outcome: Outcome, failure: str) -> list[Measurement]:
    return [
        session_row(c.candidate_id, assignment, outcome, failure) for c in assignment.candidates
    ]


def session_row(
    candidate_id: str, assignment: Assignment, outcome: Outcome, failure: str = ""
) -> Measurement:
    """The "check" row of a candidate in a session of its own kind; the actor adds where it was."""
    return Measurement(
        candidate_id=candidate_id,
        problem_id=assignment.problem.problem_id,
        equal_to=candidate_id,
        phase="check",
        session_id="",
        outcome=outcome,
        cpu_times_ns=(),
        baseline_times_ns=(),
        peak_memory_bytes=0,
        failure=failure,
        input_digest="",
        host_id="",
        core=0,
        image_digest="",
        python_version="",
    )


def fuller(rows: list[Measurement], earlier: list[Measurement]) -> list[Measurement]:
    """Of two tries at a problem, both of which the sandbox failed in, the one with more verdicts;
    the first if they have as many."""
    return max(rows, earlier, key=lambda rows: sum(row.outcome.is_verdict for row in rows))


def _counts(problem_id: str, rows: Sequence[Measurement], faults: Sequence[str]) -> dict[str, str]:
    outcomes = collections.Counter(row.outcome.value for row in rows if row.phase == "check")
    return {
        "problem_id": problem_id,
        "outcomes": json.dumps(outcomes),
        "faults": json.dumps(list(faults)),
    }
