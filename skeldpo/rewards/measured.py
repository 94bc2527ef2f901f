"""What the programs of one request earn, measured on a core that the caller holds."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skeldpo.answers import CUT_OFF, Wanted, read_answer
from skeldpo.config import EvaluateConfig, MeasureConfig, RewardsConfig
from skeldpo.measure.on_cores import Run, patient
from skeldpo.measure.work import ProblemWork
from skeldpo.problems.programs import dataset_candidates
from skeldpo.records import Assignment, Candidate, Measurement, Outcome, Problem, content_id
from skeldpo.rewards.of_problem import UNTIMED, ProblemRewards, mean_within, problem_rewards
from skeldpo.sandbox.image import SandboxImage


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """Answers of a policy to one problem, as text or as programs; `cut_off` says of each whether it
    was stopped at a limit of tokens (empty: of none)."""

    problem: Problem
    completions: tuple[str, ...]
    cut_off: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.completions:
            raise ValueError(f"problem {self.problem.problem_id}: no completions to reward")
        if self.cut_off and len(self.cut_off) != len(self.completions):
            raise ValueError(
                f"problem {self.problem.problem_id}: {len(self.completions)} completions, but "
                f"cut_off has {len(self.cut_off)} entries"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramAnswer:
    """What one completion earns. `is_known` is False where nothing can be said of it (the sandbox
    failed, the problem is at fault): its reward is the mean of the others'."""

    reward: float
    is_known: bool
    outcome: Outcome
    is_right: bool
    level: int
    speed: float
    penalty: float
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnswer:
    """The rewards of a request, in its order. `unverified` says why no times were taken (empty:
    they can be trusted); the core was the request's alone from `started_ns` to `ended_ns` of the
    host's monotonic clock."""

    problem_id: str
    programs: tuple[ProgramAnswer, ...]
    num_levels: int
    unverified: str
    faults: tuple[str, ...]
    host_id: str
    core: int
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What rewards depend on; ValueError if no session would show what they ask for."""

    rewards: RewardsConfig
    measure: MeasureConfig

    def __post_init__(self) -> None:
        self.measure.require_reach("rewards.max_p_value", self.rewards.max_p_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where programs are measured, and why times prove nothing there (empty: they do)."""

    image: SandboxImage
    core: int
    unverified: str


def measure_group(request: GroupRequest, run: Run, settings: Settings, place: Place) -> GroupAnswer:
    """Judges, times and rewards the programs of a request; `run` is `Sandbox.run`."""
    known = _known_programs(request.problem, settings.rewards)
    written = _candidates(request)
    started_ns = time.monotonic_ns()
    measuring = ProblemWork(
        _assignment(request.problem, (*known, *written)),
        patient(run, settings.measure.max_retries),
        _comparing_all(settings.measure, len(known) + len(written)),
        EvaluateConfig(),
        place.unverified,
    )
    measuring.run()
    ended_ns = time.monotonic_ns()
    rows = tuple(measuring.rows(place.image, place.core))
    found = problem_rewards(
        problem=request.problem,
        candidates=(*known, *written),
        measurements=rows,
        config=settings.rewards,
    )
    return GroupAnswer(
        problem_id=request.problem.problem_id,
        programs=_program_answers(written, rows, found),
        num_levels=len(found.levels),
        unverified=place.unverified,
        faults=tuple(measuring.faults),
        host_id=platform.node(),
        core=place.core,
        started_ns=started_ns,
        ended_ns=ended_ns,
    )


def _assignment(problem: Problem, candidates: tuple[Candidate, ...]) -> Assignment:
    return Assignment(
        problem=problem,
        purpose="train",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=int(content_id("reward", problem.problem_id), 16) % (1 << 31),
        candidates=candidates,
    )


def _comparing_all(config: MeasureConfig, num_programs: int) -> MeasureConfig:
    """All programs are timed and meet in the confirming session: what is left out earns no more
    than the mean."""
    return config.model_copy(
        update={
            "max_screened": max(config.max_screened, num_programs),
            "confirm_candidates": max(config.confirm_candidates, num_programs),
        }
    )


def _known_programs(problem: Problem, config: RewardsConfig) -> tuple[Candidate, ...]:
    """What is timed beside the answers: without a second program a lone one would not be."""
    if config.speed == "none":
        return ()
    codes = [problem.reference] if problem.reference else []
    if config.speed == "beyond":
        codes += [known.code for known in problem.solutions]
    return dataset_candidates(problem, dict.fromkeys(codes))


def _candidates(request: GroupRequest) -> tuple[Candidate, ...]:
    problem = request.problem
    wanted = Wanted(language=problem.language, entry_point=problem.entry_point)
    cut_off = request.cut_off or (False,) * len(request.completions)
    return tuple(
        Candidate(
            candidate_id=content_id(problem.problem_id, "completion", place, text),
            problem_id=problem.problem_id,
            language=problem.language,
            code=read_answer(text, wanted).code,
            origin="sampled",
            model_id="",
            round_index=0,
            sample_index=place,
            seed=0,
            finish_reason=CUT_OFF if is_cut else "",
            prompt_token_ids=(),
            completion_token_ids=(),
        )
        for place, (text, is_cut) in enumerate(zip(request.completions, cut_off, strict=True))
    )


def _program_answers(
    written: Sequence[Candidate], rows: Sequence[Measurement], found: ProblemRewards
) -> tuple[ProgramAnswer, ...]:
    checks: Mapping[str, Measurement] = {
        row.candidate_id: row for row in rows if row.phase == "check"
    }
    earned = {row.candidate_id: row for row in found.rewards}
    own = [earned[row.candidate_id].reward for row in written if row.candidate_id in earned]
    mean = mean_within(own or [0.0])
    answers = []
    for candidate in written:
        check, known = checks[candidate.candidate_id], earned.get(candidate.candidate_id)
        answers.append(
            ProgramAnswer(
                reward=known.reward if known else mean,
                is_known=known is not None,
                outcome=known.outcome if known else check.outcome,
                is_right=known.is_right if known else False,
                level=known.level if known else UNTIMED,
                speed=known.speed if known else 0.0,
                penalty=known.penalty if known else 0.0,
                failure=check.failure,
            )
        )
    return tuple(answers)
