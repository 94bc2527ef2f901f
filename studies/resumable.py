"""Jobs spread over a Ray cluster, or this machine, a result row each, that a later start does not
repeat.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import ray

from skeldpo.connection import connect_ray


class Keyed(Protocol):
    """A job that can be told from others."""

    @property
    def key(self) -> str:
        """Names the job in the file of results; the same job has the same key in every start."""


Job = TypeVar("Job")
KeyedJob = TypeVar("KeyedJob", bound=Keyed)
Result = TypeVar("Result")
Row = dict[str, Any]


def map_jobs(
    jobs: Sequence[Job], work: Callable[[Job], Result], *, use_gpu: bool
) -> Iterator[tuple[Job, Result]]:
    """Each job with its result, as they are done: a CPU with one thread for each, or a GPU.

    `work` is a function of a module, since it is called in another process. Its first error ends
    it all, after the jobs before it.
    """
    if not jobs:
        return
    connect_ray(print)
    task = ray.remote(num_cpus=1, num_gpus=int(use_gpu))(_work)
    places = ray.cluster_resources().get("GPU" if use_gpu else "CPU", 0)
    if places < 1:
        raise RuntimeError("train.use_gpu is set, and the Ray cluster has no GPU")
    waiting = deque(jobs)
    running: dict[Any, Job] = {}
    while waiting or running:
        while waiting and len(running) < 2 * places:  # not all at once: jobs hold their data
            job = waiting.popleft()
            running[task.remote(work, job, use_gpu)] = job
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        yield running.pop(done), ray.get(done)


def _work(work: Callable[[Job], Result], job: Job, use_gpu: bool) -> Result:
    import torch  # takes seconds, and only the workers need it

    if not use_gpu:
        torch.set_num_threads(1)
    return work(job)


def run_jobs(
    jobs: Sequence[KeyedJob], work: Callable[[KeyedJob], Row], path: Path, *, use_gpu: bool = False
) -> list[Row]:
    """One JSON row a job, with its `key`, in order; those in the file of an earlier start are read.

    `work` and its errors are as in `map_jobs`; what was done is kept.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    finished = {row["key"]: row for row in map(json.loads, lines)}
    rows = {job.key: finished[job.key] for job in jobs if job.key in finished}
    waiting = [job for job in jobs if job.key not in finished]
    started_s = time.monotonic()
    with path.open("a", encoding="utf-8") as results:
        for num_done, (_, row) in enumerate(map_jobs(waiting, work, use_gpu=use_gpu), 1):
            rows[row["key"]] = row
            results.write(json.dumps(row) + "\n")
            results.flush()
            left_s = (time.monotonic() - started_s) / num_done * (len(waiting) - num_done)
            print(f"{row['key']}: {len(rows)} of {len(jobs)}, {left_s:.0f} s left", flush=True)
    return [rows[job.key] for job in jobs]
