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
from ray.util import placement_group_table
from tiny_policy import KEPT_CHECKPOINT, preference_pair, save_tiny_policy, tiny_config

from benchmarks.measure_scaling import (
    SECONDS_FILE,
    SleepingMeasurer,
    given_assignments,
    node_arguments,
)
from benchmarks.recorded import (
    WRITTEN,
    RecordedEngine,
    make_assignment,
    make_problem,
    written_by,
)
from skeldpo.accounts.core_use import CORE_USE, CoreUse
from skeldpo.accounts.progress import Progress
from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.node_watch import Need, Node, NodeWatch, NoNodes, interruptible
from skeldpo.periodic import every
from skeldpo.pipeline import Engines, Limits, Sandboxes, sample_and_measure
from skeldpo.probe import check_storage
from skeldpo.records import Measurement
from skeldpo.rounds.alive import Running, RunNote, read_running
from skeldpo.rounds.lease import driving, read_driver
from skeldpo.storage.store import Store
from skeldpo.train.group import GroupWatch, Wanted
from skeldpo.train.trainer import TrainResult, train_checkpoint

NUM_PROBLEMS = 36
SECONDS = 0.5
NOTICED = {"health_check_period_ms": 500}
"""That a node is gone Ray notices at the fifth check that it does not answer."""


def make_node(name: str, is_alive: bool = True, **resources: float) -> Node:
    return Node(
        node_id=name,
        name=name,
        is_alive=is_alive,
        resources=resources if is_alive else {},
        death="" if is_alive else "its machine has no power",
    )


def test_a_lost_node_is_named_once_and_waited_for_up_to_the_limit() -> None:
    now_s = [0.0]
    needs = {
        "sandbox actor": Need(resources={"sandbox": 1.0}),
        "engine": Need(resources={"GPU": 2.0, "CPU": 1.0}),
    }
    watch = NodeWatch(needs, 60.0, clock=lambda: now_s[0])
    head = make_node("head", sandbox=4.0, GPU=1.0, CPU=4.0)
    other = make_node("other", sandbox=4.0, GPU=2.0, CPU=1.0)
    gone = make_node("other", is_alive=False)
    assert watch.look([head, other]) == []
    lost, less, waits = watch.look([head, gone])
    assert lost == "node other is gone: its machine has no power"
    assert less == "the cluster has room for 4 sandbox actors, 8 before"
    # Not of the GPUs of two nodes.
    assert waits.startswith("no room for one engine (which takes 2 GPU and 1 CPU of a node; there ")
    assert watch.missing == {"engine"}
    now_s[0] = 59.0
    assert watch.look([head, gone]) == watch.look([]) == []
    back = make_node("back", GPU=2.0, CPU=1.0)
    assert watch.look([head, gone, back]) == [
        "node back has joined",
        "the cluster has room for 1 engines, 0 before",
    ]
    assert watch.missing == frozenset()
    last = make_node("head", is_alive=False)
    assert len(watch.look([last, back])) == 2
    now_s[0] = 118.0
    assert watch.look([last, back]) == []
    now_s[0] = 119.0
    late = make_node("late", CPU=1.0)
    assert watch.look([last, back, late]) == ["node late has joined"]
    with pytest.raises(NoNodes, match=r"one sandbox actor .* came within 60 s .*; lost meanwhile: "
                       "other: its machine has no power; head: its m.*Start one"):  # fmt: skip
        watch.look([last, back, late])


