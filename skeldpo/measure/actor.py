"""The Ray Data actor that judges and times candidates: one leased core, one container.

`ProgramMeasurer` takes ids of problems whose assignment and candidates are committed, commits the
measurements of each as one part file and yields a line of counts for the progress display. The same
program written twice is run once (`Measurement.equal_to`).
"""

from __future__ import annotations

import collections
import json
import logging
import platform
import random
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.measure.calibration import Calibration, calibrate, unsteadiness
from skeldpo.measure.inputs import InputFinder, TimingInput
from skeldpo.measure.lines import hot_lines
from skeldpo.measure.memory import mean_memory
from skeldpo.measure.session import ProgramTimer, SessionTimes
from skeldpo.measure.verdict import Judge, SandboxFailure, Verdict
from skeldpo.program import normalize_program
from skeldpo.records import (
    Assignment,
    Candidate,
    Measurement,
    Origin,
    Outcome,
    Phase,
    content_id,
)
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import SandboxImage, ensure_image
from skeldpo.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store
from skeldpo.timing import estimate_ns

CALIBRATE_EVERY_S = 300.0
PAUSES_S = (1.0, 2.0)
"""How long a core that is not steady is given, before programs are timed on it all the same."""

logger = logging.getLogger(__name__)


class ProgramMeasurer:
    """A `map_batches` class: problem ids in, one row of counts per problem out."""

    def __init__(
        self,
        *,
        measure: MeasureConfig,
        evaluate: EvaluateConfig,
        output: str,
        avoid: Collection[tuple[str, int]] = (),
    ) -> None:
        """Leases a core of this node, one of `avoid` (host, core) only if no other is free."""
        self._config = measure
        self._evaluate = evaluate
        self._store = Store(output)
        host_id = platform.node()
        self._lease = lease_core(
            sorted(sandbox_cores(), key=lambda core: ((host_id, core) in avoid, core))
        )
        self._image = ensure_image(measure.image, numpy=measure.numpy)
        self._sandbox = Sandbox(
            image=self._image,
            core=self._lease.core,
            memory_limit_bytes=measure.memory_limit_mib << 20,
            runtime=measure.runtime,
            run_label=content_id(output),
        )

        self._first_calibration: Calibration | None = None
        self._calibrated_s = 0.0
        self._note = self._calibrate()  # while the engines of the run are starting

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for problem_id in map(str, batch["problem_id"]):
            if time.monotonic() - self._calibrated_s > CALIBRATE_EVERY_S:
                self._note = self._calibrate()
            note, self._note = self._note, ""
            (assignment,) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
            candidates = tuple(self._store.read_part(CANDIDATES, problem_id, Candidate))
            rows, faults, failure = self.measure(replace(assignment, candidates=candidates))
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
        failed = ""
        for attempt in range(self._config.max_retries + 1):
            work = _ProblemWork(assignment, self._sandbox, self._config, self._evaluate)
            try:
                work.run(attempt)
                failed = ""
                break
            except SandboxFailure as failure:
                failed = str(failure)
                logger.warning("problem %s: %s", assignment.problem.problem_id, failed)
                work.verdicts_failed(failed)
        return list(work.rows(self._image, self._lease.core)), work.faults, failed


