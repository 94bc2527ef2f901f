"""The training stage under Ray Train: one worker, two, a dead one, and input it must refuse."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sample_records import SAMPLED
from tiny_policy import preference_pair, save_tiny_policy, side, tiny_config, tokens_of
from transformers import AutoModelForCausalLM

ray = pytest.importorskip("ray")

from skeldpo.checkpoints import Checkpoint, load_checkpoint, weights_digest  # noqa: E402
from skeldpo.records import Float32  # noqa: E402
from skeldpo.train import trainer  # noqa: E402
from skeldpo.train.examples import make_examples  # noqa: E402
from skeldpo.train.group import own_cluster_named  # noqa: E402
from skeldpo.train.learners.preferences import DropReason, Preferences  # noqa: E402
from skeldpo.train.loading import load_network  # noqa: E402
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps  # noqa: E402
from skeldpo.train.reference import reference_logps  # noqa: E402
from skeldpo.train.trainer import train_checkpoint  # noqa: E402

PAIRS = [preference_pair(i, "correctness") for i in range(2)]
PAIRS += [preference_pair(i) for i in range(4)]
LONG = preference_pair(9, statement="long " * 100)
WRITTEN = replace(
    SAMPLED,
    prompt_token_ids=(1, 2, 3),
    completion_token_ids=(4, 5),
    completion_logps=(Float32(0.0), Float32(0.0)),
)
"""Certain of tokens that random weights are not certain of: the largest difference there can be."""
TRAIN: dict[str, Any] = {
    "max_sampler_gap_nats": 0.0, "pairs_per_step": 2, "checkpoint_every": 2, "max_failures": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    ray.shutdown()  # that of an earlier test has other resources
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Checkpoint:
    return load_checkpoint(save_tiny_policy(tmp_path_factory.mktemp("start") / "policy"))


def train(
    start: Checkpoint, folder: Path, pairs=(*PAIRS, LONG), output=None, tell=print, **settings
):
    return train_checkpoint(
        config=tiny_config(**{**TRAIN, **settings}),
        rows=pairs,
        start=start,
        candidates=[replace(WRITTEN, model_id=start.model_id)],
        output_folder=str(output or folder / "trained"),
        reference_path=str(folder / "reference.parquet"),
        storage_path=str(folder / "ray"),
        run_name="round-0",
        seed=0,
        tell=tell,
    )


@pytest.fixture(scope="module")
def one_worker(cluster, start, tmp_path_factory):
    """The folder and the result of an undisturbed run on one worker."""
    folder = tmp_path_factory.mktemp("one")
    return folder, train(start, folder)


@pytest.mark.ray
def test_one_worker_and_two_train_the_same_policy(one_worker, start, tmp_path):
    runs = [one_worker, (tmp_path, train(start, tmp_path, num_workers=2))]
    for folder, result in runs:
        assert (result.num_steps, result.num_examples) == (3, 6)
        assert [(row.reason, row.num_rows) for row in result.dropped] == [
            (DropReason.CODE_TOO_LONG.value, 1)
        ]
        assert result.metrics[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
        assert result.checkpoint.model_id == weights_digest(str(folder / "trained"))
        assert result.checkpoint.model_id != start.model_id
        assert "on 6 preference pairs" in Path(folder, "trained", "README.md").read_text()
        assert result.round_metrics["train/changed_weights_share"] > 0.5
        gaps = [result.round_metrics[f"train/sampler_gap_{n}_nats"] for n in ("mean", "max")]
        assert 1 < gaps[0] <= gaps[1]
        loaded = AutoModelForCausalLM.from_pretrained(folder / "trained")
        assert loaded.config.num_hidden_layers == 2
        table = pq.read_table(folder / "reference.parquet").to_pylist()
        assert {row["example_id"] for row in table} == {pair.pair_id for pair in PAIRS}
        assert {row["model_id"] for row in table} == {start.model_id}
        assert [path.name[-11:] for path in folder.glob("ray/round-0-*")] == [".ended.json"]
    losses = [[row["loss"] for row in result.metrics] for _, result in runs]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)


@pytest.mark.ray
def test_training_that_ended_is_found_and_only_that(one_worker, start, monkeypatch):
    """Killed between its last step and the caller's note of it: nothing is trained again."""
    folder, whole = one_worker

    def refuse(*arguments) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(trainer, "_fit", refuse)
    before = weights_digest(str(folder / "trained"))
    told: list[str] = []
    assert train(start, folder, tell=told.append) == whole
    assert told == ["all 3 steps were done before"]
    assert weights_digest(str(folder / "trained")) == before
    with pytest.raises(AssertionError, match="trained again"):
        train(start, folder, output=folder / "elsewhere")
    # Of other examples: what lies in the output folder is not their result, and goes.
    copy = folder / "copy"
    shutil.copytree(folder / "trained", copy)
    with pytest.raises(AssertionError, match="trained again"):
        train(start, folder, pairs=PAIRS[1:], output=copy)
    assert not copy.exists()


@pytest.mark.ray
def test_sampler_that_is_not_the_trainer_ends_the_run_before_the_first_step(
    cluster, start, tmp_path
):
    with pytest.raises(RuntimeError, match="stopped: sampler and trainer differ by .* nats"):
        train(start, tmp_path, max_sampler_gap_nats=0.1)
    assert not (tmp_path / "trained").exists()
    assert not (tmp_path / "reference.parquet").exists()


