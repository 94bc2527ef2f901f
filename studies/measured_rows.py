"""All rows of a pipeline in memory: a study is small enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from skeldpo.config import Config
from skeldpo.records import Candidate, Measurement
from skeldpo.storage.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE, MeasuredProblem
from skeldpo.storage.store import Store
from skeldpo.train.learners.contract import AnyLearner


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRows:
    """Programs and what was measured of them, in the order of the assignments."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]


def read_rows(folder: str) -> MeasuredRows:
    """The tables of a finished pipeline."""
    store = Store(folder)
    return MeasuredRows(
        candidates=tuple(store.iter_records(CANDIDATES_FILE, Candidate)),
        measurements=tuple(store.iter_records(MEASUREMENTS_FILE, Measurement)),
    )


def learner_rows(
    learner: AnyLearner, measured: Iterable[MeasuredProblem], config: Config, round_index: int
) -> tuple[list[Any], str]:
    """What a learner makes of problems in memory, and its account of it."""
    make = learner.maker(config, round_index)
    made = [make(each) for each in measured]
    rows: list[Any] = []
    sums: dict[str, float] = defaultdict(float)
    for chosen in learner.choose_rows(lambda: made, config):
        rows += chosen.rows
        for name, value in chosen.sums.items():
            sums[name] += value
    return rows, learner.sum_up(sums, len(made))[1]
