"""The plan of steps and the main loop, on one process and on two."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from object_store import BUCKET, ObjectStore, serve_objects
from tiny_policy import byte_tokenizer, preference_pair, save_tiny_policy, tiny_config, tokens_of
from torch import distributed, multiprocessing
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.device_mesh import init_device_mesh
from transformers import AutoModelForCausalLM

from skeldpo.checkpoints import load_checkpoint, local_folder
from skeldpo.records import ReferenceLogps
from skeldpo.storage.node_cache import CACHE_VARIABLE
from skeldpo.train.learners.preferences import Preferences
from skeldpo.train.learners.preferences_loss import ANSWERS
from skeldpo.train.loading import load_network
from skeldpo.train.loop import (
    NonFiniteError,
    build_optimizer,
    plan_steps,
    run_steps,
)
from skeldpo.train.network import Network
from skeldpo.train.reference import (
    check_reference,
    load_reference,
    reference_logps,
    save_reference,
)
from skeldpo.train.resume import (
    Progress,
    find_ending,
    load_state,
    save_ending,
    save_state,
)
from skeldpo.train.saving import save_network

pytestmark = pytest.mark.slow

PAIRS = [preference_pair(i, "correctness") for i in range(3)]
PAIRS += [preference_pair(i, skeletons=i != 1) for i in range(5)]
TRAIN: dict[str, Any] = {"pairs_per_step": 3, "efficiency_epochs": 2}
LORA = {"rank": 4, "alpha": 8.0}
QLORA = {**LORA, "load_in_4bit": True}
IMPORTED = ["boto3", "moto.server", "peft", "pytest", "bitsandbytes", "skeldpo.train.saving"]
IMPORTED += ["skeldpo.train.learners.preferences", "transformers.models.qwen2.modeling_qwen2"]
"""What takes long, of all that workers need; tests' own modules are not found there."""


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return save_tiny_policy(tmp_path_factory.mktemp("start") / "policy")


class Run:
    """A policy with all it needs to train on PAIRS."""

    def __init__(self, folder: str, sharded: bool = False, **train: Any) -> None:
        config = tiny_config(**{**TRAIN, **train})
        self.config = config.train
        self.learner = Preferences(config.train)
        self.tokens = tokens_of(PAIRS, folder, config)
        mesh = init_device_mesh("cpu", (distributed.get_world_size(),)) if sharded else None
        self.network: Network = load_network(folder, config.train, 160, seed=1, mesh=mesh)
        rows = reference_logps(self.network, self.learner, self.tokens, 400, "model")
        self.references: dict[str, ReferenceLogps] = {row.example_id: row for row in rows}
        self.optimizer = build_optimizer(self.network, config.train)
        self.steps = plan_steps(self.tokens, self.learner, seed=0)
        self.history: list[dict[str, float]] = []

    def on_step(self, index: int, metrics: dict[str, float]) -> bool:
        self.history.append(metrics)
        return bool(self.learner.reason_to_stop(self.history))

    def train(self, first: int = 0, last: int | None = None) -> list[dict[str, float]]:
        run_steps(
            self.network,
            self.optimizer,
            self.steps[first:last],
            self.references,
            self.learner,
            self.on_step,
        )
        return self.history


def curve(history: list[dict[str, float]]) -> torch.Tensor:
    """(steps, 3): what must not depend on how the work was split."""
    names = ("loss", "code/rewards/margins", "grad_norm")
    return torch.tensor([[row[name] for name in names] for row in history])


def test_correctness_epochs_come_first_and_train_code_only(folder):
    run = Run(folder)
    steps = run.steps
    assert [step.phase for step in steps] == ["correctness"] + ["efficiency"] * 4
    assert [len(step.examples) for step in steps] == [3, 3, 2, 3, 2]
    assert [row["skeleton_weight"] for row in run.train()] == [0.0, 0.7, 0.7, 0.7, 0.7]
    assert not any(pair.has_skeleton for pair in steps[0].examples)


def test_plan_depends_on_seed_and_not_on_the_order_of_pairs(folder):
    run = Run(folder)
    plan = plan_steps(run.tokens, run.learner, 0)
    assert plan_steps(run.tokens[::-1], run.learner, 0) == plan
    assert plan_steps(run.tokens, run.learner, 1) != plan
    epochs = [{p.pair_id for s in plan[i : i + 2] for p in s.examples} for i in (1, 3)]
    assert epochs[0] == epochs[1] == {f"efficiency-{i:02d}" for i in range(5)}
    assert plan[1].examples != plan[3].examples


def test_learning_rate_rises_then_stays(folder):
    run = Run(folder, warmup_ratio=0.5, learning_rate=0.4)
    assert [step.learning_rate for step in run.steps] == [0.2, 0.4, 0.4, 0.4, 0.4]


