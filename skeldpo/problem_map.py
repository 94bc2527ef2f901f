"""A pure function over the problems of a finished sample stage, as a Ray Data map.

Each task reads the rows of its problems itself and commits what the function makes of each as one
part file, so the driver passes on places of rows and reads the parts back one at a time. A map that
is started again makes only what is missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import ray
from ray.data import DataContext
from ray.data.exceptions import UserCodeException
from ray.exceptions import RayError

from skeldpo.actors import cause_of
from skeldpo.by_problem import (
    CANDIDATES_FILE,
    MEASUREMENTS_FILE,
    PROBLEM_ID,
    Index,
    MeasuredProblem,
    RowReader,
    index_problems,
)
from skeldpo.connection import connect_ray
from skeldpo.records import Candidate, Measurement, Problem
from skeldpo.store import Store

Made = TypeVar("Made")

PROBLEMS_A_TASK = 32
"""A task reads the tables' footers anew (0.1 s at 100,000 rows); fewer problems than this are gone
through here, without Ray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemMap(Generic[Made]):
    """What is made of the problems of a folder.

    `folder` holds the tables of candidates and measurements, `problems` is that of its problems.
    `make` is a pure function of a MeasuredProblem that travels to the tasks; the `made` record that
    it gives is committed to the parts of `table` in the folder `output`. Every node sees both.
    """

    folder: str
    output: str
    problems: str
    make: Callable[[MeasuredProblem], Made]
    made: type[Made]
    table: str

    def run(self, keys: Sequence[str], tell: Callable[[int], None] = lambda num_done: None) -> None:
        """Makes what is missing of the problems; `tell` hears how many of them are there.

        RuntimeError, with the cause, if a task fails; what other tasks made is kept.
        """
        present = Store(self.output).part_keys(self.table)
        rows = self._places([key for key in keys if key not in present])
        num_done = len(keys) - len(rows)
        if len(rows) <= PROBLEMS_A_TASK:
            self.make_problems(rows)
            tell(len(keys))
            return
        try:
            for done in self._dataset(rows).iter_rows():
                num_done += done["num_problems"]
                tell(num_done)
        except (RayError, UserCodeException) as error:
            raise RuntimeError(
                f"stopped after {num_done} of {len(keys)} problems: {cause_of(error)}; what is "
                "done is kept, the same command goes on from there"
            ) from error

    def made_rows(self, keys: Sequence[str]) -> Iterator[Made]:
        """What was made of each problem, in order, read one at a time."""
        store = Store(self.output)
        for key in keys:
            yield from store.read_part(self.table, key, self.made)

    def drop(self) -> None:
        """Removes the parts."""
        Store(self.output).drop_parts(self.table)

    def make_problems(self, rows: Sequence[dict[str, str]]) -> None:
        """Commits what is made of the problems at these places."""
        store, output = Store(self.folder), Store(self.output)
        with (
            store.opened(self.problems) as problems,
            store.opened(CANDIDATES_FILE) as candidates,
            store.opened(MEASUREMENTS_FILE) as measurements,
        ):
            asked = RowReader(problems, Problem)
            written = RowReader(candidates, Candidate)
            measured = RowReader(measurements, Measurement)
            for row in rows:
                places = json.loads(row["places"])
                (problem,) = asked.read(places[0])
                given = MeasuredProblem(
                    problem=problem,
                    candidates=tuple(written.read(places[1])),
                    measurements=tuple(measured.read(places[2])),
                )
                output.write_part(self.table, row[PROBLEM_ID], self.made, [self.make(given)])

    def _places(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """Of each problem its id and, as JSON, where its rows are in the three tables."""
        store = Store(self.folder)
        names = (self.problems, CANDIDATES_FILE, MEASUREMENTS_FILE)
        indexes: list[Index] = [index_problems(store, name) for name in names]
        return [
            {PROBLEM_ID: key, "places": json.dumps([index.get(key, ()) for index in indexes])}
            for key in keys
        ]

    def _dataset(self, rows: list[dict[str, str]]) -> ray.data.Dataset:
        connect_ray(measures=False)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        context.execution_no_progress_timeout_s = -1
        num_blocks = math.ceil(len(rows) / PROBLEMS_A_TASK)
        dataset = ray.data.from_items(rows, override_num_blocks=num_blocks)
        return dataset.map_batches(_make_batch, batch_size=None, fn_kwargs={"mapped": self})


def _make_batch(batch: dict[str, Any], mapped: ProblemMap[Any]) -> dict[str, list[int]]:
    columns = zip(batch[PROBLEM_ID], batch["places"], strict=True)
    rows = [{PROBLEM_ID: str(key), "places": str(places)} for key, places in columns]
    mapped.make_problems(rows)
    return {"num_problems": [len(rows)]}
