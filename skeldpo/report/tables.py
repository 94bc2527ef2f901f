"""The figures of a run as tables of text, which the page and the terminal both show. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, get_args

from skeldpo.pages import Table
from skeldpo.pair.lengths import num_tokens
from skeldpo.records import Origin, Outcome, PreferencePair, StageManifest
from skeldpo.report.summary import PolicyScores, RoundSteps, RunSummary, late_mean
from skeldpo.rounds.stages import CLOSING
from skeldpo.suites.compare import Difference, terms_notes
from skeldpo.suites.evaluation import Interval, counted_text
from skeldpo.suites.metrics import num_families
from skeldpo.suites.of_run import SCORES
from skeldpo.suites.round_scores import METRICS
from skeldpo.suites.speed import FAST_RATIOS, fast_name, fast_note

Value = TypeVar("Value")

NOTHING = "-"
SPLIT_TITLES = {
    "": "all held-out problems",
    "heldout_variant": "held-out variants of trained families",
    "heldout_family": "families that are never trained on",
}
METRIC_TITLES = {
    "pass@1": "Pass@1",
    "beyond@1": "Beyond@1",
    "percentile@1": "percentile",
    "fast_share": "fast share",
    **{fast_name(p, 1): f"fast@{p:g}" for p in FAST_RATIOS},
}
_UNITS = {
    "start": "policies",
    "sample": "candidates",
    "evaluate": "problems",
    "pair": "problems",
    "reward": "problems",
    "train": "examples",
}
QUARANTINED_SHOWN = 20
"""Quarantined problems of a round that are shown; all are in its quarantine table."""
SPEEDUP_STEPS = 2
"""Edges of the speedup distribution from one power of two to the next."""


def score_tables(summary: RunSummary) -> list[Table]:
    """Per split: every policy's scores, and below them their differences from policy 0. A figure
    over fewer problems than the split has says over how many; one that no policy has is left out.
    """
    tables = []
    metrics = scored_metrics(summary.policies)
    for split in splits(summary.policies):
        newest = summary.policies[-1].report.problems
        own = [result for result in newest if split in ("", result.split)]
        rows = []
        for policy in summary.policies:
            index = policy.round_index
            found = [find_score(policy.scores, split, metric) for metric in metrics]
            rows.append((f"policy {index}", *_score_cells(found, "", len(own))))
            if policy.differences:
                compared = [find_score(policy.differences, split, metric) for metric in metrics]
                cells = _score_cells(compared, "+", len(own))
                rows.append((f"  {index} - 0", *cells))
        counted = counted_text(len(own), num_families([result.family for result in own]))
        title = f"{SPLIT_TITLES.get(split, f'split {split}')} ({counted})"
        columns = ("", *(f"{METRIC_TITLES[metric]}, %" for metric in metrics))
        tables.append(Table(title=title, columns=columns, rows=tuple(rows)))
    return tables


def scored_metrics(policies: Sequence[PolicyScores]) -> list[str]:
    """Those of METRICS that any policy has."""
    return [name for name in METRICS if any(name in policy.scores for policy in policies)]


def speed_notes(summary: RunSummary) -> list[str]:
    """Per policy, the problems that have no fast@p, and why, and those that were timed on other
    inputs than with policy 0."""
    policies: dict[str, list[str]] = {}
    for policy in summary.policies:
        notes = [fast_note(policy.report.problems)]
        if policy.differences:
            found = terms_notes(policy.report, summary.policies[0].report)
            notes += [f"beside policy 0, {note}" for note in found]
        for note in filter(None, notes):
            policies.setdefault(note, []).append(str(policy.round_index))
    lines = [
        f"Polic{'y' if len(indices) == 1 else 'ies'} {', '.join(indices)}: {note}."
        for note, indices in policies.items()
    ]
    return lines + [
        f"Suite {row.suite}, policy {row.policy}: beside policy 0, {note}."
        for row in summary.suites
        for note in row.notes
    ]


def suite_tables(summary: RunSummary) -> list[Table]:
    """Per suite of evaluate.suites: the scores of each policy, and their differences from policy 0,
    paired by problem. One over fewer problems than the suite's says over how many."""
    tables = []
    for name in dict.fromkeys(row.suite for row in summary.suites):
        found = [row for row in summary.suites if row.suite == name]
        shown = [score for score in SCORES if any(score in row.scores for row in found)]
        count = max(interval.num_problems for row in found for interval in row.scores.values())
        rows = []
        for row in found:
            cells = [_suite_cell(row.scores, score, "", count) for score in shown]
            rows.append((f"policy {row.policy}", *cells))
            if row.differences:
                cells = [_suite_cell(row.differences, score, "+", count) for score in shown]
                rows.append((f"  {row.policy} - 0", *cells))
        tables.append(
            Table(
                title=f"Suite {name}: {count} problems, one greedy sample each (95 % intervals)",
                columns=("", *(f"{score}, %" for score in shown)),
                rows=tuple(rows),
            )
        )
    return tables


