"""A pure function over the problems of a finished sample stage, as a Ray Data map.

Each task reads the rows of its problems itself and commits what the function makes of each as one
part file, so the driver passes on places of rows and reads the parts back one at a time. A map that
is started again makes only what is missing.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import ray
from ray.data import DataContext
from ray.data.exceptions import UserCodeException
from ray.exceptions import RayError

from skeldpo.accounts.actors import cause_of
from skeldpo.connection import connect_ray
from skeldpo.node_watch import MAX_NODE_WAIT_S, Need, watching
from skeldpo.records import Problem
from skeldpo.storage.by_problem import (
    CANDIDATES_FILE,
    MEASUREMENTS_FILE,
    MeasuredProblem,
    RowReader,
    TableReader,
    index_problems,
)
from skeldpo.storage.store import PROBLEM_ID, Store

Made = TypeVar("Made")

A_TASK = {"task": Need(resources={"CPU": 1.0})}
PROBLEMS_A_TASK = 32
"""A task reads the tables' footers anew (0.1 s at 100,000 rows); fewer problems than this are gone
through here, without Ray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemMap(Generic[Made]):
    """What is made of the problems of a folder.

    `folder` holds the tables of candidates and measurements, `problems` is that of its problems;
    `earlier` are folders of such tables of earlier rounds, oldest first. `make` is a pure function
    of a MeasuredProblem that travels to the tasks; the `made` record that it gives is committed to
    the parts of `table` in the folder `output`. Every node sees all of them.
    """

    folder: str
    output: str
    problems: str
    make: Callable[[MeasuredProblem], Made]
    made: type[Made]
    table: str
    earlier: tuple[str, ...] = ()

    def run(
        self,
        keys: Sequence[str],
        tell: Callable[[str], None] = lambda line: None,
        on_progress: Callable[[int], None] = lambda num_done: None,
        max_node_wait_s: float = MAX_NODE_WAIT_S,
    ) -> None:
        """Makes what is missing of the problems; `on_progress` hears how many of them are there,
        `tell` which Ray makes them, and which nodes it loses.

        RuntimeError, with the cause, if a task fails, or has no node for `max_node_wait_s`; what
        other tasks made is kept.
        """
        present = Store(self.output).part_keys(self.table)
        rows = self._places([key for key in keys if key not in present])
        num_done = len(keys) - len(rows)
        if len(rows) <= PROBLEMS_A_TASK:
            self.make_problems(rows)
            on_progress(len(keys))
            return
        connect_ray(tell, measures=False)
        try:
            with watching(A_TASK, max_node_wait_s, tell):
                for done in self._dataset(rows).iter_rows():
                    num_done += done["num_problems"]
                    on_progress(num_done)
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

    def forget(self, key: str) -> None:
        """Removes what was made of a problem, so that it is made again."""
        Store(self.output).remove_part(self.table, key)

    def drop(self) -> None:
        """Removes the parts."""
        Store(self.output).drop_parts(self.table)

    def make_problems(self, rows: Sequence[dict[str, str]]) -> None:
        """Commits what is made of the problems at these places."""
        output = Store(self.output)
        with contextlib.ExitStack() as opened:
            problems = opened.enter_context(Store(self.folder).opened(self.problems))
            asked = RowReader(problems, Problem)
            now, *before = [TableReader(name, opened) for name in (self.folder, *self.earlier)]
            for row in rows:
                of_problem, own, *earlier = json.loads(row["places"])
                (problem,) = asked.read(of_problem)
                given = replace(
                    now.read(problem, *own),
                    earlier=tuple(
                        reader.read(problem, *places)
                        for reader, places in zip(before, earlier, strict=True)
                        if any(places)
                    ),
                )
                output.write_part(self.table, row[PROBLEM_ID], self.made, [self.make(given)])

    def _places(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """Of each problem its id and, as JSON, where it is in the table of problems, and its rows
        in the two tables of each folder."""
        problems = index_problems(Store(self.folder), self.problems)
        tables = [
            [index_problems(Store(folder), name) for name in (CANDIDATES_FILE, MEASUREMENTS_FILE)]
            for folder in (self.folder, *self.earlier)
        ]
        rows = []
        for key in keys:
            places = [[index.get(key, ()) for index in folder] for folder in tables]
            rows.append({PROBLEM_ID: key, "places": json.dumps([problems[key], *places])})
        return rows

    def _dataset(self, rows: list[dict[str, str]]) -> ray.data.Dataset:
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
