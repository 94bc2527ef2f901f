"""What a program of yours may import; docs/API.md has an example of each.

These names stay where they are; all others of the package may move. They are here and not names of
`skeldpo` itself, where `skeleton` is a package. Nothing here needs torch, and only `evaluate` needs
Ray, which is imported when it is called. Whatever runs programs needs a container engine.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeldpo.config import EvaluateConfig, MeasureConfig, PairConfig, RewardsConfig, SkeletonConfig
from skeldpo.languages import DEFAULT
from skeldpo.languages import language as language_named
from skeldpo.measure.on_cores import LEASE_TIMEOUT_S, make_sandbox, patient
from skeldpo.measure.verdict import Judge, SandboxFailure, TimedRun, Verdict
from skeldpo.measure.work import ProblemWork
from skeldpo.pair import ProblemPairs, build_pairs
from skeldpo.problems.programs import given_assignment, require_list_of_texts
from skeldpo.problems.sources import problem_from_row
from skeldpo.prompts import extract_code
from skeldpo.records import Candidate, Measurement, Outcome, PreferencePair, Problem, Skeleton
from skeldpo.rewards.pool import RewardPool, reward
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import SandboxImage, ensure_image
from skeldpo.skeleton.extract import group_skeleton
from skeldpo.suites.evaluation import Evaluation, mean_scores

__all__ = [
    "Candidate", "Difference", "Evaluation", "MeasureConfig", "MeasuredPrograms", "Measurement",
    "Outcome", "PairConfig", "PreferencePair", "Problem", "ProblemPairs", "RewardPool",
    "RewardsConfig", "RunReport", "RunRequest", "Sandbox", "SandboxFailure", "Skeleton",
    "SkeletonConfig", "TimedRun", "Verdict", "build_pairs", "compare", "evaluate", "extract_code",
    "mean_scores", "measure_programs", "open_sandbox", "read_problem", "reward", "run_program",
    "skeleton",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPrograms:
    """A problem's programs in the order they were given, and all that was measured of them."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]

    def outcomes(self) -> tuple[Outcome, ...]:
        """The verdict on each program."""
        rows = (row for row in self.measurements if row.phase == "check")
        checks = {row.candidate_id: row.outcome for row in rows}
        return tuple(checks[candidate.candidate_id] for candidate in self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Which of two programs is faster, beyond doubt, or "neither", for a `reason`.

    `speedup` is the slow program's CPU time over the fast one's, `speedup_low` its lower 95 %
    bound, `p_value` that of the test (docs/METHOD.md, section 5), both nominal (docs/PAIRS.md); all
    are 0 for "neither".
    """

    faster: Literal["first", "second", "neither"]
    speedup: float
    speedup_low: float
    p_value: float
    outcomes: tuple[Outcome, ...]
    reason: str


def read_problem(row: Mapping[str, Any]) -> Problem:
    """The problem of a row as in problem files (docs/PROBLEMS.md); ValueError names a wrong key."""
    return problem_from_row(row, source="own")


@contextlib.contextmanager
def open_sandbox(measure: MeasureConfig | None = None) -> Iterator[Sandbox]:
    """A container on a core of this machine that nobody else times programs on meanwhile.

    Waits for a free core, and builds the image the first time; RuntimeError if there is no engine
    that answers, or no core.
    """
    with _leased(measure or MeasureConfig()) as (sandbox, _, _):
        yield sandbox


@contextlib.contextmanager
def _leased(config: MeasureConfig) -> Iterator[tuple[Sandbox, SandboxImage, int]]:
    """A container with its image and core."""
    image = ensure_image(config.image, numpy=config.numpy, engine=config.engine)
    with (
        lease_core(sandbox_cores(), LEASE_TIMEOUT_S) as lease,
        make_sandbox(config, image, lease.core) as sandbox,
    ):
        yield sandbox, image, lease.core


def run_program(
    sandbox: Sandbox, problem: Problem, code: str, measure: MeasureConfig | None = None
) -> TimedRun:
    """The verdict of a program on a problem's tests, and its CPU time on all of them together;
    SandboxFailure (a RuntimeError) if the sandbox, not the program, fails, ValueError for a problem
    without tests."""
    config = measure or MeasureConfig()
    if not problem.tests:
        raise ValueError(f"problem {problem.problem_id} has no tests; measure_programs makes some")
    judge = Judge(problem, sandbox.run, config)
    numbers = range(len(problem.tests))
    return judge.run_tests(code, problem.tests, config.cpu_limit_s, numbers)


def measure_programs(
    problem: Problem, codes: Sequence[str], measure: MeasureConfig | None = None
) -> MeasuredPrograms:
    """Judges programs and times the right ones in turns on one core, as for pairs; ValueError for
    what is no list of texts."""
    require_list_of_texts("measure_programs: codes", codes)
    config = measure or MeasureConfig()
    assignment = given_assignment(problem, codes)
    with _leased(config) as (sandbox, image, core):
        measuring = ProblemWork(
            assignment,
            patient(sandbox.run, config.max_retries),
            config,
            EvaluateConfig(),
            sandbox.unverified,
        )
        measuring.run()
        rows = tuple(measuring.rows(image, core))
    return MeasuredPrograms(candidates=assignment.candidates, measurements=rows)


def compare(
    problem: Problem,
    first: str,
    second: str,
    *,
    min_speedup: float,
    measure: MeasureConfig | None = None,
) -> Difference:
    """Whether one of two programs is at least `min_speedup` times as fast beyond doubt
    (`measure.max_p_value`), on inputs that the problem's generators make large enough, or on its
    tests. ValueError for a `min_speedup` of 1 or less."""
    config = measure or MeasureConfig()
    pair_config = PairConfig(
        min_speedup=min_speedup, max_p_value=config.max_p_value, max_correctness_pairs=0
    )
    measured = measure_programs(problem, [first, second], config)
    found = build_pairs(
        problem=problem,
        candidates=measured.candidates,
        measurements=measured.measurements,
        pair=pair_config,
        skeleton=SkeletonConfig(),
        round_index=0,
    )
    pair = found.pairs[0] if found.pairs else None
    is_first = pair and pair.chosen.candidate_id == measured.candidates[0].candidate_id
    return Difference(
        faster="neither" if pair is None else "first" if is_first else "second",
        speedup=pair.speedup if pair else 0.0,
        speedup_low=pair.speedup_low if pair else 0.0,
        p_value=pair.p_value if pair else 0.0,
        outcomes=measured.outcomes(),
        reason=found.efficiency_reason,
    )


def skeleton(
    code: str,
    group: Sequence[str],
    *,
    against: Sequence[str] = (),
    config: SkeletonConfig | None = None,
    language: str = DEFAULT,
) -> Skeleton:
    """The skeleton of a program by its group (docs/METHOD.md, section 2); `against` is the other
    group, for `config.contrast`. Empty, with a `note` that says why, if the group is too small.
    ValueError for what is no list of texts."""
    for what, texts in (("code", [code]), ("group", group), ("against", against)):
        require_list_of_texts(f"skeleton: {what}", texts)
    settings = config or SkeletonConfig()
    return group_skeleton(code, group, settings, language_named(language), against=against)


def evaluate(
    suite: str,
    programs: str,
    *,
    data: str = "",
    ks: Sequence[int] = (1,),
    measure: MeasureConfig | None = None,
    folder: str = ".",
) -> Evaluation:
    """Scores a file or folder of programs on a suite (docs/SUITES.md), as `skeldpo evaluate` does.

    `folder` takes what is measured meanwhile; on a cluster all nodes must see it. ValueError for
    what cannot be read, RuntimeError if nothing could be scored.
    """
    from skeldpo.suites.all import find_suite
    from skeldpo.suites.runner import SuiteRequest, evaluate_programs, suite_limits

    found = find_suite(suite)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".skeldpo-evaluate-") as parts:
        request = SuiteRequest(
            suite=found,
            data=data,
            programs=programs,
            ks=tuple(ks),
            released=False,
            measure=suite_limits(found, measure or MeasureConfig()),
            evaluate=EvaluateConfig(),
            out=str(Path(parts).absolute() / "report.json"),  # actors work in folders of their own
        )
        return evaluate_programs(request, request.load(_tell_nobody), _tell_nobody)


def _tell_nobody(line: str) -> None:
    """Progress of a call that returns what it made."""
