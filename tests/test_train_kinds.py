"""Kinds of models: a sequence a row or prefix trees, each against the model's own forward pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from tiny_kinds import IN_ALL_LAYERS, IN_ROWS, IN_TREES, SHAPE, WINDOW, save_kind
from tiny_policy import byte_tokenizer, preference_pair, save_tiny_policy, tiny_config
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    LlamaConfig,
    MistralConfig,
    Olmo3Config,
    Phi3Config,
    PhiConfig,
    PretrainedConfig,
    Qwen2Config,
    ViTConfig,
)

from benchmarks.one_worker import one_worker
from skeldpo.config import PolicyGradientConfig
from skeldpo.prompts import Prompts
from skeldpo.train.batch import TreeBatch, build_trees
from skeldpo.train.kinds import Head, head_of, reason_against_trees
from skeldpo.train.learners import make_learner
from skeldpo.train.learners.contract import Scored
from skeldpo.train.learners.preferences import PairTokens, tokenize_pair
from skeldpo.train.learners.rewards import AnswerTokens, GroupTokens
from skeldpo.train.loading import check_trainable, load_network
from skeldpo.train.network import Network, token_logps
from skeldpo.train.saving import save_network
from skeldpo.train.sequences import sequence_rows

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def pairs() -> list[PairTokens]:
    """Three, the second without skeletons; their sequences are of 24 to 100 tokens."""
    prompts = Prompts(byte_tokenizer(), tiny_config().policy)
    made = [preference_pair(i, skeletons=i != 1) for i in range(3)]
    tokens = [tokenize_pair(pair, prompts, 160) for pair in made]
    assert all(isinstance(row, PairTokens) for row in tokens)
    return tokens


def pair_of_length(num_tokens: int) -> PairTokens:
    """One whose chosen code and its prompt have so many."""
    code = tuple(range(num_tokens - 10))
    return PairTokens(
        pair_id="long",
        stage="efficiency",
        code_prompt=tuple(range(10)),
        skeleton_prompt=(1,),
        code_chosen=code,
        code_rejected=code[:5],
        skeleton_chosen=(),
        skeleton_rejected=(),
    )


def own_token_logps(model: Any, trees: TreeBatch) -> torch.Tensor:
    """(N,): each sequence by itself through the whole model of transformers."""
    parts = []
    starts = [sum(trees.node_lengths[:node]) for node in range(len(trees.node_lengths))]
    row = trees.input_ids[0].tolist()
    for chain in trees.chains:
        path = (*chain.context, *chain.own)
        ids: list[int] = []
        for node in path:
            ids += row[starts[node] : starts[node] + trees.node_lengths[node]]
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits.float()
        logps = logits.log_softmax(dim=2)[0, :-1].gather(1, torch.tensor(ids)[1:, None])
        parts.append(logps.squeeze(1)[-trees.node_lengths[path[-1]] :])
    return torch.cat(parts)


def preferences_loss(logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
    """The joint loss beside references that differ from answer to answer."""
    learner = make_learner(tiny_config().train)
    reference = learner.reference_values(logps.detach(), trees)
    reference = reference + torch.arange(len(reference)).cos()
    examples = pairs()
    scored = Scored(
        phase="efficiency", examples=examples, trees=trees, token_logps=logps, reference=reference
    )
    return learner.losses(scored).loss.sum()


def groups() -> list[GroupTokens]:
    """Two groups with three and two answers of different length."""
    draw = torch.Generator().manual_seed(3)

    def answer(length: int, advantage: float) -> AnswerTokens:
        ids = torch.randint(0, 250, (length,), generator=draw).tolist()
        return AnswerTokens(
            token_ids=tuple(ids),
            sampler_logps=(-5.0,) * length,
            credits=(1.0,) * length,
            advantage=advantage,
            reward=advantage,
            is_right=advantage > 0,
        )

    answers = (answer(40, 1.0), answer(9, -0.5), answer(70, 0.25))
    return [
        GroupTokens(group_id="a", prompt=(3, 1, 4), answers=answers, max_answer_tokens=80),
        GroupTokens(group_id="b", prompt=(2, 7), answers=answers[1:], max_answer_tokens=80),
    ]


def rewards_loss(logps: torch.Tensor, trees: TreeBatch) -> torch.Tensor:
    """The policy gradient's loss beside old log-probabilities that differ a little."""
    config = tiny_config(learner="rewards", policy_gradient=PolicyGradientConfig().model_dump())
    learner = make_learner(config.train)
    reference = logps.detach() + 0.1 * torch.arange(len(logps)).cos()
    scored = Scored(
        phase="", examples=groups(), trees=trees, token_logps=logps, reference=reference
    )
    return learner.losses(scored).loss.sum()