def find_score(scores: Mapping[str, Value], split: str, metric: str) -> Value | None:
    """The score of a split ("": all problems), None if it was not computed."""
    return scores.get(f"{split}/{metric}" if split else metric)


def splits(policies: Sequence[PolicyScores]) -> list[str]:
    """The splits that were scored; "" stands for all problems."""
    return sorted({name.rpartition("/")[0] for policy in policies for name in policy.scores})


def stage_table(summary: RunSummary) -> Table:
    """Every stage of the run: rows in, out and dropped, and how long it took."""
    rows = [
        (
            f"{manifest.round_index} {manifest.stage}",
            manifest.finished_at.removesuffix("+00:00").replace("T", " "),
            f"{manifest.num_in:,}",
            f"{manifest.num_out:,}",
            f"{manifest.num_in - manifest.num_out:,}",
            _unit(manifest),
            f"{manifest.seconds:,.0f}",
        )
        for manifest in summary.finished
    ]
    for stage in summary.missing:
        begun = stage.num_written or stage.num_measured
        state = f"{stage.num_measured} problems measured" if begun else "not finished"
        rows.append((f"{stage.round_index} {stage.stage}", state, *(NOTHING,) * 5))
    columns = ("round, stage", "finished (UTC)", "in", "out", "dropped", "rows are", "seconds")
    return Table(title="Stages", columns=columns, rows=tuple(rows))


def dropped_table(summary: RunSummary) -> Table:
    """What every stage left out, and why."""
    rows = tuple(
        (row.reason, f"{manifest.round_index} {manifest.stage}",
         f"{row.num_rows:,} of {manifest.num_in:,} {_unit(manifest)}")
        for manifest in summary.finished
        for row in manifest.dropped
    )  # fmt: skip
    return Table(title="Dropped", columns=("reason", "round, stage", "how many"), rows=rows)


def quarantine_table(summary: RunSummary) -> Table:
    """The problems that were given up, the first of each stage, and why."""
    rows = tuple(
        (row.problem_id, f"{place.stage(str(place.round_index))} {row.stage}", row.reason,
         str(row.num_tries), row.place)
        for place, found in summary.quarantined
        for row in found[:QUARANTINED_SHOWN]
    )  # fmt: skip
    total = sum(len(found) for _, found in summary.quarantined)
    title = f"Quarantined problems ({total})" + ", the first of each round" * (total > len(rows))
    return Table(
        title=title, columns=("problem", "round, stage", "reason", "tries", "where"), rows=rows
    )


