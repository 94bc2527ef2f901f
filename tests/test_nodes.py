"""Nodes that are lost and nodes that join while a stage runs: said, waited for, used."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from benchmarks.measure_scaling import (
    SECONDS_FILE,
    SleepingMeasurer,
    given_assignments,
    node_arguments,
)
from benchmarks.recorded import make_problem
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.core_use import CORE_USE, CoreUse
from skeldpo.node_watch import NodeWatch, NoNodes, interruptible
from skeldpo.pipeline import Limits, Sandboxes, sample_and_measure
from skeldpo.progress import Progress
from skeldpo.records import Measurement
from skeldpo.store import Store

NUM_PROBLEMS = 36
SECONDS = 0.5


def test_a_lost_node_is_said_once_and_waited_for_up_to_the_limit() -> None:
    now_s = [0.0]
    watch = NodeWatch({"sandbox": 1.0, "GPU": 2.0}, 60.0, clock=lambda: now_s[0])
    all_there = {"sandbox": 8.0, "GPU": 2.0, "CPU": 1.0}
    assert watch.look(all_there) == []
    assert watch.look({**all_there, "sandbox": 4.0}) == [
        "the cluster has 4 of resource sandbox, 8 before"
    ]
    (line,) = watch.look({"sandbox": 4.0, "GPU": 1.0})
    assert "resource GPU is left (one actor takes 2, the cluster has 1)" in line
    now_s[0] = 59.0
    assert watch.look({"sandbox": 4.0, "GPU": 1.0}) == []
    assert watch.look(all_there) == [
        "the cluster has 8 of resource sandbox, 4 before",
        "the cluster has 2 of resource GPU, 1 before",
    ]
    assert len(watch.look({"GPU": 2.0})) == 1
    now_s[0] = 118.0
    assert watch.look({"GPU": 2.0}) == []
    now_s[0] = 119.0
    with pytest.raises(NoNodes, match=r"resource sandbox \(one actor takes 1, the cluster has 0\)"):
        watch.look({"GPU": 2.0})


def test_another_thread_ends_what_the_main_thread_waits_for() -> None:
    def end(interrupt: Callable[[BaseException], None]) -> None:
        time.sleep(0.2)
        interrupt(NoNodes("gone"))

    begun_s = time.monotonic()
    with pytest.raises(NoNodes, match="gone"), interruptible() as interrupt:
        threading.Thread(target=end, args=(interrupt,)).start()
        threading.Event().wait(20)
    assert time.monotonic() - begun_s < 10


class Nodes:
    """A cluster of simulated nodes that sleep where a sandbox would measure."""

    def __init__(self) -> None:
        self._cluster = Cluster(initialize_head=True, head_node_args=node_arguments(0))
        self._nodes: list[Any] = []

    def add(self, num_cores: int) -> None:
        self._nodes.append(self._cluster.add_node(**node_arguments(num_cores)))

    def kill(self) -> None:
        """The node that is there for longest, without a goodbye."""
        self._cluster.remove_node(self._nodes.pop(0), allow_graceful=False)

    def kill_all(self) -> None:
        """All but the head."""
        while self._nodes:
            self.kill()

    def connect(self) -> None:
        self._cluster.wait_for_nodes()
        ray.init(address=self._cluster.address, log_to_driver=False)

    def shutdown(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    ray.shutdown()
    made = Nodes()
    try:
        made.add(1)
        made.add(1)
        made.connect()
        yield made
    finally:
        made.shutdown()


def _measure(
    folder: Path, num_problems: int, at: dict[int, Callable[[], None]], **limits: Any
) -> list[str]:
    """Measures recorded problems; `at` so many done ones something happens to the cluster.
    Returns the lines of what went wrong."""
    assignments = list(given_assignments(num_problems))
    seconds = {asked.problem.problem_id: SECONDS for asked in assignments}
    Store(str(folder)).write_text(SECONDS_FILE, json.dumps(seconds))
    told: list[str] = []

    def follow(progress: Progress) -> None:
        told.extend(progress.faults)
        # Ray starts nodes in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for num_done in [number for number in at if progress.num_done >= number]:
                at.pop(num_done)()

    sample_and_measure(
        assignments,
        engines=None,
        sandboxes=Sandboxes(
            measure=MeasureConfig(), evaluate=EvaluateConfig(), measurer=SleepingMeasurer
        ),
        output=str(folder),
        on_progress=follow,
        limits=Limits(**limits),
    )
    return told


@pytest.mark.ray
def test_a_killed_node_costs_what_it_worked_on_and_a_new_one_is_used(
    nodes: Nodes, tmp_path: Path
) -> None:
    told = _measure(tmp_path, NUM_PROBLEMS, {4: nodes.kill, 8: lambda: nodes.add(3)})
    store = Store(str(tmp_path))
    rows = list(store.iter_records("measurements.parquet", Measurement))
    checked = Counter(row.problem_id for row in rows if row.phase == "check")
    assert list(checked) == [make_problem(number).problem_id for number in range(NUM_PROBLEMS)]
    assert set(checked.values()) == {16}
    uses = Counter(use.host_id for use in store.iter_records(f"{CORE_USE}.parquet", CoreUse))
    assert len(uses) == 3, "two nodes from the beginning, and the one that joined"
    actors = {use.actor_id for use in store.iter_records(f"{CORE_USE}.parquet", CoreUse)}
    assert len(actors) >= 1 + 1 + 3
    # Ray may notice the dead node only after the new one.
    joined = r"the cluster has [45] of resource sandbox_core, [12] before"
    assert any(re.fullmatch(joined, line) for line in told)


@pytest.mark.ray
def test_the_last_node_lost_is_said_and_the_stage_ends_with_what_to_do(
    nodes: Nodes, tmp_path: Path
) -> None:
    lost_s: list[float] = []

    def lose() -> None:
        lost_s.append(time.monotonic())
        nodes.kill_all()

    with pytest.raises(RuntimeError, match=r"came within 3 s \(run.max_node_wait_s\).*Start one"):
        _measure(tmp_path, NUM_PROBLEMS, {4: lose}, max_node_wait_s=3.0)
    assert time.monotonic() - lost_s[0] < 60
    done = Store(str(tmp_path)).part_keys("measurements")
    assert 4 <= len(done) < NUM_PROBLEMS
    nodes.add(2)
    assert _measure(tmp_path, NUM_PROBLEMS, {}) == []
