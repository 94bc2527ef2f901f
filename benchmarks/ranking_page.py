"""What `benchmarks.ranking` found, as a section of the ablation's page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def read_rankings(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Figures of `benchmarks.ranking --json`, by the file's name without its ending."""
    return {Path(path).stem: json.loads(Path(path).read_text(encoding="utf-8")) for path in paths}


def ranking_section(rankings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: for each set of programs, every arm and learning rate; none without any
    set."""
    if not rankings:
        return []
    lines = [
        "## Real programs: ranking those of unseen tasks",
        "",
        "Made by `python -m benchmarks.ranking`: policies trained on pairs of efficient and "
        "inefficient programs that people or models wrote, five folds of the tasks. Chance that an "
        "efficient program of a task never trained on has a higher implicit reward than an "
        "inefficient one, mean over tasks with its 95 % interval; difference paired by task. "
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
                against = "" if arm == "code" else _text(found["difference"], sign="+")
                lines.append(f"| {arm} | {rate} | {_text(found['reward'])} | {against} |")
        lines.append("")
    return lines


def _text(interval: Sequence[float], sign: str = "") -> str:
    value, low, high = interval
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
