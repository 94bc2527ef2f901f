"""Jobs whose results are kept: done once, in order, whatever was done before."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray

from studies.resumable import map_jobs, run_jobs


@dataclass(frozen=True)
class Square:
    """A job that leaves a mark whenever it is done."""

    key: str
    folder: str


def square(job: Square) -> dict:
    """Fails for the number 13."""
    number = int(job.key)
    if number == 13:
        raise ValueError("13")
    with Path(job.folder, f"{job.key}.done").open("a") as mark:
        mark.write("x")
    return {"key": job.key, "value": number**2, "process": os.getpid()}


@pytest.fixture(autouse=True)
def cluster() -> Iterator[None]:
    """Two CPUs and no GPU; the workers get this module's functions by value."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.shutdown()  # another test file may have left one
    ray.init(address="local", num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.ray
def test_gpus_that_are_not_there_are_missed_at_once(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no GPU"):
        list(map_jobs([Square(key="1", folder=str(tmp_path))], square, use_gpu=True))


@pytest.mark.ray
def test_jobs_are_done_once_and_rows_stand_in_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    jobs = [Square(key=str(n), folder=str(tmp_path)) for n in (3, 1, 13, 2)]
    with pytest.raises(ValueError, match="13"):
        run_jobs(jobs, square, path)
    kept = [json.loads(line)["key"] for line in path.read_text().splitlines()]
    jobs.pop(2)
    rows = run_jobs(jobs, square, path)
    assert [row["value"] for row in rows] == [9, 1, 4]
    assert rows[0]["process"] != os.getpid()
    assert run_jobs(jobs, square, path) == rows
    for key in kept:
        assert (tmp_path / f"{key}.done").read_text() == "x", "not repeated"
