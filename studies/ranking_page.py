"""What `studies.ranking` found: its figures, and a section of the ablation's page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skeldpo.suites.metrics import bootstrap_interval

BASE = "code"
"""The arm that the others are compared with."""


def figures_of(rows: Sequence[dict[str, Any]], families: Mapping[str, str]) -> dict[str, Any]:
    """Mean over tasks and seeds with its interval over families of tasks and tasks; differences to
    BASE are paired, and not corrected for their number."""
    figures: dict[str, Any] = {"num_tasks": len({key for row in rows for key in row["ranked"]})}
    for name in ("before", "length"):
        figures[name] = _interval(_by_task(rows, name), families)
    for arm in dict.fromkeys(row["arm"] for row in rows):
        for rate in sorted({row["learning_rate"] for row in rows}):
            own = [r for r in rows if (r["arm"], r["learning_rate"]) == (arm, rate)]
            base = [r for r in rows if (r["arm"], r["learning_rate"]) == (BASE, rate)]
            values, theirs = _by_task(own, "reward"), _by_task(base, "reward")
            figures[f"{arm}/{rate:g}"] = {
                "reward": _interval(values, families),
                "difference": _interval({k: values[k] - theirs[k] for k in values}, families),
                "num_skeletons": own[0]["num_skeletons"],
                "margin": float(np.mean([row["margin"] for row in own])),
            }
    return figures


def read_figures(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What studies wrote with `--json`, by the file's name without its ending."""
    return {Path(path).stem: json.loads(Path(path).read_text(encoding="utf-8")) for path in paths}


def ranking_section(rankings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: for each set of programs, every arm and learning rate; none without any
    set."""
    if not rankings:
        return []
    lines = [
        "## Real programs: ranking those of unseen tasks",
        "",
        "Made by `python -m studies.ranking`: policies trained on pairs of efficient and "
        "inefficient programs that people or models wrote, five folds of the tasks. Chance that an "
        "efficient program of a task never trained on has a higher implicit reward than an "
        "inefficient one, mean over tasks with its 95 % interval (families of tasks resampled "
        "where there are any); difference paired by task. "
        "Intervals are not corrected for the number of comparisons, so one that leaves out 0 alone "
        "is a lead.",
        "",
    ]
    for name, figures in rankings.items():
        lines += [
            f"{name}, {figures['num_tasks']} unseen tasks (log-probability before the preferences "
            f"{_text(figures['before'])}, being short {_text(figures['length'])}):",
            "",
            "| arm | learning rate | chance | less code |",
            "|---|---|---|---|",
        ]
        for key, found in figures.items():
            if isinstance(found, Mapping):
                arm, rate = key.split("/")
                against = "" if arm == BASE else _text(found["difference"], sign="+")
                lines.append(f"| {arm} | {rate} | {_text(found['reward'])} | {against} |")
        lines.append("")
    return lines


def _text(interval: Sequence[float], sign: str = "") -> str:
    value, low, high = interval
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _by_task(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for key, scores in row["ranked"].items():
            found.setdefault(key, []).append(scores[name])
    return {key: float(np.mean(values)) for key, values in sorted(found.items())}


def _interval(by_task: dict[str, float], families: Mapping[str, str]) -> list[float]:
    """Mean and its 95 % bootstrap interval over families and tasks."""
    values = list(by_task.values())
    low, high = bootstrap_interval(
        values,
        num_resamples=5000,
        seed=0,
        families=[families.get(key, "") for key in by_task],
    )
    return [float(np.mean(values)), low, high]
