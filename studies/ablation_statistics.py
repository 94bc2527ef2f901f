"""The statistics of the ablation: operating points, paired effects, corrected p-values.

Arms are compared where they are equally efficient: of all points of a seed's trainings (learning
rates and steps) at which the fast programs have at least `target_share` of the probability of right
ones, the one that keeps most of that probability. Differences are paired by problem and seed, with
intervals from resampling seeds, families of problems and problems, and p-values corrected by Holm's
method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from skeldpo.suites.evaluation import Evaluation, ProblemResult
from skeldpo.suites.metrics import family_draws
from studies.ablation_study import Study

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

    per_problem: tuple[ProblemResult, ...]
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


def effect(
    name: str,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    families: Sequence[str] = (),
) -> Effect:
    """Of values (problems,) a seed; both arms have the same seeds and problems.

    Seeds are resampled and, crossed with them, families and then problems
    (`metrics.family_draws`). A problem without a figure (nan) in any seed of either arm is left
    out. ValueError if all are.
    """
    differences = np.array(ours) - np.array(theirs)  # (S, P)
    whole = ~np.isnan(differences).any(axis=0)  # (P,)
    if not whole.any():
        raise ValueError(f"arm {name}: no problem has a figure in every seed of both arms")
    families = [f for f, kept in zip(families or [""] * len(whole), whole, strict=True) if kept]
    differences = differences[:, whole]
    rng = np.random.default_rng(0)
    drawn = []
    for counts in family_draws(families, num_resamples=NUM_RESAMPLES, rng=rng):  # (R, P)
        seeds = rng.integers(len(differences), size=(len(counts), len(differences)))
        of_seeds = differences[seeds].mean(axis=1)  # (R, P)
        drawn.append((counts * of_seeds).sum(axis=1) / counts.sum(axis=1))
    means = np.concatenate(drawn)
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
    """pass@1 or beyond@1 of each problem, (problems,); nan where it has no such score."""
    scores = {result.problem_id: result.scores for result in written.per_problem}
    return np.array([scores.get(key, {}).get(outcome, np.nan) for key in problem_ids])


def fast_share(written: Written, problem_ids: Sequence[str]) -> float:
    """Of correct samples, those nearer in time to the fastest known program than to the slowest:
    over the problems that this policy solves, which are not another's."""
    wanted = set(problem_ids)
    found = [
        result.scores
        for result in written.per_problem
        if result.problem_id in wanted and "fast_share" in result.scores
    ]
    right = sum(scores["pass@1"] for scores in found)
    fast = sum(scores["pass@1"] * scores["fast_share"] for scores in found)
    return fast / right if right else 0.0


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


def arm_evaluation(arm: str, written: Sequence[Written], command: str) -> Evaluation:
    """What an arm's policies wrote as a report that `skeldpo compare` reads: means over seeds."""
    scores: dict[str, list[ProblemResult]] = {}
    for policy in written:
        for score in policy.per_problem:
            scores.setdefault(score.problem_id, []).append(score)
    return Evaluation(
        suite="heldout",
        protocol="ablation",
        provenance={"arm": arm, "seeds": len(written), "command": command},
        problems=tuple(
            ProblemResult(
                problem_id=key,
                difficulty=found[0].difficulty,
                samples=(),
                relative_to={},
                scores=_mean_scores(found),
                family=found[0].family,
            )
            for key, found in scores.items()
        ),
        left_out=(),
    )


def _mean_scores(scores: Sequence[ProblemResult]) -> dict[str, float]:
    """Means over seeds of one problem; Beyond over those in which it has one."""
    means = {"pass@1": fmean(result.scores["pass@1"] for result in scores)}
    beyonds = [r.scores["beyond@1"] for r in scores if "beyond@1" in r.scores]
    return means | ({"beyond@1": fmean(beyonds)} if beyonds else {})
