"""All rows of a pipeline in memory: a study is small enough."""

from __future__ import annotations

from dataclasses import dataclass

from skeldpo.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE
from skeldpo.records import Candidate, Measurement
from skeldpo.store import Store


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
