"""Weights in slices: a worker's memory, bits, buffers no file has, files that cannot be cut."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sharded_memory import same_bits
from tiny_policy import byte_tokenizer, save_tiny_policy, tiny_config
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
)

from skeldpo.train.loading import load_network
from skeldpo.train.saving import save_network
from skeldpo.train.weights import StoredTensor, Workers, stored_tensors, write_tensors

pytestmark = pytest.mark.slow

SHAPE = {
    "vocab_size": 264, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
}  # fmt: skip
LONG_ROPE = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 256,
}  # fmt: skip
MODELS = {
    "qwen2, tied": Qwen2Config(**SHAPE, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SHAPE, head_dim=8),
    "llama 3.1's rope": LlamaConfig(**SHAPE, rope_parameters=LONG_ROPE),
}
EXPERTS = Qwen3MoeConfig(
    **SHAPE, head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def saved_model(config, folder: Path, dtype: torch.dtype = torch.float32) -> str:
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
    return str(folder)


def test_worker_holds_its_part_of_the_model_and_saves_the_same_bits(tmp_path):
    """Four gloo workers, 53 M parameters in fp32: .2 GiB. The script exits with 1 above the bound,
    and fails if a bit was changed."""
    program = Path(__file__).with_name("sharded_memory.py")
    command = [sys.executable, str(program), str(tmp_path), "6", "512", "32768", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    index = json.loads((tmp_path / "saved" / "model.safetensors.index.json").read_text())
    files = sorted((tmp_path / "saved").glob("*.safetensors"))
    assert sorted(set(index["weight_map"].values())) == [file.name for file in files]
    assert len(files) == 4
    for file in files:
        with safe_open(file, framework="pt") as opened:
            assert opened.metadata() == {"format": "pt"}


@pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())
def test_buffers_that_no_file_has_are_those_of_transformers(tmp_path, config):
    folder = saved_model(config, tmp_path / "p")
    network = load_network(folder, tiny_config().train, 160, seed=0)
    assert network.stored
    expected = AutoModelForCausalLM.from_pretrained(folder)
    own, theirs = dict(network.causal_lm.named_buffers()), dict(expected.named_buffers())
    assert own.keys() == theirs.keys() != set()
    for name, buffer in theirs.items():
        assert torch.equal(own[name], buffer), name
        assert own[name].dtype == buffer.dtype
    torch.testing.assert_close(
        network.causal_lm.state_dict(), expected.state_dict(), atol=0, rtol=0
    )


def test_tied_head_stays_tied_and_is_written_once(tmp_path):
    folder = save_tiny_policy(tmp_path / "p", tied=True)
    network = load_network(folder, tiny_config().train, 160, seed=0)
    model = network.causal_lm
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "")
    assert "lm_head.weight" not in stored_tensors(str(tmp_path / "saved"))
    assert same_bits(folder, str(tmp_path / "saved"))


def rewrite_weights(folder: str, changed: dict[str, torch.Tensor | None]) -> None:
    """Puts tensors into a folder's one file, or takes those of None out of it."""
    path = Path(folder, "model.safetensors")
    kept = {**load_file(path), **changed}
    whole = {name: value.clone() for name, value in kept.items() if value is not None}
    save_file(whole, path, metadata={"format": "pt"})


@pytest.mark.parametrize("lora", [None, {"rank": 2, "alpha": 4.0}], ids=["full", "lora"])
@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
def test_weights_that_the_files_lack_are_never_drawn(tmp_path, name, lora):
    """transformers draws them at random with a warning; so did the training."""
    folder = save_tiny_policy(tmp_path / "p", tied=False)
    rewrite_weights(folder, {name: None})
    with pytest.raises(ValueError, match=rf"lack 1 of the model's 27 weights \({name}\)"):
        load_network(folder, tiny_config(lora=lora).train, 160, seed=0)


