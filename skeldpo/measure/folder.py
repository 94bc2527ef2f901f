"""The folder that `skeldpo measure` writes, as it is read again."""

from __future__ import annotations

from collections.abc import Iterator

from skeldpo.records import Problem
from skeldpo.storage.by_problem import MeasuredProblem, Sampled
from skeldpo.storage.files import absolute_place
from skeldpo.storage.store import Store

MEASURED = "measure"
"""Stage whose manifest says that the folder is finished."""
PROBLEMS_FILE = "problems.parquet"


def open_measured(folder: str) -> Store:
    """The store of a finished folder; ValueError if it is none, or its tables were changed."""
    store = Store(absolute_place(folder))
    manifest = store.read_manifest(".", MEASURED)
    if manifest is None:
        advice = "run `skeldpo measure ... --out` with this folder first"
        if store.read_manifest(".", "sample") is not None:
            advice = (
                "it is a round of a run, whose pairs are its pairs.parquet; `skeldpo answers` "
                "shows what was written, `skeldpo report` why problems gave no pair"
            )
        raise ValueError(
            f"{folder} holds no finished measurements (no {MEASURED}.manifest.json); {advice}"
        )
    store.check_outputs(".", manifest)
    return store


def read_measured(folder: str) -> Iterator[MeasuredProblem]:
    """Every problem of a finished folder, a few at a time; ValueError if it is none."""
    store = open_measured(folder)
    return Sampled(store.root).iter_problems(store.iter_records(PROBLEMS_FILE, Problem))
