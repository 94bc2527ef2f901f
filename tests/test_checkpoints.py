"""Policies that are given: what is no model by itself is refused before anything is sampled."""

from __future__ import annotations

import shutil

import pytest
from tiny_policy import byte_tokenizer, save_tiny_policy, tiny_config
from transformers import AutoModelForCausalLM

from skeldpo.checkpoints import fetch_checkpoint, load_checkpoint, weights_digest
from skeldpo.train.loading import load_network
from skeldpo.train.saving import save_network

pytestmark = pytest.mark.slow


def test_policy_whose_files_have_a_tensor_twice_is_refused(tmp_path):
    """An old model.safetensors beside new shards: a trainer read some of each."""
    folder = save_tiny_policy(tmp_path / "policy", seed=0)
    given = fetch_checkpoint(folder, str(tmp_path / "unused"))
    assert given.model_id == weights_digest(folder)
    shards = tmp_path / "shards"
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(shards, max_shard_size="60KB")
    assert len(list(shards.glob("*.safetensors"))) > 1
    fetch_checkpoint(str(shards), str(tmp_path / "unused"))
    shutil.copy(tmp_path / "policy" / "model.safetensors", shards)
    with pytest.raises(ValueError, match=r"is in .*model-0.* and in model\.safetensors; remove"):
        fetch_checkpoint(str(shards), str(tmp_path / "unused"))


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b'{"weight_map": {"a": "mod', b"[]"])
@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model.safetensors"])
def test_damaged_file_of_a_policy_is_named(tmp_path, name, content):
    """As a full disk or a copy that was stopped leaves them."""
    save_tiny_policy(tmp_path / "policy")
    if name == "model.safetensors":
        num_bytes = 8 + len(content)
        content = len(content).to_bytes(8, "little") + content + b"\0" * num_bytes
    (tmp_path / "policy" / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"/policy/{name} is damaged"):
        fetch_checkpoint(str(tmp_path / "policy"), str(tmp_path / "unused"))


def test_policy_with_an_adapter_beside_it_is_refused(tmp_path):
    """transformers puts it on the model, engines do not: what was sampled from was one policy, and
    what was trained another where transformers reads the weights."""
    folder = save_tiny_policy(tmp_path / "policy")
    config = tiny_config(lora={"rank": 4, "alpha": 8.0}).train
    network = load_network(folder, config, 160, seed=0)
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "")
    load_checkpoint(str(tmp_path / "saved"))
    adapter = tmp_path / "saved" / "adapter"
    with pytest.raises(ValueError, match=r"adapter_config\.json, so it is an adapter.* merge"):
        load_checkpoint(str(adapter))
    shutil.copy(adapter / "adapter_config.json", folder)
    with pytest.raises(ValueError, match=r"adapter_config\.json, so it is an adapter.* merge"):
        fetch_checkpoint(folder, str(tmp_path / "unused"))
