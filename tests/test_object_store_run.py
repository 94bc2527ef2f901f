"""A run on an S3 server, killed twice: its programs and their measurements are recorded, all else
is a run's own, with training in Ray's workers.

Policies go to S3 and come back to the workers through the cache, and Ray Train keeps its state
there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_run import make_problem, sample_heldout, sample_training
from object_store import BUCKET, ObjectStore, serve_objects
from tiny_policy import save_tiny_policy, tiny_config

ray = pytest.importorskip("ray")

from ray.cluster_utils import Cluster  # noqa: E402

from skeldpo.checkpoints import load_checkpoint, local_folder, weights_digest  # noqa: E402
from skeldpo.config import Config  # noqa: E402
from skeldpo.config.toml_file import parse_config  # noqa: E402
from skeldpo.probe import check_storage  # noqa: E402
from skeldpo.records import (  # noqa: E402
    Assignment,
    Candidate,
    Measurement,
    Outcome,
    ReferenceLogps,
)
from skeldpo.report.page import write_report  # noqa: E402
from skeldpo.report.summary import summarize_run  # noqa: E402
from skeldpo.rounds import driver, lease  # noqa: E402
from skeldpo.rounds.driver import run_rounds  # noqa: E402
from skeldpo.rounds.stages import Stages  # noqa: E402
from skeldpo.rounds.tracking import read_metrics  # noqa: E402
from skeldpo.storage.node_cache import CACHE_VARIABLE  # noqa: E402
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, Store  # noqa: E402

pytestmark = [pytest.mark.ray, pytest.mark.slow]
NUM_TRAIN, NUM_HELD_OUT = 4, 2
NUM_STARTS = 3
"""Ray gives its processes 30 s, which a busy machine may need more of."""


class KilledError(BaseException):
    """The end of the process, as the rest of the program sees it: it does not."""


class Recorded:
    """In the place of engines and sandboxes: commits rows problem by problem, as they do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.num_until_killed = 10**9

    def sample_and_measure(
        self, assignments: Iterable[Assignment], *, engines: Any, output: str, **_: Any
    ) -> None:
        store, keys = Store(output), []
        for asked in assignments:
            key = asked.problem.problem_id
            keys.append(key)
            if store.has_part(MEASUREMENTS, key):
                continue
            if len(self.done) == self.num_until_killed:
                raise KilledError
            make = sample_heldout if asked.purpose == "evaluate" else sample_training
            candidates, rows = make(asked.problem, asked.round_index, random.Random(key))
            author = engines.checkpoint.model_id
            candidates = [replace(c, model_id=author) if c.model_id else c for c in candidates]
            rows = [
                row if row.outcome.is_verdict else replace(row, outcome=Outcome.WRONG_ANSWER)
                for row in rows
            ]
            store.write_part(CANDIDATES, key, Candidate, candidates)
            store.write_part(MEASUREMENTS, key, Measurement, rows)
            self.done.append((output.rpartition("/")[2], key))
        store.join_parts(CANDIDATES, Candidate, keys)
        store.join_parts(MEASUREMENTS, Measurement, keys)


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield server


@pytest.fixture(scope="module")
def cluster(objects: ObjectStore) -> Iterator[Cluster]:
    """One node, which has the server's address."""
    ray.shutdown()  # that of an earlier test has not
    made = Cluster()
    for start in range(NUM_STARTS):
        try:
            made.add_node(num_cpus=2, resources={"sandbox_core": 1}, include_dashboard=False)
            break
        except Exception:  # Ray's own are bare ones
            made.shutdown()
            if start == NUM_STARTS - 1:
                raise
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    problems = [make_problem(f"train-{i}", "train") for i in range(NUM_TRAIN)]
    problems += [make_problem(f"held-{i}", "heldout_variant") for i in range(NUM_HELD_OUT)]
    made = Recorded()
    monkeypatch.setattr(lease, "SETTLE_S", 0.1)
    monkeypatch.setattr(driver, "load_problems", lambda *_: problems)
    monkeypatch.setattr(driver, "sample_and_measure", made.sample_and_measure)
    return made


