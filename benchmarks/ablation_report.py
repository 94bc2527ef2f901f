"""The statistics of the ablation, and docs/RESULTS.md: frontiers, comparisons, verdict.

Arms are compared where they are equally efficient: of all points of a seed's trainings (learning
rates and steps) at which the fast programs have at least `target_share` of the probability of right
ones, the one that keeps most of that probability. Differences are paired by problem and seed, with
intervals from resampling both, and p-values corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.ablation_study import Study
from skeldpo.records import ProblemScore

NUM_RESAMPLES = 10_000
SHARES = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
"""Of the frontier table."""

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
    """The arm's best point of every seed, chosen on `problems`; None if a seed never gets there."""
    masses, rates, policies = [], [], []
    for seed in sorted({row["seed"] for row in rows}):
        best: tuple[float, np.ndarray, float, str] | None = None
        for row in rows:
            if row["seed"] != seed:
                continue
            for point in row["points"]:
                found = np.array([point["masses"][name] for name in problems])  # (P, 2)
                fast, slow = found.sum(axis=0)
                right = float(fast + slow) / len(found)
                if fast >= share * (fast + slow) and (best is None or right > best[0]):
                    best = right, found, row["learning_rate"], point["policy"]
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


def results_page(study: Study, rows: Sequence[Row], start: Row, groups: Mapping[str, Sequence[str]],
                 written: Mapping[str, Sequence[Written]], command: str) -> str:  # fmt: skip
    """The Markdown page; `groups` are held-out problem ids of families "with" and "without" pairs;
    `start` has the masses of the policy that all arms start from, `written` what the policies of
    `chosen_policies` (and of "start") wrote, one entry a seed."""
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    by_arm = {arm: [row for row in rows if row["arm"] == arm] for arm in arms}
    with_pairs, without = groups["with"], groups["without"]
    first, second = study.primary
    lines = [
        "# Results: does the skeleton help?",
        "",
        f"Made by `{command}`: {study.seeds} seeds, learning rates "
        f"{', '.join(f'{rate:g}' for rate in study.learning_rates)}, {study.num_points} points a "
        f"training, {len(with_pairs)} unseen variants of families with pairs and {len(without)} of "
        "families without. The arms are those of benchmarks/ablation.toml.",
        "",
        "A policy is scored by the probability it gives to a problem's known programs: *right* is "
        "their sum, *share* the part of the fast ones. Each training draws a path from much right "
        "and little share to the reverse, so arms are compared at an equal share.",
        "",
        "## Verdict",
        "",
        *_verdict(study, by_arm, with_pairs),
        "",
        f"## At a share of {study.target_share:g}: right programs left, against `{second}`",
        "",
        "Best point of each seed; difference paired by problem and seed, 95 % interval, p-value "
        "after Holm's correction.",
        "",
        *_comparison(study, by_arm, with_pairs, without, start),
        "",
        "## What these policies write",
        "",
        f"{study.num_samples} samples of each of these problems from the policy of the same point, "
        "run on its tests and timed with its known programs (Mercury's Beyond@1). Differences "
        f"against `{second}` as above, without correction.",
        "",
        *_sampled(study, written, with_pairs),
        "",
        "## Frontier: most of right programs left at each share",
        "",
        *_frontier(by_arm, with_pairs),
        "",
        "## What it costs",
        "",
        "| arm | pairs | with skeletons | steps | seconds a training | chosen at the end, nats |",
        "|---|---|---|---|---|---|",
        *(_cost(arm, trained) for arm, trained in by_arm.items()),
        "",
    ]
    return "\n".join(lines)


def _verdict(study: Study, by_arm: Mapping[str, Sequence[Row]], names: Sequence[str]) -> list[str]:
    first, second = study.primary
    points = {arm: operating_points(by_arm[arm], names, study.target_share)
              for arm in study.primary}  # fmt: skip
    never = [arm for arm, found in points.items() if found is None]
    if never:
        return [f"{' and '.join(never)} never reached a share of {study.target_share:g} in some "
                "seed: no verdict at this target."]  # fmt: skip
    ours, theirs = points[first], points[second]
    assert ours and theirs
    found = effect(first, [m.sum(axis=1) for m in ours.masses],
                   [m.sum(axis=1) for m in theirs.masses])  # fmt: skip
    said = f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    if found.low > 0:
        word = "keeps more right programs than"
    elif found.high < 0:
        word = "keeps fewer right programs than"
    else:
        word = "is not shown to differ from"
    return [f"At equal efficiency `{first}` {word} `{second}`: {said} of the probability."]