def test_training_workers_that_wait_for_room_are_said_and_waited_for_up_to_the_limit() -> None:
    now_s = [0.0]
    wanted = Wanted(num_workers=2, resources={"CPU": 1.0})
    watch = GroupWatch(wanted, 60.0, clock=lambda: now_s[0])
    nodes = [make_node("head", CPU=1.0), make_node("other", CPU=1.0)]
    free = {"CPU": 0.0}

    def groups(*states: str) -> dict[str, dict[str, Any]]:
        ours = {0: {"CPU": 1.0}, 1: {"CPU": 1.0}}
        found = {str(n): {"state": state, "bundles": ours} for n, state in enumerate(states)}
        return {**found, "another's": {"state": "PENDING", "bundles": {0: {"CPU": 1.0}}}}

    assert watch.look(nodes, groups("CREATED"), free) == []
    nodes[1] = make_node("other", is_alive=False)
    lost, waits = watch.look(nodes, groups("RESCHEDULING"), free)
    assert lost.startswith("node other is gone")
    assert "2 training workers at the same time (each takes 1 CPU of a node; 0 of 1 CPU free)" in (
        waits
    )
    now_s[0] = 59.0
    assert watch.look(nodes, groups("REMOVED", "PENDING"), free) == []
    assert watch.look(nodes, groups("REMOVED", "CREATED"), free) == []
    assert len(watch.look(nodes, groups("PENDING"), free)) == 1
    now_s[0] = 119.0
    nodes[0] = make_node("head", is_alive=False)
    (lost,) = watch.look(nodes, groups("PENDING"), free)
    assert lost.startswith("node head is gone"), "told before the wait ends"
    with pytest.raises(NoNodes, match="2 training workers .* came within 60 s .*lost meanwhile: o"):
        watch.look(nodes, groups("PENDING"), free)


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
        # The driver's node runs no actor that takes a CPU or core.
        head = {**node_arguments(0), "num_cpus": 0, "_system_config": NOTICED}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._nodes: list[Any] = []

    def add(self, num_cores: int) -> None:
        self._nodes.append(self._cluster.add_node(**node_arguments(num_cores)))

    def kill(self) -> None:
        """The node that is there for longest, without a goodbye."""
        self._cluster.remove_node(self._nodes.pop(0), allow_graceful=False)

    def kill_that(self, node_id: str) -> None:
        """The node of an id."""
        (node,) = [each for each in self._nodes if each.node_id == node_id]
        self._nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_all(self) -> None:
        """All but the head."""
        while self._nodes:
            self.kill()

    def have(self, num_nodes: int) -> None:
        """So many nodes with a CPU and a sandbox core each, beside the head."""
        while len(self._nodes) > num_nodes:
            self.kill()
        while len(self._nodes) < num_nodes:
            self.add(1)
        self._cluster.wait_for_nodes()

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
    folder: Path,
    num_problems: int,
    at: dict[int, Callable[[], None]],
    engines: Engines | None = None,
    note: RunNote | None = None,
    **limits: Any,
) -> list[str]:
    """Measures recorded problems, which `engines` write for, if there are any; `at` so many done
    ones something happens to the cluster. Returns the lines of what went wrong."""
    assignments = list(given_assignments(num_problems))
    if engines is not None:
        assignments = [make_assignment(make_problem(number)) for number in range(num_problems)]
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
        engines=engines,
        sandboxes=Sandboxes(
            measure=MeasureConfig(), evaluate=EvaluateConfig(), measurer=SleepingMeasurer
        ),
        output=str(folder),
        on_progress=note.following(follow) if note else follow,
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
    joined = r"the cluster has room for [45] sandbox actors, [12] before"
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