def require_equal(network: Network, folder: str, *, rewards: bool = False) -> None:
    """Log-probabilities by token, loss and gradients of preferences; of rewards too."""
    # SDPA would leave a cap on attention scores out.
    own = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    cases = [(pairs(), preferences_loss), (groups(), rewards_loss)]
    for examples, loss_of in cases[: 1 + rewards]:
        trees = build_trees([each.tree for each in examples])
        results = []
        for model in (network.causal_lm, own):
            model.zero_grad()
            logps = token_logps(network, trees) if model is not own else own_token_logps(own, trees)
            loss = loss_of(logps, trees)
            loss.backward()
            slopes = {name: each.grad for name, each in model.named_parameters()}
            results.append((logps.detach(), loss.detach(), slopes))
        (got_logps, got_loss, got), (logps, loss, expected) = results
        # In fp32 one of 340 is 1.5e-5 off where a CPU sums in vectors of 512 bits, and two slopes.
        torch.testing.assert_close(got_logps, logps, atol=1e-5, rtol=3e-5)
        torch.testing.assert_close(got_loss, loss, atol=1e-5, rtol=1e-5)
        assert got.keys() == expected.keys()
        for name, slope in expected.items():
            assert (slope is None) == (got[name] is None), name
            if slope is not None:
                size = max(1.0, float(slope.abs().max()))
                torch.testing.assert_close(got[name] / size, slope / size, atol=3e-5, rtol=0)


@pytest.mark.parametrize("name", IN_ROWS)
def test_kind_that_trees_are_not_exact_for_trains_a_sequence_a_row(tmp_path, name):
    kind, settings, said = IN_ROWS[name]
    folder = save_kind(kind, settings, tmp_path)
    network = load_network(folder, tiny_config().train, 160, seed=0)
    assert said in network.against_trees
    assert network.said == (
        f"trains with a sequence a row, not in prefix trees: {network.against_trees}"
    )
    require_equal(network, folder, rewards=name in ("delta rule", "windows, sinks, experts"))


SHARDED = {
    "delta rule, experts": False,
    "windows, sinks, experts": True,
    "states and shared attention": True,
}
"""Kinds, and whether a worker reads its own slices of their files."""


@pytest.mark.parametrize("name", SHARDED)
def test_kind_is_loaded_in_shards_and_trains_as_alone(tmp_path, name):
    kind, settings, _ = IN_ROWS[name]
    folder = save_kind(kind, settings, tmp_path)
    config = tiny_config(activation_checkpointing=True).train
    trees = build_trees([pair.tree for pair in pairs()])
    results = []
    with one_worker("cpu") as mesh:
        for over in (mesh, None):
            network = load_network(folder, config, 160, seed=0, mesh=over)
            assert bool(network.stored) == SHARDED[name]
            network.train()
            logps = token_logps(network, trees)
            preferences_loss(logps, trees).backward()
            slopes = {name: each.grad for name, each in network.named_parameters()}
            whole = {
                name: slope.full_tensor() if over is not None else slope
                for name, slope in slopes.items()
                if slope is not None
            }
            results.append((logps.detach(), whole))
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", IN_TREES)
def test_kind_that_trees_are_exact_for_trains_in_them(tmp_path, name):
    folder = save_kind(*IN_TREES[name], tmp_path)
    network = load_network(folder, tiny_config().train, 160, seed=0)
    assert network.said == "trains in prefix trees"
    require_equal(network, folder)


@pytest.mark.parametrize("window", [99, 100])
def test_window_as_long_as_the_longest_sequence_is_the_border(tmp_path, window):
    """Both are exact; a tree with the shorter window would not be, by its last token alone."""
    longest = sequence_rows(build_trees([pair.tree for pair in pairs()])).input_ids.shape[1]
    window += longest - 100
    folder = save_kind(MistralConfig, {**SHAPE, "sliding_window": window}, tmp_path)
    network = load_network(folder, tiny_config().train, longest, seed=0)
    assert bool(network.against_trees) == (window < longest)
    require_equal(network, folder)


