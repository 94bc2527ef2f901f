"""docs/RESULTS.md of the ablation: verdict, comparisons, frontiers as tables and a plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from skeldpo.report.charts import NUM_COLORS, Point, Series, Tick, line_chart
from studies.ablation_statistics import (
    Effect,
    Operating,
    Row,
    Written,
    effect,
    fast_share,
    holm,
    operating_points,
    operating_points_at_right,
    outcome_values,
)
from studies.ablation_study import Study
from studies.learners_page import learners_section
from studies.ranking_page import ranking_section

_STYLE = """
svg { background: #fff; }
text { fill: #5c6570; font: 11px system-ui, sans-serif; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.grid { stroke: #dde1e6; }
.line { fill: none; stroke-width: 2; stroke: currentColor; } .line.thin { stroke-width: 1.5; }
.fill { fill: currentColor; }
.c0 { color: #2463c4; } .c1 { color: #c2571a; } .c2 { color: #1d8a5f; }
.c3 { color: #7a4fc0; } .c4 { color: #8a8f98; }
"""
_LIMITS = (
    "- The policies have half a million parameters. They recognise statements of families",
    "  they were pretrained on, in wordings and names they have not seen; they do not read.",
    "  Families that the starter never saw are left out (it scores 0 there).",
    "- Each arm's point is chosen on the problems it is compared on, in all arms alike.",
    "  `two_rounds` has half as many points to choose from, and saw programs sampled twice.",
    "- Skeletons exist where a side has two programs alike in structure; the other pairs",
    "  train code alone, in every arm.",
    "- A real model: set `policy.model` and `train.use_gpu = true` (and `[train.lora]`) in a",
    "  copy of the study's run, and start the command where Ray finds the cluster",
    "  (`RAY_ADDRESS`, or `ray job submit`): each training is a Ray task with a GPU, and its",
    "  policies go to `--runs`, a folder that all nodes see. An estimate, not run: 640 pairs",
    "  of 1,060 tokens are 2e16 operations for a 7 B model with adapters, about a minute of",
    "  an H100 and two for loading and saving, so 14 arms, 4 learning rates and 5 seeds take",
    "  some 14 GPU hours, and sampling 75 policies about as long.",
    "  On two cores, by trainings of half a billion parameters: between two policies a problem's",
    "  Beyond@1 differs with a variance of .02 from four samples each and .01 to .04 beside it, so",
    "  an interval of three points takes 70 to 200 variants, three seeds and four samples; four",
    "  arms of it train for three to six hours and are sampled for seven.",
)
_WRITTEN = (
    "{num_samples} samples of each of these problems from the policy of the same point, run on its "
    "tests and timed with its known programs (Mercury's Beyond@1). Differences against `{second}` "
    "as above, without correction, over the problems that both arms have a figure of. `fast of "
    "right` is over the right programs that an arm wrote: two arms' are not of the same problems."
)
SHARES = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
RIGHTS = (0.5, 0.52, 0.54, 0.55, 0.56, 0.57)
"""Of the frontiers: shares of fast programs, and probabilities of right ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that a study found.

    `rows`: of the trainings. `start`: masses of the policy that all arms start from. `groups`:
    held-out problem ids of families "with" and "without" pairs. `written`: what the policies of
    `chosen_policies`, and of "start", wrote, one entry a seed. `rankings`, `learners`: what the
    studies of those names found, by the names of their files. `families`: of held-out problems by
    id; those that are not there are of their own.
    """

    study: Study
    rows: Sequence[Row]
    start: Row
    groups: Mapping[str, Sequence[str]]
    written: Mapping[str, Sequence[Written]]
    rankings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    learners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)

    def by_arm(self) -> dict[str, list[Row]]:
        """The trainings of each arm."""
        arms = dict.fromkeys(row["arm"] for row in self.rows)
        return {arm: [row for row in self.rows if row["arm"] == arm] for arm in arms}

    def families_of(self, names: Sequence[str]) -> list[str]:
        """The family of each problem, "" for a problem of its own."""
        return [self.families.get(name, "") for name in names]


def results_page(found: Findings, command: str, plot: str) -> str:
    """The Markdown page; `plot` is the place of `frontier_plot`'s file."""
    study, by_arm = found.study, found.by_arm()
    with_pairs, without = found.groups["with"], found.groups["without"]
    second = study.primary[1]
    lines = [
        f"# Results: {study.question}",
        "",
        *_protocol(found, command),
        "## Verdict",
        "",
        *_verdict(found, by_arm, with_pairs),
        "",
        f"## At a share of {study.target_share:g}: right programs left, against `{second}`",
        "",
        "Best point of each seed; difference paired by problem and seed, 95 % interval (seeds, "
        "families and problems of a family resampled), p-value after Holm's correction for the "
        "number of arms. To the right the same policies on families that gave no pair.",
        "",
        *_comparison(found, by_arm, with_pairs, without),
        "",
        "## What these policies write",
        "",
        _WRITTEN.format(num_samples=study.num_samples, second=second),
        "",
        *_sampled(found, with_pairs, without),
        "",
        "Pass@1 and Beyond@1 by difficulty, all of these problems:",
        "",
        *_by_difficulty(found.written),
        "",
        "## Frontier: most of right programs left at each share",
        "",
        f"![Right programs left against the share of fast ones, by arm]({plot})",
        "",
        *_frontier(by_arm, SHARES, lambda r, at: operating_points(r, with_pairs, at), _right),
        "",
        "At equal correctness: the largest share where as much of right programs is left.",
        "",
        *_frontier(
            by_arm, RIGHTS, lambda r, at: operating_points_at_right(r, with_pairs, at), _share
        ),
        "",
        *ranking_section(found.rankings),
        *learners_section(found.learners),
        "## What it costs",
        "",
        "Nats: log-probability of the code of the trained pairs in the last quarter of the steps.",
        "",
        "| arm | pairs | with skeletons | steps | seconds a training | chosen, nats | rejected |",
        "|---|---|---|---|---|---|---|",
        *(_cost(arm, trained) for arm, trained in by_arm.items()),
        "",
        "## What this does not say",
        "",
        *_LIMITS,
        "",
    ]
    return "\n".join(lines)


def _protocol(found: Findings, command: str) -> list[str]:
    study = found.study
    with_pairs, without = found.groups["with"], found.groups["without"]
    return [
        f"Made by `{command}`: {study.seeds} seeds, learning rates "
        f"{', '.join(f'{rate:g}' for rate in study.learning_rates)}, {study.num_steps} steps and "
        f"{study.num_points} points a training, {len(with_pairs)} unseen variants of families with "
        f"pairs and {len(without)} of families without. The arms, and which comparison decides, "
        "are those of that file; docs/LOG.md says what was changed when.",
        "",
        "All arms start from one policy and share the programs it sampled, their measurements, the "
        "number of optimizer steps and of pairs a step. A policy is scored by the probability it "
        "gives to a problem's known programs: *right* is their sum, *share* the part of the fast "
        "ones. Each training draws a path from much right and little share to the reverse, so arms "
        "are compared at an equal share, not at one learning rate.",
        "",
    ]


def frontier_plot(found: Findings) -> str:
    """An SVG file's text: right programs left against the share, with 95 % intervals."""
    series = []
    by_arm = found.by_arm()
    names = found.groups["with"]
    for color, arm in enumerate([a for a in found.study.main if a in by_arm][:NUM_COLORS]):
        points = []
        for place, share in enumerate(SHARES):
            best = operating_points(by_arm[arm], names, share)
            if best is None:
                continue
            values = [masses.sum(axis=1) for masses in best.masses]
            none = [np.zeros_like(row) for row in values]
            mean = effect(arm, values, none, found.families_of(names))
            points.append(Point(x=place, y=mean.mean, low=mean.low, high=mean.high))
        series.append(Series(name=arm, color=color, points=tuple(points)))
    chart = line_chart(
        series,
        title="Right programs left at each share of fast ones",
        x_label="share of fast programs among right ones",
        x_ticks=[Tick(at=place, text=f"{share:g}") for place, share in enumerate(SHARES)],
    )
    names_svg = "".join(
        f'<rect class="fill c{line.color}" x="{44 + 62 * place}" y="0" width="9" height="9"/>'
        f'<text class="tick" x="{57 + 62 * place}" y="9">{line.name}</text>'
        for place, line in enumerate(series)
    )
    opened = chart.index(">") + 1
    head = chart[:opened].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg" width="720"')
    return f"{head}<style>{_STYLE}</style>{names_svg}{chart[opened:]}\n"


def _verdict(
    held: Findings, by_arm: Mapping[str, Sequence[Row]], names: Sequence[str]
) -> list[str]:
    study, families = held.study, held.families_of(names)
    first, second = study.primary
    points = {arm: operating_points(by_arm[arm], names, study.target_share)
              for arm in (first, second, study.control) if arm}  # fmt: skip
    never = [arm for arm in study.primary if points[arm] is None]
    if never:
        return [f"{' and '.join(never)} never reached a share of {study.target_share:g} in some "
                "seed: no verdict at this target."]  # fmt: skip
    found = _against(first, points[first], points[second], families)
    lines = [
        f"At equal efficiency `{first}` "
        + _word(found, "keeps more right programs than", "keeps fewer right programs than",
                "is not shown to differ from")
        + f" `{second}`: {_said(found)} of the probability."
    ]  # fmt: skip
    if points.get(study.control) is not None:
        other = _against(first, points[first], points[study.control], families)
        lines.append(
            f"Against `{study.control}`, the same extra loss with the skeletons of other pairs, "
            f"the difference is {_said(other)}: what skeletons say "
            + _word(other, "helps beyond that loss.", "does harm.", "is not shown to matter.")
        )
    return lines


def _against(
    arm: str, ours: Operating | None, theirs: Operating | None, families: Sequence[str]
) -> Effect:
    assert ours and theirs
    rights = [[m.sum(axis=1) for m in each.masses] for each in (ours, theirs)]
    return effect(arm, rights[0], rights[1], families)


def _word(found: Effect, more: str, less: str, neither: str) -> str:
    return more if found.low > 0 else less if found.high < 0 else neither


def _said(found: Effect) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _comparison(
    held: Findings,
    by_arm: Mapping[str, Sequence[Row]],
    with_pairs: Sequence[str],
    without: Sequence[str],
) -> list[str]:
    study, start = held.study, held.start
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
            found[arm] = points, _against(arm, points, base, held.families_of(with_pairs))
    corrected = holm([each for _, each in found.values() if each])
    for arm, (points, each) in found.items():
        elsewhere = [_at(by_arm[arm], seed, points, with_pairs, without)
                     for seed in range(len(points.masses))]  # fmt: skip
        difference = _said(each) if each else ""
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


def _sampled(held: Findings, names: Sequence[str], without: Sequence[str]) -> list[str]:
    second, written = held.study.primary[1], held.written
    lines = [
        "| arm | Pass@1 | difference | Beyond@1 | difference | fast of right | distinct | tokens "
        "| no pairs: Pass@1 | Beyond@1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for arm, policies in written.items():
        cells = [arm]
        for outcome in ("pass@1", "beyond@1"):
            values = [outcome_values(each, names, outcome) for each in policies]
            cells.append(_mean_text(values))
            if arm in (second, "start") or second not in written:
                cells.append("")
                continue
            theirs = [outcome_values(each, names, outcome) for each in written[second]]
            cells.append(_said(effect(arm, values, theirs, held.families_of(names))))
        cells.append(f"{np.mean([fast_share(each, names) for each in policies]):.2f}")
        cells.append(f"{np.mean([each.distinct_share for each in policies]):.2f}")
        cells.append(f"{np.mean([each.mean_tokens for each in policies]):.0f}")
        for outcome in ("pass@1", "beyond@1"):
            cells.append(_mean_text([outcome_values(each, without, outcome) for each in policies]))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _by_difficulty(written: Mapping[str, Sequence[Written]]) -> list[str]:
    grades = sorted({s.difficulty for own in written.values() for w in own for s in w.per_problem})
    lines = ["| arm | " + " | ".join(grades) + " |", "|---" * (len(grades) + 1) + "|"]
    for arm, policies in written.items():
        cells = [arm]
        for grade in grades:
            found = [s for w in policies for s in w.per_problem if s.difficulty == grade]
            passed = [np.array([s.scores["pass@1"] for s in found])]
            beyonds = [np.array([s.scores["beyond@1"] for s in found if "beyond@1" in s.scores])]
            cells.append(f"{_mean_text(passed)}, {_mean_text(beyonds)}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _frontier(
    by_arm: Mapping[str, Sequence[Row]],
    levels: Sequence[float],
    best: Callable[[Sequence[Row], float], Operating | None],
    text: Callable[[Sequence[np.ndarray]], str],
) -> list[str]:
    head = " | ".join(f"{level:g}" for level in levels)
    lines = [f"| arm | {head} |", "|---" * (len(levels) + 1) + "|"]
    for arm, rows in by_arm.items():
        cells = [text(each.masses) if (each := best(rows, level)) else "-" for level in levels]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return lines


def _cost(arm: str, rows: Sequence[Row]) -> str:
    def mean(key: str) -> float:
        return float(sum(row[key] for row in rows)) / len(rows)

    def nats(side: str) -> str:
        last = [row["metrics"].get(f"code/logps/{side}") for row in rows]
        found = [value for value in last if value is not None]
        return f"{fmean(found):.1f}" if found else ""

    return (
        f"| {arm} | {mean('num_pairs'):.0f} | {mean('num_skeletons'):.0f} | "
        f"{mean('num_steps'):.0f} | {mean('seconds'):.0f} | {nats('chosen')} | {nats('rejected')} |"
    )


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _mean_text(values: Sequence[np.ndarray]) -> str:
    """The mean over problems that have a figure, and seeds."""
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    return f"{known.mean():.3f}" if len(known) else "-"


def _right(masses: Sequence[np.ndarray]) -> str:
    return f"{np.mean([found.sum(axis=1).mean() for found in masses]):.3f}" if masses else ""


def _share(masses: Sequence[np.ndarray]) -> str:
    return f"{np.mean([found[:, 0].sum() / found.sum() for found in masses]):.2f}"
