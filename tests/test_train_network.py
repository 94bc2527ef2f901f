"""The policy: tree against single sequences, LoRA, saving, and models it must refuse."""

from __future__ import annotations

import json
import threading
import warnings
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_kinds import SHAPE
from tiny_policy import (
    answer_counts,
    answer_logps,
    byte_tokenizer,
    preference_pair,
    save_tiny_policy,
    tiny_config,
    tokens_of,
    trees_of,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    Gemma3Config,
    PreTrainedTokenizerFast,
)

from skeldpo.checkpoints import weight_files, weights_digest
from skeldpo.train.adapters import adapter_parameters, linear_view
from skeldpo.train.learners.preferences import PairTokens
from skeldpo.train.learners.preferences_loss import ANSWERS, joint_losses
from skeldpo.train.loading import check_trainable, load_network
from skeldpo.train.network import Network
from skeldpo.train.saving import check_tokenizer, save_network

pytestmark = pytest.mark.slow

LORA = {"rank": 4, "alpha": 8.0}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def load(folder: str, **train: object) -> Network:
    return load_network(folder, tiny_config(**train).train, 160, seed=3)


def sequence_logps(model: torch.nn.Module, pairs: list[PairTokens]) -> torch.Tensor:
    """(B, 4) from one sequence at a time and whole logits: the plain way."""
    rows = []
    for pair in pairs:
        for name in ANSWERS:
            answer = getattr(pair, name)
            prompt = pair.code_prompt if name.startswith("code") else pair.skeleton_prompt
            if not answer:
                rows.append(torch.zeros(()))
                continue
            token_ids = torch.tensor([prompt + answer])
            logps = model(input_ids=token_ids).logits.float().log_softmax(dim=2)[0, :-1]
            of_targets = logps.gather(1, token_ids[0, 1:, None]).squeeze(1)
            rows.append(of_targets[len(prompt) - 1 :].sum())
    return torch.stack(rows).view(len(pairs), 4)


def change_weights(network: Network) -> None:
    """One large step on every trainable parameter."""
    torch.manual_seed(5)
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)


