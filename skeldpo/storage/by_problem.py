"""Finished tables a problem at a time, so that nobody holds more than a few problems' rows.

An index of the table's problem ids says where the rows of each problem are. Reading goes by row
groups, of which one a table is in memory; who reads problems in the order of the table reads each
group once.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skeldpo.records import Candidate, Measurement, Problem
from skeldpo.storage.rows import from_row
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, PROBLEM_ID, Store

Record = TypeVar("Record")
RowT = TypeVar("RowT", covariant=True)

CANDIDATES_FILE = f"{CANDIDATES}.parquet"
MEASUREMENTS_FILE = f"{MEASUREMENTS}.parquet"

Spans = tuple[tuple[int, int], ...]
"""Where rows are in a table, as [start, stop)."""
Index = dict[str, Spans]
"""Where the rows of each problem are, in the order of their first rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProblem:
    """A problem, the programs that were written or given for it, and what was measured of them.

    Sampled candidates carry the sampler's token ids and log-probabilities; those of origin
    "dataset", which no policy wrote, have none. `earlier` has the rows of each earlier round that
    had the problem, oldest first.
    """

    problem: Problem
    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]
    earlier: tuple[MeasuredProblem, ...] = ()


def index_problems(store: Store, path: str) -> Index:
    """Goes through the problem ids of a table; the rows of a problem may lie in several places."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    start = 0
    with store.opened(path) as table:
        for batch in table.iter_batches(columns=[PROBLEM_ID]):
            runs = pc.run_end_encode(batch.column(0))
            begin = start
            for key, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
                spans = found[key]
                if spans and spans[-1][1] == begin:
                    begin = spans.pop()[0]
                spans.append((begin, start + end))
                begin = start + end
            start += len(batch)
    return {key: tuple(spans) for key, spans in found.items()}


def count_values(store: Store, path: str, names: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """How often each combination of values of some columns is in a table."""
    counts: Counter[tuple[Any, ...]] = Counter()
    with store.opened(path) as table:
        for batch in table.iter_batches(columns=list(names)):
            columns = pa.Table.from_batches([batch]).select(list(names))
            counted = columns.group_by(list(names)).aggregate([([], "count_all")])
            for row in counted.to_pylist():
                counts[tuple(row[name] for name in names)] += row["count_all"]
    return counts


class RowReader(Generic[Record]):
    """Rows of an opened table by their places."""

    def __init__(self, table: pq.ParquetFile, record: type[Record]) -> None:
        self._table = table
        self._record = record
        groups = range(table.metadata.num_row_groups)
        sizes = (table.metadata.row_group(group).num_rows for group in groups)
        self._starts = [0, *itertools.accumulate(sizes)]
        # One of the 64 rows that the store writes at a time may hold four problems.
        self._group = functools.lru_cache(maxsize=1)(table.read_row_group)

    def read(self, spans: Spans) -> Iterator[Record]:
        """The records in those places."""
        for start, stop in spans:
            while start < stop:
                group = bisect_right(self._starts, start) - 1
                end = min(stop, self._starts[group + 1])
                rows = self._group(group).slice(start - self._starts[group], end - start)
                yield from (from_row(self._record, row) for row in rows.to_pylist())
                start = end


class TableReader:
    """The rows of problems in both tables of a folder, by their places."""

    def __init__(self, folder: str, opened: contextlib.ExitStack) -> None:
        """The tables are closed with `opened`."""
        store = Store(folder)
        self._candidates = RowReader(opened.enter_context(store.opened(CANDIDATES_FILE)), Candidate)
        self._measurements = RowReader(
            opened.enter_context(store.opened(MEASUREMENTS_FILE)), Measurement
        )

    def read(self, problem: Problem, candidates: Spans, measurements: Spans) -> MeasuredProblem:
        """A problem with its rows."""
        return MeasuredProblem(
            problem=problem,
            candidates=tuple(self._candidates.read(candidates)),
            measurements=tuple(self._measurements.read(measurements)),
        )


class Sampled:
    """Candidates and measurements of a finished sample stage, by problem; `folder` has both
    tables. Only the places of rows are in memory."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = Store(folder)
        self.candidates = index_problems(self.store, CANDIDATES_FILE)
        self.measurements = index_problems(self.store, MEASUREMENTS_FILE)

    def iter_problems(self, problems: Iterable[Problem]) -> Iterator[MeasuredProblem]:
        """Each of the problems with its rows, of which it may have none."""
        with contextlib.ExitStack() as opened:
            reader = TableReader(self.folder, opened)
            for problem in problems:
                key = problem.problem_id
                yield reader.read(
                    problem, self.candidates.get(key, ()), self.measurements.get(key, ())
                )

    def draw_candidates(self, model_id: str, max_rows: int, seed: int) -> list[Candidate]:
        """At most `max_rows` candidates that a policy wrote, drawn by the seed; of the others only
        their authors are read."""
        with self.store.opened(CANDIDATES_FILE) as table:
            batches = table.iter_batches(columns=["model_id"])
            authors = itertools.chain.from_iterable(b.column(0).to_pylist() for b in batches)
            own = [place for place, author in enumerate(authors) if author == model_id]
            chosen = sorted(random.Random(seed).sample(own, min(max_rows, len(own))))
            spans = tuple((place, place + 1) for place in chosen)
            return list(RowReader(table, Candidate).read(spans))


class Rows(Protocol[RowT]):
    """Rows in memory or on disk, to go through as often as one likes."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[RowT]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows(Generic[Record]):
    """The rows of a table on disk, which travel as its name and are read a few at a time."""

    root: str
    path: str
    record: type[Record]

    def __len__(self) -> int:
        with Store(self.root).opened(self.path) as table:
            return int(table.metadata.num_rows)

    def __iter__(self) -> Iterator[Record]:
        return Store(self.root).iter_records(self.path, self.record)


def measured_problems(
    problems: Iterable[Problem],
    candidates: Iterable[Candidate],
    measurements: Iterable[Measurement],
) -> Iterator[MeasuredProblem]:
    """Each problem with its own of rows that are in memory; those of others are left."""
    written: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        written[candidate.problem_id].append(candidate)
    measured: dict[str, list[Measurement]] = defaultdict(list)
    for row in measurements:
        measured[row.problem_id].append(row)
    for problem in problems:
        yield MeasuredProblem(
            problem=problem,
            candidates=tuple(written[problem.problem_id]),
            measurements=tuple(measured[problem.problem_id]),
        )
