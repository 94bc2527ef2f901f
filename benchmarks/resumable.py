"""Jobs spread over the cores, a result row each, that a later start does not repeat."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol, TypeVar


class Keyed(Protocol):
    """A job that can be told from others."""

    @property
    def key(self) -> str:
        """Names the job in the file of results; the same job has the same key in every start."""


Job = TypeVar("Job", bound=Keyed)
Row = dict[str, Any]


def worker_processes() -> ProcessPoolExecutor:
    """A process for each core, each with one thread."""
    return ProcessPoolExecutor(
        max_workers=os.cpu_count(),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_one_thread,
    )


def _one_thread() -> None:
    import torch  # takes seconds, and only the processes need it

    torch.set_num_threads(1)


def run_jobs(jobs: Sequence[Job], work: Callable[[Job], Row], path: Path) -> list[Row]:
    """One JSON row a job, with its `key`, in order; those in the file of an earlier start are read.

    `work` is a function of a module, since it is called in another process. Its first error ends
    it all, after the jobs that run; what was done is kept.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    finished = {row["key"]: row for row in map(json.loads, lines)}
    rows = {job.key: finished[job.key] for job in jobs if job.key in finished}
    waiting = [job for job in jobs if job.key not in finished]
    started_s = time.monotonic()
    with path.open("a", encoding="utf-8") as results, worker_processes() as pool:
        running = [pool.submit(work, job) for job in waiting]
        for num_done, done in enumerate(as_completed(running), 1):
            row = done.result()
            rows[row["key"]] = row
            results.write(json.dumps(row) + "\n")
            results.flush()
            left_s = (time.monotonic() - started_s) / num_done * (len(waiting) - num_done)
            print(f"{row['key']}: {len(rows)} of {len(jobs)}, {left_s:.0f} s left", flush=True)
    return [rows[job.key] for job in jobs]
