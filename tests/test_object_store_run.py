"""A run on an S3 server with real training on a cluster of two nodes; its samples are made by hand.

The start, training and closing stages are `run_rounds`' own: policies go to S3 and come back to the
workers through the cache, and Ray Train keeps its state there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_run import MadeRun
from object_store import BUCKET, ObjectStore, serve_objects
from tiny_policy import preference_pair, save_tiny_policy, tiny_config

ray = pytest.importorskip("ray")

from ray.cluster_utils import Cluster  # noqa: E402

from skeldpo.checkpoints import load_checkpoint, local_folder, weights_digest  # noqa: E402
from skeldpo.config import Config  # noqa: E402
from skeldpo.config_file import parse_config  # noqa: E402
from skeldpo.node_cache import CACHE_VARIABLE  # noqa: E402
from skeldpo.probe import check_storage  # noqa: E402
from skeldpo.records import PreferencePair, ReferenceLogps  # noqa: E402
from skeldpo.rounds import run_rounds  # noqa: E402
from skeldpo.store import Store  # noqa: E402
from skeldpo.tracking import read_metrics  # noqa: E402

pytestmark = [pytest.mark.ray, pytest.mark.slow]
NUM_PAIRS = 6


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield server


@pytest.fixture(scope="module")
def cluster(objects: ObjectStore) -> Iterator[Cluster]:
    """A node for training and one with sandbox cores."""
    ray.shutdown()  # that of an earlier test has other resources
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    made.add_node(num_cpus=1, resources={"sandbox_core": 1})
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def _config(model: str) -> Config:
    values = tiny_config(pairs_per_step=2, checkpoint_every=1).model_dump(mode="json")
    values["run"] |= {"name": "on-s3", "storage": f"s3://{BUCKET}/all"}
    values["policy"]["model"] = model
    values["problems"] |= {"num_train": 12, "families": ["two_sum"]}
    values["evaluate"] |= {"num_bootstrap": 100}
    values["tracking"] |= {"backends": ["tensorboard"]}
    return parse_config(values, "test")


def _sampled(config: Config) -> Store:
    """A run whose programs are written, measured and paired."""
    run = MadeRun(config)
    run.sample_and_evaluate(1, is_training=True)
    pairs = [preference_pair(index) for index in range(NUM_PAIRS)]
    run.store.write_records("round-001/pairs.parquet", PreferencePair, pairs)
    run.finish("pair", 1, NUM_PAIRS, ())
    run.sample_and_evaluate(2, is_training=False)
    return run.store


def test_round_trains_from_s3_to_s3_and_goes_on_from_there(
    cluster: Cluster, objects: ObjectStore, tmp_path: Path
) -> None:
    config = _config(save_tiny_policy(tmp_path / "model"))
    store = _sampled(config)
    lines: list[str] = []
    run_rounds(config, lines.append)
    trained = load_checkpoint(store.location("round-001/policy"))
    assert weights_digest(local_folder(trained)) == trained.model_id
    start = load_checkpoint(store.location("policy-0"))
    assert start.model_id == weights_digest(config.policy.model) != trained.model_id
    assert any("step 3/3" in line for line in lines), lines
    rows = store.read_records("round-001/reference_logps.parquet", ReferenceLogps)
    assert len(rows) == NUM_PAIRS and {row.model_id for row in rows} == {start.model_id}
    steps = [row for row in read_metrics(store) if "loss" in row or "train/loss" in row]
    assert len(steps) == 3 and steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    manifest = store.read_manifest("round-001", "train")
    assert manifest is not None and manifest.num_out == NUM_PAIRS
    assert store.names("tensorboard")
    left = set(store.names("")) - {"round-001", "round-000", "round-002", "policy-0"}
    assert left <= {"config.json", "policy-0.json", "metrics.jsonl", "tensorboard", "probe"}
    assert not store.names("probe") and not store.names("round-001/ray-train")
    num_pushed = sum(method == "PUT" and "policy" in path for method, path in objects.requests)
    again: list[str] = []
    run_rounds(config, again.append)
    assert any("train was finished" in line for line in again)
    assert num_pushed == sum(
        method == "PUT" and "policy" in path for method, path in objects.requests
    )


def test_node_that_cannot_use_storage_is_named(
    cluster: Cluster, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert "cannot be used by 1 of 3 nodes. sandbox node " in said, said
    assert "AWS_ENDPOINT_URL" in said and "What to do" in said
    assert not store.names("probe")
