"""The charts of a run's report, drawn from its summary. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.report.charts import (
    NUM_COLORS,
    Bar,
    Column,
    Point,
    Segment,
    Series,
    Tick,
    histogram,
    line_chart,
    nice_ticks,
    stacked_bars,
)
from skeldpo.report.summary import PolicyScores, RunSummary
from skeldpo.report.tables import (
    METRIC_TITLES,
    SPLIT_TITLES,
    count_between,
    find_score,
    length_differences,
    scored_metrics,
    speedup_edges,
    splits,
)
from skeldpo.rounds.stages import CLOSING

_SMOOTHED_FROM = 40
"""Steps of a curve above which its running mean is drawn over it."""
_STAGE_COLORS = {"start": 4, "sample": 0, "evaluate": 1, "pair": 2, "reward": 2, "train": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """A colour and what it stands for."""

    name: str
    color: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One chart with its caption."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Charts that belong together, under one legend."""

    name: str
    legend: tuple[LegendEntry, ...]
    panels: tuple[Panel, ...]


def build_figures(summary: RunSummary) -> list[Figure]:
    """Scores, speedups, lengths and training; those without data have no panels."""
    stages = {row.stage for row in summary.finished} | {row.stage for row in summary.missing}
    return [
        _score_figure(summary),
        _speedup_figure(summary),
        _length_figure(summary),
        _training_figure(summary),
        Figure(
            name="stages",
            legend=tuple(
                LegendEntry(name=n, color=c) for n, c in _STAGE_COLORS.items() if n in stages
            ),
            panels=(),
        ),
    ]


def wall_time_chart(summary: RunSummary) -> str:
    """Seconds of every finished stage, a bar a round."""
    bars = []
    for index in sorted({manifest.round_index for manifest in summary.finished}):
        stages = [m for m in summary.finished if m.round_index == index]
        segments = tuple(
            Segment(
                name=m.stage,
                color=_STAGE_COLORS[m.stage.removeprefix(CLOSING)],
                size=m.seconds,
                text=f"{m.seconds:,.0f} s",
            )
            for m in stages
        )
        total_s = sum(m.seconds for m in stages)
        bars.append(Bar(name=f"round {index}", segments=segments, text=f"{total_s:,.0f} s"))
    return stacked_bars(bars, title="wall time per stage") if bars else ""


def _score_figure(summary: RunSummary) -> Figure:
    shown = splits(summary.policies)
    ticks = [
        Tick(at=policy.round_index, text=str(policy.round_index or "0 (start)"))
        for policy in summary.policies
    ]
    panels = []
    for metric in scored_metrics(summary.policies):
        lines = [
            Series(
                name=_split_name(split),
                color=color % NUM_COLORS,
                points=_score_points(summary.policies, split, metric),
            )
            for color, split in enumerate(shown)
        ]
        title = f"{METRIC_TITLES[metric]} by policy"
        svg = line_chart(lines, title=title, x_label="policy after round", x_ticks=ticks)
        panels.append(Panel(caption=f"{METRIC_TITLES[metric]}, %", svg=svg))
    legend = tuple(
        LegendEntry(name=_split_name(split), color=color % NUM_COLORS)
        for color, split in enumerate(shown)
    )
    return Figure(name="scores", legend=legend, panels=tuple(panels))


def _score_points(policies: Sequence[PolicyScores], split: str, metric: str) -> tuple[Point, ...]:
    found = [(p.round_index, find_score(p.scores, split, metric)) for p in policies]
    return tuple(
        Point(x=index, y=100 * score.value, low=100 * score.low, high=100 * score.high)
        for index, score in found
        if score is not None
    )


def _split_name(split: str) -> str:
    return SPLIT_TITLES.get(split, split)


def _speedup_figure(summary: RunSummary) -> Figure:
    edges = speedup_edges(summary)
    shown = [row for row in summary.pairs if row.efficiency]
    binned = [count_between([p.speedup for p in row.efficiency], edges) for row in shown]
    most = max((count for counts in binned for count in counts), default=0)
    every = 2 * math.ceil(len(edges) / 14)
    ticks = [Tick(at=i, text=f"{edge:g}x") for i, edge in enumerate(edges) if i % every == 0]
    names = [f"{edges[i]:.2f} to {edges[i + 1]:.2f} times" for i in range(len(edges) - 1)]
    panels = tuple(
        Panel(
            caption=f"round {row.round_index}: {len(row.efficiency)} efficiency pairs",
            svg=histogram(
                _columns(names, counts),
                ticks=ticks,
                title=f"speedup of the efficiency pairs of round {row.round_index}",
                x_label="speedup, rejected time / chosen time (log scale)",
                color=0,
                max_count=most,
            ),
        )
        for row, counts in zip(shown, binned, strict=True)
    )
    return Figure(name="speedups", legend=(), panels=panels)