def test_weight_of_a_pair_multiplies_its_gradient(folder):
    whole, half = Run(folder, max_grad_norm=1e9), Run(folder, max_grad_norm=1e9)
    half.tokens = [replace(pair, weight=0.5) for pair in half.tokens]
    half.steps = plan_steps(half.tokens, half.learner, seed=0)
    ratio = half.train(0, 1)[0]["grad_norm"] / whole.train(0, 1)[0]["grad_norm"]
    assert ratio == pytest.approx(0.5, rel=1e-5)
    assert half.history[0]["loss"] == whole.history[0]["loss"], "the metric is that of the pairs"


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 2 / 3, 1 / 3]),
        ("cosine", [0.5, 1.0, 1.0, 0.75, 0.25]),
    ],
)
def test_schedule_gives_each_step_its_share_of_the_learning_rate(folder, schedule, shares):
    """Two steps of warm-up, then 0, 1 and 2 thirds of the way down: (1 + cos 60) / 2 = 0.75."""
    run = Run(folder, warmup_ratio=0.4, learning_rate=0.4, schedule=schedule)
    rates = [step.learning_rate for step in run.steps]
    assert rates == pytest.approx([0.4 * share for share in shares])


def test_run_ends_early_when_the_chosen_side_collapses(folder):
    """The limit lies between the mean drop of steps 3 to 7 and those of earlier windows."""
    push = {"efficiency_epochs": 6, "correctness_epochs": 0, "learning_rate": 5e-2, "beta": 0.01}
    whole = Run(folder, **push).train()
    drops = [-row["code/rewards/chosen"] / 0.01 for row in whole]
    limit = sum(drops[3:8]) / 5 - 1e-3
    assert limit > max(sum(drops[i : i + 5]) / 5 for i in range(3)) + 1e-3 > 0
    stopped = Run(folder, **push, max_chosen_drop_nats=limit).train()
    torch.testing.assert_close(curve(stopped), curve(whole[:8]), atol=0, rtol=0)


def test_sft_baseline_raises_the_chosen_side_and_needs_no_preference(folder):
    sft = {"loss": "sft", "correctness_epochs": 0, "efficiency_epochs": 4, "skeleton_weight": 0.0}
    history = Run(folder, **sft).train()
    tokens = [len(pair.code_chosen) for pair in Run(folder, **sft).steps[0].examples]
    assert history[0]["loss"] == pytest.approx(history[0]["code/loss"])
    assert history[0]["loss"] > 1.0
    assert history[-1]["code/logps/chosen"] > history[0]["code/logps/chosen"] + min(tokens) / 2


def test_duplicate_pair_is_refused(folder):
    run = Run(folder)
    with pytest.raises(ValueError, match="unique"):
        plan_steps([*run.tokens, run.tokens[0]], run.learner, 0)