class _ProblemWork:
    """Verdicts and sessions of one assignment, from first check to rows."""

    def __init__(
        self,
        assignment: Assignment,
        sandbox: Sandbox,
        config: MeasureConfig,
        evaluate: EvaluateConfig,
    ) -> None:
        self._assignment = assignment
        self._config = config
        self._evaluate = evaluate
        self._run = sandbox.run
        self._judge = Judge(assignment.problem, sandbox.run, config)
        self._equal_to = _representatives(assignment.candidates)
        self._codes = {
            c.candidate_id: c.code
            for c in assignment.candidates
            if self._equal_to[c.candidate_id] == c.candidate_id
        }
        self._is_evaluation = assignment.purpose == "evaluate"
        self.faults: list[str] = []
        self._verdicts: dict[str, Verdict] = {}
        self._sessions: list[tuple[Phase, SessionTimes]] = []
        self._too_slow: dict[str, str] = {}
        self._hot_lines: dict[str, tuple[int, ...]] = {}
        self._mean_memory: dict[str, int] = {}

    def run(self, attempt: int) -> None:
        """Checks every distinct program, then times the accepted ones."""
        fault = self._judge.problem_fault()
        if fault:
            self.faults.append(fault)
            self.verdicts_failed(f"problem {self._assignment.problem.problem_id}: {fault}")
            return
        for key, code in self._codes.items():
            self._verdicts[key] = self._judge.check(code)
        accepted = {
            key: self._codes[key]
            for key, verdict in self._verdicts.items()
            if verdict.outcome is Outcome.ACCEPTED
        }
        baseline = self._assignment.problem.reference or next(iter(accepted.values()), "")
        if not accepted or not baseline:
            return
        seed = self._assignment.seed + attempt
        finder = InputFinder(self._judge, self._assignment.problem, baseline, self._config, seed)
        timer = ProgramTimer(self._judge, baseline, self._config, seed, finder.refused)
        chosen = self._choose(accepted, seed)
        timing_input = finder.find(self._deciding(chosen))
        # A lone program gives no pair; in an evaluation it is the reference of what equals it.
        if timing_input is not None and (len(chosen) > 1 or self._is_evaluation):
            confirmed = self._time(timer, chosen, timing_input)
            for other in finder.others(confirmed, timing_input) if len(confirmed) > 1 else ():
                crosscheck = timer.crosscheck(confirmed, other)
                if crosscheck is not None:
                    self._sessions.append(("crosscheck", crosscheck))
        self.faults += finder.faults
        for key, verdict in finder.refused.items():
            if verdict.outcome is Outcome.TIME_LIMIT:
                self._too_slow[key] = timing_input.digest if timing_input else ""
            else:
                self._verdicts[key] = verdict

    def verdicts_failed(self, failure: str) -> None:
        """Marks what has no verdict yet as SANDBOX_FAILED; verdicts that exist stay."""
        lost = Verdict(outcome=Outcome.SANDBOX_FAILED, peak_memory_bytes=0, failure=failure)
        for key in self._codes:
            self._verdicts.setdefault(key, lost)

    def _time(
        self, timer: ProgramTimer, programs: dict[str, str], timing_input: TimingInput
    ) -> dict[str, str]:
        """Screens the programs, or times them for a score; returns those that were confirmed."""
        if self._is_evaluation:
            screened = timer.score(
                programs,
                timing_input,
                self._evaluate,
                samples=self._run_for("sampled"),
                references=self._run_for("dataset"),
            )
        else:
            screened = timer.screen(programs, timing_input, self._config.screen_repeats)
        self._sessions.append(("screen", screened))
        timed = {key: programs[key] for key in screened.cpu_times_ns}
        if self._config.profile_memory:
            self._profile_memory(timed, timing_input)
        if self._is_evaluation:
            return {}
        if self._config.profile_lines:
            self._profile_lines(timed, timing_input)
        proposed = _propose(screened, self._config)
        if not proposed:
            return {}
        confirmed = timer.confirm({key: programs[key] for key in proposed}, timing_input)
        self._sessions.append(("confirm", confirmed))
        return {key: programs[key] for key, times in confirmed.cpu_times_ns.items() if times}

    def _profile_memory(self, programs: dict[str, str], timing_input: TimingInput) -> None:
        problem = self._assignment.problem
        for key, code in programs.items():
            self._mean_memory[key] = mean_memory(
                self._run,
                code,
                kind=problem.kind,
                entry_point=problem.entry_point,
                preamble=problem.preamble,
                input_texts=[test.input_text for test in timing_input.tests],
                cpu_limit_s=self._config.cpu_limit_s,
            )

    def _profile_lines(self, programs: dict[str, str], timing_input: TimingInput) -> None:
        problem = self._assignment.problem
        for key, code in programs.items():
            self._hot_lines[key] = hot_lines(
                self._run,
                code,
                kind=problem.kind,
                entry_point=problem.entry_point,
                preamble=problem.preamble,
                input_texts=[test.input_text for test in timing_input.tests],
            )

    def _choose(self, accepted: dict[str, str], seed: int) -> dict[str, str]:
        """At most `max_screened` programs; known programs of an evaluation are always among them,
        since scores are relative to their times."""
        if len(accepted) <= self._config.max_screened or self._is_evaluation:
            return accepted
        keys = sorted(accepted)
        chosen = set(random.Random(seed).sample(keys, self._config.max_screened))
        return {key: code for key, code in accepted.items() if key in chosen}

    def _deciding(self, programs: dict[str, str]) -> dict[str, str]:
        """The programs whose times decide how large the inputs get: in an evaluation the known
        ones, so that every policy is timed on the same inputs."""
        if not self._is_evaluation:
            return programs
        known = self._run_for("dataset")
        return {key: code for key, code in programs.items() if key in known} or programs

    def _run_for(self, origin: Origin) -> set[str]:
        """The candidates that are run for those of an origin."""
        return {
            self._equal_to[candidate.candidate_id]
            for candidate in self._assignment.candidates
            if candidate.origin == origin
        }

    def rows(self, image: SandboxImage, core: int) -> Iterator[Measurement]:
        """The "check" row of every candidate, then the rows of the sessions."""
        for candidate in self._assignment.candidates:
            key = self._equal_to[candidate.candidate_id]
            yield self._row(candidate.candidate_id, key, "check", image, core)
        for phase, session in self._sessions:
            for key, times in session.cpu_times_ns.items():
                if self._verdicts[key].outcome is Outcome.ACCEPTED:
                    yield replace(
                        self._row(key, key, phase, image, core),
                        session_id=session.session_id,
                        cpu_times_ns=times,
                        baseline_times_ns=session.baseline_ns[key],
                        input_digest=session.input_digest,
                        instructions=session.instructions[key],
                        hot_lines=self._hot_lines.get(key, ()) if phase == "screen" else (),
                        mean_memory_bytes=self._mean_memory.get(key, 0) * (phase == "screen"),
                    )
        for key, input_digest in self._too_slow.items():
            row = self._row(key, key, "screen", image, core)
            yield replace(row, outcome=Outcome.TIME_LIMIT, input_digest=input_digest)

    def _row(
        self, candidate_id: str, key: str, phase: Phase, image: SandboxImage, core: int
    ) -> Measurement:
        """A row without times, of the verdict of the program that was run."""
        verdict = self._verdicts[key]
        return Measurement(
            candidate_id=candidate_id,
            problem_id=self._assignment.problem.problem_id,
            equal_to=key,
            phase=phase,
            session_id="",
            outcome=verdict.outcome,
            cpu_times_ns=(),
            baseline_times_ns=(),
            peak_memory_bytes=verdict.peak_memory_bytes,
            failure=verdict.failure,
            input_digest="",
            host_id=platform.node(),
            core=core,
            image_digest=image.digest,
            python_version=image.python_version,
        )


