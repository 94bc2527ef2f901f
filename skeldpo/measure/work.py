"""The measurements of one problem's candidates: verdicts, then sessions, as rows.

The same program written twice is run once (`Measurement.equal_to`). A verdict comes from the tests
alone. A program that fails on an input that was made to time it keeps its verdict, and the failure
is a row of its own; it counts as wrong only where the problem has a reference and says up to which
size its inputs keep to the statement (`Problem.max_size`). A sandbox that fails takes with it what
it was to show, and nothing that was found before.
"""

from __future__ import annotations

import logging
import platform
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from skeldpo.answers import CUT_OFF
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.languages import language
from skeldpo.measure.answered import answered
from skeldpo.measure.inputs import InputFinder, TimingInput, generated_tests
from skeldpo.measure.lines import hot_lines
from skeldpo.measure.memory import mean_memory
from skeldpo.measure.session import BaselineFailure, ProgramTimer, SessionTimes
from skeldpo.measure.verdict import Judge, ProblemFault, SandboxFailure, Verdict
from skeldpo.records import Assignment, Measurement, Origin, Outcome, Phase
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.image import SandboxImage
from skeldpo.timing import estimate_ns

WRONG = (Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR)
"""What a program that is wrong does; reaching a limit of ours is no proof of that."""

logger = logging.getLogger(__name__)