def test_step_0_gives_ln_2_and_the_margin_grows(folder):
    history = Run(folder, efficiency_epochs=8, correctness_epochs=0).train()
    assert history[0]["code/loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert history[0]["skeleton/loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert history[0]["loss"] > history[0]["code/loss"]
    for term in ("code", "skeleton"):
        assert history[-1][f"{term}/rewards/margins"] > 0.5
        assert history[-1][f"{term}/loss"] < 0.6
        assert history[-1][f"{term}/rewards/accuracies"] == 1.0


def test_skeletons_change_nothing_at_weight_0(folder):
    without = [replace(pair, chosen=replace(pair.chosen, skeleton=empty(pair))) for pair in PAIRS]
    run, bare = Run(folder, skeleton_weight=0.0), Run(folder, skeleton_weight=0.0)
    bare.steps = plan_steps(tokens_of(without, folder, tiny_config(**TRAIN)), bare.learner, 0)
    torch.testing.assert_close(curve(run.train()), curve(bare.train()), atol=0, rtol=0)
    torch.testing.assert_close(run.network.state_dict(), bare.network.state_dict(), atol=0, rtol=0)
    assert not any(name.startswith("skeleton/") for row in run.history for name in row)


def empty(pair):
    return replace(pair.chosen.skeleton, text="")


@pytest.mark.parametrize("max_tokens_per_forward", [64, 400])
def test_micro_batches_do_not_change_the_result(folder, max_tokens_per_forward):
    """One tree a forward pass, two, and all of a step."""
    whole = Run(folder, max_tokens_per_forward=10_000)
    split = Run(folder, max_tokens_per_forward=max_tokens_per_forward)
    torch.testing.assert_close(curve(split.train()), curve(whole.train()), atol=1e-4, rtol=1e-4)


def test_lora_margin_grows_and_dropout_is_repeatable(folder):
    lora = {**LORA, "dropout": 0.2}
    runs = [Run(folder, lora=lora, efficiency_epochs=6, correctness_epochs=0) for _ in range(2)]
    first, second = (run.train() for run in runs)
    assert first[-1]["code/rewards/margins"] > 0.3
    torch.testing.assert_close(curve(first), curve(second), atol=0, rtol=0)


def test_nan_loss_stops_before_the_step_and_names_the_pairs(folder):
    run = Run(folder)
    broken = run.steps[0].examples[1].pair_id
    run.references[broken] = replace(run.references[broken], logps=(float("nan"), 0.0, 0.0, 0.0))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    with pytest.raises(NonFiniteError, match=f"NaN or infinity for pairs {broken};"):
        run.train()
    torch.testing.assert_close(run.network.state_dict(), before, atol=0, rtol=0)
    assert run.history == []


def test_reference_of_other_weights_is_refused(folder, tmp_path):
    run = Run(folder)
    run.network = load_network(save_tiny_policy(tmp_path / "p", seed=9), run.config, 160, seed=1)
    run.optimizer = build_optimizer(run.network, run.config)
    with pytest.raises(RuntimeError, match="policy and reference must agree"):
        run.train()


def test_pair_without_reference_is_refused(folder):
    run = Run(folder)
    del run.references[run.steps[0].examples[0].pair_id]
    with pytest.raises(ValueError, match="no row for pair"):
        run.train()


def test_reference_table_is_read_back_only_for_its_weights_pairs_and_tokens(folder, tmp_path):
    run = Run(folder)
    path = str(tmp_path / "round" / "reference.parquet")
    assert load_reference(path, run.tokens, "model") == []
    rows = list(run.references.values())
    save_reference(rows[:-1], path)
    assert load_reference(path, run.tokens, "model") == []
    save_reference(rows, path)
    assert load_reference(path, run.tokens, "model") == rows
    assert load_reference(path, run.tokens, "other") == []
    for name in ("code_prompt", "skeleton_prompt", *ANSWERS):
        changed = replace(run.tokens[-1], **{name: (*getattr(run.tokens[-1], name), 7)})
        assert load_reference(path, [*run.tokens[:-1], changed], "model") == [], name


def test_reference_table_without_digests_of_its_tokens_is_made_again(folder, tmp_path):
    run = Run(folder)
    path = tmp_path / "reference.parquet"
    save_reference(list(run.references.values()), str(path))
    table = pq.read_table(path)
    pq.write_table(table.rename_columns({"tokens_id": "tokenizer_id"}), path)
    assert load_reference(str(path), run.tokens, "model") == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_reference_of_other_texts_is_refused_in_every_column(folder, answer):
    run = Run(folder, correctness_epochs=0)
    pair = run.steps[0].examples[0]
    length = len(getattr(pair, answer))
    row = run.references[pair.pair_id]
    logps = list(row.logps)
    logps[ANSWERS.index(answer)] -= 0.2 * length
    run.references[pair.pair_id] = replace(row, logps=tuple(logps))
    with pytest.raises(RuntimeError, match="differ by 0.200 nats a token"):
        run.train()


@pytest.mark.parametrize("answer", ANSWERS)
def test_stored_reference_is_checked_in_every_column_whatever_is_trained_first(folder, answer):
    """The first step is of correctness pairs, without their skeletons."""
    run = Run(folder)
    assert run.steps[0].phase == "correctness"
    rows = [run.references[pair.pair_id] for pair in run.tokens]
    check = partial(
        check_reference, run.network, run.learner, run.tokens, max_tokens_per_forward=400
    )
    check(rows)
    place = next(i for i, pair in enumerate(run.tokens) if pair.has_skeleton)
    logps = list(rows[place].logps)
    logps[ANSWERS.index(answer)] -= 0.2 * len(getattr(run.tokens[place], answer))
    rows[place] = replace(rows[place], logps=tuple(logps))
    pair_id = run.tokens[place].pair_id
    with pytest.raises(RuntimeError, match=f"of pair {pair_id} .*0.200 nats a token"):
        check(rows)


def test_history_of_a_training_is_found_only_with_its_folder(tmp_path):
    path, output = tmp_path / "ended.json", tmp_path / "policy"
    history = [{"step": 0.0, "loss": 0.5}]
    save_ending(history, {"x": 1.0}, str(path))
    assert find_ending(str(path), str(output)) is None
    output.mkdir()
    (output / "config.json").write_text("{}")
    assert find_ending(str(path), str(output)) == {"history": history, "round_metrics": {"x": 1.0}}
    assert find_ending(str(tmp_path / "other.json"), str(output)) is None
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize(
    "train",
    [{}, {"lora": {**LORA, "dropout": 0.1}}, {"lora": QLORA}],
    ids=["full", "lora", "qlora"],
)
def test_resumed_run_repeats_the_uninterrupted_one(folder, tmp_path, train):
    whole = Run(folder, **train)
    whole.train()
    interrupted = Run(folder, **train)
    done = interrupted.train(last=2)
    progress = Progress(next_step=2, history=tuple(done))
    save_state(interrupted.network, interrupted.optimizer, progress, str(tmp_path))
    resumed = Run(folder, **train)
    assert load_state(resumed.network, resumed.optimizer, str(tmp_path)) == progress
    resumed.train(first=2)
    torch.testing.assert_close(curve(resumed.history), curve(whole.history[2:]), atol=0, rtol=0)
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict())