@pytest.mark.ray
def test_a_node_that_is_lost_while_storage_is_probed_is_no_fault_of_it(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.have(2)
    real, killed = ray.nodes, [*ray.nodes()]

    def nodes_before() -> list[Any]:
        monkeypatch.setattr(ray, "nodes", real)
        nodes.kill()
        return killed

    monkeypatch.setattr(ray, "nodes", nodes_before)
    check_storage(Store(str(tmp_path)))
    assert ray.nodes is real and not list(tmp_path.iterdir())


ENGINES = Engines(
    checkpoint=Checkpoint(folder="", model_id="made"),
    prompting=PolicyConfig(model="made"),
    generate=GenerateConfig(),
    engine=RecordedEngine,
)
NUM_WRITTEN_FOR = 20


def _engine_node(folder: Path) -> str:
    """The id of the node where a problem was written for last."""
    files = sorted((folder / WRITTEN).iterdir(), key=lambda file: file.stat().st_mtime)
    return files[-1].name.rpartition("-")[2]


def _require_whole(folder: Path) -> None:
    """Each problem was written for once, and has a verdict of each program."""
    store = Store(str(folder))
    keys = [make_problem(number).problem_id for number in range(NUM_WRITTEN_FOR)]
    assert sorted(key for key, _ in written_by(store)) == sorted(keys)
    rows = list(store.iter_records("measurements.parquet", Measurement))
    checked = Counter(row.problem_id for row in rows if row.phase == "check")
    assert list(checked) == keys and set(checked.values()) == {16}


@pytest.mark.ray
def test_an_engine_that_dies_with_its_node_goes_on_elsewhere(nodes: Nodes, tmp_path: Path) -> None:
    """The driver is on a node where no actor is: it holds the run and tells of it all the same."""
    nodes.have(2)
    store = Store(str(tmp_path))
    seen: list[Running] = []
    beats: list[int] = []
    lost: list[str] = []

    def look() -> None:
        driver, running = read_driver(store), read_running(store)
        beats.append(driver.beat if driver else -1)
        seen.extend([running] if running else [])

    def lose() -> None:
        lost.append(_engine_node(tmp_path))
        nodes.kill_that(lost[0])

    with driving(store, lambda line: None), RunNote(store, lambda line: None) as note:
        note.begin("sample", 1)
        with every(1.0, look):
            told = _measure(tmp_path, NUM_WRITTEN_FOR, {4: lose}, ENGINES, note=note)
    _require_whole(tmp_path)
    writers = {node for _, node in written_by(store)}
    assert len(writers) == 2 and ray.get_runtime_context().get_node_id() not in writers
    assert any(f"id {lost[0][:8]}) is gone" in line for line in told), told
    assert beats[-1] > beats[0] >= 0
    assert seen[-1].num_done > 4 and seen[-1].num_engines == seen[-1].num_engines_ready == 1


@pytest.mark.ray
def test_the_last_node_of_the_engines_is_named_and_waited_for(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1)
    with pytest.raises(RuntimeError, match=r"no room for one .* lost meanwhile: .*id .*Start one"):
        _measure(tmp_path, NUM_WRITTEN_FOR, {4: nodes.kill_all}, ENGINES, max_node_wait_s=3.0)
    before = written_by(Store(str(tmp_path)))
    assert 4 <= len(before) < NUM_WRITTEN_FOR
    nodes.have(1)
    assert _measure(tmp_path, NUM_WRITTEN_FOR, {}, ENGINES) == []
    _require_whole(tmp_path)
    assert set(before) < set(written_by(Store(str(tmp_path))))


@pytest.mark.ray
def test_training_workers_that_die_with_their_nodes(nodes: Nodes, tmp_path: Path) -> None:
    """One of three nodes: training goes on with the two others. One of these: it waits for room,
    ends with what to do, and the next call goes on from the checkpoint."""
    nodes.have(3)
    start = load_checkpoint(save_tiny_policy(tmp_path / "policy"))
    settings: dict[str, Any] = {
        "max_sampler_gap_nats": 0.0, "pairs_per_step": 2, "checkpoint_every": 10,
        "max_failures": 2, "efficiency_epochs": 100, "num_workers": 2,
    }  # fmt: skip
    config = tiny_config(**settings)
    # Longer than Ray takes to notice that a node is gone.
    limits = config.run.model_copy(update={"max_node_wait_s": 10.0})
    config = config.model_copy(update={"run": limits})
    told: list[str] = []
    lost: list[str] = []
    lost_at: list[float] = []

    def steps() -> list[int]:
        return [int(found[1]) for line in told if (found := re.match(r"step (\d+)/200", line))]

    def went_on() -> bool:
        """No worker is started again within two seconds."""
        found = (tmp_path / "ray").glob(KEPT_CHECKPOINT)
        return any(file.stat().st_mtime > lost_at[0] + 2 for file in found)

    def kill() -> None:
        """A worker's node as soon as there is a step; another as soon as there is a checkpoint of
        those that were started then."""
        is_time = went_on() if lost else bool(steps())
        placed = [row for row in placement_group_table().values() if row["state"] == "CREATED"]
        if len(lost) == 2 or not (is_time and placed):
            return
        own = set(placed[0]["bundles_to_node_id"].values())
        if own.isdisjoint(lost):
            lost.append(min(own))
            nodes.kill_that(lost[-1])
            lost_at.append(time.time())

    def train() -> TrainResult:
        return train_checkpoint(
            config=config,
            rows=[preference_pair(index) for index in range(4)],
            start=start,
            output_folder=str(tmp_path / "trained"),
            reference_path=str(tmp_path / "reference.parquet"),
            storage_path=str(tmp_path / "ray"),
            run_name="round-1",
            seed=0,
            tell=told.append,
        )

    expected = r"room for 2 training workers .* within 10 s .*lost meanwhile: "
    with pytest.raises(RuntimeError, match=expected), every(0.3, kill):
        train()
    assert len(lost) == 2
    for node_id in lost:
        assert any(f"id {node_id[:8]}) is gone" in line for line in told), told
    assert any(line.startswith("no room for 2 training workers at the same") for line in told)
    told.clear()
    nodes.have(2)
    result = train()
    assert [row["step"] for row in result.metrics] == [float(step) for step in range(200)]
    assert steps()[0] > 10, "it begins at the checkpoint"
    assert result.metrics[-1]["loss"] < result.metrics[0]["loss"]
