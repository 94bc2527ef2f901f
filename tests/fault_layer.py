"""A sandbox that fails, pauses, lies or loses its clock on demand, over programs whose truth is
known: what must not come out of it is a wrong label.

`MadeSandbox.run` stands in for `Sandbox.run`, so that a fault can be put into any one of the some
hundred runs that a problem takes, in milliseconds; a container cannot be made to fail at the n-th.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pair_rows import PAIR
from sample_records import FUNCTION_PROBLEM, SAMPLED
from scripted_runs import TESTS, make_report

from skeldpo.config import EvaluateConfig, MeasureConfig, SkeletonConfig
from skeldpo.measure.work import ProblemWork
from skeldpo.pair import ProblemPairs, build_pairs
from skeldpo.records import Assignment, Measurement, Outcome, Problem, Purpose
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.image import SandboxImage

CONFIG = MeasureConfig(
    min_cpu_time_ms=1000.0,
    max_slow_ratio=20.0,
    cpu_limit_s=100.0,
    max_retries=2,
    max_screened=5,
    confirm_repeats=(8,),
)
"""Five programs are timed, so that some are not; a problem is tried three times."""
IMAGE = SandboxImage(reference="made", digest="made", python_version="3.11")
SIZED, REVERSED = "def generate_input(size, seed): size", "def generate_input(size, seed): -size"
"""Generators of inputs [n] and [-n]."""
REFERENCE = "def double(x):\n    return the_reference(x)\n"
Run = Callable[[RunRequest], RunReport]
Fault = Callable[[RunReport], RunReport]
When = Callable[[int, RunRequest], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeProgram:
    """A program for inputs [n]: 2 n in `us` a unit, `us_reversed` below 0; `wrong_from` is the
    size from which it answers 0, `crashes_from` that from which it recurses too deep."""

    name: str
    us: int
    us_reversed: int = 0
    wrong_from: int = 1 << 60
    crashes_from: int = 1 << 60

    @property
    def code(self) -> str:
        """A text of its own for every program."""
        return f"def double(x):\n    return {self.name}(x)\n"

    def run(self, request: RunRequest) -> RunReport:
        """What a sound sandbox says of it."""
        values = [json.loads(text)[0] for text in request.input_texts]
        cpu_time_ns = 1000 * sum(
            -n * (self.us_reversed or self.us) if n < 0 else n * self.us for n in values
        )
        if cpu_time_ns > request.cpu_limit_s * 1e9:
            return make_report(Outcome.TIME_LIMIT)
        if max(map(abs, values)) >= self.crashes_from:
            return make_report(Outcome.RUNTIME_ERROR, failure="RecursionError")
        answers = [str(0 if abs(n) >= self.wrong_from else 2 * n) for n in values]
        return make_report(answer_texts=tuple(answers), cpu_time_ns=cpu_time_ns)


@dataclass(slots=True)
class MadeSandbox:
    """Runs the programs of a truth; each report that `when` picks goes through `fault`."""

    programs: dict[str, MadeProgram]
    fault: Fault = lambda report: report
    when: When = lambda index, request: False
    requests: list[RunRequest] = field(default_factory=list)

    def run(self, request: RunRequest) -> RunReport:
        """As `Sandbox.run`."""
        self.requests.append(request)
        report = self._sound(request)
        return self.fault(report) if self.when(len(self.requests) - 1, request) else report

    def _sound(self, request: RunRequest) -> RunReport:
        if request.code in (SIZED, REVERSED):
            size, _ = json.loads(request.input_texts[0])
            made = f"[{size if request.code == SIZED else -size}]"
            return make_report(answer_texts=(made,), cpu_time_ns=1000)
        return self.programs[request.code].run(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A problem, its programs, the verdicts that each may have and the pairs of (faster, slower)
    that hold on every kind of input."""

    problem: Problem
    programs: tuple[MadeProgram, ...]
    verdicts: dict[str, set[Outcome]]
    faster: set[tuple[str, str]]
    purpose: Purpose = "train"

    def wrong(self) -> set[str]:
        """The programs that a judge may refuse: rejected sides are among them."""
        return {name for name, allowed in self.verdicts.items() if allowed != {Outcome.ACCEPTED}}

    def choosable(self) -> set[str]:
        """The programs that pass the tests: chosen sides are among them."""
        return {name for name, allowed in self.verdicts.items() if Outcome.ACCEPTED in allowed}

    def sandbox(self, fault: Fault, when: When) -> MadeSandbox:
        """One with a fault."""
        reference = replace(self.programs[0], name="the_reference", us=100)
        known = {program.code: program for program in (reference, *self.programs)}
        return MadeSandbox(known, fault, when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came out of one problem."""

    rows: Sequence[Measurement]
    pairs: ProblemPairs
    faults: Sequence[str]
    failure: str


def measure_and_pair(
    truth: Truth, run: Run, config: MeasureConfig = CONFIG, unverified: str = ""
) -> Made:
    """The rows and pairs of a problem, by the code that a run uses."""
    key = truth.problem.problem_id
    candidates = tuple(
        replace(SAMPLED, candidate_id=program.name, problem_id=key, code=program.code,
                origin="dataset" if program.name.startswith("known") else "sampled")
        for program in truth.programs
    )  # fmt: skip
    assignment = Assignment(
        problem=truth.problem, purpose=truth.purpose, round_index=1, num_samples=0,
        temperature=1.0, seed=3, candidates=candidates,
    )  # fmt: skip
    scoring = EvaluateConfig(num_repeats=3, repeat_for_s=0.0)
    work = ProblemWork(assignment, run, config, scoring, unverified)
    failure = work.run()
    rows = list(work.rows(IMAGE, core=1))
    pairs = build_pairs(
        problem=truth.problem,
        candidates=candidates,
        measurements=rows,
        pair=PAIR.model_copy(update={"max_efficiency_pairs": 9, "max_correctness_pairs": 9}),
        skeleton=SkeletonConfig(),
        round_index=1,
    )
    return Made(rows=rows, pairs=pairs, faults=work.faults, failure=failure)


def wrong_labels(truth: Truth, made: Made) -> list[str]:
    """Every verdict and every pair that the truth forbids."""
    found = [
        f"{row.candidate_id} is {row.outcome}"
        for row in made.rows
        if row.phase == "check" and row.outcome.is_verdict
        if row.outcome not in truth.verdicts[row.candidate_id]
    ]
    for pair in made.pairs.pairs:
        sides = pair.chosen.candidate_id, pair.rejected.candidate_id
        if pair.stage == "efficiency":
            is_true = sides in truth.faster
        else:
            is_true = sides[0] in truth.choosable() and sides[1] in truth.wrong()
        if not is_true:
            found.append(f"{pair.stage}: {sides[0]} over {sides[1]}")
    return found


def once(place: int) -> When:
    """Only the run of this number, from 0."""
    return lambda index, request: index == place


def ever_from(place: int) -> When:
    """Every run from this number on."""
    return lambda index, request: index >= place


def whenever(picks: Callable[[RunRequest], bool]) -> When:
    """Every run of a request that is picked."""
    return lambda index, request: picks(request)


def is_crosscheck(request: RunRequest) -> bool:
    """A run on an input of the other generator: nothing else is run on one below 0."""
    return request.code not in (SIZED, REVERSED) and request.input_texts[0].startswith("[-")


def broken(report: RunReport) -> RunReport:
    """No report, one of another run or a malformed one: `Sandbox.run` says SANDBOX_FAILED."""
    return make_report(Outcome.SANDBOX_FAILED, failure="ChannelError: expected report 7, got 6")


def paused(report: RunReport) -> RunReport:
    """A container that was frozen and went on: late, with no time used meanwhile."""
    return replace(report, wall_time_ns=9 * 10**9, run_delay_ns=8 * 10**9)


def timeless(report: RunReport) -> RunReport:
    """A clock that stood still."""
    return replace(report, cpu_time_ns=0)


def jumped_ahead(report: RunReport) -> RunReport:
    """A clock that was set during the run."""
    return replace(report, cpu_time_ns=report.cpu_time_ns * 1000 + 3600 * 10**9)


def jumped_back(report: RunReport) -> RunReport:
    """A clock that was set back: hardly any time is left."""
    return replace(report, cpu_time_ns=min(report.cpu_time_ns, 1))


def too_few_answers(report: RunReport) -> RunReport:
    """Accepted, but the answers are not there."""
    return replace(report, answer_texts=report.answer_texts[:-1])


def too_many_answers(report: RunReport) -> RunReport:
    """Accepted, with the answer of another run."""
    return replace(report, answer_texts=(*report.answer_texts, "1"))


def refusing(report: RunReport) -> RunReport:
    """A run that the sandbox does not take, as it does inputs that are too large."""
    raise ValueError("the inputs take 67108887 bytes, the limit is 67108864")


def _accepted(*names: str) -> dict[str, set[Outcome]]:
    return {name: {Outcome.ACCEPTED} for name in names}


PROBLEM = replace(
    FUNCTION_PROBLEM, tests=TESTS, generators=(SIZED, REVERSED), reference=REFERENCE, solutions=()
)
_RIGHT = (
    MadeProgram(name="fast", us=1000),
    MadeProgram(name="slow", us=3000),
    MadeProgram(name="depends", us=200, us_reversed=9000),
)
_DEEP = MadeProgram(name="deep", us=1500, crashes_from=100)
_GARBAGE = MadeProgram(name="garbage", us=50, wrong_from=64)
_WRONG = (
    MadeProgram(name="off", us=500, wrong_from=5),
    MadeProgram(name="crashing", us=600, crashes_from=1),
)
_REFUSED = {
    "off": {Outcome.WRONG_ANSWER},
    "crashing": {Outcome.RUNTIME_ERROR},
}
_FASTER = {("fast", "slow")}
TRUTHS = {
    # Right programs that fail on what we make up stay right; wrong ones that only fail there
    # cannot be known.
    "untrusted": Truth(
        problem=PROBLEM,
        programs=(*_RIGHT, _DEEP, _GARBAGE, *_WRONG),
        verdicts=_accepted("fast", "slow", "depends", "deep", "garbage") | _REFUSED,
        faster=_FASTER,
    ),
    # The problem says that its inputs keep to the statement. A failure on one may be lost, too.
    "trusted": Truth(
        problem=replace(PROBLEM, max_size=1 << 30),
        programs=(*_RIGHT, _DEEP, _GARBAGE, *_WRONG),
        verdicts=_accepted("fast", "slow", "depends") | _REFUSED | {
            "deep": {Outcome.ACCEPTED, Outcome.RUNTIME_ERROR},
            "garbage": {Outcome.ACCEPTED, Outcome.WRONG_ANSWER},
        },
        faster=_FASTER,
    ),
    "no reference": Truth(
        problem=replace(PROBLEM, reference=""),
        programs=(*_RIGHT, _DEEP, *_WRONG),
        verdicts=_accepted("fast", "slow", "depends", "deep") | _REFUSED,
        faster=_FASTER | {("fast", "deep"), ("deep", "slow")},
    ),
    "no tests": Truth(
        problem=replace(PROBLEM, tests=()),
        programs=(*_RIGHT, _GARBAGE, *_WRONG,
                  *(MadeProgram(name=f"guess{n}", us=70, wrong_from=n) for n in range(4))),
        verdicts=_accepted("fast", "slow", "depends") | _REFUSED
        | {name: {Outcome.WRONG_ANSWER} for name in ("garbage", *(f"guess{n}" for n in range(4)))},
        faster=_FASTER,
    ),
    "evaluation": Truth(
        problem=PROBLEM,
        programs=(MadeProgram(name="known_fast", us=800), MadeProgram(name="known_slow", us=4000),
                  *_RIGHT, _DEEP, *_WRONG),
        verdicts=_accepted("known_fast", "known_slow", "fast", "slow", "depends", "deep")
        | _REFUSED,
        faster=_FASTER,
        purpose="evaluate",
    ),
}  # fmt: skip