@pytest.mark.parametrize("lora", [LORA, QLORA], ids=["lora", "qlora"])
def test_lora_checkpoint_holds_adapters_and_their_moments_only(folder, tmp_path, lora):
    run = Run(folder, lora=lora)
    progress = Progress(next_step=1, history=tuple(run.train(last=1)))
    save_state(run.network, run.optimizer, progress, str(tmp_path))
    names = FileSystemReader(tmp_path).read_metadata().state_dict_metadata.keys()
    values = [name for name in names if "param_groups" not in name]
    assert [name for name in values if name.startswith("policy.")]
    assert [name for name in values if name.endswith("exp_avg_sq")]
    assert all("lora_" in name for name in values)


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 server, which workers find by their environment."""
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield server


def one_of_many(  # noqa: PLR0913
    rank: int, num_workers: int, folder: str, shared: str, train: dict[str, Any], environment: Any
) -> None:
    """A worker: 2 steps, a checkpoint, the other steps, and the saved policy."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    store = f"file://{shared}/rendezvous"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=num_workers)
    run = Run(folder, sharded=True, **train)
    run.train(last=2)
    progress = Progress(next_step=2, history=tuple(run.history))
    save_state(run.network, run.optimizer, progress, f"{shared}/checkpoint")
    run.train(first=2)
    torch.save((run.history, run.references), f"{shared}/history-{rank}.pt")
    save_network(run.network, byte_tokenizer(), f"{shared}/trained", "")
    save_network(run.network, byte_tokenizer(), f"s3://{BUCKET}/{Path(shared).name}", "")
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_workers", "train"),
    [
        (2, {"max_tokens_per_forward": 130}),  # in pieces, more on one worker than on the other
        (4, {}),
        (2, {"lora": LORA}),
        (2, {"lora": QLORA}),
        (2, {"cpu_offload": True}),
    ],
    ids=["2-pieces", "4", "2-lora", "2-qlora", "2-offload"],
)
def test_shards_equal_one_process_and_their_checkpoint_resumes_on_one(
    folder, tmp_path, objects, num_workers, train
):
    # Of a process that has imported these once; its environment may be that of an earlier server.
    multiprocessing.set_forkserver_preload(IMPORTED)
    arguments = (num_workers, folder, str(tmp_path), train, dict(os.environ))
    multiprocessing.start_processes(
        one_of_many, args=arguments, nprocs=num_workers, start_method="forkserver"
    )
    pushed = load_checkpoint(f"s3://{BUCKET}/{tmp_path.name}")
    assert load_checkpoint(local_folder(pushed)).model_id == pushed.model_id
    assert pushed.model_id == load_checkpoint(str(tmp_path / "trained")).model_id
    alone = Run(folder, **train)
    alone.train()
    for rank in range(num_workers):
        history, references = torch.load(tmp_path / f"history-{rank}.pt", weights_only=False)
        torch.testing.assert_close(curve(history), curve(alone.history), atol=1e-4, rtol=1e-4)
        for pair_id, row in references.items():
            assert row.logps[0] == pytest.approx(alone.references[pair_id].logps[0], 1e-5)
    save_network(alone.network, byte_tokenizer(), str(tmp_path / "alone"), "")
    weights = [
        AutoModelForCausalLM.from_pretrained(tmp_path / name).state_dict()
        for name in ("trained", "alone")
    ]
    torch.testing.assert_close(*weights, atol=1e-3, rtol=1e-3)
    resumed = Run(folder, **train)
    progress = load_state(resumed.network, resumed.optimizer, str(Path(tmp_path, "checkpoint")))
    assert progress.next_step == 2
    resumed.train(first=2)
    torch.testing.assert_close(curve(resumed.history), curve(history[2:]), atol=1e-3, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "train",
    [{}, {"lora": {**LORA, "target_modules": ["q_proj", "lm_head", "embed_tokens"]}}],
    ids=["full", "lora"],
)
def test_shards_of_a_model_with_two_ends_equal_one_process(tmp_path, objects, train):
    folder = save_tiny_policy(tmp_path / "start", tied=False)
    test_shards_equal_one_process_and_their_checkpoint_resumes_on_one(
        folder, tmp_path, objects, 2, train
    )
