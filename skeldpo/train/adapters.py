"""LoRA adapters: into a model, through its output layer, and into a folder; QLoRA's 4-bit weights.

Adapters may be on any linear layer of the decoder, on the output layer and on the embedding, unless
these two share their weight: an adapter of one of them could not be merged into it. They are fp32
and the adapter of a run is one, from its first round to its last: its folder, as PEFT writes it,
holds all that was trained.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BitsAndBytesConfig
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from peft import LoraConfig as PeftLoraConfig

    from skeldpo.config import LoraConfig, TrainConfig

_ADAPTER = "default"
"""What PEFT calls an adapter that was given no name."""

_EXPERTS = ("gate_proj", "up_proj", "down_proj", "w1", "w2", "w3")
"""What PEFT calls the parts of experts that transformers keeps as one tensor, in the kinds of which
it knows that (Qwen, DeepSeek, Mixtral; of others it puts no adapters there)."""

_FILE = "adapter_model.safetensors"
_FILE_PREFIX = "base_model.model."
"""Of names in PEFT's files, which leave the adapter's own name out."""


def add_adapters(model: Any, lora: LoraConfig, folder: str) -> None:
    """Puts fp32 adapters into the model in place, their values to be set, and freezes all else.

    Raises:
        ValueError: an adapter could not be merged into the weights, or would not learn.
    """
    tied = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    from peft import inject_adapter_in_model  # takes seconds to import, and only LoRA needs it

    try:
        with torch.random.fork_rng():
            inject_adapter_in_model(_peft_config(lora, model), model)
    except ValueError as error:
        raise ValueError(f"train.lora cannot be put on {folder}: {error}") from error
    ends = {
        name
        for name, module in model.named_modules()
        if module in _ends(model) and hasattr(module, "base_layer")
    }
    if tied and ends:
        raise ValueError(
            f"train.lora.target_modules {list(lora.target_modules)} puts adapters on "
            f"{', '.join(sorted(ends))} of {folder}, whose output layer is its embedding: merged "
            "into the one weight they would change both; leave them out, or train without "
            "[train.lora]"
        )
    read = {*model.get_decoder().parameters(), *model.get_output_embeddings().parameters()}
    read -= {each for layer in _read_by_kernels(model) for each in layer.parameters()}
    idle = [n for n, p in model.named_parameters() if p.requires_grad and p not in read]
    if idle:
        raise ValueError(
            f"train.lora.target_modules {list(lora.target_modules)} puts adapters where no "
            f"log-probability of {folder} passes, or not in all kernels: {', '.join(idle[:3])}; "
            "leave these out"
        )
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def linear_view(layer: Any, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (N, D') and weight (V, D') whose product are the logits of an output layer.

    With an adapter x W' + s drop(x) A' B' is one product over (x, s drop(x) A') and (W, B), ' for
    transposed, so D' is D plus the rank. Without one they are x and W.
    """
    if not hasattr(layer, "base_layer"):
        return hidden, layer.weight
    down, up = layer.lora_A[_ADAPTER], layer.lora_B[_ADAPTER]
    narrow = down(layer.lora_dropout[_ADAPTER](hidden.to(down.weight.dtype)))  # (N, rank)
    weight = layer.base_layer.weight
    inputs = torch.cat([hidden, (narrow * layer.scaling[_ADAPTER]).to(hidden.dtype)], dim=1)
    return inputs, torch.cat([weight, up.weight.to(weight.dtype)], dim=1)


def adapter_parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    """The trained parameters of a model with adapters, by name; sharded if the model is."""
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def new_adapters(shapes: Mapping[str, torch.Size], seed: int) -> dict[str, torch.Tensor]:
    """First values, by names of parameters: one factor is drawn as PEFT draws it, the other is 0,
    so the model is unchanged."""
    generator = torch.Generator().manual_seed(seed)
    values: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        values[name] = torch.zeros(shape)
        if ".lora_A." in name:
            nn.init.kaiming_uniform_(values[name], a=math.sqrt(5), generator=generator)
        elif ".lora_embedding_B." in name:
            nn.init.normal_(values[name], generator=generator)
    return values


def read_adapters(folder: str) -> dict[str, torch.Tensor]:
    """The values that `write_adapters` wrote."""
    found = load_file(Path(folder, _FILE))
    named = r"(\.lora_(?:embedding_)?[AB])(?=\.|$)"
    return {
        re.sub(named, rf"\1.{_ADAPTER}", name.removeprefix(_FILE_PREFIX)): value
        for name, value in found.items()
    }