def _representatives(candidates: Sequence[Candidate]) -> dict[str, str]:
    """candidate_id -> id of the first candidate that is the same program."""
    first: dict[str, str] = {}
    return {
        candidate.candidate_id: first.setdefault(
            normalize_program(candidate.code), candidate.candidate_id
        )
        for candidate in candidates
    }


def _propose(screened: SessionTimes, config: MeasureConfig) -> list[str]:
    """Programs spread evenly from the fastest to the slowest; none if they hardly differ."""
    times = {key: estimate_ns(ns) for key, ns in screened.cpu_times_ns.items() if ns}
    ranked = sorted(times, key=lambda key: (times[key], key))
    if len(ranked) < 2 or times[ranked[-1]] < config.propose_ratio * times[ranked[0]]:
        return []
    count = min(config.confirm_candidates, len(ranked))
    places = [round(index * (len(ranked) - 1) / (count - 1)) for index in range(count)]
    return [ranked[place] for place in places]


def _counts(problem_id: str, rows: Sequence[Measurement], faults: Sequence[str]) -> dict[str, str]:
    outcomes = collections.Counter(row.outcome.value for row in rows if row.phase == "check")
    return {
        "problem_id": problem_id,
        "outcomes": json.dumps(outcomes),
        "faults": json.dumps(list(faults)),
    }
