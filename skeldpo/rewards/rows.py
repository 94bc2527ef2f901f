"""The groups that the learner of rewards is taught from: a row a problem. Pure."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skeldpo.config import Config, SkeletonConfig
from skeldpo.languages import language
from skeldpo.records import Candidate, Float32, Measurement, Outcome, Problem, content_id
from skeldpo.rewards.advantages import advantages
from skeldpo.rewards.group import UNTIMED, ProblemRewards, ProgramReward, problem_rewards
from skeldpo.skeleton.extract import group_skeleton


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardedAnswer:
    """One sampled answer of a group. `level` counts from 0, the fastest, and is -1 for a program
    whose speed was not compared; `kept_spans` are the [start, end) character ranges of the code
    that only its side's programs share, empty without train.policy_gradient.skeleton_credit."""

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
class GroupFound:
    """The group of a problem, or the reason why there is none; what its answers earn either way."""

    group: RewardedGroup | None
    reason: str
    rewards: ProblemRewards
    sampled: tuple[ProgramReward, ...]


def build_group(
    *,
    problem: Problem,
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    config: Config,
    round_index: int,
) -> GroupFound:
    """Rewards and advantages of a problem's sampled answers; known programs only set the scale."""
    found = problem_rewards(
        problem=problem,
        candidates=candidates,
        measurements=measurements,
        config=config.rewards,
    )
    written = {row.candidate_id: row for row in candidates if row.origin == "sampled"}
    sampled = tuple(row for row in found.rewards if row.candidate_id in written)
    reason = _reason_against([written[row.candidate_id] for row in sampled], sampled)
    group = None
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
    return GroupFound(group=group, reason=reason, rewards=found, sampled=sampled)


def round_counts(found: Sequence[GroupFound]) -> dict[str, float]:
    """Figures of a round's answers and groups, for the tracker."""
    answers = [row for each in found for row in each.sampled]
    right = [row for row in answers if row.is_right]
    groups = [each.group for each in found if each.group is not None]
    counts = {
        "reward/groups": float(len(groups)),
        "reward/groups_without_difference": float(len(found) - len(groups)),
        "reward/groups_with_speed": float(sum(len(set(_levels(each))) > 1 for each in found)),
        "reward/answers": float(len(answers)),
        "reward/untimed": float(sum(row.level == UNTIMED for row in right)),
    }
    if answers:
        counts["reward/mean"] = statistics.fmean(row.reward for row in answers)
        counts["reward/right"] = len(right) / len(answers)
    if right:
        counts["reward/speed"] = statistics.fmean(row.speed for row in right)
    return counts


def _levels(found: GroupFound) -> Counter[int]:
    return Counter(row.level for row in found.sampled if row.level != UNTIMED)


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
    """What only the faster, or only the slower, programs share, by candidate.

    The levels are divided at the middle of their range; a side of one program has no skeleton, and
    then nobody has.
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
    settings = SkeletonConfig(contrast=True)
    written_in = language(problem.language)
    sides = {
        fast: sorted({codes[key] for key, each in is_fast.items() if each == fast})
        for fast in (True, False)
    }
    return {
        key: group_skeleton(
            codes[key], sides[fast], settings, written_in, against=sides[not fast]
        ).kept_spans
        for key, fast in is_fast.items()
    }
