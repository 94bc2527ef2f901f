"""LoRA adapters: into a model, through its output layer, and into a folder; QLoRA's 4-bit weights.

Adapters may be on any linear layer of the decoder, on the output layer and on the embedding, unless
these two share their weight: an adapter of one of them could not be merged into it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

if TYPE_CHECKING:
    from peft import LoraConfig as PeftLoraConfig

    from skeldpo.config_train import LoraConfig, TrainConfig

_ADAPTER = "default"
"""What PEFT calls an adapter that was given no name."""


def check_adapters(folder: str, lora: LoraConfig) -> None:
    """ValueError as in `add_adapters`, from the folder's config.json: no weights are loaded."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        model.tie_weights()
        add_adapters(model, lora, folder, seed=0)


def add_adapters(model: Any, lora: LoraConfig, folder: str, seed: int) -> None:
    """Puts fp32 adapters into the model in place and freezes everything else.

    Raises:
        ValueError: an adapter could not be merged into the weights, or would not learn.
    """
    tied = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    from peft import inject_adapter_in_model  # takes seconds to import, and only LoRA needs it

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        inject_adapter_in_model(_peft_config(lora), model)
    ends = {
        name
        for name, module in model.named_modules()
        if module in (model.get_input_embeddings(), model.get_output_embeddings())
        and hasattr(module, "base_layer")
    }
    if tied and ends:
        raise ValueError(
            f"train.lora.target_modules {list(lora.target_modules)} puts adapters on "
            f"{', '.join(sorted(ends))} of {folder}, whose output layer is its embedding: merged "
            "into the one weight they would change both; leave them out, or train without "
            "[train.lora]"
        )
    read = {*model.get_decoder().parameters(), *model.get_output_embeddings().parameters()}
    idle = [n for n, p in model.named_parameters() if p.requires_grad and p not in read]
    if idle:
        raise ValueError(
            f"train.lora.target_modules {list(lora.target_modules)} puts adapters where no "
            f"log-probability of {folder} passes: {', '.join(idle[:3])}; leave these out"
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


def adapt(model: Any, lora: LoraConfig, values: Mapping[str, torch.Tensor], base: str) -> Any:
    """The PEFT model of a causal LM with trained adapter values, by their names in the model."""
    from peft import get_peft_model

    adapted = get_peft_model(model, _peft_config(lora, base))
    missing = adapted.get_base_model().load_state_dict(values, strict=False)
    assert not missing.unexpected_keys, missing.unexpected_keys
    return adapted


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


def _peft_config(lora: LoraConfig, base: str | None = None) -> PeftLoraConfig:
    from peft import LoraConfig as PeftLoraConfig

    return PeftLoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base,
    )