@pytest.mark.ray
def test_failed_run_is_resumed_from_its_checkpoint_by_the_next_call(one_worker, start, tmp_path):
    """With a file in the place of its parent the output folder cannot be made: the run fails after
    its last step, and the next call goes on from the checkpoint after step 2."""
    blocked = tmp_path / "run"
    blocked.write_text("in the way")
    with pytest.raises(RuntimeError, match="max_failures=0"):
        train(start, tmp_path, output=blocked / "trained", max_failures=0)
    assert len(list(tmp_path.glob("ray/round-0-*/checkpoint_*/progress.json"))) == 1
    blocked.unlink()
    resumed = train(start, tmp_path, output=blocked / "trained")
    assert [row["step"] for row in resumed.metrics] == [0.0, 1.0, 2.0]
    assert [path.name[-11:] for path in tmp_path.glob("ray/round-0-*")] == [".ended.json"]
    losses = [[row["loss"] for row in result.metrics] for result in (resumed, one_worker[1])]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert resumed.checkpoint == replace(one_worker[1].checkpoint, folder=str(blocked / "trained"))


@pytest.mark.ray
def test_killed_worker_is_replaced_and_the_losses_are_those_of_an_undisturbed_run(
    cluster, start, tmp_path
):
    """SIGKILL at the first step's line; 160 steps last longer than the follower needs."""
    settings = {"efficiency_epochs": 80, "correctness_epochs": 0, "checkpoint_every": 10}
    killed: list[int] = []

    def tell(line: str) -> None:
        if not killed and line.startswith("step"):
            killed.extend(train_worker_pids())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    result = train(start, tmp_path, pairs=PAIRS[2:], tell=tell, **settings)
    assert killed
    assert [row["step"] for row in result.metrics] == [float(step) for step in range(160)]
    config = tiny_config(**{**TRAIN, **settings}).train
    tokens = tokens_of(PAIRS[2:], start.folder, tiny_config())
    network = load_network(start.folder, config, 160, seed=0)
    learner = Preferences(config)
    rows = reference_logps(network, learner, tokens, 4096, "")
    alone: list[float] = []
    run_steps(
        network,
        build_optimizer(network, config),
        plan_steps(tokens, learner, seed=0),
        {row.example_id: row for row in rows},
        learner,
        lambda _, metrics: alone.append(metrics["loss"]) is not None,
    )
    assert [row["loss"] for row in result.metrics] == pytest.approx(alone, abs=1e-3)


def train_worker_pids() -> list[int]:
    """Of the Ray Train workers whose raylet this process started (others may run their own)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"TrainWorker" in (folder / "cmdline").read_bytes():
                raylet = parent_of(int(folder.name))
                if parent_of(raylet) == os.getpid():
                    found.append(int(folder.name))
    return found


def parent_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


@pytest.mark.ray
def test_non_finite_loss_names_the_pairs_and_is_not_tried_again(cluster, start, tmp_path):
    with pytest.raises(RuntimeError, match="stopped: step 1: .* for pairs efficiency-"):
        train(start, tmp_path, pairs=PAIRS[2:], learning_rate=1e30, warmup_ratio=0.0)
    assert not (tmp_path / "trained").exists()


def test_dropped_pairs_are_counted_by_reason(start):
    same = replace(preference_pair(8), chosen=side("pass", ""), rejected=side("pass", ""))
    tokenized = make_examples([*PAIRS, LONG, LONG, same], start.folder, tiny_config())
    assert len(tokenized.kept) == len(PAIRS)
    assert {row.reason: row.num_rows for row in tokenized.dropped} == {
        DropReason.CODE_TOO_LONG.value: 2,
        DropReason.SAME_TOKENS.value: 1,
    }


@pytest.mark.ray
def test_nothing_to_train_on_is_refused_with_the_counts(cluster, start, tmp_path):
    with pytest.raises(ValueError, match="nothing to train on: 1 pairs in, 0 usable"):
        train(start, tmp_path, pairs=[LONG])


def test_relative_folder_is_refused(start, tmp_path):
    with pytest.raises(ValueError, match="absolute paths"):
        train(replace(start, folder="policy"), tmp_path)


@pytest.mark.ray
def test_what_ray_train_starts_knows_its_own_cluster(
    cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ray Train's controller makes the actor that asks whether it lives."""
    from ray.train.v2._internal.constants import get_env_vars_to_propagate

    class Asked:
        def address(self) -> str | None:
            return os.environ.get("RAY_ADDRESS")

    class Controller:
        def ask(self) -> str | None:
            return ray.get(ray.remote(Asked).remote().address.remote())

    monkeypatch.setenv("RAY_ADDRESS", "local")
    with own_cluster_named():
        controller = ray.remote(Controller).options(
            runtime_env={"env_vars": get_env_vars_to_propagate()}
        )
    asked = ray.get(controller.remote().ask.remote())
    assert asked == ray.get_runtime_context().gcs_address
    assert os.environ["RAY_ADDRESS"] == "local"
    assert "RAY_ADDRESS" not in get_env_vars_to_propagate()
