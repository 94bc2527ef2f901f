"""What `studies.learners` found: a section of docs/RESULTS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = ("pass@1", "beyond@1")
FIRST, SECOND = "preferences", "rewards"
"""The arms that the verdict is of."""


def learners_section(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown from the files of `studies.learners --json`, by name; none without any."""
    if not found:
        return []
    lines = [
        "## Preferences or rewards?",
        "",
        "Both learners from one policy, on as many sampled programs and in as many optimizer "
        "steps. Means over held-out variants with their 95 % intervals, and differences paired by "
        "problem (families, then problems resampled; not corrected for their number). The last "
        "column: in how many seeds the policy has the higher Beyond@1.",
        "",
    ]
    for name, figures in found.items():
        lines += [
            f"{name} (`{figures['command']}`): {_counted(figures['seeds'], 'seed')}, "
            f"{_counted(figures['num_rounds'], 'round')} of {figures['num_train']} problems and "
            f"{figures['steps_per_round']} steps; "
            f"{figures['num_heldout']} held-out variants, {figures['num_samples']} samples. "
            + _verdict(figures["arms"]),
            "",
            f"| policy | Pass@1 | Beyond@1 | Pass@1 less {FIRST} | Beyond@1 less {FIRST} | seeds |",
            "|---|---|---|---|---|---|",
            *(_row(arm, figures["arms"]) for arm in figures["arms"]),
            "",
        ]
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _verdict(arms: Mapping[str, Mapping[str, Any]]) -> str:
    says = []
    for name in SHOWN:
        interval = arms[SECOND]["differences"][name]
        shown = "more" if interval[1] > 0 else "less" if interval[2] < 0 else "not shown to differ"
        says.append(f"{name.capitalize()} {_text(interval, '+')}: {shown}")
    return f"**{SECOND.capitalize()} against {FIRST}: {'; '.join(says)}.**"


def _row(arm: str, arms: Mapping[str, Mapping[str, Any]]) -> str:
    scores, base = arms[arm], arms[FIRST]
    cells = [_text(scores[name]) for name in SHOWN]
    for name in SHOWN:
        interval = scores["differences"].get(name)
        cells.append(_text(interval, "+") if interval else "")
    own, theirs = (each["by_seed"][SHOWN[1]] for each in (scores, base))
    is_compared = arm != FIRST and len(own) == len(theirs)
    more = sum(mine > other for mine, other in zip(own, theirs, strict=True)) if is_compared else 0
    cells.append(f"{more} of {len(own)}" if is_compared else "")
    return f"| {arm} | {' | '.join(cells)} |"


def _text(interval: Sequence[float], sign: str = "") -> str:
    value, low, high = interval
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
