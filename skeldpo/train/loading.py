"""A policy folder as a network, ready to train.

The model is built without values (`stored_model`), gets its adapters and is sharded; then each
worker reads its own slices of the weights, what no file has is made again from the configuration,
and the adapters are set. Last, the model is tried: its own log-probabilities must be those of the
prefix tree. If they are not, or its kind says so before (`kinds`), it computes a sequence a row,
and is tried that way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from skeldpo.train.adapters import (
    adapter_parameters,
    add_adapters,
    new_adapters,
    quantization,
    read_adapters,
)
from skeldpo.train.attention import TreeCalls, enable_tree_attention
from skeldpo.train.batch import Answer, Prompt, Tree
from skeldpo.train.heap import returning_memory
from skeldpo.train.kinds import hold_rotations, reason_against_trees, reason_from_calls
from skeldpo.train.logps import sum_sequences
from skeldpo.train.network import (
    Network,
    device_of,
    lay_out,
    make_real,
    rest,
    shard_network,
    token_logps,
    workers_of,
)
from skeldpo.train.start import Start, find_start
from skeldpo.train.stored_model import empty_model, require_readable, whole_model
from skeldpo.train.weights import own_tensors, read_tensors, set_tensor

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from skeldpo.config import TrainConfig

logger = logging.getLogger(__name__)

_PROBE_TOKENS = 8
_PROBE_TOLERANCES = {"float32": 0.003, "bfloat16": 0.05}
"""Nats a token, and share of them, by train.dtype (seen in fp32: 1e-6)."""


@returning_memory()
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
        ValueError: the folder has no model, not all of its weights, quantised ones, two output
            layers, or one that is not reproduced; bitsandbytes is asked for and not there.
    """
    start = find_start(folder, base or folder, lora=config.lora is not None)
    model, stored = empty_model(start.model, config)
    is_empty = bool(stored) and quantization(config) is None
    if not is_empty:
        model = whole_model(start.model, config)
    network = Network(model, start, config.lora, stored)
    _prepare(network, config)
    if mesh is not None:
        shard_network(network, mesh, getattr(torch, config.dtype), config.cpu_offload)
    elif is_empty:
        make_real(network, torch.device("cpu"))
    if is_empty or start.masters:
        read_tensors(own_tensors(model), start.masters or start.model)
    _set_adapters(network, seed)
    _choose_rows(network, max_tokens, _PROBE_TOLERANCES[config.dtype])
    return network


def check_trainable(model: str, config: TrainConfig, max_tokens: int) -> None:
    """ValueError as in `load_network` for a folder or Hugging Face id, as far as its configuration
    and the names in its weight files tell: no values are read, so it takes seconds at most.

    OSError if transformers cannot have its config.json.
    """
    quantization(config)
    empty, stored = empty_model(model, config)
    start = Start(policy=model, model=model, masters="", adapter="")
    network = Network(empty, start, config.lora, stored)
    if not stored:
        require_readable(empty, model)
    _prepare(network, config)
    hold_rotations(empty, max_tokens, model)


def build_network(network: Network, config: TrainConfig, max_tokens: int, seed: int) -> Network:
    """Prepares a model of this process that has its values; ValueError as in `load_network`."""
    _prepare(network, config)
    _set_adapters(network, seed)
    _choose_rows(network, max_tokens, _PROBE_TOLERANCES[config.dtype])
    return network


def _prepare(network: Network, config: TrainConfig) -> None:
    """All that needs no values."""
    model: Any = network.causal_lm
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        # By what it is: a small one would pass the trial of `_require_same_logps`.
        raise ValueError(
            f"{network.source_folder}: models that do more to their logits than cap or scale them "
            "(a bias of the output layer) cannot be trained here"
        )
    if config.lora is not None:
        add_adapters(model, config.lora, network.source_folder)
    if config.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    network.offloads_activations = config.offload_activations
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
    for layer in network.layers:
        for name, module in layer.named_children():
            if "attn" not in name:
                module.compile()