def write_adapters(
    values: Mapping[str, torch.Tensor], lora: LoraConfig, folder: str, base: str, model: nn.Module
) -> None:
    """A folder that PEFT loads; `base` is what it says that the adapter of `model` belongs to."""
    Path(folder).mkdir()
    files = {
        _FILE_PREFIX + name.replace(f".{_ADAPTER}", ""): value.contiguous()
        for name, value in values.items()
    }
    save_file(files, Path(folder, _FILE), metadata={"format": "pt"})
    config = _peft_config(lora, model, base)
    config.inference_mode = True
    config.save_pretrained(folder)


def merged_weight(
    model: nn.Module, weight_name: str, weight: torch.Tensor, values: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """A weight of the base with what its layer's adapter adds, W + s B A in fp32; the weight as it
    is where there is no adapter."""
    name = weight_name.removesuffix(".weight")
    down = values.get(f"{name}.lora_A.{_ADAPTER}.weight")
    on_embedding = values.get(f"{name}.lora_embedding_A.{_ADAPTER}")
    if down is not None:
        added = values[f"{name}.lora_B.{_ADAPTER}.weight"] @ down
    elif on_embedding is not None:
        added = values[f"{name}.lora_embedding_B.{_ADAPTER}"] @ on_embedding
    else:
        return weight
    layer: Any = model.get_submodule(name)
    if on_embedding is not None or layer.fan_in_fan_out:
        added = added.T
    return weight.float().add(added, alpha=layer.scaling[_ADAPTER])


def adapt(model: Any, lora: LoraConfig, values: Mapping[str, torch.Tensor]) -> Any:
    """The model of transformers with trained adapter values merged into it by PEFT."""
    from peft import get_peft_model

    adapted = get_peft_model(model, _peft_config(lora, model))
    missing = adapted.get_base_model().load_state_dict(values, strict=False)
    assert not missing.unexpected_keys, missing.unexpected_keys
    return adapted.merge_and_unload()


def quantization(config: TrainConfig) -> Any:
    """The transformers setting of QLoRA (arXiv 2305.14314, section 3), or None."""
    if config.lora is None or not config.lora.load_in_4bit:
        return None
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ValueError(
            "train.lora.load_in_4bit needs bitsandbytes: pip install 'skeldpo[qlora]', or set it "
            "to false"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, config.dtype),
    )


def keep_4_bit_format(model: nn.Module) -> None:
    """On CPUs with AVX512-BF16 bitsandbytes repacks the weights in the first pass of a model in
    evaluation mode, for an inference kernel of its own: coarser scales, shapes in whole blocks
    only, and a policy that differs between its reference's pass and its training."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            setattr(module, "support_avx512bf16_for_cpu", False)  # noqa: B010 (mypy)


def _peft_config(lora: LoraConfig, model: Any, base: str | None = None) -> PeftLoraConfig:
    from peft import LoraConfig as PeftLoraConfig

    unread = _unread_parts(model)
    return PeftLoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules) or _inner_names(model),
        # A regular expression: layers of a tower for pictures are called as the decoder's are.
        exclude_modules=rf"({'|'.join(map(re.escape, unread))})(\..*)?" if unread else None,
        task_type="CAUSAL_LM",
        base_model_name_or_path=base,
    )


def _inner_names(model: Any) -> list[str]:
    """Of all linear layers that a text goes through between embedding and output layer, from within
    a layer of the decoder on ("self_attn.q_proj"), and of experts."""
    inner = {*model.get_decoder().modules()} - {*_ends(model), *_read_by_kernels(model)}
    names = {
        re.sub(r"^.*?\.\d+\.", "", name.removesuffix(".base_layer"))
        for name, layer in model.named_modules()
        if layer in inner
        and isinstance(layer, nn.Linear | Conv1D)
        and ".lora_" not in name
        and not type(layer).__module__.startswith("transformers.models.")  # routers, with choices
    }
    has_experts = any(name.endswith(".experts") for name, _ in model.named_modules())
    return sorted(names.union(_EXPERTS if has_experts else ()))


def _read_by_kernels(model: Any) -> set[nn.Module]:
    """Layers that are not called: state-space mixers hand the weights of all but their first to one
    kernel, which sees no adapter. They are known by D, what a state passes on unchanged."""
    mixers = [
        each for each in model.modules() if isinstance(getattr(each, "D", None), nn.Parameter)
    ]
    return {layer for each in mixers for name, layer in each.named_children() if name != "in_proj"}


def _ends(model: Any) -> tuple[nn.Module, nn.Module]:
    return model.get_input_embeddings(), model.get_output_embeddings()


def _unread_parts(model: Any) -> list[str]:
    """Names of the largest parts of a model that no text goes through."""
    read = {*model.get_decoder().modules(), *_ends(model)}
    parts: list[str] = []
    for name, module in model.named_modules():
        is_inside = any(name.startswith(f"{part}.") for part in parts)
        if not is_inside and read.isdisjoint(module.modules()):
            parts.append(name)
    return parts
