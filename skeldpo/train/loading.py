"""A policy folder as a network, ready to train.

The model is built without values, gets its adapters and is sharded; then each worker reads its own
slices of the weights, what no file has is made again from the configuration, and the adapters are
set. Last, the model is tried: its own log-probabilities must be those of the prefix tree.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.fsdp import FSDPModule
from transformers import AutoConfig, AutoModelForCausalLM

from skeldpo.train.adapters import (
    adapter_parameters,
    add_adapters,
    keep_4_bit_format,
    new_adapters,
    quantization,
    read_adapters,
)
from skeldpo.train.attention import enable_tree_attention, row_multiple
from skeldpo.train.batch import Answer, Prompt, Tree, build_trees
from skeldpo.train.network import (
    Network,
    device_of,
    make_real,
    sequence_logps,
    shard_network,
)
from skeldpo.train.start import find_start
from skeldpo.train.weights import (
    StoredTensor,
    own_tensors,
    read_tensors,
    set_tensor,
    stored_tensors,
)

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from skeldpo.config_train import TrainConfig

logger = logging.getLogger(__name__)

_PROBE_TOKENS = 8
_PROBE_TOLERANCE = 0.05


def load_network(  # noqa: PLR0913
    folder: str,
    config: TrainConfig,
    max_tokens: int,
    seed: int,
    *,
    base: str = "",
    mesh: DeviceMesh | None = None,
) -> Network:
    """The policy of a folder, ready to train: on the CPU of this process or, with a mesh, sharded
    over the workers, all of which call it.

    Full training holds fp32 parameters; with LoRA the frozen ones have `config.dtype`, or 4 bits.
    A worker reads its own slices of the weights and never holds more, unless the files do not have
    the model's own names, shapes and dtypes (quantised ones, experts stored one by one, and QLoRA).

    Args:
        folder: what the training starts from (see `find_start`).
        config: the [train] section.
        max_tokens: of the longest sequence.
        seed: draws new adapters, so that all workers agree.
        base: the model that the run's adapters are on; empty for the folder itself.
        mesh: 1-D, of all workers.

    Raises:
        ValueError: the folder has no model, or one whose attention or output layer the tree
            cannot reproduce; bitsandbytes is asked for and not there.
    """
    start = find_start(folder, base or folder, lora=config.lora is not None)
    model, stored = _empty_model(start.model, _dtype(config))
    is_empty = bool(stored) and quantization(config) is None
    if not is_empty:
        model = AutoModelForCausalLM.from_pretrained(
            start.model,
            dtype=_dtype(config),
            attn_implementation="sdpa",
            quantization_config=quantization(config),
        )
        keep_4_bit_format(model)
    network = Network(model, start, config.lora, stored)
    _prepare(network, config, max_tokens)
    if mesh is not None:
        shard_network(network, mesh, getattr(torch, config.dtype), config.cpu_offload)
    elif is_empty:
        make_real(network, torch.device("cpu"))
    if is_empty or start.masters:
        read_tensors(own_tensors(model), start.masters or start.model)
    _set_adapters(network, seed)
    _require_same_logps(network)
    return network


def build_network(network: Network, config: TrainConfig, max_tokens: int, seed: int) -> Network:
    """Prepares a model of this process that has its values; ValueError as in `load_network`."""
    _prepare(network, config, max_tokens)
    _set_adapters(network, seed)
    _require_same_logps(network)
    return network


def _dtype(config: TrainConfig) -> torch.dtype:
    """Of parameters: the trained ones are fp32."""
    dtype: torch.dtype = torch.float32 if config.lora is None else getattr(torch, config.dtype)
    return dtype


def _empty_model(folder: str, dtype: torch.dtype) -> tuple[Any, dict[str, StoredTensor]]:
    """The model without values, and its own tensors in the folder's files: none, which is said, if
    these have others or the model cannot be made real."""
    model_config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            model_config, dtype=dtype, attn_implementation="sdpa"
        )
        model.tie_weights()
    model.eval()
    found = stored_tensors(folder)
    own = {name: tuple(value.shape) for name, value in own_tensors(model).items()}
    unlike = [
        name
        for name, shape in own.items()
        if name not in found or found[name].shape != shape or found[name].dtype is None
    ]
    if getattr(model_config, "quantization_config", None):
        unlike = ["quantised weights"]
    unlike += _unmade_buffers(model)
    if unlike:
        logger.warning(
            "%s: its files are not the model's own tensors (%s), so every worker reads it whole",
            folder,
            ", ".join(unlike[:3]),
        )
        return model, {}
    return model, {name: found[name] for name in own}


def _unmade_buffers(model: Any) -> list[str]:
    """Buffers that no file has and that `make_real` would leave without values."""
    unmade = []
    for name, module in model.named_modules():
        keys = [
            key for key in module._non_persistent_buffers_set if module._buffers[key] is not None
        ]
        for key in keys:
            module._buffers[key] = torch.full_like(
                module._buffers[key], math.nan, device="cpu", dtype=torch.float32
            )
        if keys:
            model._init_weights(module)
        unmade += [f"{name}.{key}" for key in keys if module._buffers[key].isnan().any()]
    return unmade


def _prepare(network: Network, config: TrainConfig, max_tokens: int) -> None:
    """All that needs no values."""
    model: Any = network.causal_lm
    _require_full_attention(model.config, network.source_folder, max_tokens)
    if getattr(model.config, "attention_dropout", 0.0):
        raise ValueError(
            f"{network.source_folder}: attention_dropout must be 0, got "
            f"{model.config.attention_dropout}; set it to 0 in its config.json"
        )
    if config.lora is not None:
        add_adapters(model, config.lora, network.source_folder)
    if config.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if config.compile_layers:
        _compile_layers(network)


def _set_adapters(network: Network, seed: int) -> None:
    """Those of the rounds before, or new ones; the same on all workers."""
    if network.lora is None:
        return
    parameters = adapter_parameters(network.causal_lm)
    if network.start.adapter:
        values = read_adapters(network.start.adapter)
        if values.keys() != parameters.keys():
            raise ValueError(
                f"{network.start.adapter} has adapters on other layers than train.lora."
                f"target_modules names; expected {len(parameters)} tensors, got {len(values)}"
            )
    else:
        shapes = {name: parameter.shape for name, parameter in parameters.items()}
        values = new_adapters(shapes, seed)
    for name, parameter in parameters.items():
        set_tensor(parameter, values[name])


def _compile_layers(network: Network) -> None:
    """Compiles, in place, what a layer has beside its attention, which has a kernel of its own.

    Not whole layers: FSDP2 gathers parameters in hooks of theirs.
    """
    for layer in network.decoder.layers:
        for name, module in layer.named_children():
            if "attn" not in name:
                module.compile()


def _require_full_attention(config: Any, folder: str, max_tokens: int) -> None:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window: int | None = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        window = None
    short = window is not None and window < max_tokens
    if short or kinds - {"full_attention", "sliding_attention"}:
        raise ValueError(
            f"{folder}: the prefix tree needs full attention in every layer, got layers "
            f"{sorted(kinds)} with sliding_window={window} below policy.max_model_tokens="
            f"{max_tokens}; lower that or choose another model"
        )


@torch.no_grad()
def _require_same_logps(network: Network) -> None:
    """Switches the model to tree attention; ValueError if its own log-probabilities, a row
    a sequence, are not those of the tree.

    They differ if the model does more to its logits than one linear layer (bias, cap, scale), or
    more in its attention than a softmax over what came before (cap, sinks, bias).
    """
    model: Any = network.causal_lm
    vocab_size = model.config.get_text_config().vocab_size
    device = device_of(network)
    token_ids = torch.arange(5 * _PROBE_TOKENS).remainder(vocab_size).tolist()
    parts = [tuple(token_ids[i * _PROBE_TOKENS : (i + 1) * _PROBE_TOKENS]) for i in range(5)]
    stem, ends = parts[0], parts[1][2:]
    answers = [Answer(token_ids=parts[1 + number], sequence=number) for number in range(4)]
    tags = (
        Prompt(token_ids=stem[2:], below=tuple(answers[:2])),
        Prompt(token_ids=ends, below=tuple(answers[2:])),
    )
    probe = Tree(trunk=Prompt(token_ids=stem[:2], below=tags), num_sequences=4)
    network.eval()
    # Equally long, so that one pass gathers a sharded model once for all of them.
    prompts = [stem, stem, stem[:2] + ends, stem[:2] + ends]
    rows = [prompt + answer.token_ids for prompt, answer in zip(prompts, answers, strict=True)]
    sequences = torch.tensor(rows, device=device)  # (4, L)
    logps = network.own_logits(sequences)[:, :-1].float().log_softmax(dim=2)
    of_targets = logps.gather(2, sequences[:, 1:, None]).squeeze(2)  # (4, L - 1)
    expected = of_targets[:, len(stem) - 1 :].mean(dim=1)  # (4,)
    enable_tree_attention(model)
    trees = build_trees([probe], row_multiple(device)).to(device)
    got = sequence_logps(network, trees) / _PROBE_TOKENS  # (4,)
    if isinstance(network, FSDPModule):
        network.reshard()
    if not torch.allclose(got, expected, atol=_PROBE_TOLERANCE, rtol=_PROBE_TOLERANCE):
        raise ValueError(
            f"{network.source_folder}: the model's own log-probabilities {expected.tolist()} are "
            f"not those of its output layer over the prefix tree {got.tolist()}; models that cap, "
            "scale or bias their logits or their attention (Gemma 2, Cohere, Granite, GPT-OSS) "
            "cannot be trained here"
        )
