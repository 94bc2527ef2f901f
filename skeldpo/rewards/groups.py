"""The groups that the learner of rewards is taught from: a row a problem. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skeldpo.config import Config, SkeletonConfig
from skeldpo.languages import language
from skeldpo.records import Candidate, Float32, Outcome, Problem, content_id
from skeldpo.rewards.advantages import advantages
from skeldpo.rewards.of_problem import UNTIMED, ProblemRewards, ProgramReward, problem_rewards
from skeldpo.skeleton.extract import prone_spans
from skeldpo.storage.by_problem import MeasuredProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardedAnswer:
    """One sampled answer of a group. `level` counts from 0, the fastest, and is -1 for a program
    whose speed was not compared; `kept_spans` are the words [start, end) of the code that only its
    side's programs share, empty without train.policy_gradient.skeleton_credit."""

    candidate_id: str
    code: str
    completion_token_ids: tuple[int, ...]
    completion_logps: tuple[Float32, ...]
    outcome: Outcome
    is_right: bool
    level: int
    speed: float
    reward: float
    advantage: float
    kept_spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardedGroup:
    """The answers to one prompt, some of which earn more than others. `max_answer_tokens` is the
    run's generate.max_tokens. The statement and starter code make the row readable by itself; what
    is trained on are the ids that the engine read and wrote."""

    group_id: str
    problem_id: str
    language: str
    round_index: int
    statement: str
    starter_code: str
    prompt_token_ids: tuple[int, ...]
    max_answer_tokens: int
    answers: tuple[RewardedAnswer, ...]

    def __post_init__(self) -> None:
        where = f"group {self.group_id} of problem {self.problem_id}"
        if len(self.answers) < 2 or not self.prompt_token_ids:
            raise ValueError(
                f"{where}: expected a prompt and two answers or more, got "
                f"{len(self.prompt_token_ids)} tokens and {len(self.answers)} answers"
            )
        if not all(math.isfinite(answer.advantage) for answer in self.answers):
            raise ValueError(f"{where}: advantages must be finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemGroup:
    """The group of a problem, or none and the reason; what its sampled answers earn either way.

    `has_speed`: their speeds differ beyond doubt. `num_untimed` right ones were not compared.
    `sum_speed` is over the right ones. `error` says why nothing could be made, empty if it was.
    """

    problem_id: str
    groups: tuple[RewardedGroup, ...]
    reason: str
    has_speed: bool
    num_answers: int
    num_right: int
    num_untimed: int
    sum_reward: float
    sum_speed: float
    error: str = ""


def group_or_reason(measured: MeasuredProblem, *, config: Config, round_index: int) -> ProblemGroup:
    """As `build_group`; what that raises becomes `ProblemGroup.error`, and the problem has no
    group."""
    try:
        return build_group(measured, config=config, round_index=round_index)
    except Exception as error:  # of a program that nobody thought of, in a skeleton say
        told = f"{type(error).__name__}: {error}"
    return ProblemGroup(
        problem_id=measured.problem.problem_id,
        groups=(),
        reason=f"quarantined: {told}",
        has_speed=False,
        num_answers=0,
        num_right=0,
        num_untimed=0,
        sum_reward=0.0,
        sum_speed=0.0,
        error=told,
    )


def build_group(measured: MeasuredProblem, *, config: Config, round_index: int) -> ProblemGroup:
    """Rewards and advantages of a problem's sampled answers; known programs only set the scale."""
    problem, candidates = measured.problem, measured.candidates
    found = problem_rewards(
        problem=problem,
        candidates=candidates,
        measurements=measured.measurements,
        config=config.rewards,
    )
    written = {row.candidate_id: row for row in candidates if row.origin == "sampled"}
    sampled = tuple(row for row in found.rewards if row.candidate_id in written)
    reason = _reason_against([written[row.candidate_id] for row in sampled], sampled)
    groups: tuple[RewardedGroup, ...] = ()
    if not reason:
        settings = config.train.policy_gradient
        gains = advantages([row.reward for row in sampled], settings)
        spans = _contrasts(problem, candidates, found) if settings.skeleton_credit else {}
        group = RewardedGroup(
            group_id=content_id("group", problem.problem_id, round_index),
            problem_id=problem.problem_id,
            language=problem.language,
            round_index=round_index,
            statement=problem.statement,
            starter_code=problem.starter_code,
            prompt_token_ids=written[sampled[0].candidate_id].prompt_token_ids,
            max_answer_tokens=config.generate.max_tokens,
            answers=tuple(
                _answer(written[row.candidate_id], row, gain, spans.get(row.candidate_id, ()))
                for row, gain in zip(sampled, gains, strict=True)
            ),
        )
        groups = (group,)
    right = [row for row in sampled if row.is_right]
    return ProblemGroup(
        problem_id=problem.problem_id,
        groups=groups,
        reason=reason,
        has_speed=len({row.level for row in sampled} - {UNTIMED}) > 1,
        num_answers=len(sampled),
        num_right=len(right),
        num_untimed=sum(row.level == UNTIMED for row in right),
        sum_reward=math.fsum(row.reward for row in sampled),
        sum_speed=math.fsum(row.speed for row in right),
    )


def problem_sums(made: ProblemGroup) -> dict[str, float]:
    """What `round_figures` is given the sums of."""
    return {
        "groups": float(len(made.groups)),
        "groups_with_speed": float(made.has_speed),
        "answers": float(made.num_answers),
        "right": float(made.num_right),
        "untimed": float(made.num_untimed),
        "rewards": made.sum_reward,
        "speeds": made.sum_speed,
    }


def round_figures(sums: Mapping[str, float], num_problems: int) -> dict[str, float]:
    """Figures of a round's answers and groups, for the tracker."""
    figures = {
        "reward/groups": sums["groups"],
        "reward/groups_without_difference": num_problems - sums["groups"],
        "reward/groups_with_speed": sums["groups_with_speed"],
        "reward/answers": sums["answers"],
        "reward/untimed": sums["untimed"],
    }
    if sums["answers"]:
        figures["reward/mean"] = sums["rewards"] / sums["answers"]
        figures["reward/right"] = sums["right"] / sums["answers"]
    if sums["right"]:
        figures["reward/speed"] = sums["speeds"] / sums["right"]
    return figures


def _reason_against(written: Sequence[Candidate], sampled: Sequence[ProgramReward]) -> str:
    if len(sampled) < 2:
        return "fewer than two answers of which anything is known"
    if len({row.prompt_token_ids for row in written}) > 1:
        return "answers to different prompts"
    if not all(row.completion_token_ids for row in written):
        return "answers without token ids"
    if len({row.reward for row in sampled}) > 1:
        return ""
    right = sum(row.is_right for row in sampled)
    if not right:
        return "no right answer"
    return "all answers earn the same: right, and no speed difference shown"


def _answer(
    candidate: Candidate,
    row: ProgramReward,
    advantage: float,
    spans: tuple[tuple[int, int], ...],
) -> RewardedAnswer:
    return RewardedAnswer(
        candidate_id=candidate.candidate_id,
        code=candidate.code,
        completion_token_ids=candidate.completion_token_ids,
        completion_logps=candidate.completion_logps,
        outcome=row.outcome,
        is_right=row.is_right,
        level=row.level,
        speed=row.speed,
        reward=row.reward,
        advantage=advantage,
        kept_spans=spans,
    )


def _contrasts(
    problem: Problem, candidates: Sequence[Candidate], found: ProblemRewards
) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """The words that only the faster, or only the slower, programs share, by candidate.

    The levels are divided at the middle of their range; of a side of one program the names that it
    could change are no such words.
    """
    if len(found.levels) < 2:
        return {}
    middle = (found.levels[0].log_ratio + found.levels[-1].log_ratio) / 2
    codes = {row.candidate_id: row.code for row in candidates}
    is_fast = {
        row.candidate_id: found.levels[row.level].log_ratio < middle
        for row in found.rewards
        if 0 <= row.level < len(found.levels)
    }
    written_in = language(problem.language)
    sides = {
        fast: sorted({codes[key] for key, each in is_fast.items() if each == fast})
        for fast in (True, False)
    }
    if not all(sides.values()):  # a side whose programs were all cut off
        return {}
    # Not the spans that a skeleton keeps: punctuation and blanks, which both sides have, are there.
    return {
        key: prone_spans(codes[key], sides[fast], sides[not fast], SkeletonConfig(), written_in)
        for key, fast in is_fast.items()
    }
