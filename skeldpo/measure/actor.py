"""The Ray Data actor that judges and times candidates: one leased core, one container.

`ProgramMeasurer` takes ids of problems whose assignment and candidates are committed, commits the
measurements of each as one part file and yields a line of counts for the progress display. A
problem at which it dies or raises each time it is tried is quarantined; what the store or the
machine refuses is no problem's fault, and ends it all.
"""

from __future__ import annotations

import collections
import json
import logging
import platform
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skeldpo.accounts.actors import ActorNote
from skeldpo.accounts.quarantine import QUARANTINE, Quarantined, Tries, keep, kept
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.calibration import Calibration, calibrate, unsteadiness
from skeldpo.measure.core_clock import CoreClock
from skeldpo.measure.on_cores import Run, make_sandbox, patient
from skeldpo.measure.verdict import ProblemFault, SandboxFailure
from skeldpo.measure.work import ProblemWork
from skeldpo.records import Assignment, Candidate, Measurement, Outcome, content_id
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import ensure_image
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store

Session = Callable[[Assignment, Run], Sequence[Measurement]]
"""What is done with the candidates of a problem in place of `ProblemWork`: a function of a module
that gives their rows, without host, core and image. It raises ProblemFault if the problem is at
fault, and lets SandboxFailure pass."""
CALIBRATE_EVERY_S = 300.0
PAUSES_S = (1.0, 2.0)
"""How long a core that is not steady is given, before programs are timed on it all the same."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of a problem: its rows, what is wrong with it, the sandbox's failure if it failed
    in every try, and why it is quarantined, if it is."""

    rows: Sequence[Measurement]
    faults: Sequence[str] = ()
    failure: str = ""
    quarantined: Quarantined | None = None


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
        """Leases a core of this node, one of `avoid` (host, core) only if no other is free: where
        the sandbox failed on problems that are now measured once more, for the last time."""
        self._config = measure
        self._evaluate = evaluate
        self._session = session
        self._is_last = bool(avoid)
        self._store = Store(output)
        self._actor = ActorNote(self._store, "sandbox", pass_id)
        host_id = self._actor.host_id
        self._tries = Tries(self._store, "measure", pass_id, host_id, self._actor.name)
        with self._actor.named("starting"):
            self._lease = lease_core(
                sorted(sandbox_cores(), key=lambda core: ((host_id, core) in avoid, core))
            )
            held_from_s = time.time()
            self._image = ensure_image(measure.image, numpy=measure.numpy, engine=measure.engine)
            self._sandbox = make_sandbox(measure, self._image, self._lease.core, content_id(output))
        self._clock = CoreClock(
            run=self._sandbox.run,
            pass_id=pass_id,
            host_id=host_id,
            core=self._lease.core,
            held_from_s=held_from_s,
        )
        self._first_calibration: Calibration | None = None
        self._calibrated_s = 0.0
        # Calibrated while the engines of the run are starting.
        self._note = self._sandbox.unverified or self._calibrate()
        self._actor.ready()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for problem_id in map(str, batch["problem_id"]):
            with self._actor.named(f"problem {problem_id}"):
                counts = self._do(problem_id)
            yield {name: [value] for name, value in counts.items()}

    def _do(self, problem_id: str) -> dict[str, str]:
        """Measures a problem and commits its rows; returns the counts."""
        is_due = time.monotonic() - self._calibrated_s > CALIBRATE_EVERY_S
        if is_due and not self._sandbox.unverified:
            self._note = self._calibrate()
        note, self._note = self._note, ""
        (assignment,) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
        candidates = tuple(self._store.read_part(CANDIDATES, problem_id, Candidate))
        is_written = not assignment.num_samples or len(candidates) > len(assignment.candidates)
        assignment = replace(assignment, candidates=candidates)
        self._clock.begin(assignment.problem)
        unwritten = None if is_written else kept(self._store, problem_id)
        if unwritten is not None:
            done = self._quarantined(assignment, unwritten)
        else:
            done = self._patient(assignment)
        rows, given_up = done.rows, done.quarantined
        if (done.failure or given_up) and self._store.has_part(MEASUREMENTS, problem_id):
            rows = fuller(rows, self._store.read_part(MEASUREMENTS, problem_id, Measurement))
        if _has_verdict(rows):
            given_up = None  # what another try has found stays
        if given_up is not None:
            keep(self._store, given_up)
        self._store.write_part(MEASUREMENTS, problem_id, Measurement, rows)
        self._tries.end([problem_id])
        self._clock.end(self._store, problem_id)
        return _counts(problem_id, rows, done.faults) | {
            "failure": done.failure,
            "note": note,
            QUARANTINE: given_up.told() if given_up else "",
        }

    def _patient(self, assignment: Assignment) -> Measured:
        """Measures a problem, again if that raises; quarantines it after the last try."""
        problem_id = assignment.problem.problem_id
        limit, mark = self._config.max_retries + 1, self._tries.begin([problem_id])
        while mark.num_tries <= limit:
            try:
                done = self.measure(assignment)
            except OSError:  # of the machine: a full disk, a lost store
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                logger.warning("problem %s: try %d: %s", problem_id, mark.num_tries, reason)
                self._tries.fail([problem_id], reason)
                mark = self._tries.begin([problem_id])
            else:
                if self._session is not None:
                    refuse_times(done.rows, self._sandbox.unverified)
                return self._judged(problem_id, done)
        return self._quarantined(assignment, self._tries.given_up(problem_id, mark, limit))

    def _judged(self, problem_id: str, done: Measured) -> Measured:
        """With a row of quarantine if the problem is lost: nothing is known of any program."""
        if _has_verdict(done.rows):
            return done
        if done.rows and done.faults:
            return replace(done, quarantined=self._tries.refused(problem_id, done.faults[0]))
        if done.rows and done.failure and self._is_last:
            reason, tries = f"the sandbox failed: {done.failure}", self._config.max_retries + 1
            return replace(done, quarantined=self._tries.refused(problem_id, reason, 2 * tries))
        return done

    def _quarantined(self, assignment: Assignment, row: Quarantined) -> Measured:
        rows = self._placed(_unjudged(assignment, Outcome.QUARANTINED, row.reason))
        return Measured(rows=rows, quarantined=row)

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

    def measure(self, assignment: Assignment) -> Measured:
        """All measurements of one problem's candidates."""
        if self._session is not None:
            return self._by_session(assignment, self._session)
        work = ProblemWork(
            assignment,
            self._clock.run,
            self._config,
            self._evaluate,
            self._sandbox.unverified,
        )
        failure = work.run()
        rows = list(work.rows(self._image, self._lease.core))
        return Measured(rows=rows, faults=work.faults, failure=failure)

    def _by_session(self, assignment: Assignment, session: Session) -> Measured:
        faults, failed = [], ""
        try:
            rows = session(assignment, patient(self._clock.run, self._config.max_retries))
        except SandboxFailure as failure:
            failed = str(failure)
            rows = _unjudged(assignment, Outcome.SANDBOX_FAILED, failed)
        except (ProblemFault, ValueError) as fault:
            faults = [str(fault)]
            rows = _unjudged(assignment, Outcome.FAULTY_PROBLEM, faults[0])
        return Measured(rows=self._placed(rows), faults=faults, failure=failed)

    def _placed(self, rows: Sequence[Measurement]) -> list[Measurement]:
        """Rows of no session of ours, with where they were made."""
        return [
            replace(
                row,
                host_id=platform.node(),
                core=self._lease.core,
                image_digest=self._image.digest,
                python_version=self._image.python_version,
            )
            for row in rows
        ]


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


def fuller(rows: Sequence[Measurement], earlier: Sequence[Measurement]) -> Sequence[Measurement]:
    """Of two tries at a problem, both of which the sandbox failed in, the one with more verdicts;
    the first if they have as many."""
    return max(rows, earlier, key=lambda rows: sum(row.outcome.is_verdict for row in rows))


def _has_verdict(rows: Sequence[Measurement]) -> bool:
    return any(row.outcome.is_verdict for row in rows if row.phase == "check")


def _counts(problem_id: str, rows: Sequence[Measurement], faults: Sequence[str]) -> dict[str, str]:
    outcomes = collections.Counter(row.outcome.value for row in rows if row.phase == "check")
    return {
        "problem_id": problem_id,
        "outcomes": json.dumps(outcomes),
        "faults": json.dumps(list(faults)),
    }