def _comparison(
    study: Study,
    by_arm: Mapping[str, Sequence[Row]],
    with_pairs: Sequence[str],
    without: Sequence[str],
    start: Row,
) -> list[str]:
    second = study.primary[1]
    base = operating_points(by_arm[second], with_pairs, study.target_share)
    header = [
        "| arm | right | share | difference | p | learning rates | right, no pairs | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    begin = np.array([start["masses"][name] for name in with_pairs])
    other = np.array([start["masses"][name] for name in without])
    header.append(f"| *start* | {_right([begin])} | {_share([begin])} | | | | {_right([other])} | "
                  f"{_share([other])} |")  # fmt: skip
    found: dict[str, tuple[Operating, Effect | None]] = {}
    for arm, rows in by_arm.items():
        points = operating_points(rows, with_pairs, study.target_share)
        if points is None:
            header.append(f"| {arm} | never reached | | | | | | |")
        elif arm == second or base is None:
            found[arm] = points, None
        else:
            found[arm] = (
                points,
                effect(
                    arm,
                    [m.sum(axis=1) for m in points.masses],
                    [m.sum(axis=1) for m in base.masses],
                ),
            )
    corrected = holm([each for _, each in found.values() if each])
    for arm, (points, each) in found.items():
        elsewhere = [_at(by_arm[arm], seed, points, with_pairs, without)
                     for seed in range(len(points.masses))]  # fmt: skip
        difference = f"{each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}]" if each else ""
        p_value = _p_text(corrected[arm]) if each else ""
        rates = ", ".join(f"{rate:g}" for rate in sorted(set(points.learning_rates)))
        header.append(
            f"| {arm} | {_right(points.masses)} | {_share(points.masses)} | {difference} | "
            f"{p_value} | {rates} | {_right(elsewhere)} | {_share(elsewhere)} |"
        )
    return header


def _at(
    rows: Sequence[Row], place: int, points: Operating, with_pairs: Sequence[str],
    without: Sequence[str],
) -> np.ndarray:  # fmt: skip
    """The masses of other problems at the point that was chosen for a seed."""
    seed = sorted({row["seed"] for row in rows})[place]
    for row in rows:
        if row["seed"] != seed or row["learning_rate"] != points.learning_rates[place]:
            continue
        for point in row["points"]:
            found = np.array([point["masses"][name] for name in with_pairs])
            if np.array_equal(found, points.masses[place]):
                return np.array([point["masses"][name] for name in without])
    raise ValueError(f"no point of seed {seed} is the chosen one")


def _sampled(
    study: Study, written: Mapping[str, Sequence[Written]], names: Sequence[str]
) -> list[str]:
    second = study.primary[1]
    lines = [
        "| arm | Pass@1 | difference | Beyond@1 | difference | fast of right | distinct | tokens |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm, policies in written.items():
        cells = [arm]
        for outcome in ("pass_at_1", "beyond_at_1"):
            values = [outcome_values(each, names, outcome) for each in policies]
            cells.append(f"{np.mean(values):.3f}")
            if arm in (second, "start") or second not in written:
                cells.append("")
                continue
            theirs = [outcome_values(each, names, outcome) for each in written[second]]
            found = effect(arm, values, theirs)
            cells.append(f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]")
        cells.append(f"{np.mean([fast_share(each, names) for each in policies]):.2f}")
        cells.append(f"{np.mean([each.distinct_share for each in policies]):.2f}")
        cells.append(f"{np.mean([each.mean_tokens for each in policies]):.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _frontier(by_arm: Mapping[str, Sequence[Row]], names: Sequence[str]) -> list[str]:
    lines = ["| arm | " + " | ".join(f"{share:g}" for share in SHARES) + " |",
             "|---" * (len(SHARES) + 1) + "|"]  # fmt: skip
    for arm, rows in by_arm.items():
        cells = []
        for share in SHARES:
            points = operating_points(rows, names, share)
            cells.append(_right(points.masses) if points else "-")
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return lines


def _cost(arm: str, rows: Sequence[Row]) -> str:
    def mean(key: str) -> float:
        return float(sum(row[key] for row in rows)) / len(rows)

    last = [row["metrics"].get("code/logps/chosen") for row in rows]
    chosen = [value for value in last if value is not None]
    nats = f"{sum(chosen) / len(chosen):.1f}" if chosen else ""
    return (
        f"| {arm} | {mean('num_pairs'):.0f} | {mean('num_skeletons'):.0f} | "
        f"{mean('num_steps'):.0f} | {mean('seconds'):.0f} | {nats} |"
    )


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _right(masses: Sequence[np.ndarray]) -> str:
    return f"{np.mean([found.sum(axis=1).mean() for found in masses]):.3f}" if masses else ""


def _share(masses: Sequence[np.ndarray]) -> str:
    return f"{np.mean([found[:, 0].sum() / found.sum() for found in masses]):.2f}"
