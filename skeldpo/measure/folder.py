"""The folder that `skeldpo measure` writes, as it is read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from skeldpo.files import absolute_place
from skeldpo.records import Candidate, Measurement, Problem
from skeldpo.store import CANDIDATES, MEASUREMENTS, Store

MEASURED = "measure"
"""Stage whose manifest says that the folder is finished."""
PROBLEMS_FILE = "problems.parquet"
CANDIDATES_FILE = f"{CANDIDATES}.parquet"
MEASUREMENTS_FILE = f"{MEASUREMENTS}.parquet"

Row = TypeVar("Row", Candidate, Measurement)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProblem:
    """A problem, the programs that were given for it, and what was measured of them."""

    problem: Problem
    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]


def read_measured(folder: str) -> list[MeasuredProblem]:
    """Every problem of a finished folder; ValueError if it is none, or its tables were changed."""
    store = Store(absolute_place(folder))
    manifest = store.read_manifest(".", MEASURED)
    if manifest is None:
        raise ValueError(
            f"{folder} holds no finished measurements (no {MEASURED}.manifest.json); "
            "run `skeldpo measure ... --out` with this folder first"
        )
    store.check_outputs(".", manifest)
    candidates = _by_problem(store.read_records(CANDIDATES_FILE, Candidate))
    measurements = _by_problem(store.read_records(MEASUREMENTS_FILE, Measurement))
    return [
        MeasuredProblem(
            problem=problem,
            candidates=tuple(candidates[problem.problem_id]),
            measurements=tuple(measurements[problem.problem_id]),
        )
        for problem in store.read_records(PROBLEMS_FILE, Problem)
    ]


def _by_problem(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.problem_id].append(row)
    return found
