"""A policy folder's model as transformers builds and reads it, before it is a network.

Without values where its files have the model's own tensors, which workers then read by slices; else
as a whole, since transformers alone knows how such files become a model.
"""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.quantizers.auto import AutoQuantizationConfig

from skeldpo.train.adapters import keep_4_bit_format, quantization
from skeldpo.train.kinds import attention_function
from skeldpo.train.network import initialise
from skeldpo.train.weights import StoredTensor, own_tensors, stored_tensor, stored_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skeldpo.config import TrainConfig

logger = logging.getLogger(__name__)

_STAYS_QUANTISED = (
    "{}: its weights are quantised and stay so when they are read, so what is trained could not "
    "be saved; give the model that it was made from (with train.lora.load_in_4bit, if it is to "
    "take as little memory)"
)


def _dtype(config: TrainConfig) -> torch.dtype:
    """Of parameters: the trained ones are fp32."""
    dtype: torch.dtype = torch.float32 if config.lora is None else getattr(torch, config.dtype)
    return dtype


def empty_model(folder: str, config: TrainConfig) -> tuple[Any, dict[str, StoredTensor]]:
    """The model without values, and its own tensors in the folder's files: none, which is said, if
    these have others or the model cannot be made real."""
    model_config = _own_config(folder)
    if type(model_config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(
            f"{folder}: transformers has no causal language model of the kind "
            f"{model_config.model_type!r}, so it cannot be trained here; give a model that reads "
            "text alone"
        )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            model_config, dtype=_dtype(config), attn_implementation=attention_function(model_config)
        )
        model.tie_weights()
    model.eval()
    found = stored_tensors(folder)
    _require_one_head(model, found, folder)
    own = {name: tuple(value.shape) for name, value in own_tensors(model).items()}
    unlike = [
        name
        for name, shape in own.items()
        if name not in found or found[name].shape != shape or found[name].dtype is None
    ]
    if getattr(model_config, "quantization_config", None):
        unlike = ["quantised weights"]
    unlike += _unmade_buffers(model)
    if unlike and found:
        logger.warning(
            "%s: its files are not the model's own tensors (%s), so every worker reads it whole",
            folder,
            ", ".join(unlike[:3]),
        )
    return model, {} if unlike else {name: found[name] for name in own}


def whole_model(folder: str, config: TrainConfig) -> Any:
    """The model as transformers reads it; ValueError for weights that stay quantised, or that the
    files lack: it would draw these at random, on each worker others."""
    model_config = _own_config(folder)
    is_quantised = bool(getattr(model_config, "quantization_config", None))
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        config=model_config,
        dtype=_dtype(config),
        attn_implementation=attention_function(model_config),
        quantization_config=quantization(config),
        output_loading_info=True,
    )
    if is_quantised and getattr(model, "hf_quantizer", None) is not None:
        raise ValueError(_STAYS_QUANTISED.format(folder))
    _require_all_weights(model, report, folder)
    keep_4_bit_format(model)
    return model


def require_readable(model: Any, folder: str) -> None:
    """ValueError as in `whole_model`, from the names and shapes in the folder's files, if these are
    here."""
    kind = getattr(model.config, "quantization_config", None)
    if kind:
        # Those that can be read as plain weights say so by this; whether they are is up to devices.
        if not hasattr(AutoQuantizationConfig.from_dict(kind), "dequantize"):
            raise ValueError(_STAYS_QUANTISED.format(folder))
    elif stored_tensors(folder):
        _require_all_weights(*_read_empty(model, folder), folder)


def read_dtypes(model: Any, folder: str) -> dict[str, torch.dtype]:
    """Of the tensors of a folder's model as transformers reads it in the dtype of config.json: some
    kinds keep a few in fp32 (what chooses experts)."""
    return {name: each.dtype for name, each in _read_empty(model, folder)[0].state_dict().items()}


def _read_empty(model: Any, folder: str) -> tuple[Any, dict[str, Any]]:
    """What transformers makes of a folder's files, and says of it, without their values."""
    empty = {
        name: torch.empty(each.shape, dtype=each.dtype, device="meta")
        for name, each in stored_tensors(folder).items()
    }
    read: tuple[Any, dict[str, Any]] = type(model).from_pretrained(
        None,
        config=model.config,
        state_dict=empty,
        dtype=AutoConfig.from_pretrained(folder).dtype or torch.float32,
        device_map="meta",
        output_loading_info=True,
    )
    return read


def _require_all_weights(model: Any, report: Mapping[str, Any], folder: str) -> None:
    """By what transformers says of reading it."""
    weights = {name for name, _ in model.named_parameters()}
    lacking = sorted(weights & set(report["missing_keys"]))
    if lacking:
        raise ValueError(
            f"{folder}: its weight files lack {len(lacking)} of the model's {len(weights)} weights "
            f"({', '.join(lacking[:3])}); give a folder that has all of a causal LM, or mend "
            "config.json (tie_word_embeddings, the number of layers) if these are not the model's"
        )


def _require_one_head(model: Any, found: Mapping[str, StoredTensor], folder: str) -> None:
    """ValueError for tied weights of which the files have two: engines go by config.json and leave
    one out, transformers unties them."""
    for one, other in model.get_expanded_tied_weights_keys(all_submodels=True).items():
        if one not in found or other not in found:
            continue
        if not torch.equal(*(stored_tensor(found[name], name) for name in (one, other))):
            raise ValueError(
                f"{folder}: by config.json {one} is {other}, but its weight files have two that "
                "differ; set tie_word_embeddings to false there if both were trained, or remove "
                f"{one} from the files"
            )


def _own_config(folder: str) -> Any:
    """The model's configuration without its dropout: the reference has none, and layers that are
    computed from checkpoints read it (see Network.train)."""
    config = AutoConfig.from_pretrained(folder)
    for part in (config, config.get_text_config()):
        for name, value in part.to_dict().items():
            if re.search("dropout|pdrop|layerdrop", name) and isinstance(value, float):
                setattr(part, name, 0.0)
    return config


def _unmade_buffers(model: Any) -> list[str]:
    """Buffers that no file has and that `make_real` would leave without values."""
    unmade = []
    for name, module in model.named_modules():
        keys = [
            key for key in module._non_persistent_buffers_set if module._buffers[key] is not None
        ]
        dtypes = {key: module._buffers[key].dtype for key in keys}
        for key in keys:
            module._buffers[key] = torch.full_like(
                module._buffers[key], math.nan, device="cpu", dtype=torch.float32
            )
        if keys:
            initialise(model, name)
        unmade += [f"{name}.{key}" for key in keys if module._buffers[key].isnan().any()]
        for key, dtype in dtypes.items():
            module._buffers[key] = module._buffers[key].to(dtype)  # some are rounded on purpose
    return unmade