def test_tree_is_not_exact_for_a_short_window(tmp_path):
    """What the choice prevents: the same model, told that its sequences are short."""
    folder = save_kind(MistralConfig, {**SHAPE, "sliding_window": WINDOW}, tmp_path)
    network = load_network(folder, tiny_config().train, WINDOW, seed=0)
    assert not network.against_trees
    with pytest.raises(AssertionError, match="not close"):
        require_equal(network, folder)


FACTORS = {"short_factor": [1.0] * 4, "long_factor": [2.0, 4.0, 6.0, 8.0]}


@pytest.mark.parametrize(("max_tokens", "factors"), [(160, "long_factor"), (120, "short_factor")])
def test_two_sets_of_rotations_are_chosen_by_the_longest_sequence_of_the_run(
    tmp_path, max_tokens, factors
):
    """Phi-3 and Phi-4-mini: transformers chooses by the longest of a pass, so that what was packed
    together would change what it is; vLLM once, by its max_model_len."""
    rope = {"rope_theta": 10000.0, "original_max_position_embeddings": 120, **FACTORS}
    settings = {**SHAPE, "bos_token_id": 1, "eos_token_id": 2}
    kind = Phi3Config(
        **settings,
        original_max_position_embeddings=120,
        rope_parameters={"rope_type": "longrope", **rope},
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(kind).save_pretrained(tmp_path)
    network = load_network(str(tmp_path), tiny_config().train, max_tokens, seed=0)
    # Both sets alike: whatever is chosen are these.
    rope |= dict.fromkeys(FACTORS, FACTORS[factors])
    kind.rope_parameters = {"rope_type": "longrope", **rope}
    own = AutoModelForCausalLM.from_pretrained(tmp_path, config=kind)
    examples = [*pairs(), pair_of_length(130)][: 3 + (max_tokens > 130)]
    for packed in (examples, examples[:1]):
        trees = build_trees([each.tree for each in packed])
        torch.testing.assert_close(
            token_logps(network, trees), own_token_logps(own, trees), atol=1e-5, rtol=3e-5
        )


def by_layer(rope: dict[str, Any]) -> dict[str, Any]:
    """Settings of a model that has rotations for each kind of layer."""
    layers = ["sliding_attention", "full_attention"]
    plain = {"rope_type": "default", "rope_theta": 10000.0}
    parameters = dict(zip(layers, (plain, rope), strict=True))
    return {"layer_types": layers, "sliding_window": 4096, "rope_parameters": parameters}


@pytest.mark.parametrize("kind", [LlamaConfig, Olmo3Config])
def test_rotations_that_change_with_every_length_are_refused(tmp_path, kind):
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
    of_kind = by_layer(rope) if kind is Olmo3Config else {"rope_parameters": rope}
    folder = save_kind(kind, {**SHAPE, "max_position_embeddings": 120, **of_kind}, tmp_path)
    assert load_network(folder, tiny_config().train, 120, seed=0).said == "trains in prefix trees"
    with pytest.raises(ValueError, match=r"beyond 120 tokens, .*max_model_tokens=160; lower it"):
        load_network(folder, tiny_config().train, 160, seed=0)


def test_two_sets_of_rotations_are_held_for_each_kind_of_layer(tmp_path):
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, **FACTORS, "factor": 2.0}
    settings = {**SHAPE, **by_layer({**rope, "original_max_position_embeddings": 60})}
    folder = save_kind(Olmo3Config, settings, tmp_path)
    network = load_network(folder, tiny_config().train, 160, seed=0)
    (rotations,) = (m for m in network.modules() if hasattr(m, "full_attention_inv_freq"))
    powers = 10000.0 ** (torch.arange(0, 8, 2) / 8)
    # A pass of transformers takes the set of its longest sequence.
    rotations(torch.zeros(1), torch.arange(8)[None], "full_attention")
    held = rotations.full_attention_inv_freq
    torch.testing.assert_close(held, 1 / (powers * torch.tensor(FACTORS["long_factor"])))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LlamaConfig(**SHAPE), ""),
        (Qwen2Config(**SHAPE, sliding_window=8, use_sliding_window=False), ""),
        (MistralConfig(**SHAPE, sliding_window=None), ""),
        (PretrainedConfig(layer_types=["full_attention", "never_heard_of"]), "never_heard_of"),
    ],
    ids=["whole", "window off", "window none", "unknown"],
)
def test_reason_comes_from_the_configuration_and_not_from_the_name(config, reason):
    found = reason_against_trees(config, torch.nn.Linear(2, 2), 160)
    assert reason in found
    assert bool(found) == bool(reason)


