"""What a run's folder holds, read once for the report and the terminal; finished or not.

Nothing here runs a stage or writes a file. Whatever is not there yet is absent from the summary,
and named in `missing`.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from skeldpo.accounts.quarantine import Quarantined, read_quarantine
from skeldpo.config import Config
from skeldpo.records import (
    Assignment,
    Candidate,
    Measurement,
    Outcome,
    PreferencePair,
    StageManifest,
)
from skeldpo.rounds.run_start import read_config
from skeldpo.rounds.stages import Place, closing_place, find_finished, round_place
from skeldpo.rounds.tracking import read_metrics
from skeldpo.storage.files import absolute_place
from skeldpo.storage.store import ASSIGNMENTS, Store, round_folder
from skeldpo.suites.compare import Difference, differences
from skeldpo.suites.evaluation import Evaluation, Interval, mean_scores, round_evaluation
from skeldpo.suites.of_run import SuiteScores, read_suite_scores
from skeldpo.suites.round_scores import bootstrap_of

NUM_EXAMPLES = 3

Record = TypeVar("Record")

ProgramGroup = Literal["training", "training data", "held-out", "known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingStage:
    """A stage without a manifest. Of a sample stage: problems whose candidates and whose
    measurements were committed so far."""

    stage: str
    round_index: int
    num_written: int
    num_measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyScores:
    """The held-out report of a policy (`round_index` 0: the starting one), its scores by name and,
    with intervals paired by problem, its differences from the starting policy (none for that one).
    """

    report: Evaluation
    round_index: int
    scores: Mapping[str, Interval]
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Programs of one group in one place by verdict; a program written twice counts twice, but
    once in `num_distinct`."""

    place: Place
    group: ProgramGroup
    num_distinct: int
    outcomes: Counter[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPairs:
    """The preference pairs of a round."""

    round_index: int
    pairs: tuple[PreferencePair, ...]

    @property
    def efficiency(self) -> tuple[PreferencePair, ...]:
        """Those with a speedup."""
        return tuple(pair for pair in self.pairs if pair.stage == "efficiency")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSteps:
    """The metrics of a round's optimizer steps, in order (names: preferences_loss.step_metrics),
    and of its training as a whole (names: train/...)."""

    round_index: int
    steps: tuple[dict[str, float], ...]
    whole: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Everything that is reported of a run; `quarantined` by place, where a problem was."""

    config: Config
    finished: tuple[StageManifest, ...]
    missing: tuple[MissingStage, ...]
    quarantined: tuple[tuple[Place, tuple[Quarantined, ...]], ...]
    policies: tuple[PolicyScores, ...]
    suites: tuple[SuiteScores, ...]
    verdicts: tuple[Verdicts, ...]
    pairs: tuple[RoundPairs, ...]
    training: tuple[RoundSteps, ...]


def open_run_folder(run: str) -> Store:
    """The store of an existing run's folder; ValueError if it is none."""
    store = Store(absolute_place(run))
    found = ""
    if not store.exists("config.json"):
        names = store.names(".") if store.exists("") else []
        found = (
            f"found {', '.join(names[:5])}" if names else "there is no such folder, or it is empty"
        )
    elif "run" not in store.read_json("config.json"):
        found = "that of a model or something else is there"
    if found:
        raise ValueError(
            f"{run} is not the folder of a run: expected config.json in it, {found}; give a folder "
            "that `skeldpo run` made, such as runs/quickstart"
        )
    return store


def summarize_run(store: Store) -> RunSummary:
    """Reads a run's folder; ValueError if a file in it is damaged."""
    config = read_config(store)
    rounds = range(1, config.run.num_rounds + 1)
    return RunSummary(
        config=config,
        finished=finished_stages(store, config),
        missing=missing_stages(store, config),
        quarantined=quarantined_problems(store, config),
        policies=_policies(store, config),
        suites=read_suite_scores(store, config),
        verdicts=tuple(row for place in _places(store, config) for row in _verdicts(store, place)),
        pairs=tuple(row for index in rounds for row in _pairs(store, index)),
        training=_training(store),
    )


def finished_stages(store: Store, config: Config) -> tuple[StageManifest, ...]:
    """The manifests that are there, in the order of the run."""
    found = (find_finished(store, place, stage) for place, stage in _plan(store, config))
    return tuple(manifest for manifest in found if manifest is not None)


def missing_stages(store: Store, config: Config) -> tuple[MissingStage, ...]:
    """The stages that the configuration asks for and that are not finished, in order."""
    missing = []
    for place, stage in _plan(store, config):
        if find_finished(store, place, stage) is None:
            is_sample = stage == "sample"
            written = store.part_keys(f"{place.folder}/candidates") if is_sample else ()
            measured = store.part_keys(f"{place.folder}/measurements") if is_sample else ()
            missing.append(
                MissingStage(
                    stage=place.stage(stage),
                    round_index=place.round_index,
                    num_written=len(written),
                    num_measured=len(measured),
                )
            )
    return tuple(missing)


def quarantined_problems(
    store: Store, config: Config
) -> tuple[tuple[Place, tuple[Quarantined, ...]], ...]:
    """(place, rows) of every one that gave problems up, also of one that is under way."""
    found = [
        (place, tuple(read_quarantine(Store(store.location(place.folder)))))
        for place in _places(store, config)
    ]
    return tuple((place, rows) for place, rows in found if rows)


def example_pairs(summary: RunSummary) -> tuple[PreferencePair, ...]:
    """Three efficiency pairs of different problems: largest, median and least speedup.

    Pairs with skeletons come first; the others are taken only where there are too few.
    """
    found = [pair for row in summary.pairs for pair in row.efficiency]
    by_problem: dict[str, PreferencePair] = {}
    for pair in sorted(found, key=lambda p: (bool(p.chosen.skeleton.text), p.speedup, p.pair_id)):
        by_problem[pair.problem_id] = pair
    shown = [pair for pair in by_problem.values() if pair.chosen.skeleton.text]
    if len(shown) < NUM_EXAMPLES:
        others = [pair for pair in by_problem.values() if not pair.chosen.skeleton.text]
        shown = (shown + others)[:NUM_EXAMPLES]
    ranked = sorted(shown, key=lambda pair: (-pair.speedup, pair.pair_id))
    places = {round(i * (len(ranked) - 1) / (NUM_EXAMPLES - 1)) for i in range(NUM_EXAMPLES)}
    return tuple(ranked[place] for place in sorted(places)) if ranked else ()


def late_mean(steps: RoundSteps, name: str) -> float | None:
    """The mean of a metric over the last quarter of the steps that have it; None without any."""
    values = [row[name] for row in steps.steps if name in row]
    return statistics.fmean(values[-max(1, len(values) // 4) :]) if values else None


def _places(store: Store, config: Config) -> list[Place]:
    """Where policies are sampled, in order: every round, and what closed the run, unless a round of
    an earlier start with more of them evaluated the last policy; a run that was extended was
    closed before as well."""
    places = []
    for index in range(1, config.run.num_rounds + 2):
        closing, place = closing_place(index - 1), round_place(index)
        is_last = index > config.run.num_rounds
        is_open = is_last and not find_finished(store, place, "evaluate")
        if is_open or find_finished(store, closing, "evaluate"):
            places.append(closing)
        if not is_last:
            places.append(place)
    return places


def _plan(store: Store, config: Config) -> list[tuple[Place, str]]:
    """(place, stage) of a whole run."""
    rows = {"preferences": "pair", "rewards": "reward"}[config.train.learner]
    stages = [(round_place(0), "start")]
    for place in _places(store, config):
        names = ("sample", "evaluate") if place.prefix else ("sample", "evaluate", rows, "train")
        stages += [(place, name) for name in names]
    return stages


def _policies(store: Store, config: Config) -> tuple[PolicyScores, ...]:
    found = [round_evaluation(store, index) for index in range(1, config.run.num_rounds + 2)]
    reports = [report for report in found if report is not None]
    bootstrap = bootstrap_of(config)
    made: list[PolicyScores] = []
    for report in reports:
        index = int(report.provenance["round_index"])
        has_start = bool(made) and not made[0].round_index
        compared = differences(report, reports[0], bootstrap) if index and has_start else ()
        made.append(
            PolicyScores(
                report=report,
                round_index=index,
                scores=mean_scores(report.problems, bootstrap),
                differences={difference.name: difference for difference in compared},
            )
        )
    return tuple(made)


def _verdicts(store: Store, place: Place) -> list[Verdicts]:
    """Per group; of a sample stage that is under way, the problems measured so far."""
    checks = [row for row in _table(store, place, "measurements", Measurement)
              if row.phase == "check"]  # fmt: skip
    if not checks:
        return []
    candidates = {row.candidate_id: row for row in _table(store, place, "candidates", Candidate)}
    heldout = _heldout_ids(store, place)
    groups: dict[ProgramGroup, list[Measurement]] = {
        "training": [], "training data": [], "held-out": [], "known": [],
    }  # fmt: skip
    for row in checks:
        candidate = candidates.get(row.candidate_id)
        is_data = candidate is not None and candidate.origin == "dataset"
        if row.problem_id in heldout:
            groups["known" if is_data else "held-out"].append(row)
        else:
            groups["training data" if is_data else "training"].append(row)
    return [
        Verdicts(
            place=place,
            group=group,
            num_distinct=len({row.equal_to for row in rows}),
            outcomes=Counter(row.outcome for row in rows),
        )
        for group, rows in groups.items()
        if rows
    ]


def _heldout_ids(store: Store, place: Place) -> set[str]:
    """Ids of the held-out problems: the same in every round, as scored in those that were
    evaluated, and as asked for in one that is under way."""
    reports = [round_evaluation(store, earlier) for earlier in range(1, place.samples_as + 1)]
    found = {
        problem_id
        for report in reports
        if report is not None
        for problem_id in (*(result.problem_id for result in report.problems), *report.unscored)
    }
    folder = f"{place.folder}/{ASSIGNMENTS}"
    asked = store.listed_rows(folder, Assignment)
    return found | {row.problem.problem_id for row in asked if row.purpose == "evaluate"}


def _table(store: Store, place: Place, name: str, record: type[Record]) -> list[Record]:
    """The rows of a finished table, else of the parts that were committed."""
    table = f"{place.folder}/{name}"
    if store.exists(f"{table}.parquet"):
        return store.read_records(f"{table}.parquet", record)
    return list(store.listed_rows(table, record))


def _pairs(store: Store, index: int) -> list[RoundPairs]:
    path = f"{round_folder(index)}/pairs.parquet"
    if not store.exists(path):
        return []
    pairs = tuple(store.read_records(path, PreferencePair))
    return [RoundPairs(round_index=index, pairs=pairs)]


def _training(store: Store) -> tuple[RoundSteps, ...]:
    metrics = read_metrics(store)
    rows = [row for row in metrics if "loss" in row and "step" in row]
    return tuple(
        RoundSteps(
            round_index=index,
            steps=tuple(
                sorted((r for r in rows if r["round"] == index), key=lambda row: row["step"])
            ),
            whole={
                name: value
                for row in metrics
                if row["round"] == index
                for name, value in row.items()
                if name.startswith("train/")
            },
        )
        for index in sorted({int(row["round"]) for row in rows})
    )
