"""Processes that are lost where Ray Train starts no workers again: while they are made ready, and
its controller's own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import ray.train

from skeldpo.config import TrainConfig
from skeldpo.train.group import fit_workers

pytestmark = pytest.mark.ray
TOLD = "a training process was lost; the workers are started again"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.shutdown()
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    ours = sys.modules[__name__]  # workers do not find this folder
    ray.cloudpickle.register_pickle_by_value(ours)
    yield
    ray.cloudpickle.unregister_pickle_by_value(ours)
    ray.shutdown()


class Deadly:
    """Kills the worker that unpickles it, so many times."""

    def __init__(self, folder: Path, num_times: int) -> None:
        self.folder, self.num_times = folder, num_times

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        is_worker = "RayTrainWorker" in Path("/proc/self/cmdline").read_text()
        died = len(list(self.folder.glob("died-*")))
        if is_worker and died < self.num_times:
            (self.folder / f"died-{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def siblings() -> list[int]:
    """Processes that the same raylet has started."""
    found = Path(f"/proc/{os.getppid()}/task").glob("*/children")
    return [int(each) for path in found for each in path.read_text().split()]


def fit(
    folder: Path, num_deaths: int = 0, kills_controller: bool = False, max_failures: int = 1
) -> list[str]:
    """What was told."""
    told: list[str] = []
    deadly = Deadly(folder, num_deaths)

    def work(_: dict[str, Any]) -> dict[str, Any]:
        if kills_controller and not (folder / "killed").exists():
            (folder / "killed").touch()
            for each in siblings():
                if b"::TrainController" in Path(f"/proc/{each}/cmdline").read_bytes():
                    os.kill(each, signal.SIGKILL)
            signal.pause()
        (deadly.folder / "worked").touch()
        return {}

    train = TrainConfig(
        beta=0.1,
        skeleton_weight=0.5,
        learning_rate=1e-3,
        num_workers=1,
        max_failures=max_failures,
    )
    fit_workers(work, {}, train, (str(folder / "ray-train"), "made"), 60.0, told.append)
    return told


def test_a_worker_that_is_lost_while_it_is_made_ready_is_replaced(
    cluster: None, tmp_path: Path
) -> None:
    assert fit(tmp_path, num_deaths=1) == [TOLD]
    assert (tmp_path / "worked").exists()


def test_one_that_is_lost_too_often_ends_the_training(cluster: None, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="more than train.max_failures=0 times") as raised:
        fit(tmp_path, num_deaths=9, max_failures=0)
    assert "the same command goes on from there" in str(raised.value)
    assert len(list(tmp_path.glob("died-*"))) == 1


def test_a_controller_that_is_lost_is_replaced(cluster: None, tmp_path: Path) -> None:
    assert fit(tmp_path, kills_controller=True) == [TOLD]
    assert (tmp_path / "worked").exists()