def test_head_is_read_from_the_configuration():
    assert head_of(LlamaConfig(**SHAPE)) == Head(scale=1.0, cap=0.0)
    found = head_of(PretrainedConfig(logits_scaling=4.0, final_logit_softcapping=30.0))
    assert found == Head(scale=0.25, cap=30.0)
    found = head_of(PretrainedConfig(some_logit_soft_cap=15.0, attn_logit_softcapping=50.0))
    assert found == Head(scale=1.0, cap=15.0)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    "name",
    ["positions that are learnt", "dropout within layers", "experts that training draws"],
)
def test_noise_that_a_model_has_for_training_is_off(tmp_path, name, checkpointing):
    """GPT-2 and OPT have dropout, Phi-3.5-MoE draws experts; the reference has neither."""
    folder = save_kind(*IN_TREES[name], tmp_path)
    config = tiny_config(activation_checkpointing=checkpointing).train
    network = load_network(folder, config, 160, seed=0)
    trees = build_trees([pair.tree for pair in pairs()])
    expected = token_logps(network.eval(), trees)
    assert torch.equal(token_logps(network.train(), trees), expected)
    kept = [name for name, module in network.named_modules() if module.training]
    assert bool(kept) == checkpointing


@pytest.mark.parametrize("bias", [0.5, 0.01], ids=["large", "small"])
def test_output_layer_with_a_bias_is_refused(tmp_path, bias):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(PhiConfig(**SHAPE))
    torch.nn.init.normal_(model.lm_head.bias, std=bias)
    model.save_pretrained(tmp_path)
    folder = str(tmp_path)
    with pytest.raises(ValueError, match=r"more to their logits than cap or scale them \(a bias"):
        load_network(folder, tiny_config().train, 160, seed=0)


LORA = {"rank": 4, "alpha": 8.0}


@pytest.mark.parametrize("name", IN_ALL_LAYERS)
def test_adapters_without_names_are_on_all_layers_learn_and_are_saved(tmp_path, name):
    """The names of Llama's layers are a part of those of Phi-3, and none of GPT-2's."""
    kind, settings, layers = IN_ALL_LAYERS[name]
    folder = save_kind(kind, settings, tmp_path / "base")
    network = load_network(folder, tiny_config(lora=LORA).train, 160, seed=0)
    adapters = {n: each for n, each in network.named_parameters() if each.requires_grad}
    found = {re.sub(r"\.lora_.*", "", each).removeprefix("causal_lm.") for each in adapters}
    found = {re.sub(r"^.*?\.\d+\.", "", each) for each in found}
    assert " ".join(sorted(found)) == layers
    torch.manual_seed(5)
    with torch.no_grad():
        for each in adapters.values():
            each.add_(torch.randn_like(each), alpha=0.05)
    trees = build_trees([pair.tree for pair in pairs()])
    trained = token_logps(network, trees)
    trained.sum().backward()
    assert [n for n, each in adapters.items() if not each.grad.abs().sum() > 0] == []
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "", folder)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    base = AutoModelForCausalLM.from_pretrained(folder)
    joined = PeftModel.from_pretrained(base, str(tmp_path / "saved" / "adapter"))
    with torch.no_grad():
        for model in (merged, joined):
            torch.testing.assert_close(own_token_logps(model, trees), trained, atol=3e-5, rtol=3e-5)


def test_weights_that_a_kind_keeps_in_fp32_are_not_rounded_by_adapters(tmp_path):
    """What chooses experts in DeepSeek V3 and GLM 4 is of one size: rounded, it chooses others."""
    settings = {
        **SHAPE, "num_key_value_heads": 4, "q_lora_rank": 8, "kv_lora_rank": 8, "v_head_dim": 8,
        "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "n_routed_experts": 4, "n_group": 1,
        "num_experts_per_tok": 2, "topk_group": 1, "moe_intermediate_size": 16,
        "first_k_dense_replace": 1, "dtype": "bfloat16",
    }  # fmt: skip
    folder = save_kind(DeepseekV3Config, settings, tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(folder)
    chooser = model.model.layers[1].mlp.gate.e_score_correction_bias
    chooser.copy_(torch.tensor([9.001, 9.002, 9.003, 9.004]))
    model.save_pretrained(folder)
    network = load_network(folder, tiny_config(lora=LORA).train, 160, seed=0)
    save_network(network, byte_tokenizer(), str(tmp_path / "saved"), "", folder)
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("base", "saved"))
    assert {each.dtype for each in before.values()} == {torch.float32, torch.bfloat16}
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, atol=0, rtol=0)
    assert after.keys() == before.keys()