def verdict_table(summary: RunSummary) -> Table:
    """Programs of a round by verdict; only verdicts that occur have a column. Right is the share of
    those of which anything is known."""
    outcomes = [o for o in Outcome if any(row.outcomes[o] for row in summary.verdicts)]
    rows = []
    for row in summary.verdicts:
        total = sum(row.outcomes.values())
        judged = sum(count for outcome, count in row.outcomes.items() if outcome.is_verdict)
        counts = (f"{row.outcomes[outcome]:,}" for outcome in outcomes)
        share = f"{row.outcomes[Outcome.ACCEPTED] / judged:.0%}" if judged else NOTHING
        where = row.place.stage(str(row.place.round_index))
        rows.append((f"{where} {row.group}", f"{total:,}", f"{row.num_distinct:,}", share,
                     *counts))  # fmt: skip
    names = (outcome.in_words for outcome in outcomes)
    columns = ("round", "all", "distinct", "right", *names)
    return Table(title="Verdicts", columns=columns, rows=tuple(rows))


def pair_table(summary: RunSummary) -> Table:
    """Pairs of every round: how many, and how much faster the chosen side is."""
    rows = []
    for row in summary.pairs:
        speedups = [pair.speedup for pair in row.efficiency]
        middle = _quantiles(speedups) if speedups else (NOTHING,) * 3
        with_skeleton = sum(bool(pair.chosen.skeleton.text) for pair in row.efficiency)
        rows.append(
            (
                f"round {row.round_index}",
                str(len({pair.problem_id for pair in row.pairs})),
                str(len(speedups)),
                str(with_skeleton),
                str(len(row.pairs) - len(speedups)),
                *middle,
            )
        )
    columns = ("", "problems", "efficiency", "skeletons", "correctness",
               "least", "median", "largest")  # fmt: skip
    title = "Preference pairs; least, median and largest speedup"
    return Table(title=title, columns=columns, rows=tuple(rows))


def origin_table(summary: RunSummary) -> Table:
    """Pairs of every round by who wrote the chosen program over who wrote the rejected one."""
    kinds = list(itertools.product(get_args(Origin), repeat=2))
    rows = []
    for row in summary.pairs:
        for stage in ("efficiency", "correctness"):
            found = Counter(
                (pair.chosen.origin, pair.rejected.origin)
                for pair in row.pairs
                if pair.stage == stage
            )
            if found:
                rows.append((f"{row.round_index} {stage}", *(str(found[kind]) for kind in kinds)))
    columns = ("round, pairs", *(f"{chosen} over {rejected}" for chosen, rejected in kinds))
    title = "Who wrote the programs of the pairs: the policy (sampled), or the data set"
    return Table(title=title, columns=columns, rows=tuple(rows))


def length_table(summary: RunSummary) -> Table:
    """Lengths of both programs in tokens: training can exploit a difference."""
    rows = []
    for row in summary.pairs:
        for stage in ("efficiency", "correctness"):
            pairs = [pair for pair in row.pairs if pair.stage == stage]
            differences = length_differences(pairs)
            if not differences:
                continue
            chosen, rejected = map(statistics.median, zip(*map(num_tokens, pairs), strict=True))
            longer = sum(difference > 0 for difference in differences) / len(differences)
            median = f"{statistics.median(differences):+g}"
            rows.append((f"{row.round_index} {stage}", f"{chosen:g}", f"{rejected:g}",
                         median, f"{longer:.0%}"))  # fmt: skip
    columns = ("round, pairs", "chosen", "rejected", "difference", "chosen longer")
    return Table(
        title="Length of the programs in tokens (medians)", columns=columns, rows=tuple(rows)
    )


def training_table(summary: RunSummary) -> Table:
    """How training ended: means over the last quarter of a round's steps."""
    names = ("loss", "code/rewards/margins", "code/rewards/accuracies",
             "skeleton/rewards/margins", "skeleton/rewards/accuracies")  # fmt: skip
    rows = tuple(
        (
            f"round {row.round_index}",
            str(len(row.steps)),
            f"{row.steps[0]['loss']:.3f}",
            *(_late_cell(row, name) for name in names),
            _whole_cell(row, "train/sampler_gap_mean_nats", ".2g"),
            _whole_cell(row, "train/sampler_gap_max_nats", ".2g"),
            _whole_cell(row, "train/changed_weights_share", ".1%"),
        )
        for row in summary.training
    )
    columns = ("", "steps", "first loss", "loss", "code margin", "code accuracy",
               "skeleton margin", "skeleton accuracy", "sampler gap, nats", "largest",
               "weights changed")  # fmt: skip
    return Table(title="Training (last quarter of the steps)", columns=columns, rows=rows)


