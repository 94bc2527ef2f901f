"""`skeldpo pair`: the pairs of a folder of given programs that `skeldpo measure` wrote.

Beside the pairs it writes where they come from (`.origin.json`): folder, settings and version, so
that every pair can be traced (`skeldpo inspect`).
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from skeldpo import __version__
from skeldpo.commands.inspect import ORIGIN_SUFFIX
from skeldpo.config import KeepOutConfig, PairConfig, SkeletonConfig
from skeldpo.config_file import load_sections
from skeldpo.console import Display
from skeldpo.files import absolute_place, folder_and_name
from skeldpo.measure.folder import MeasuredProblem, read_measured
from skeldpo.pair import ProblemPairs, balance_lengths, pairs_or_reason
from skeldpo.pair.choice import speedup_tier, text_similarity
from skeldpo.pair.lengths import length_differences
from skeldpo.problems.overlap import keep_out
from skeldpo.records import PreferencePair
from skeldpo.store import Store

DEFAULT_MIN_SPEEDUP = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    pair: PairConfig
    skeleton: SkeletonConfig
    keep_out: KeepOutConfig


def pair_given(
    *, folder: str, output: str, overrides: Sequence[str], explain: bool, display: Display
) -> list[PreferencePair]:
    """Pairs of a measured folder, as a Parquet file; shows how many and why others gave none.

    With `explain` also what became of each problem's candidates.
    """
    settings = _settings(overrides)
    measured = read_measured(folder)
    if settings.skeleton.method == "dynamic" and not any(
        row.hot_lines for each in measured for row in each.measurements
    ):
        raise ValueError(
            f"{folder} holds no lines for dynamic skeletons; measure with "
            "--set measure.profile_lines=true"
        )
    kept = keep_out([each.problem for each in measured], settings.keep_out)
    if kept.overlaps:
        display.tell(kept.account())
    made = _build(measured, {problem.problem_id for problem in kept.problems}, settings)
    for each in made:
        if each.error:
            display.complain(f"problem {each.problem_id} is left out: {each.error}")
    if explain:
        _show_problems(made, display)
    if explain and kept.overlaps:
        display.table(
            "kept out of training",
            ("problem", "evaluation problem", "by", "share"),
            [(each.problem_id, f"{each.matched.evaluation_id} ({each.matched.source})", each.by,
              f"{each.share:.2f}") for each in kept.overlaps],
        )  # fmt: skip
    pairs = [row for problem_pairs in made for row in problem_pairs.pairs]
    if not pairs:
        reasons = Counter(row.reason for p in made for row in p.dropped)
        raise RuntimeError(f"no pair from {len(kept.problems)} problems: {dict(reasons)}")
    place, name = folder_and_name(output)
    store = Store(place)
    store.write_records(name, PreferencePair, pairs)
    origin = {
        "measured": absolute_place(folder),
        "skeldpo": __version__,
        "pair": settings.pair.model_dump(mode="json"),
        "skeleton": settings.skeleton.model_dump(mode="json"),
        "keep_out": settings.keep_out.model_dump(mode="json"),
    }
    store.write_text(name + ORIGIN_SUFFIX, json.dumps(origin, indent=1))
    _show_pairs(made, output, display)
    _show_distributions(pairs, settings.pair, display)
    return pairs


def _settings(overrides: Sequence[str]) -> _Settings:
    sections = load_sections(
        {
            "pair": PairConfig(min_speedup=DEFAULT_MIN_SPEEDUP),
            "skeleton": SkeletonConfig(),
            "keep_out": KeepOutConfig(),
        },
        overrides,
    )
    pair, skeleton, keep = sections["pair"], sections["skeleton"], sections["keep_out"]
    assert isinstance(pair, PairConfig)
    assert isinstance(skeleton, SkeletonConfig)
    assert isinstance(keep, KeepOutConfig)
    return _Settings(pair=pair, skeleton=skeleton, keep_out=keep)


def _build(
    measured: Sequence[MeasuredProblem], kept: Collection[str], settings: _Settings
) -> list[ProblemPairs]:
    made = [
        pairs_or_reason(
            problem=each.problem,
            candidates=each.candidates,
            measurements=each.measurements,
            pair=settings.pair,
            skeleton=settings.skeleton,
            round_index=0,
        )
        for each in measured
        if each.problem.problem_id in kept
    ]
    return balance_lengths(made, settings.pair.balance_lengths)


def _show_pairs(made: Sequence[ProblemPairs], output: str, display: Display) -> None:
    pairs = [row for problem_pairs in made for row in problem_pairs.pairs]
    fast = [row for row in pairs if row.stage == "efficiency"]
    with_skeleton = sum(bool(row.chosen.skeleton.text) for row in fast)
    num_efficiency = sum(not p.efficiency_reason for p in made)
    num_correctness = sum(not p.correctness_reason for p in made)
    display.tell(
        f"{output}: {len(fast)} efficiency pairs ({with_skeleton} with skeletons) from "
        f"{num_efficiency} of {len(made)} problems, {len(pairs) - len(fast)} correctness pairs "
        f"from {num_correctness}"
    )
    speedups = sorted(row.speedup for row in fast)
    if speedups:
        display.tell(
            f"speedup: median {speedups[len(speedups) // 2]:.2f}, least {speedups[0]:.2f}, "
            f"largest {speedups[-1]:.1f}"
        )
    no_skeleton = Counter(row.chosen.skeleton.note for row in fast if not row.chosen.skeleton.text)
    for title, name, reasons in (
        ("problems without an efficiency pair", "problems",
         Counter(p.efficiency_reason for p in made)),
        ("problems without a correctness pair", "problems",
         Counter(p.correctness_reason for p in made)),
        ("efficiency pairs without skeletons", "pairs", no_skeleton),
    ):  # fmt: skip
        rows = [(reason, str(count)) for reason, count in reasons.most_common() if reason]
        if rows:
            display.table(title, ("reason", name), rows)


def _show_distributions(
    pairs: Sequence[PreferencePair], pair: PairConfig, display: Display
) -> None:
    """Speedup tiers, and how much longer the chosen programs are: training follows both."""
    fast = [row for row in pairs if row.stage == "efficiency"]
    edges = (1.0, *pair.tier_edges)
    tiers = Counter(speedup_tier(row.speedup_low, pair.tier_edges) for row in fast)
    if fast:
        display.table(
            "speedup tiers (by lower bound)",
            ("tier", "from", "pairs"),
            [(str(tier), f"{edges[tier - 1]:g}", str(tiers[tier]))
             for tier in range(1, len(edges) + 1)],
        )  # fmt: skip
    rows = []
    for stage in ("efficiency", "correctness"):
        found = [row for row in pairs if row.stage == stage]
        if found:
            lengths = length_differences(found)
            rows.append(
                (stage, str(lengths.num_pairs), f"{lengths.low_tokens:+g}",
                 f"{lengths.median_tokens:+g}", f"{lengths.high_tokens:+g}",
                 f"{lengths.chosen_longer:.0%}", f"{_median_likeness(found):.2f}")
            )  # fmt: skip
    display.table(
        "tokens of chosen less those of rejected; likeness: share of tokens in the same order",
        ("stage", "pairs", "10 %", "median", "90 %", "chosen longer", "likeness"),
        rows,
    )


def _median_likeness(pairs: Sequence[PreferencePair]) -> float:
    return statistics.median(
        text_similarity(p.chosen.code, p.rejected.code, p.language) for p in pairs
    )


def _show_problems(made: Sequence[ProblemPairs], display: Display) -> None:
    rows = []
    for problem in made:
        funnel = problem.funnel
        reasons = [f"{name}: {reason}" for name, reason in (
            ("efficiency", problem.efficiency_reason), ("correctness", problem.correctness_reason),
        ) if reason]  # fmt: skip
        if funnel.num_reversed:
            reasons.append(f"{funnel.num_reversed} decided, but reversed on another input")
        if funnel.num_unchecked:
            reasons.append(f"{funnel.num_unchecked} decided, but a cross-check is missing")
        reasons += [f"{row.num_rows} {row.reason}" for row in problem.dropped_candidates]
        rows.append(
            (problem.problem_id, str(funnel.num_candidates), str(funnel.num_distinct),
             str(funnel.num_accepted), str(funnel.num_timed), _sizes(funnel.efficient_groups),
             _sizes(funnel.inefficient_groups), f"{funnel.num_decided} of {funnel.num_races}",
             str(len(problem.pairs)), "; ".join(reasons))
        )  # fmt: skip
    display.table(
        "problems; groups are numbers of programs alike in structure",
        ("problem", "candidates", "distinct", "accepted", "timed", "efficient", "inefficient",
         "decided", "pairs", "not in a pair"),
        rows,
    )  # fmt: skip


def _sizes(groups: Sequence[int]) -> str:
    return "+".join(map(str, groups)) or "0"
