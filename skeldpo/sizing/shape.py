"""Counts of a causal LM, from its configuration: transformers builds it without values.

Shapes: D hidden size, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skeldpo.config import LoraConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What sizes depend on.

    `num_parameters` counts tied weights once. `layer_parameters` are those of the largest decoder
    layer, `embedding_parameters` V x D, of the output layer the same. `query_size` is heads times
    head size, `key_size` the same of keys and of values; `mlp_size` is what a token passes through
    (with experts, those that it is sent to). `num_cached_layers` keep keys and values of every
    token; `stored_weight_bytes` is of config.json's dtype. `linear_parameters` are in linear layers
    but the output layer, those that QLoRA keeps in 4 bits; `adapters_per_rank` those of adapters of
    rank 1 on the layers of train.lora (0 without).
    """

    num_parameters: int
    layer_parameters: int
    embedding_parameters: int
    num_layers: int
    num_cached_layers: int
    hidden_size: int
    mlp_size: int
    query_size: int
    key_size: int
    num_heads: int
    num_key_heads: int
    vocab_size: int
    stored_weight_bytes: int
    linear_parameters: int
    adapters_per_rank: int


def read_shape(model: str, lora: LoraConfig | None = None) -> ModelShape:
    """The shape of a folder or Hugging Face id; OSError or ValueError if transformers cannot have
    or build it, or not with the adapters."""
    from transformers import AutoConfig  # takes seconds to import

    folder = Path(model).expanduser()
    return shape_of(AutoConfig.from_pretrained(folder if folder.is_dir() else model), lora)


def llama_shape(  # noqa: PLR0913
    *,
    hidden_size: int,
    mlp_size: int,
    num_layers: int,
    heads: tuple[int, int],
    vocab_size: int,
    is_tied: bool,
    stored_weight_bytes: int = 4,
) -> ModelShape:
    """That of a Qwen2 (biases on queries, keys and values) with adapters on all linear layers,
    without transformers; `heads` are those of queries and of keys."""
    num_heads, num_key_heads = heads
    key_size = hidden_size // num_heads * num_key_heads
    projections = {
        "self_attn.q_proj": (hidden_size, hidden_size),
        "self_attn.k_proj": (hidden_size, key_size),
        "self_attn.v_proj": (hidden_size, key_size),
        "self_attn.o_proj": (hidden_size, hidden_size),
        "mlp.gate_proj": (hidden_size, mlp_size),
        "mlp.up_proj": (hidden_size, mlp_size),
        "mlp.down_proj": (mlp_size, hidden_size),
    }
    linear = sum(inputs * outputs for inputs, outputs in projections.values())
    layer = linear + 3 * hidden_size + 2 * key_size  # biases, two norms
    embedding = vocab_size * hidden_size
    return ModelShape(
        num_parameters=num_layers * layer + (1 if is_tied else 2) * embedding + hidden_size,
        layer_parameters=layer,
        embedding_parameters=embedding,
        num_layers=num_layers,
        num_cached_layers=num_layers,
        hidden_size=hidden_size,
        mlp_size=mlp_size,
        query_size=hidden_size,
        key_size=key_size,
        num_heads=num_heads,
        num_key_heads=num_key_heads,
        vocab_size=vocab_size,
        stored_weight_bytes=stored_weight_bytes,
        linear_parameters=num_layers * linear,
        adapters_per_rank=num_layers * sum(map(sum, projections.values())),
    )


def shape_of(model_config: Any, lora: LoraConfig | None = None) -> ModelShape:
    """The shape of a configuration of transformers."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    from skeldpo.train.adapters import add_adapters
    from skeldpo.train.network import decoder_of, layers_of

    config = model_config.get_text_config()
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(model_config)
        model.tie_weights()
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    heads = int(getattr(config, "num_attention_heads", 1))  # state-space models have none
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    key_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    dtype = getattr(config, "dtype", None) or torch.float32
    shape = ModelShape(
        num_parameters=_num_parameters(model),
        layer_parameters=max(_num_parameters(layer) for layer in layers_of(decoder_of(model))),
        embedding_parameters=embedding.weight.numel(),
        num_layers=int(config.num_hidden_layers),
        # Those that are called conv, moe or linear_attention have none.
        num_cached_layers=sum(
            "hybrid" in k or ("attention" in k and "linear" not in k) for k in kinds
        ),
        hidden_size=int(config.hidden_size),
        mlp_size=_mlp_size(config),
        query_size=heads * head_size,
        key_size=key_heads * head_size,
        num_heads=heads,
        num_key_heads=key_heads,
        vocab_size=int(config.vocab_size),
        stored_weight_bytes=dtype.itemsize,
        linear_parameters=sum(
            module.weight.numel()
            for module in model.modules()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not output
        ),
        adapters_per_rank=0,
    )
    if lora is None:
        return shape
    with torch.device("meta"):
        add_adapters(model, lora.model_copy(update={"rank": 1}), model_config.name_or_path)
    adapters = sum(each.numel() for each in model.parameters() if each.requires_grad)
    return replace(shape, adapters_per_rank=adapters)


def _num_parameters(module: Any) -> int:
    return sum(math.prod(parameter.shape) for parameter in module.parameters())


def _mlp_size(config: Any) -> int:
    """Width of what a token passes through between two layers' attention."""
    names = ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner")
    found = [getattr(config, name, None) for name in names]
    dense = next(filter(None, found), 4 * config.hidden_size)  # GPT-2 and others say nothing
    per_token = getattr(config, "num_experts_per_tok", None)
    if not per_token:
        return int(dense)
    width = getattr(config, "moe_intermediate_size", None) or dense
    return int(per_token * width + (getattr(config, "shared_expert_intermediate_size", None) or 0))