@pytest.mark.parametrize("tied", [True, False])
def test_tree_equals_one_sequence_at_a_time(tmp_path, tied):
    """Log-probabilities, loss and gradients in fp32; the pairs differ in length and skeletons."""
    folder = save_tiny_policy(tmp_path / "policy", tied=tied)
    config = tiny_config(sft_weight=0.1).train
    pairs = [preference_pair(0), preference_pair(3, skeletons=False), preference_pair(2)]
    tokens = tokens_of(pairs, folder, tiny_config())
    trees = trees_of(tokens)
    results = []
    for plain in (False, True):
        model = AutoModelForCausalLM.from_pretrained(folder) if plain else load(folder)
        logps = sequence_logps(model, tokens) if plain else answer_logps(model, trees)
        reference = logps.detach() + torch.arange(12.0).view(3, 4).cos()
        loss = joint_losses(logps, reference, answer_counts(trees), config, 0.7).loss.sum()
        loss.backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append((logps.detach(), loss.detach(), gradients))
    (tree_logps, tree_loss, tree_gradients), (logps, loss, gradients) = results
    assert bool((logps[0] < -10).all())
    torch.testing.assert_close(tree_logps, logps, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(tree_loss, loss, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tree_gradients, gradients, atol=1e-5, rtol=1e-4)


def test_activation_checkpointing_gives_the_same_gradients(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    trees = trees_of(tokens_of([preference_pair(0)], folder, tiny_config()))
    gradients = []
    for checkpointing in (False, True):
        network = load(folder, activation_checkpointing=checkpointing)
        network.train()
        answer_logps(network, trees).sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.slow
@pytest.mark.parametrize("train", [{}, {"lora": LORA, "activation_checkpointing": True}])
def test_compiled_layers_give_the_same_gradients(tmp_path, train):
    """Rows of three lengths, so that shapes become dynamic."""
    folder = save_tiny_policy(tmp_path / "policy")
    tokens = tokens_of([preference_pair(i) for i in range(3)], folder, tiny_config())
    results = []
    for compiled in (False, True):
        network = load(folder, compile_layers=compiled, **train)
        network.train()
        for num_pairs in (1, 2, 3):
            answer_logps(network, trees_of(tokens[:num_pairs])).sum().backward()
        results.append([p.grad for p in network.parameters() if p.requires_grad])
    torch.testing.assert_close(results[1], results[0], atol=1e-3, rtol=1e-3)
    assert all("_orig_mod" not in name for name, _ in network.named_parameters())


def test_saved_policy_is_loaded_with_the_trained_weights(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    network = load(folder)
    change_weights(network)
    tokens = tokens_of([preference_pair(0)], folder, tiny_config())
    trained = str(tmp_path / "round" / "trained")
    save_network(network, byte_tokenizer(), trained, "# A policy")
    save_network(network, byte_tokenizer(), trained, "# A policy")
    assert [path.name for path in Path(trained).parent.iterdir()] == ["trained"]
    loaded = AutoModelForCausalLM.from_pretrained(trained)
    with torch.no_grad():
        expected = answer_logps(network, trees_of(tokens))
        torch.testing.assert_close(sequence_logps(loaded, tokens), expected, atol=1e-4, rtol=1e-5)
    check_tokenizer(byte_tokenizer(), ["def f(x):\n    return 1\n"], trained)


def test_saved_policy_keeps_the_dtype_it_came_in(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    half = str(tmp_path / "half")
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(half)
    network = load(half)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "")
    weights = load_file(tmp_path / "saved" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}


def test_lora_trains_adapters_only_and_starts_as_the_source(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    tokens = tokens_of([preference_pair(0)], folder, tiny_config())
    network = load(folder, lora=LORA)
    trainable = [name for name, p in network.named_parameters() if p.requires_grad]
    assert trainable
    assert all("lora_" in name for name in trainable)
    with torch.no_grad():
        got = answer_logps(network, trees_of(tokens))
        expected = answer_logps(load(folder), trees_of(tokens))
    torch.testing.assert_close(got, expected)


def test_lora_adapters_are_the_same_on_every_worker(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    first, second = (load(folder, lora=LORA).state_dict() for _ in range(2))
    torch.testing.assert_close(first, second)


def test_merged_lora_policy_gives_the_log_probabilities_of_the_adapted_one(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    network = load(folder, lora=LORA)
    tokens = tokens_of([preference_pair(0)], folder, tiny_config())
    with torch.no_grad():
        before = answer_logps(network, trees_of(tokens))
        change_weights(network)
        expected = answer_logps(network, trees_of(tokens))
    trained = tmp_path / "trained"
    save_network(network, byte_tokenizer(), str(trained), "")
    loaded = AutoModelForCausalLM.from_pretrained(trained)
    with torch.no_grad():
        merged = sequence_logps(loaded, tokens)
    torch.testing.assert_close(merged, expected, atol=1e-3, rtol=1e-5)
    assert float((expected - before).abs().min()) > 0.1
    names = load_file(trained / "model.safetensors").keys()
    assert not [name for name in names if "lora" in name or "base_layer" in name]
    assert json.loads((trained / "adapter" / "adapter_config.json").read_text())["r"] == 4
    assert all("lora_" in n for n in load_file(trained / "adapter" / "adapter_model.safetensors"))


ENDS = (["lm_head"], ["embed_tokens"], ["q_proj", "down_proj", "lm_head", "embed_tokens"])


@pytest.mark.parametrize("targets", ENDS, ids="+".join)
def test_adapters_on_the_ends_of_an_untied_model_learn_and_are_saved_as_trained(tmp_path, targets):
    folder = save_tiny_policy(tmp_path / "policy", tied=False)
    tokens = tokens_of([preference_pair(0), preference_pair(1)], folder, tiny_config())
    network = load(folder, lora={**LORA, "target_modules": targets})
    adapters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    assert {t for t in targets if any(t in name for name in adapters)} == set(targets)
    with torch.no_grad():
        before = answer_logps(network, trees_of(tokens))
        torch.testing.assert_close(before, answer_logps(load(folder), trees_of(tokens)))
    change_weights(network)
    expected = answer_logps(network, trees_of(tokens))
    expected.sum().backward()
    assert [name for name, p in adapters.items() if not p.grad.abs().sum() > 0] == []
    assert float((expected - before).abs().min()) > 0.1
    trained = tmp_path / "trained"
    save_network(network, byte_tokenizer(), str(trained), "")
    loaded = AutoModelForCausalLM.from_pretrained(trained)
    num_tokens = answer_counts(trees_of(tokens))
    with torch.no_grad():
        gaps = (sequence_logps(loaded, tokens) - expected).abs() / num_tokens
    assert float(gaps.max()) < 1e-5
    assert all("lora_" in n for n in load_file(trained / "adapter" / "adapter_model.safetensors"))


def test_adapter_of_the_output_layer_as_one_product_has_its_values_and_gradients(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy", tied=False)
    network = load(folder, lora={**LORA, "target_modules": ["lm_head"]})
    change_weights(network)
    layer = network.causal_lm.get_output_embeddings()
    hidden = torch.randn(5, 32, requires_grad=True)
    slope = torch.randn(5, 264)
    wanted = [hidden, layer.lora_A["default"].weight, layer.lora_B["default"].weight]
    inputs, weight = linear_view(layer, hidden)
    results = [inputs @ weight.T, layer(hidden)]
    torch.testing.assert_close(*results)
    gradients = [torch.autograd.grad(result, wanted, slope) for result in results]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_adapter_on_an_end_of_a_tied_model_is_refused_with_and_without_weights(tmp_path, target):
    folder = save_tiny_policy(tmp_path / "policy", tied=True)
    lora = {**LORA, "target_modules": ["q_proj", target]}
    message = (
        rf"'{target}'\] puts adapters on (model\.)?{target} of .* output layer is its embedding"
    )
    with pytest.raises(ValueError, match=message):
        load(folder, lora=lora)
    with pytest.raises(ValueError, match=message):
        check_trainable(folder, tiny_config(lora=lora).train, 160)
    check_trainable(folder, tiny_config(lora=LORA).train, 160)
    untied = save_tiny_policy(tmp_path / "untied", tied=False)
    check_trainable(untied, tiny_config(lora=lora).train, 160)


def test_adapters_of_a_model_that_sees_are_on_its_text_layers_alone(tmp_path):
    """Layers of Gemma 3's picture tower are called as the decoder's are: all of the default names
    were refused, and no others tell the two apart."""
    text = {**SHAPE, "head_dim": 8, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    picture = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "image_size": 28,
        "num_attention_heads": 2, "patch_size": 14,
    }  # fmt: skip
    settings = {"image_token_index": 260, "boi_token_index": 261, "eoi_token_index": 262}
    kind = Gemma3Config(text_config=text, vision_config=picture, mm_tokens_per_image=4, **settings)
    folder = str(tmp_path / "policy")
    AutoModelForCausalLM.from_config(kind).save_pretrained(folder)
    check_trainable(folder, tiny_config(lora=LORA).train, 160)
    network = load(folder, lora=LORA)
    adapters = adapter_parameters(network.causal_lm)
    assert len(adapters) == 2 * 2 * 7
    assert all(".language_model.layers." in name for name in adapters)
    change_weights(network)
    tokens = tokens_of([preference_pair(0)], save_tiny_policy(tmp_path / "t"), tiny_config())
    trees = trees_of(tokens)
    trained = answer_logps(network, trees)
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "", folder)
    merged = load(str(tmp_path / "saved"))
    torch.testing.assert_close(answer_logps(merged, trees), trained, atol=1e-3, rtol=1e-4)
    base = AutoModelForCausalLM.from_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # adapters that the file lacks
        PeftModel.from_pretrained(base, str(tmp_path / "saved" / "adapter"))


def test_adapters_on_layers_that_the_model_does_not_have_are_refused(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    with pytest.raises(ValueError, match="not found in the base model"):
        check_trainable(folder, tiny_config(lora={**LORA, "target_modules": ["c_attn"]}).train, 160)


def test_bfloat16_lora_keeps_adapters_in_float32(tmp_path):
    network = load(save_tiny_policy(tmp_path / "policy"), lora=LORA, dtype="bfloat16")
    dtypes = {(p.requires_grad, p.dtype) for p in network.parameters()}
    assert dtypes == {(True, torch.float32), (False, torch.bfloat16)}


def test_4_bit_weights_are_frozen_and_the_policy_starts_near_its_source(tmp_path):
    """Random weights lose most in 4 bits; a token's mean log-probability moves by tenths."""
    folder = save_tiny_policy(tmp_path / "policy")
    tokens = tokens_of([preference_pair(0)], folder, tiny_config())
    network = load(folder, lora={**LORA, "load_in_4bit": True})
    frozen = {p.dtype for p in network.parameters() if not p.requires_grad}
    assert torch.uint8 in frozen
    layers = network.decoder.layers
    packed = [p.numel() for p in layers.parameters() if p.dtype == torch.uint8]
    unpacked = [
        p.numel()
        for n, p in load(folder).decoder.layers.named_parameters()
        if n.endswith("proj.weight")
    ]
    assert sum(unpacked) == 2 * sum(packed), "two weights a byte"
    with torch.no_grad():
        got = answer_logps(network, trees_of(tokens))
        expected = answer_logps(load(folder), trees_of(tokens))
    num_tokens = answer_counts(trees_of(tokens))
    assert 0 < float(((got - expected) / num_tokens).abs().max()) < 1


def test_merged_4_bit_policy_has_the_adapter_on_the_weights_as_they_were(tmp_path):
    """Its source plus what the adapter adds, in the source's precision."""
    folder = save_tiny_policy(tmp_path / "policy")
    network = load(folder, lora={**LORA, "load_in_4bit": True})
    whole = load(folder, lora=LORA)
    change_weights(network)
    trained = {n: p.data for n, p in network.named_parameters() if p.requires_grad}
    for name, parameter in whole.named_parameters():
        if parameter.requires_grad:
            parameter.data = trained[name].clone()
    for each, name in ((network, "from-4-bit"), (whole, "whole")):
        save_network(each, byte_tokenizer(), str(tmp_path / name), "")
    files = [load_file(tmp_path / name / "model.safetensors") for name in ("from-4-bit", "whole")]
    torch.testing.assert_close(files[0], files[1])


@pytest.mark.parametrize("lora", [None, LORA, {**LORA, "load_in_4bit": True}])
def test_policy_that_is_stored_in_4_bits_is_refused_before_it_is_trained(tmp_path, lora):
    """All three trained to the end and failed when the policy was saved."""
    source = save_tiny_policy(tmp_path / "source")
    four_bits = BitsAndBytesConfig(load_in_4bit=True)
    model = AutoModelForCausalLM.from_pretrained(source, quantization_config=four_bits)
    model.save_pretrained(tmp_path / "policy")
    with pytest.raises(ValueError, match="quantised and stay so .* model that it was made from"):
        load(str(tmp_path / "policy"), lora=lora)


def test_4_bit_weights_without_bitsandbytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'skeldpo\[qlora\]'"):
        load(save_tiny_policy(tmp_path / "policy"), lora={**LORA, "load_in_4bit": True})


def test_digest_changes_with_the_weights_only(tmp_path):
    first = save_tiny_policy(tmp_path / "a", seed=0)
    same = save_tiny_policy(tmp_path / "b", seed=0)
    other = save_tiny_policy(tmp_path / "c", seed=1)
    (tmp_path / "b" / "README.md").write_text("notes")
    assert weights_digest(first) == weights_digest(same) != weights_digest(other)
    assert len(weights_digest(first)) == 64
    with pytest.raises(ValueError, match="no \\*.safetensors"):
        weights_digest(str(tmp_path))


def test_weight_files_that_are_listed_late_are_waited_for(tmp_path):
    names = ["model-1.safetensors", "model-2.safetensors"]
    index = {"weight_map": dict(zip("ab", names, strict=True))}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / names[0]).write_bytes(b"weights")
    with pytest.raises(RuntimeError, match=r"model-2\.safetensors is in the index .* after 0\.1 s"):
        weight_files(str(tmp_path), visible_within_s=0.1)
    late = threading.Timer(0.3, (tmp_path / names[1]).write_bytes, [b"more"])
    late.start()
    assert [file.name for file in weight_files(str(tmp_path))] == names
    late.join()


def test_tokenizer_whose_class_changes_on_reload_is_refused(tmp_path):
    """transformers takes the class from the model's config.json and drops this pre-tokenizer."""
    folder = save_tiny_policy(tmp_path / "policy")
    words = Tokenizer(models.WordLevel({"def": 0, "pass": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?", eos_token="?")
    with pytest.raises(ValueError, match="other ids after it is saved"):
        check_tokenizer(tokenizer, ["def pass"], folder)


def test_missing_folder_is_refused():
    with pytest.raises(ValueError, match="does not exist"):
        load("/nowhere/at/all")