def _config(model: str) -> Config:
    values = tiny_config(pairs_per_step=8, checkpoint_every=1).model_dump(mode="json")
    values["run"] |= {"name": "on-s3", "storage": f"s3://{BUCKET}/all"}
    values["policy"] |= {"model": model, "max_model_tokens": 1024}
    values["problems"] |= {"num_train": NUM_TRAIN}
    values["generate"] |= {"programs": "policy", "num_samples": 5}
    values["evaluate"] |= {"num_bootstrap": 100}
    values["tracking"] |= {"backends": ["tensorboard"]}
    return parse_config(values, "test")


def _num_pushed(objects: ObjectStore) -> int:
    return sum(method == "PUT" and "/policy" in path for method, path in objects.requests)


def test_run_on_s3_is_killed_twice_and_goes_on_from_there(
    cluster: Cluster,
    objects: ObjectStore,
    recorded: Recorded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = _config(save_tiny_policy(tmp_path / "model"))
    store = Store(f"s3://{BUCKET}/all/on-s3")
    lines: list[str] = []
    recorded.num_until_killed = 3
    with pytest.raises(KilledError):
        run_rounds(config, lines.append)
    assert len(store.part_keys(f"round-001/{MEASUREMENTS}")) == 3
    assert not store.exists(f"round-001/{MEASUREMENTS}.parquet")
    start = load_checkpoint(store.location("policy-0"))
    assert start.model_id == weights_digest(config.policy.model)

    recorded.num_until_killed = 10**9
    finish = Stages.finish

    def killed(stages: Stages, stage: Any, *given: Any) -> None:
        if stage.name == "train":
            raise KilledError
        finish(stages, stage, *given)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Stages, "finish", killed)
        run_rounds(config, lines.append)
    assert any("step 1/" in line for line in lines), lines
    trained = load_checkpoint(store.location("round-001/policy"))
    assert weights_digest(local_folder(trained)) == trained.model_id != start.model_id
    num_pushed = _num_pushed(objects)

    run_rounds(config, lines.append)
    assert any("steps were done before" in line for line in lines), lines
    assert _num_pushed(objects) == num_pushed, "what was trained is not trained again"
    assert len(recorded.done) == len(set(recorded.done)) == NUM_TRAIN + 2 * NUM_HELD_OUT
    rows = store.read_records("round-001/reference_logps.parquet", ReferenceLogps)
    assert rows and {row.model_id for row in rows} == {start.model_id}
    steps = [row for row in read_metrics(store) if "loss" in row]
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert not summarize_run(store).missing
    write_report(store)
    assert "<table" in store.read_text("report.html")
    assert store.names("tensorboard")
    assert not store.names("probe") and not store.names("round-001/ray-train")
    assert not store.exists(lease.FILE)

    again: list[str] = []
    run_rounds(config, again.append)
    assert any("train was finished" in line for line in again)
    assert len(recorded.done) == NUM_TRAIN + 2 * NUM_HELD_OUT
    assert _num_pushed(objects) == num_pushed


def test_node_that_cannot_use_storage_is_named(cluster: Cluster, objects: ObjectStore) -> None:
    store = Store(f"s3://{BUCKET}/probed")
    check_storage(store)
    apart = cluster.add_node(
        num_cpus=1,
        resources={"sandbox_core": 1},
        env_vars={"AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
    )
    cluster.wait_for_nodes()
    try:
        with pytest.raises(RuntimeError) as raised:
            check_storage(store)
    finally:
        cluster.remove_node(apart)
    said = str(raised.value)
    assert "cannot be used by 1 of 2 nodes. sandbox node " in said, said
    assert "AWS_ENDPOINT_URL" in said and "What to do" in said
    assert not store.names("probe")