def _choose_rows(network: Network, max_tokens: int, tolerance: float) -> None:
    """Prefix trees if the model is exact in them, else a sequence a row, which is said.

    Raises:
        ValueError: the model does to its logits, or to positions, what is not known here.
    """
    model: Any = network.causal_lm
    hold_rotations(model, max_tokens, network.source_folder)
    own = model.config._attn_implementation
    reason = reason_against_trees(model.config, network.decoder, max_tokens)
    if not reason:
        reason = _try_trees(network, tolerance)
    network.against_trees = reason
    if reason:
        if model.config._attn_implementation != own:
            model.set_attn_implementation(own)
        _require_same_logps(network, tolerance)
    if workers_of(network).rank == 0:
        logger.info("%s: %s", network.source_folder, network.said)


@torch.no_grad()
def _try_trees(network: Network, tolerance: float) -> str:
    """Switches the model to tree attention and says why that is not what it computes itself."""
    probe = _probe_tree(network, (_PROBE_TOKENS,) * 4)
    expected = _own_logps(network, probe)
    if not enable_tree_attention(network.causal_lm):
        return "its attention does not come from transformers' AttentionInterface"
    calls = TreeCalls()
    got = _probed_logps(network, probe, calls)
    reason = reason_from_calls(calls, len(network.layers))
    if not reason and not torch.allclose(got, expected, atol=tolerance, rtol=tolerance):
        reason = f"its log-probabilities {expected.tolist()} are {got.tolist()} in a tree"
    return reason


@torch.no_grad()
def _require_same_logps(network: Network, tolerance: float) -> None:
    """ValueError if a model's own log-probabilities are not those of its rows, padded behind."""
    probe = _probe_tree(network, (_PROBE_TOKENS, 3, _PROBE_TOKENS, 3))
    expected = _own_logps(network, probe)
    got = _probed_logps(network, probe, None)
    if not torch.allclose(got, expected, atol=tolerance, rtol=tolerance):
        raise ValueError(
            f"{network.source_folder}: the model's own log-probabilities {expected.tolist()} are "
            f"not those of its output layer, a sequence a row {got.tolist()}; models that do more "
            "to their logits than cap or scale them (a bias), or whose tokens see later ones, "
            "cannot be trained here"
        )


def _probe_tree(network: Network, lengths: tuple[int, ...]) -> Tree:
    """Two prompts of equal length with two answers each, of the given lengths."""
    vocab_size = network.causal_lm.config.get_text_config().vocab_size  # type: ignore[union-attr, operator]
    token_ids = torch.arange(5 * _PROBE_TOKENS).remainder(vocab_size).tolist()
    parts = [tuple(token_ids[i * _PROBE_TOKENS : (i + 1) * _PROBE_TOKENS]) for i in range(5)]
    stem, ends = parts[0], parts[1][2:]
    answers = [
        Answer(token_ids=parts[1 + number][:length], sequence=number)
        for number, length in enumerate(lengths)
    ]
    tags = (
        Prompt(token_ids=stem[2:], below=tuple(answers[:2])),
        Prompt(token_ids=ends, below=tuple(answers[2:])),
    )
    return Tree(trunk=Prompt(token_ids=stem[:2], below=tags), num_sequences=len(lengths))


def _own_logps(network: Network, probe: Tree) -> torch.Tensor:
    """(4,) a token, from the model's own forward pass and whole logits.

    Rows of equal length together: a pass gathers a sharded model once.
    """
    rows: list[tuple[tuple[int, ...], int]] = []
    for tag in probe.trunk.below:
        for answer in getattr(tag, "below", ()):
            prompt = probe.trunk.token_ids + tag.token_ids
            rows.append((prompt + answer.token_ids, len(answer.token_ids)))
    device = device_of(network)
    found = torch.zeros(len(rows), device=device)
    network.eval()
    for length in sorted({len(token_ids) for token_ids, _ in rows}):
        places = [place for place, (token_ids, _) in enumerate(rows) if len(token_ids) == length]
        sequences = torch.tensor([rows[place][0] for place in places], device=device)  # (B, L)
        logps = network.own_logits(sequences)[:, :-1].float().log_softmax(dim=2)
        of_targets = logps.gather(2, sequences[:, 1:, None]).squeeze(2)  # (B, L - 1)
        for row, place in enumerate(places):
            found[place] = of_targets[row, -rows[place][1] :].mean()
    return found


def _probed_logps(network: Network, probe: Tree, calls: TreeCalls | None) -> torch.Tensor:
    """(4,) a token, as training computes them."""
    trees = lay_out(network, [probe])
    sums = sum_sequences(token_logps(network, trees, calls), trees)
    rest(network)
    return sums / trees.num_sequence_tokens