class ProblemWork:
    """One assignment, from first check to rows; `run` is `Sandbox.run`. `faults` collects what is
    wrong with the problem. Nothing is timed if `unverified` says why times would prove nothing."""

    def __init__(
        self,
        assignment: Assignment,
        run: Callable[[RunRequest], RunReport],
        config: MeasureConfig,
        evaluate: EvaluateConfig,
        unverified: str = "",
    ) -> None:
        self._assignment = assignment
        self._unverified = unverified
        self._config = config
        self._evaluate = evaluate
        self._run = run
        self._is_evaluation = assignment.purpose == "evaluate"
        self._problem = assignment.problem
        if self._is_evaluation:  # as its suite says; tests are grown to find pairs
            self._problem = replace(self._problem, growth="")
        self._judge = Judge(self._problem, run, config)
        self._is_sound = False
        self._equal_to = _representatives(assignment)
        self._codes = {
            c.candidate_id: c.code
            for c in assignment.candidates
            if self._equal_to[c.candidate_id] == c.candidate_id
        }
        self.faults: list[str] = []
        self._checks: dict[str, Verdict] = {}
        self._refused: dict[str, Verdict] = {}
        self._lost = _no_verdict(Outcome.SANDBOX_FAILED, "")
        self._forget_sessions()

    def _forget_sessions(self) -> None:
        self._sessions: list[tuple[Phase, SessionTimes]] = []
        self._lacking: dict[str, str] = {}
        self._hot_lines: dict[str, tuple[int, ...]] = {}
        self._mean_memory: dict[str, int] = {}

    def run(self) -> str:
        """Checks and times all programs, again when the sandbox fails; returns its failure if it
        failed in every try, else empty. Verdicts and refusals of a failed try stay."""
        for attempt in range(self._config.max_retries + 1):
            try:
                self._attempt(attempt)
                return ""
            except SandboxFailure as failure:
                # The baseline is the problem's own program: no other machine would help.
                is_baseline = isinstance(failure, BaselineFailure)
                outcome = Outcome.FAULTY_PROBLEM if is_baseline else Outcome.SANDBOX_FAILED
                self._lost = _no_verdict(outcome, str(failure))
                logger.warning("problem %s: %s", self._problem.problem_id, failure)
            except (ProblemFault, ValueError) as fault:
                self._lost = _no_verdict(Outcome.FAULTY_PROBLEM, str(fault))
                break
        if self._lost.outcome is Outcome.SANDBOX_FAILED:
            return self._lost.failure
        self._note(self._lost.failure)
        return ""

    def _attempt(self, attempt: int) -> None:
        """Checks every distinct program that is not yet, then times the accepted ones."""
        self._forget_sessions()
        if not self._is_sound:
            self._require_sound()
        for key in [key for key in self._codes if key not in self._checks]:
            try:
                self._checks[key] = self._judge.check(self._codes[key])
            except SandboxFailure:
                self._codes[key] = self._codes.pop(key)  # a program that breaks sandboxes goes last
                raise
            if self._checks[key].outcome is Outcome.FAULTY_PROBLEM:
                self._note(self._checks[key].failure)
        accepted = {
            key: code
            for key, code in self._codes.items()
            if self._checks[key].outcome is Outcome.ACCEPTED and key not in self._refused
        }
        baseline = self._problem.reference or next(iter(accepted.values()), "")
        if accepted and baseline and not self._unverified:
            self._time_accepted(accepted, baseline, self._assignment.seed + attempt)

    def _require_sound(self) -> None:
        """ProblemFault if nothing could be said of the problem's programs; gives it tests if it has
        none, and answers to those that have none."""
        self._problem = answered(self._problem, self._run, self._config)
        self._judge = Judge(self._problem, self._run, self._config)
        if not self._problem.tests:
            made = generated_tests(
                self._judge, self._problem, self._config.cpu_limit_s, self._assignment.seed
            )
            self._problem = replace(self._problem, tests=tuple(made))
            self._judge = Judge(self._problem, self._run, self._config)
        fault = self._judge.problem_fault()
        if fault:
            raise ProblemFault(fault)
        self._is_sound = True

    def _time_accepted(self, accepted: Mapping[str, str], baseline: str, seed: int) -> None:
        finder = InputFinder(self._judge, self._problem, baseline, self._config, seed)
        finder.refused.update(self._refused)
        self._refused, finder.faults = finder.refused, self.faults
        timer = ProgramTimer(self._judge, baseline, self._config, seed, self._refused)
        chosen = self._choose(accepted, seed)
        # In an evaluation one other is enough: it is the reference of what is scored.
        timing_input = finder.find(self._deciding(chosen), 1 if self._is_evaluation else 2)
        # A lone program gives no pair; in an evaluation it is the reference of what equals it.
        if timing_input is not None and (len(chosen) > 1 or self._is_evaluation):
            confirmed = self._time(timer, chosen, timing_input)
            if len(confirmed) > 1:
                self._crosscheck(timer, finder, confirmed, timing_input)

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
        inputs = [test.input_text for test in timing_input.tests]
        timed = {
            key: self._judge.request(programs[key], inputs, self._config.cpu_limit_s)
            for key in screened.cpu_times_ns
        }
        if self._config.profile_memory:
            for key, request in timed.items():
                self._mean_memory[key] = mean_memory(self._run, request)
        if self._is_evaluation:
            return {}
        if self._config.profile_lines:
            for key, request in timed.items():
                self._hot_lines[key] = hot_lines(self._run, request)
        proposed = _propose(screened, self._config)
        if not proposed:
            return {}
        confirmed = timer.confirm({key: programs[key] for key in proposed}, timing_input)
        self._sessions.append(("confirm", confirmed))
        return {key: programs[key] for key, times in confirmed.cpu_times_ns.items() if times}

    def _crosscheck(
        self,
        timer: ProgramTimer,
        finder: InputFinder,
        confirmed: dict[str, str],
        timing_input: TimingInput,
    ) -> None:
        """Times on the inputs of the other generators; until all are, each program lacks one."""
        self._lacking = dict.fromkeys(confirmed, "")
        for other in finder.others(confirmed, timing_input):
            self._lacking = dict.fromkeys(confirmed, other.digest)
            session = timer.crosscheck(confirmed, other)
            self._sessions.append(("crosscheck", session))
        self._lacking = {
            key: refusal.input_digest for key, refusal in self._refused.items() if key in confirmed
        }

    def _choose(self, accepted: Mapping[str, str], seed: int) -> dict[str, str]:
        """At most `max_screened` programs; known programs of an evaluation are always among them,
        since scores are relative to their times."""
        if len(accepted) <= self._config.max_screened or self._is_evaluation:
            return dict(accepted)
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

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _verdict(self, key: str) -> Verdict:
        """That of the tests, or of an input on which its failure is one."""
        check = self._checks.get(key, self._lost)
        refusal = self._refused.get(key, check)
        is_trusted = bool(self._problem.reference and self._problem.max_size)
        is_proof = refusal.outcome is Outcome.VIOLATION or (is_trusted and refusal.outcome in WRONG)
        return refusal if is_proof else check

    def rows(self, image: SandboxImage, core: int) -> Iterator[Measurement]:
        """The "check" row of every candidate, then the rows of the sessions, of failures on inputs
        that were made, and of cross-checks that are missing."""
        for candidate in self._assignment.candidates:
            key = self._equal_to[candidate.candidate_id]
            row = self._row(key, "check", self._verdict(key), image, core)
            yield replace(row, candidate_id=candidate.candidate_id, input_digest="")
        for phase, session in self._sessions:
            for key, times in session.cpu_times_ns.items():
                if self._verdict(key).outcome is Outcome.ACCEPTED:
                    yield replace(
                        self._row(key, phase, self._verdict(key), image, core),
                        session_id=session.session_id,
                        cpu_times_ns=times,
                        baseline_times_ns=session.baseline_ns[key],
                        input_digest=session.input_digest,
                        instructions=session.instructions[key],
                        num_processes=session.num_processes,
                        hot_lines=self._hot_lines.get(key, ()) if phase == "screen" else (),
                        mean_memory_bytes=self._mean_memory.get(key, 0) * (phase == "screen"),
                    )
        for key, refusal in self._refused.items():
            if refusal is not self._verdict(key):
                yield self._row(key, "screen", refusal, image, core)
        for key, input_digest in self._lacking.items():
            lost = replace(self._refused.get(key, self._lost), input_digest=input_digest)
            yield self._row(key, "crosscheck", lost, image, core)

    def _row(
        self, key: str, phase: Phase, verdict: Verdict, image: SandboxImage, core: int
    ) -> Measurement:
        """A row without times, of the program that was run."""
        return Measurement(
            candidate_id=key,
            problem_id=self._problem.problem_id,
            equal_to=key,
            phase=phase,
            session_id="",
            outcome=verdict.outcome,
            cpu_times_ns=(),
            baseline_times_ns=(),
            peak_memory_bytes=verdict.peak_memory_bytes,
            failure=verdict.failure,
            input_digest=verdict.input_digest,
            host_id=platform.node(),
            core=core,
            image_digest=image.digest,
            python_version=image.python_version,
            unverified=self._unverified,
        )


def _no_verdict(outcome: Outcome, failure: str) -> Verdict:
    return Verdict(outcome=outcome, peak_memory_bytes=0, failure=failure)


def _representatives(assignment: Assignment) -> dict[str, str]:
    """candidate_id -> id of the candidate that is run for it: the first that is the same program,
    for training the first that may be chosen (what was cut off behind its program may not), and of
    those that was sampled, so that a pair has the ids that the engine wrote."""
    candidates = list(assignment.candidates)
    if assignment.purpose == "train":
        candidates.sort(key=lambda each: (each.finish_reason == CUT_OFF, each.origin == "dataset"))
    first: dict[str, str] = {}
    return {
        candidate.candidate_id: first.setdefault(
            language(candidate.language).normalize_program(candidate.code), candidate.candidate_id
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
