"""What a suite is: the one record that a module of a suite makes, and what passes through it.

A new suite is a module with a `SUITE`, in the tuple of `skeldpo.suites.all` or in a package of your
own (`skeldpo evaluate --suite package.module`). The command line, the table in docs/SUITES.md,
sampling, measuring, scoring and the report know suites only as these records:

    load(SuiteData) -> SuiteProblems      the problems, their references, what a program of them is
    session(Assignment, run)              measurements of a problem's programs, in a sandbox actor;
                                          without one they are judged and timed by skeldpo.measure
    score(Judged, ks) -> Scores           from verdicts and times to scores; pure
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skeldpo.answers import Wanted, read_program
from skeldpo.config import MeasureConfig
from skeldpo.measure.actor import Session
from skeldpo.records import Assignment, Candidate, Measurement, Problem
from skeldpo.suites.evaluation import LeftOut, SampleResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteData:
    """What a suite is loaded from: the file of --data or, without one, the suite's own data set; ""
    if it needs none. `tell` takes a line of progress."""

    source: str
    measure: MeasureConfig
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteProblems:
    """The problems of a suite; their `solutions` are the references that samples stand beside.

    `frames` has, for a problem that needs one, the text to run with "{program}" in the program's
    place, and `wanted` what a program of it is, where that is not what its entry point says. With
    `goes_on` a program may go on where the prompt ends. `ignored_ids` are problems that the suite
    has and does not score. `reference_scores` of a problem are those of its references, in their
    order, where the suite has such.
    """

    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = ()
    ignored_ids: tuple[str, ...] = ()
    frames: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    goes_on: bool = False
    reference_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def wanted_of(self, problem: Problem) -> Wanted:
        """What programs for a problem are."""
        return self.wanted.get(
            problem.problem_id, Wanted(language=problem.language, entry_point=problem.entry_point)
        )

    def assembled(self, problem_id: str, code: str) -> str:
        """The text that is run for a program."""
        if self.goes_on:
            return read_program(code, self.wanted[problem_id], goes_on=True).code
        frame = self.frames.get(problem_id)
        return code if frame is None else frame.replace("{program}", code, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSample:
    """A program of a problem, as it was given, and its "check" row, which is a verdict."""

    candidate: Candidate
    verdict: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was measured of one problem: its samples that have a verdict, and all rows.

    `stopped_ns` is the CPU time at which skeldpo.measure stops a program that it times.
    `reference_scores` are those of `SuiteProblems`.
    """

    assignment: Assignment
    samples: tuple[JudgedSample, ...]
    rows: tuple[Measurement, ...]
    stopped_ns: float
    reference_scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What is made of a `Judged` problem: fields as in `ProblemResult`, and what could not be
    scored as (place, reason)."""

    samples: tuple[SampleResult, ...]
    scores: Mapping[str, float]
    relative_to: Mapping[str, Any]
    notes: tuple[tuple[str, str], ...] = ()


Score = Callable[[Judged, Sequence[int]], Scores]
"""Of a problem, for each k of pass@k."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How programs are measured and scored. `session` has to be a function of a module, which the
    sandbox actors import; `num_repeats` is how often it runs a test (0: evaluate.num_repeats)."""

    score: Score
    session: Session | None = None
    num_repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """All there is to say about a suite.

    `data`, `scores` and `equality` are cells of docs/SUITES.md: what --data takes, what is scored,
    and when an answer is right. `hub_id` is the Hugging Face data set that is read without --data.
    `released` is the protocol of the suite's authors, for comparison with published figures.
    `memory_limit_mib` (0: measure's own) holds unless the user sets one.
    """

    name: str
    data: str
    scores: str
    equality: str
    load: Callable[[SuiteData], SuiteProblems]
    protocol: Protocol
    released: Protocol | None = None
    hub_id: str = ""
    needs_data: bool = True
    memory_limit_mib: int = 0
    profiles_memory: bool = False