def test_tied_model_whose_files_have_two_heads_is_refused_unless_they_are_equal(tmp_path):
    """vLLM goes by the configuration, transformers by the files: one policy was two models."""
    folder = save_tiny_policy(tmp_path / "p", tied=True)
    embedding = load_file(Path(folder, "model.safetensors"))["model.embed_tokens.weight"]
    rewrite_weights(folder, {"lm_head.weight": embedding + 0.1})
    with pytest.raises(ValueError, match="have two that differ"):
        load_network(folder, tiny_config().train, 160, seed=0)
    rewrite_weights(folder, {"lm_head.weight": embedding})
    network = load_network(folder, tiny_config().train, 160, seed=0)
    assert torch.equal(network.causal_lm.get_output_embeddings().weight, embedding)
    rewrite_weights(folder, {"model.embed_tokens.weight": None})
    network = load_network(folder, tiny_config().train, 160, seed=0)
    assert torch.equal(network.causal_lm.get_input_embeddings().weight, embedding)


@pytest.mark.parametrize("lora", [None, {"rank": 2, "alpha": 4.0}], ids=["full", "lora"])
def test_files_with_experts_one_by_one_are_read_and_written_by_transformers(tmp_path, lora, caplog):
    folder = saved_model(EXPERTS, tmp_path / "p", torch.bfloat16)
    config = tiny_config(lora=lora and {**lora, "target_modules": ["q_proj"]}).train
    network = load_network(folder, config, 160, seed=0)
    assert not network.stored
    assert "every worker reads it whole" in caplog.text
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "")
    assert same_bits(folder, str(tmp_path / "saved"))
    again = load_network(str(tmp_path / "saved"), config, 160, seed=0, base=folder)
    assert bool(again.start.masters) == (lora is None)
    torch.testing.assert_close(again.state_dict(), network.state_dict(), atol=0, rtol=0)


@pytest.mark.parametrize("config", [EXPERTS, MODELS["qwen3"]], ids=["whole", "slices"])
@pytest.mark.parametrize("lora", [None, {"rank": 2, "alpha": 4.0}], ids=["full", "lora"])
def test_files_beside_the_weights_are_kept_as_they_are(tmp_path, config, lora):
    """A sampling that transformers reads and refuses to write ended a training when all was done;
    without the settings of its pictures no engine starts with a Gemma 3 of 4 B."""
    folder = Path(saved_model(config, tmp_path / "p"))
    kept = {
        "generation_config.json": '{"temperature": 0.6, "top_p": 0.9, "eos_token_id": [7, 9]}',
        "preprocessor_config.json": '{"image_processor_type": "Gemma3ImageProcessor"}',
        "processor_config.json": '{"image_seq_length": 256}',
    }
    for name, text in kept.items():
        (folder / name).write_text(text)
    network = load_network(str(folder), tiny_config(lora=lora).train, 160, seed=0)
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "")
    assert {name: (tmp_path / "saved" / name).read_text() for name in kept} == kept


@pytest.mark.parametrize("num_workers", [1, 2, 3, 8])
def test_files_are_divided_among_workers_and_have_an_index(tmp_path, num_workers):
    """Each worker writes by itself: no tensor is sharded here."""
    values = {f"t{i}": torch.randn(size) for i, size in enumerate((7, 100, 1, 3, 60))}
    values["t1"] = values["t1"].bfloat16()
    values["scalar"] = torch.tensor(3.0)
    stored = {
        name: StoredTensor(file="", shape=tuple(value.shape), dtype=value.dtype)
        for name, value in values.items()
    }
    for rank in range(num_workers):
        workers = Workers(rank=rank, num_workers=num_workers)
        write_tensors(tmp_path, stored, lambda name, _: values[name], workers)
    found = stored_tensors(str(tmp_path))
    assert found.keys() == values.keys()
    for name, each in found.items():
        with safe_open(each.file, framework="pt") as file:
            assert torch.equal(file.get_tensor(name), values[name])
    files = list(tmp_path.glob("*.safetensors"))
    assert len(files) <= num_workers
    assert (tmp_path / "model.safetensors.index.json").exists() == (len(files) > 1)
