"""Random models of a few thousand weights, of each kind of attention that transformers has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers as tf
from transformers import AutoModelForCausalLM

SHAPE: dict[str, Any] = {
    "vocab_size": 264, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2,
    "max_position_embeddings": 1024, "pad_token_id": None,
}  # fmt: skip
WINDOW = 24
"""Tokens: shorter than every sequence of the tests' pairs."""

_HEADS = {**SHAPE, "head_dim": 8}
_HALF = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": WINDOW}
_LINEAR = {"layer_types": ["linear_attention", "full_attention"]}
_DELTA = {
    **_LINEAR, "initializer_range": 0.1, "linear_num_value_heads": 4, "linear_num_key_heads": 2,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
_STATES = {
    "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8,
    "mamba_chunk_size": 16,
}  # fmt: skip
_ALONE = {
    key: SHAPE[key] for key in ("vocab_size", "hidden_size", "num_hidden_layers", "pad_token_id")
} | {"initializer_range": 0.2}

IN_ROWS: dict[str, tuple[type, dict[str, Any], str]] = {
    "window": (tf.MistralConfig, {**SHAPE, "sliding_window": WINDOW}, "a window of 24 tokens"),
    "windows and caps": (
        tf.Gemma2Config,
        {**_HEADS, **_HALF, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0},
        "a window of 24 tokens",
    ),
    "caps": (tf.Gemma2Config, {**_HEADS, "attn_logit_softcapping": 5.0}, "asks for softcap"),
    "windows and whole, norms": (tf.Gemma3TextConfig, {**_HEADS, **_HALF}, "a window of 24 tokens"),
    "windows, scaled logits": (
        tf.Cohere2Config,
        {**SHAPE, **_HALF, "logit_scale": 0.25},
        "a window of 24 tokens",
    ),
    "windows, sinks, experts": (
        tf.GptOssConfig,
        {**_HEADS, **_HALF, **_EXPERTS},
        "a window of 24 tokens",
    ),
    "sinks": (
        tf.GptOssConfig,
        {**_HEADS, **_EXPERTS, "layer_types": ["full_attention"] * 2},
        "asks for s_aux",
    ),
    "chunks": (
        tf.Llama4TextConfig,
        {
            **_HEADS, "intermediate_size_mlp": 64, "attention_chunk_size": WINDOW,
            "num_local_experts": 2, "layer_types": ["chunked_attention", "full_attention"],
        },
        "1 of its 2 layers are chunked_attention",
    ),
    "delta rule, experts": (
        tf.Qwen3NextConfig,
        {
            **_HEADS, **_DELTA, "num_experts": 4, "num_experts_per_tok": 2,
            "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
        },
        "1 of its 2 layers are linear_attention",
    ),
    "delta rule": (tf.Qwen3_5TextConfig, {**_HEADS, **_DELTA}, "are linear_attention"),
    "delta rule, norms behind": (tf.OlmoHybridConfig, {**SHAPE, **_LINEAR}, "linear_attention"),
    "lightning": (
        tf.MiniMaxConfig,
        {**_HEADS, **_LINEAR, "num_local_experts": 2, "num_experts_per_tok": 1, "block_size": 16},
        "are linear_attention",
    ),
    "states": (tf.MambaConfig, {**_ALONE, "state_size": 8}, "2 of its 2 layers are linear"),
    "states, heads": (
        tf.Mamba2Config,
        {**_ALONE, "state_size": 8, "head_dim": 8, "num_heads": 8, "n_groups": 2, "chunk_size": 16},
        "2 of its 2 layers are linear",
    ),
    "states and attention in turns": (
        tf.JambaConfig,
        {
            **SHAPE, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2,
            "num_experts_per_tok": 1, "mamba_d_state": 8, "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        },
        "1 of its 2 layers are linear_attention",
    ),
    "states, heads and attention in turns": (
        tf.BambaConfig,
        {**SHAPE, **_STATES, "attn_layer_indices": [1]},
        "1 of its 2 layers are linear_attention",
    ),
    "states and attention side by side": (
        tf.FalconH1Config,
        {**_HEADS, **_STATES, "mamba_d_ssm": 64, "lm_head_multiplier": 0.5},
        "2 of its 2 layers are hybrid",
    ),
    "states, divided logits": (
        tf.GraniteMoeHybridConfig,
        {
            **SHAPE, **_STATES, "layer_types": ["mamba", "attention"], "num_local_experts": 2,
            "num_experts_per_tok": 1, "shared_intermediate_size": 32, "logits_scaling": 4.0,
        },
        "1 of its 2 layers are linear_attention",
    ),
    "states and shared attention": (
        tf.Zamba2Config,
        {
            **SHAPE, "layers_block_type": ["mamba", "hybrid"], "mamba_d_state": 8,
            "mamba_headdim": 8, "mamba_ngroups": 1, "chunk_size": 16, "num_mem_blocks": 1,
        },
        "2 of its 2 layers are hybrid, linear_attention",
    ),
    "short convolutions": (
        tf.Lfm2Config,
        {**SHAPE, "layer_types": ["conv", "full_attention"]},
        "1 of its 2 layers are conv",
    ),
    "recurrence without layer types": (
        tf.RecurrentGemmaConfig,
        {k: v for k, v in _HEADS.items() if k != "max_position_embeddings"} | {"lru_width": 32},
        "convolutions over tokens",
    ),
    "attention that is handed nothing": (tf.StableLmConfig, SHAPE, "0 calls of an attention"),
    "mask of its own": (tf.DogeConfig, SHAPE, "asks for attention_mask"),
    "positions by the place in the row": (
        tf.BartConfig,
        {
            "vocab_size": 264, "d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4,
            "decoder_ffn_dim": 64, "encoder_layers": 2, "init_std": 0.1, "pad_token_id": None,
        },
        "its log-probabilities",
    ),
    "bias by distance": (
        tf.BloomConfig,
        {"vocab_size": 264, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.2},
        "does not come from transformers' AttentionInterface",
    ),
}  # fmt: skip
"""Configurations that trees are not exact for, and what is said of each."""

IN_TREES: dict[str, tuple[type, dict[str, Any]]] = {
    "windows longer than any sequence": (
        tf.Gemma3TextConfig,
        {**_HEADS, **_HALF, "sliding_window": 160},
    ),
    "capped logits": (
        tf.Gemma2Config,
        {
            **_HEADS, "attn_logit_softcapping": None, "final_logit_softcapping": 3.0,
            "sliding_window": 4096,
        },
    ),
    "divided logits": (tf.GraniteConfig, {**SHAPE, "logits_scaling": 4.0}),
    "experts that training draws": (
        tf.PhimoeConfig,
        {**SHAPE, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "dropout within layers": (
        tf.OPTConfig,
        {
            **{k: v for k, v in SHAPE.items() if k != "pad_token_id"}, "ffn_dim": 64,
            "word_embed_proj_dim": 32, "init_std": 0.2, "layerdrop": 0.5,
        },
    ),
    "positions that are learnt": (
        tf.GPT2Config,
        {"vocab_size": 264, "n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.2},
    ),
}  # fmt: skip


def save_kind(kind: type, settings: dict[str, Any], folder: Path) -> str:
    """Saves a model of a kind; what starts as zeros is drawn too, or it would prove nothing."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(kind(**settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            zeros = "sinks", "bias", "recurrent_param", "self_attn.A", "correct_output_scale"
            if name.endswith(zeros):
                parameter.normal_(std=0.5)
    model.save_pretrained(folder)
    return str(folder)


IN_ALL_LAYERS: dict[str, tuple[type, dict[str, Any], str]] = {
    "joined projections": (
        tf.Phi3Config,
        {**SHAPE, "bos_token_id": 1, "eos_token_id": 2},
        "mlp.down_proj mlp.gate_up_proj self_attn.o_proj self_attn.qkv_proj",
    ),
    "names of its own": (
        *IN_TREES["positions that are learnt"],
        "attn.c_attn attn.c_proj mlp.c_fc mlp.c_proj",
    ),
    "experts": (
        tf.Qwen3MoeConfig,
        {**_HEADS, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
        "mlp.experts mlp.experts.base_layer self_attn.k_proj self_attn.o_proj self_attn.q_proj "
        "self_attn.v_proj",
    ),
    "delta rule": (
        *IN_ROWS["delta rule"][:2],
        "linear_attn.in_proj_a linear_attn.in_proj_b linear_attn.in_proj_qkv linear_attn.in_proj_z "
        "linear_attn.out_proj mlp.down_proj mlp.gate_proj mlp.up_proj self_attn.k_proj "
        "self_attn.o_proj self_attn.q_proj self_attn.v_proj",
    ),
    "a router that is a linear layer": (
        *IN_ROWS["chunks"][:2],
        "feed_forward.shared_expert.down_proj feed_forward.shared_expert.gate_proj "
        "feed_forward.shared_expert.up_proj self_attn.k_proj self_attn.o_proj self_attn.q_proj "
        "self_attn.v_proj",
    ),
    "layers beside the decoder's": (
        tf.Gemma3nTextConfig,
        {
            **_HEADS,
            **_HALF,
            "intermediate_size": [64, 64],
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 264,
            "num_kv_shared_layers": 0,
            "altup_num_inputs": 2,
            "laurel_rank": 4,
            "activation_sparsity_pattern": [0.0, 0.0],
        },
        "altup.correction_coefs altup.modality_router altup.prediction_coefs laurel.linear_left "
        "laurel.linear_right mlp.down_proj mlp.gate_proj mlp.up_proj model.altup_projections.0 "
        "model.altup_unembed_projections.0 model.per_layer_model_projection per_layer_input_gate "
        "per_layer_projection self_attn.k_proj self_attn.o_proj self_attn.q_proj self_attn.v_proj",
    ),
    "states": (*IN_ROWS["states"][:2], "mixer.in_proj"),
    "states and attention side by side": (
        *IN_ROWS["states and attention side by side"][:2],
        "feed_forward.down_proj feed_forward.gate_proj feed_forward.up_proj mamba.in_proj "
        "self_attn.k_proj self_attn.o_proj self_attn.q_proj self_attn.v_proj",
    ),
}
"""Configurations, and the parts of a layer that adapters are on where train.lora names none."""