@pytest.mark.parametrize(
    ("name", "target"),
    [("states", "dt_proj"), ("states, heads and attention in turns", "out_proj")],
)
def test_adapter_on_a_layer_whose_weight_goes_to_a_kernel_is_refused(tmp_path, name, target):
    """Mamba's own code reads the weight of dt_proj past an adapter, and so does what it does on a
    GPU with that of out_proj: neither learns, without a word."""
    folder = save_kind(*IN_ROWS[name][:2], tmp_path)
    lora = {**LORA, "target_modules": ["in_proj", target]}
    with pytest.raises(ValueError, match=rf"not in all kernels: \S+\.{target}\.lora_"):
        check_trainable(folder, tiny_config(lora=lora).train, 160)


def test_what_peft_refuses_is_told_with_the_setting_and_the_folder(tmp_path):
    folder = save_kind(*IN_ALL_LAYERS["experts"][:2], tmp_path)
    with pytest.raises(ValueError, match=rf"train\.lora cannot be put on {folder}: .*_dropout"):
        check_trainable(folder, tiny_config(lora={**LORA, "dropout": 0.1}).train, 160)


UNTRAINABLE: dict[str, tuple[type, dict[str, Any], str]] = {
    "a bias of the output layer": (PhiConfig, SHAPE, r"do more to their logits .* \(a bias"),
    "positions that change": (
        LlamaConfig,
        {
            **SHAPE, "max_position_embeddings": 120,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0},
        },
        "beyond 120 tokens",
    ),
    "quantised": (
        LlamaConfig,
        {**SHAPE, "quantization_config": {"quant_method": "gptq", "bits": 4}},
        "quantised and stay so",
    ),
    "no causal LM": (ViTConfig, {}, "has no causal language model of the kind 'vit'"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTRAINABLE)
def test_policy_that_cannot_be_trained_is_told_from_its_configuration(tmp_path, name):
    """It was sampled from and measured for hours before its first training refused it."""
    kind, settings, message = UNTRAINABLE[name]
    kind(**settings).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        check_trainable(str(tmp_path), tiny_config().train, 160)


@pytest.mark.parametrize("name", ["experts", "joined projections"])
def test_weight_that_the_files_lack_is_told_from_their_names(tmp_path, name):
    """Experts are stored one by one, so names in the files are not the model's."""
    folder = save_kind(*IN_ALL_LAYERS[name][:2], tmp_path)
    check_trainable(folder, tiny_config().train, 160)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    (lacking,) = (each for each in weights if each.endswith("layers.1.self_attn.o_proj.weight"))
    save_file({key: weights[key] for key in weights if key != lacking}, file)
    with pytest.raises(ValueError, match=rf"lack 1 of the model's \d+ weights \({lacking}\)"):
        check_trainable(folder, tiny_config().train, 160)


def test_code_of_models_from_elsewhere_is_never_run():
    """Nothing sets trust_remote_code, whose default in transformers, PEFT and vLLM is off."""
    root = Path(__file__).parents[1]
    folders = ("skeldpo", "benchmarks", "studies", "jobs", "examples", "cluster")
    files = [file for name in folders for file in (root / name).rglob("*") if file.is_file()]
    texts = {file: file.read_bytes() for file in files}
    assert len(texts) > 100
    assert [file for file, text in texts.items() if re.search(b"trust_remote_code", text)] == []


def test_a_model_of_full_attention_stays_in_trees_under_fsdp(tmp_path):
    """FSDP2 copies what it passes to a module, so a note of what layers ask for could be lost."""
    folder = save_tiny_policy(tmp_path / "policy")
    with one_worker("cpu") as mesh:
        network = load_network(folder, tiny_config().train, 160, seed=0, mesh=mesh)
    assert network.said == "trains in prefix trees"
