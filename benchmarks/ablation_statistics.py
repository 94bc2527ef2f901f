"""The statistics of the ablation: operating points, paired effects, corrected p-values.

Arms are compared where they are equally efficient: of all points of a seed's trainings (learning
rates and steps) at which the fast programs have at least `target_share` of the probability of right
ones, the one that keeps most of that probability. Differences are paired by problem and seed, with
intervals from resampling both, and p-values corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.ablation_study import Study
from skeldpo.records import ProblemScore

NUM_RESAMPLES = 10_000
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """Where an arm is compared: per seed the chosen point's masses (problems, 2), fast and slow,
    its learning rate and the folder of its policy."""

    masses: tuple[np.ndarray, ...]
    learning_rates: tuple[float, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An arm's mean less the other's, with its 95 % interval and two-sided p-value."""

    arm: str
    mean: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a policy did on the held-out problems, and what its programs are like."""

    per_problem: tuple[ProblemScore, ...]
    distinct_share: float
    """Distinct texts over samples, mean over problems."""
    mean_tokens: float


def operating_points(
    rows: Sequence[Row], problems: Sequence[str], share: float
) -> Operating | None:
    """The arm's point of every seed that keeps most of right programs with the fast ones at `share`
    of them or above, on `problems`; None if a seed never gets there."""
    return _best_points(
        rows, problems, lambda fast, right: right if fast >= share * right else None
    )


def operating_points_at_right(
    rows: Sequence[Row], problems: Sequence[str], right_left: float
) -> Operating | None:
    """The arm's point of every seed with the largest share of fast programs where right ones keep
    `right_left` of the probability; None if a seed never does."""
    return _best_points(
        rows, problems, lambda fast, right: fast / right if right >= right_left else None
    )


def _best_points(
    rows: Sequence[Row],
    problems: Sequence[str],
    value: Callable[[float, float], float | None],
) -> Operating | None:
    """The point of every seed with the greatest value of (fast, right), means over problems; points
    without a value do not count."""
    masses, rates, policies = [], [], []
    for seed in sorted({row["seed"] for row in rows}):
        best: tuple[float, np.ndarray, float, str] | None = None
        for row in rows:
            if row["seed"] != seed:
                continue
            for point in row["points"]:
                found = np.array([point["masses"][name] for name in problems])  # (P, 2)
                fast, slow = found.sum(axis=0) / len(found)
                score = value(float(fast), float(fast + slow))
                if score is not None and (best is None or score > best[0]):
                    best = score, found, row["learning_rate"], point["policy"]
        if best is None:
            return None
        masses.append(best[1])
        rates.append(best[2])
        policies.append(best[3])
    return Operating(masses=tuple(masses), learning_rates=tuple(rates), policies=tuple(policies))


def effect(name: str, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> Effect:
    """Of values (problems,) a seed; both arms have the same seeds and problems."""
    differences = np.array(ours) - np.array(theirs)  # (S, P)
    draw = np.random.default_rng(0)
    num_seeds, num_problems = differences.shape
    means = np.empty(NUM_RESAMPLES)
    for index in range(NUM_RESAMPLES):
        seeds = draw.integers(num_seeds, size=num_seeds)
        problems = draw.integers(num_problems, size=num_problems)
        means[index] = differences[seeds][:, problems].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    tail = min((means <= 0).mean(), (means >= 0).mean())
    p_value = min(1.0, 2 * max(float(tail), 1 / NUM_RESAMPLES))
    return Effect(
        arm=name,
        mean=float(differences.mean()),
        low=float(low),
        high=float(high),
        p_value=p_value,
    )


def outcome_values(written: Written, problem_ids: Sequence[str], outcome: str) -> np.ndarray:
    """pass_at_1 or beyond_at_1 of each problem, (problems,); 0 where it has no score."""
    scores: dict[str, Any] = {score.problem_id: score for score in written.per_problem}
    return np.array(
        [float(getattr(scores[key], outcome)) if key in scores else 0.0 for key in problem_ids]
    )


def fast_share(written: Written, problem_ids: Sequence[str]) -> float:
    """Of correct samples, those nearer in time to the fastest known program than to the slowest."""
    wanted = set(problem_ids)
    found = [s for s in written.per_problem if s.problem_id in wanted and s.pass_at_1 > 0]
    right = sum(score.pass_at_1 for score in found)
    return sum(score.pass_at_1 * score.fast_share for score in found) / right if right else 0.0


def holm(effects: Sequence[Effect]) -> dict[str, float]:
    """Corrected p-values by arm."""
    corrected: dict[str, float] = {}
    highest = 0.0
    for place, each in enumerate(sorted(effects, key=lambda row: row.p_value)):
        highest = max(highest, min(1.0, each.p_value * (len(effects) - place)))
        corrected[each.arm] = highest
    return corrected


def chosen_policies(
    study: Study, rows: Sequence[Row], names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Folders of the policies, one a seed, with which arms are compared; arms that never reach the
    target share are not there."""
    chosen = {}
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        points = operating_points(own, names, study.target_share)
        if points is not None:
            chosen[arm] = points.policies
    return chosen