def _length_figure(summary: RunSummary) -> Figure:
    found = [(row, length_differences(row.efficiency)) for row in summary.pairs if row.efficiency]
    widest = max((abs(value) for _, values in found for value in values), default=0) + 1
    ticks = nice_ticks(0, widest, (0, math.inf))
    step = max(1, math.ceil(ticks[1] / 2))
    edges = [step * i for i in range(-math.ceil(widest / step), math.ceil(widest / step) + 1)]
    binned = [count_between(values, edges) for _, values in found]
    most = max((count for counts in binned for count in counts), default=0)
    names = [f"{edges[i]:g} to {edges[i + 1]:g} tokens" for i in range(len(edges) - 1)]
    middle = len(edges) // 2
    num_marked = max(1, middle // 3)
    places = [place for place in range(len(edges)) if (place - middle) % num_marked == 0]
    panels = tuple(
        Panel(
            caption=f"round {row.round_index}: median {statistics.median(values):+g} tokens",
            svg=histogram(
                _columns(names, counts),
                ticks=[
                    Tick(at=place, text=f"{edges[place]:+g}" if edges[place] else "0")
                    for place in places
                ],
                title=f"length difference of the efficiency pairs of round {row.round_index}",
                x_label="chosen length - rejected length, tokens",
                color=1,
                max_count=most,
            ),
        )
        for (row, values), counts in zip(found, binned, strict=True)
    )
    return Figure(name="lengths", legend=(), panels=panels)


def _columns(names: Sequence[str], counts: Sequence[int]) -> list[Column]:
    return [Column(name=n, count=count) for n, count in zip(names, counts, strict=True)]


def _training_figure(summary: RunSummary) -> Figure:
    """Steps of all rounds on one axis, with a rule where a round begins."""
    marks = []
    offsets = []
    num_steps = 0
    for row in summary.training:
        marks.append(Tick(at=num_steps, text=f"round {row.round_index}"))
        offsets.append(num_steps)
        num_steps += len(row.steps)
    if not num_steps:
        return Figure(name="training", legend=(), panels=())
    terms = (LegendEntry(name="code", color=0), LegendEntry(name="skeleton", color=1))
    panels = []
    for caption, names, limits in (
        ("loss", (("loss", 3),), (-math.inf, math.inf)),
        ("reward margin, chosen - rejected", (("code/rewards/margins", 0),
                                              ("skeleton/rewards/margins", 1)),
         (-math.inf, math.inf)),
        ("reward accuracy", (("code/rewards/accuracies", 0), ("skeleton/rewards/accuracies", 1)),
         (0.0, 1.0)),
        ("mean reward of the answers trained on", (("reward/mean", 3),), (-math.inf, math.inf)),
    ):  # fmt: skip
        lines = [
            line
            for row, offset in zip(summary.training, offsets, strict=True)
            for name, color in names
            for line in _curves(row.steps, name, color, offset)
        ]
        if not lines:  # of the other learner
            continue
        svg = line_chart(lines, title=caption, x_label="optimizer step", marks=marks, limits=limits)
        panels.append(Panel(caption=caption, svg=svg))
    return Figure(name="training", legend=terms, panels=tuple(panels))


def _curves(steps: Sequence[dict[str, float]], name: str, color: int, offset: int) -> list[Series]:
    """A metric over the steps of a round, and its running mean where there are many."""
    points = [(offset + x, row[name]) for x, row in enumerate(steps) if name in row]
    raw = _series(name, color, points, is_pale=len(points) >= _SMOOTHED_FROM)
    if not raw.is_pale:
        return [raw]
    half = len(points) // 20
    smooth = [
        (x, statistics.fmean(y for _, y in points[max(0, i - half) : i + half + 1]))
        for i, (x, _) in enumerate(points)
    ]
    return [raw, _series(name, color, smooth, is_pale=False)]


def _series(name: str, color: int, points: Sequence[tuple[int, float]], is_pale: bool) -> Series:
    made = tuple(Point(x=x, y=y, low=y, high=y) for x, y in points)
    return Series(name=name, color=color, points=made, is_pale=is_pale)