def speedup_table(summary: RunSummary) -> Table:
    """The speedup distribution of the efficiency pairs."""
    edges = speedup_edges(summary)
    binned = [count_between([p.speedup for p in row.efficiency], edges) for row in summary.pairs]
    rows = tuple(
        (f"{low:.2f} to {high:.2f}", *(str(counts[index]) for counts in binned))
        for index, (low, high) in enumerate(zip(edges, edges[1:], strict=False))
    )
    columns = ("speedup", *(f"round {row.round_index}" for row in summary.pairs))
    return Table(title="Speedup of the efficiency pairs", columns=columns, rows=rows)


def speedup_edges(summary: RunSummary) -> list[float]:
    """Edges from 1 to beyond the largest speedup, SPEEDUP_STEPS to a doubling."""
    largest = max((p.speedup for row in summary.pairs for p in row.efficiency), default=0.0)
    edges = [1.0] if largest else []
    while edges and edges[-1] <= largest:
        edges.append(2 ** (len(edges) / SPEEDUP_STEPS))
    return edges


def length_differences(pairs: Iterable[PreferencePair]) -> list[int]:
    """Tokens of the chosen program minus those of the rejected one."""
    return [chosen - rejected for chosen, rejected in map(num_tokens, pairs)]


def count_between(values: Iterable[float], edges: Sequence[float]) -> tuple[int, ...]:
    """How many values lie in each bin, [edges[i], edges[i + 1]); a value outside the edges is an
    error of the caller."""
    places = Counter(sum(edge <= value for edge in edges) - 1 for value in values)
    assert all(0 <= place < len(edges) - 1 for place in places), (places, edges)
    return tuple(places[place] for place in range(len(edges) - 1))


def versions(summary: RunSummary) -> tuple[str, ...]:
    """Every package version that a stage ran with."""
    return tuple(sorted({text for manifest in summary.finished for text in manifest.versions}))


def interval_text(score: Interval | Difference, sign: str, whole: float = 1) -> str:
    """Value and 95 % interval in percent of the whole; with `sign` "+" positive numbers have a
    sign. Of one problem there is no interval, as nothing is known of others."""
    value, low, high = (
        f"{100 * x / whole:{sign}.1f}" for x in (score.value, score.low, score.high)
    )
    return f"{value} [{low}, {high}]" if score.num_problems > 1 else value


def _score_cells(
    scores: Iterable[Interval | Difference | None], sign: str, num_problems: int
) -> tuple[str, ...]:
    return tuple(_score_cell(score, sign, num_problems) for score in scores)


def _suite_cell(
    scores: Mapping[str, Interval | Difference], name: str, sign: str, num_problems: int
) -> str:
    return _score_cell(scores.get(name), sign, num_problems, SCORES[name])


def _score_cell(
    score: Interval | Difference | None, sign: str, num_problems: int, whole: float = 1
) -> str:
    if score is None:
        return NOTHING
    counted = "" if score.num_problems == num_problems else f" of {score.num_problems}"
    return interval_text(score, sign, whole) + counted


def _unit(manifest: StageManifest) -> str:
    return _UNITS.get(manifest.stage.removeprefix(CLOSING), "rows")


def _quantiles(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{v:.2f}" for v in (min(values), statistics.median(values), max(values)))


def _whole_cell(row: RoundSteps, name: str, form: str) -> str:
    return format(row.whole[name], form) if name in row.whole else NOTHING


def _late_cell(steps: RoundSteps, name: str) -> str:
    value = late_mean(steps, name)
    return NOTHING if value is None else f"{value:.3f}"
