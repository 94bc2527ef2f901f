"""`skeldpo pair`: the pairs of a folder of given programs that `skeldpo measure` wrote.

Beside the pairs it writes where they come from (`.origin.json`): folder, settings and version, so
that every pair can be traced (`skeldpo inspect`).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from skeldpo import __version__
from skeldpo.commands.inspect import ORIGIN_SUFFIX
from skeldpo.config import KeepOutConfig, PairConfig, Section, SkeletonConfig
from skeldpo.config.toml_file import load_sections
from skeldpo.console import Display
from skeldpo.measure.folder import PROBLEMS_FILE, open_measured
from skeldpo.pair import ProblemPairs, balance_lengths, pairs_or_reason
from skeldpo.pair.choice import speedup_tier, text_similarity
from skeldpo.pair.lengths import distribution, length_difference
from skeldpo.problem_map import ProblemMap
from skeldpo.problems.overlap import keep_out
from skeldpo.records import Measurement, PreferencePair, Problem
from skeldpo.storage.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE
from skeldpo.storage.files import absolute_place, folder_and_name
from skeldpo.storage.store import Store

DEFAULT_MIN_SPEEDUP = 1.2
MEASURED_TABLES = (CANDIDATES_FILE, MEASUREMENTS_FILE)


class _Settings(Section):
    pair: PairConfig = PairConfig(min_speedup=DEFAULT_MIN_SPEEDUP)
    skeleton: SkeletonConfig = SkeletonConfig()
    keep_out: KeepOutConfig = KeepOutConfig()


class _NoPairError(Exception):
    """There is nothing to write."""


@dataclass(slots=True)
class _Shown:
    """What is shown of the pairs, which are gone through once: of each problem all but its pairs,
    and how many it has; speedups, tiers and the notes of missing skeletons of efficiency pairs;
    differences of length and likeness by stage."""

    edges: Sequence[float]
    problems: list[tuple[ProblemPairs, int]] = field(default_factory=list)
    speedups: list[float] = field(default_factory=list)
    tiers: Counter[int] = field(default_factory=Counter)
    no_skeleton: Counter[str] = field(default_factory=Counter)
    differences: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    likeness: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, made: ProblemPairs) -> None:
        """Takes note of a problem."""
        self.problems.append((dataclasses.replace(made, pairs=()), len(made.pairs)))
        for pair in made.pairs:
            chosen, rejected = pair.chosen, pair.rejected
            self.differences[pair.stage].append(length_difference(pair))
            self.likeness[pair.stage].append(
                text_similarity(chosen.code, rejected.code, pair.language)
            )
            if pair.stage == "efficiency":
                self.speedups.append(pair.speedup)
                self.tiers[speedup_tier(pair.speedup_low, self.edges)] += 1
                if not chosen.skeleton.text:
                    self.no_skeleton[chosen.skeleton.note] += 1


def pair_given(
    *, folder: str, output: str, overrides: Sequence[str], explain: bool, display: Display
) -> None:
    """Pairs of a measured folder, as a Parquet file; shows how many and why others gave none.

    With `explain` also what became of each problem's candidates.
    """
    settings = load_sections(_Settings(), overrides)
    store = open_measured(folder)
    if settings.skeleton.method == "dynamic" and not any(
        row.hot_lines for row in store.iter_records(MEASUREMENTS_FILE, Measurement)
    ):
        raise ValueError(
            f"{folder} holds no lines for dynamic skeletons; measure with "
            "--set measure.profile_lines=true"
        )
    kept = keep_out(store.read_records(PROBLEMS_FILE, Problem), settings.keep_out)
    if account := kept.account():
        display.tell(account)
    target, name = folder_and_name(output)
    if target == absolute_place(folder) and name in (PROBLEMS_FILE, *MEASURED_TABLES):
        raise ValueError(f"{output} has the measurements that pairs are made of; give another name")
    place = Store(target)
    keys = [problem.problem_id for problem in kept.problems]
    shown = _write_pairs(store, place, name, keys, settings, display)
    for each, _ in shown.problems:
        if each.error:
            display.complain(f"problem {each.problem_id} is left out: {each.error}")
    if explain:
        _show_problems(shown, display)
    if explain and kept.overlaps:
        display.table(
            "kept out of training",
            ("problem", "evaluation problem", "by", "share"),
            [(each.problem_id, f"{each.matched.evaluation_id} ({each.matched.source})", each.by,
              f"{each.share:.2f}") for each in kept.overlaps],
        )  # fmt: skip
    if not shown.likeness:
        reasons = Counter(row.reason for p, _ in shown.problems for row in p.dropped)
        raise RuntimeError(f"no pair from {len(kept.problems)} problems: {dict(reasons)}")
    origin = {
        "measured": absolute_place(folder),
        "skeldpo": __version__,
        "pair": settings.pair.model_dump(mode="json"),
        "skeleton": settings.skeleton.model_dump(mode="json"),
        "keep_out": settings.keep_out.model_dump(mode="json"),
    }
    place.write_text(name + ORIGIN_SUFFIX, json.dumps(origin, indent=1))
    _show_pairs(shown, output, display)
    _show_distributions(shown, display)


def _write_pairs(  # noqa: PLR0913
    store: Store,
    place: Store,
    name: str,
    keys: Sequence[str],
    settings: _Settings,
    display: Display,
) -> _Shown:
    """Makes the table of pairs as a run does: problem by problem, in tasks if there are many."""
    mapped = ProblemMap(
        folder=store.root,
        output=place.root,
        problems=PROBLEMS_FILE,
        make=functools.partial(
            pairs_or_reason, pair=settings.pair, skeleton=settings.skeleton, round_index=0
        ),
        made=ProblemPairs,
        table=f".{name}",
    )
    mapped.drop()  # of a start with other settings
    shown = _Shown(edges=settings.pair.tier_edges)

    def pairs() -> Iterator[PreferencePair]:
        for made in balance_lengths(lambda: mapped.made_rows(keys), settings.pair.balance_lengths):
            shown.add(made)
            yield from made.pairs
        if not shown.likeness:
            raise _NoPairError

    try:
        mapped.run(keys, display.tell)
        place.write_records(name, PreferencePair, pairs())
    except _NoPairError:
        pass  # an earlier start's file stays
    finally:
        mapped.drop()
    return shown


def _show_pairs(shown: _Shown, output: str, display: Display) -> None:
    num_efficiency = sum(not p.efficiency_reason for p, _ in shown.problems)
    num_correctness = sum(not p.correctness_reason for p, _ in shown.problems)
    num_fast = len(shown.speedups)
    display.tell(
        f"{output}: {num_fast} efficiency pairs ({num_fast - shown.no_skeleton.total()} with "
        f"skeletons) from {num_efficiency} of {len(shown.problems)} problems, "
        f"{len(shown.likeness['correctness'])} correctness pairs from {num_correctness}"
    )
    speedups = sorted(shown.speedups)
    if speedups:
        display.tell(
            f"speedup: median {statistics.median(speedups):.2f}, least {speedups[0]:.2f}, "
            f"largest {speedups[-1]:.1f}"
        )
    for title, name, reasons in (
        ("problems without an efficiency pair", "problems",
         Counter(p.efficiency_reason for p, _ in shown.problems)),
        ("problems without a correctness pair", "problems",
         Counter(p.correctness_reason for p, _ in shown.problems)),
        ("efficiency pairs without skeletons", "pairs", shown.no_skeleton),
    ):  # fmt: skip
        rows = [(reason, str(count)) for reason, count in reasons.most_common() if reason]
        if rows:
            display.table(title, ("reason", name), rows)


def _show_distributions(shown: _Shown, display: Display) -> None:
    """Speedup tiers, and how much longer the chosen programs are: training follows both."""
    edges = (1.0, *shown.edges)
    if shown.speedups:
        display.table(
            "speedup tiers (by lower bound)",
            ("tier", "from", "pairs"),
            [(str(tier), f"{edges[tier - 1]:g}", str(shown.tiers[tier]))
             for tier in range(1, len(edges) + 1)],
        )  # fmt: skip
    rows = []
    for stage in ("efficiency", "correctness"):
        if shown.differences[stage]:
            lengths = distribution(shown.differences[stage])
            rows.append(
                (stage, str(lengths.num_pairs), f"{lengths.low_tokens:+g}",
                 f"{lengths.median_tokens:+g}", f"{lengths.high_tokens:+g}",
                 f"{lengths.chosen_longer:.0%}", f"{statistics.median(shown.likeness[stage]):.2f}")
            )  # fmt: skip
    display.table(
        "tokens of chosen less those of rejected; likeness: share of tokens in the same order",
        ("stage", "pairs", "10 %", "median", "90 %", "chosen longer", "likeness"),
        rows,
    )


def _show_problems(shown: _Shown, display: Display) -> None:
    rows = []
    for problem, num_pairs in shown.problems:
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
             str(num_pairs), "; ".join(reasons))
        )  # fmt: skip
    display.table(
        "problems; groups are numbers of programs alike in structure",
        ("problem", "candidates", "distinct", "accepted", "timed", "efficient", "inefficient",
         "decided", "pairs", "not in a pair"),
        rows,
    )  # fmt: skip


def _sizes(groups: Sequence[int]) -> str:
    return "+".join(map(str, groups)) or "0"
