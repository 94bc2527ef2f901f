"""From round to round: what was trained is what the next round starts from, to the last bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_policy import (
    answer_logps,
    byte_tokenizer,
    preference_pair,
    save_tiny_policy,
    tiny_config,
    tokens_of,
    trees_of,
)
from transformers import AutoModelForCausalLM

from skeldpo.train.learners.preferences import Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.network import Network
from skeldpo.train.reference import reference_logps
from skeldpo.train.saving import Saved, save_network
from skeldpo.train.start import ADAPTER_FOLDER, MASTERS_FOLDER, find_start

pytestmark = pytest.mark.slow

LORA = {"rank": 4, "alpha": 8.0}
PAIRS = [preference_pair(i) for i in range(3)]
NUM_ROUNDS = 3


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> str:
    """A model whose files are bfloat16."""
    folder = tmp_path_factory.mktemp("start")
    whole = save_tiny_policy(folder / "whole")
    AutoModelForCausalLM.from_pretrained(whole, dtype=torch.bfloat16).save_pretrained(folder / "p")
    byte_tokenizer().save_pretrained(folder / "p")
    return str(folder / "p")


def settings(learning_rate: float, lora: dict[str, Any] | None = None) -> Any:
    return tiny_config(
        pairs_per_step=3, learning_rate=learning_rate, lora=lora, weight_decay=0.0
    ).train


def train_round(network: Network, config: Any, folder: str) -> None:
    """One step a round from a fresh reference, as the trainer does it."""
    tokens = tokens_of(PAIRS, folder, tiny_config())
    learner = Preferences(config)
    rows = reference_logps(network, learner, tokens, 400, "model")
    run_steps(
        network,
        build_optimizer(network, config),
        plan_steps(tokens, learner, seed=0),
        {row.example_id: row for row in rows},
        learner,
        lambda *_: False,
    )


def trained(network: Network) -> dict[str, torch.Tensor]:
    return {
        name: value.detach().clone()
        for name, value in network.named_parameters()
        if value.requires_grad
    }


def rounds(start: str, folder: Path, config: Any, *, forget: bool = False) -> tuple[Network, Saved]:
    """Each in a network of its own; what is kept beside the served weights is lost if `forget`."""
    policy = start
    for index in range(NUM_ROUNDS):
        network = load_network(policy, config, 160, seed=index, base="" if forget else start)
        train_round(network, config, start)
        policy = str(folder / f"round-{index + 1}")
        saved = save_network(network, byte_tokenizer(), policy, "", "org/model")
        if forget:
            shutil.rmtree(Path(policy, MASTERS_FOLDER), ignore_errors=True)
    return load_network(policy, config, 160, seed=9, base="" if forget else start), saved


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_rounds_of_tiny_steps_are_one_unbroken_training(start, tmp_path, lora):
    """The served weights are bfloat16 and a step of 1e-5 moves none of them by half a unit in the
    last place: three rounds on them alone end where they began."""
    config = settings(1e-5, lora)
    unbroken = load_network(start, config, 160, seed=0)
    before = trained(unbroken)
    for _ in range(NUM_ROUNDS):
        train_round(unbroken, config, start)
    network, _ = rounds(start, tmp_path, config)
    expected, got = trained(unbroken), trained(network)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(got[name], value), name
    assert any(not torch.equal(value, before[name]) for name, value in expected.items())
    tokens = tokens_of(PAIRS, start, tiny_config())
    with torch.no_grad():
        moved = answer_logps(network, trees_of(tokens))
        assert torch.equal(moved, answer_logps(unbroken, trees_of(tokens)))
    if lora is None:
        forgetful, saved = rounds(start, tmp_path / "forget", config, forget=True)
        lost = [(trained(forgetful)[n] - before[n]).norm() for n in expected]
        asked = [(value - before[n]).norm() for n, value in expected.items()]
        share = float(torch.stack(lost).norm() / torch.stack(asked).norm())
        print(f"without masters {share:.1%} of the way; {saved}")
        assert share < 0.5 or share > 2, "rounding loses the steps, or adds its own"


def test_adapter_of_the_last_round_is_one_on_the_first_model(start, tmp_path):
    """PEFT loads it on the model that the run began with; merged in fp32 it is what is served."""
    config = settings(1e-2, LORA)
    network, saved = rounds(start, tmp_path, config)
    last = tmp_path / f"round-{NUM_ROUNDS}"
    about = json.loads((last / ADAPTER_FOLDER / "adapter_config.json").read_text())
    assert about["base_model_name_or_path"] == "org/model"
    base = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, last / ADAPTER_FOLDER)
    values = adapted.get_base_model().state_dict()
    for name, value in trained(network).items():
        assert torch.equal(values[name.removeprefix("causal_lm.")], value), name
    merged = adapted.merge_and_unload().to(torch.bfloat16).state_dict()
    served = load_file(last / "model.safetensors")
    for name, value in served.items():
        assert torch.equal(value, merged[name]), name
    assert 0 < saved.num_changed < saved.num_weights == sum(v.numel() for v in served.values())


def test_dropout_of_an_adapter_that_is_trained_on_is_not_a_wrong_reference(start, tmp_path):
    lora = {**LORA, "dropout": 0.5}
    config = settings(3e-2, lora)
    network, _ = rounds(start, tmp_path, config)
    assert any(bool(value.any()) for name, value in trained(network).items() if "lora_B" in name)


def test_start_of_a_round_is_said_by_its_folders(start, tmp_path):
    policy = tmp_path / "policy"
    shutil.copytree(start, policy)
    assert find_start(str(policy), start, lora=False).masters == ""
    (policy / MASTERS_FOLDER).mkdir()
    found = find_start(str(policy), start, lora=False)
    assert (found.model, found.masters) == (str(policy), str(policy / MASTERS_FOLDER))
    assert find_start(start, start, lora=True).adapter == ""
    with pytest.raises(ValueError, match="has no adapter/, so the adapter of the rounds before"):
        find_start(str(policy), start, lora=True)
    (policy / ADAPTER_FOLDER).mkdir()
    found = find_start(str(policy), start, lora=True)
    assert (found.model, found.adapter) == (start, str(policy / ADAPTER_FOLDER))


def test_digest_of_the_start_is_that_of_what_was_trained(start, tmp_path):
    """Two policies may be served by the same rounded weights."""
    config = settings(1e-5)
    network = load_network(start, config, 160, seed=0)
    ids = set()
    for index in range(2):
        save_network(network, byte_tokenizer(), str(tmp_path / f"{index}"), "")
        ids.add(find_start(str(tmp_path / f"{index}"), start, lora=False).weights_id("served"))
        train_round(network, config, start)
    assert len(ids) == 2
    assert find_start(start, start, lora=False).weights_id("served") == "served"
