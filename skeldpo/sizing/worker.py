"""Memory of a training worker, by counting what `train` keeps at the fullest moment of a step.

Legend of the formulas: W workers, T tokens of a forward pass, c bytes of train.dtype, D hidden
size, I MLP size, A and K sizes of queries and keys, V vocabulary, all of the model; t trained
parameters. The decoder's layers are counted as those of Llama and Qwen in transformers, eager.

What is counted:

- the shards of FSDP2 (`train.network.shard_network`): parameters, fp32 gradients, AdamW's moments;
- the parameters that are whole meanwhile, in `train.dtype`: a layer, the next, an embedding;
- a whole gradient, and its fp32 copy on the way to its shard;
- what autograd saves, a layer: 8 D in bf16 or 12 D in fp32 for each of two norms, c (3 A + 2 K) for
  attention, 4 c I for the MLP; on a CPU 2 A + 4 K more, where chains are put together. With
  activation checkpointing c D a layer, and this for one layer;
- gradients of activations while a layer's are made: c (3 I + 3 D);
- logits of a chunk (`train.logps`) and their exponentials, fp32;
- with several workers what is sent and received, some times the largest layer or embedding in c;
- what the allocator cannot use again: a share of what comes and goes in a step.

Not counted: what other programs hold, checkpoints being written (a tensor at a time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skeldpo.sizing.needs import Need, Part
from skeldpo.sizing.shape import ModelShape

if TYPE_CHECKING:
    from skeldpo.config import TrainConfig

BAND = 1.6
"""A figure lies between the measured peak over this and the peak times this
(tests/test_sizing.py; seen: .98 to 1.5 of the figure, since glibc holds on to freed memory)."""

PROCESS_BYTES = 600 << 20
"""The interpreter with torch, transformers, PEFT and Ray (measured: 470 MiB without Ray)."""

CUDA_PROCESS_BYTES = 3 << 30
"""The same with CUDA's libraries and context. An assumption: no GPU has run this."""

CUDA_CONTEXT_BYTES = 1 << 30
"""On the GPU: context, NCCL, the kernels' workspaces. An assumption too."""

_LOGITS = {False: 2**27, True: 2**28}
"""Of a chunk at most, on a CPU and on a GPU (`train.logps`)."""

_FRAGMENTS = {False: 0.2, True: 0.1}
"""Share lost on a CPU (glibc; measured .0 to .3) and on a GPU (an assumption)."""

_BUFFERS = {False: 5, True: 2}
"""Copies on the way between workers: with gloo on CPUs (measured: 3 to 6), and with NCCL (an
assumption)."""

_NF4_BYTES = 0.516
"""Of a 4-bit weight with its share of the scales, double quantization (arXiv 2305.14314)."""


def worker_need(shape: ModelShape, train: TrainConfig, num_tokens: int) -> Need:
    """What a worker of a training needs, `num_tokens` of which are the most of a forward pass."""
    shards = _shards(shape, train)
    step = _step(shape, train, num_tokens)
    host: tuple[Part, ...] = (_process(PROCESS_BYTES), *shards, *step)
    device: tuple[Part, ...] = ()
    if train.use_gpu:
        host = _process(CUDA_PROCESS_BYTES), _loading(shape, train)
        device = Part(name="context", num_bytes=CUDA_CONTEXT_BYTES), *step
        if train.offload_activations:
            inputs = num_tokens * _layer_inputs(shape, train)
            host = *host, Part(name="offloaded activations", num_bytes=inputs)
        if train.cpu_offload:
            host = *host, *shards
        else:
            device = *device, *shards
    return Need(
        kind="training worker",
        number=train.num_workers,
        num_cpus=train.cpus_per_worker,
        num_gpus=int(train.use_gpu),
        host=host,
        device=device,
        advice=_advice(train),
        slack=BAND,
    )


def _process(num_bytes: int) -> Part:
    return Part(name="process", num_bytes=num_bytes)


def _dtype_bytes(train: TrainConfig) -> int:
    return 4 if train.dtype == "float32" else 2


def _trained(shape: ModelShape, train: TrainConfig) -> int:
    """Parameters that have gradients and moments."""
    if train.lora is None:
        return shape.num_parameters
    return train.lora.rank * shape.adapters_per_rank


def _shards(shape: ModelShape, train: TrainConfig) -> tuple[Part, ...]:
    """What lies on a worker between two steps, and its gradients."""
    share, trained = 1 / train.num_workers, _trained(shape, train)
    weights = 4.0 * trained * share
    if train.lora is not None:
        frozen = float(shape.num_parameters)
        if train.lora.load_in_4bit:  # whole on every worker
            weights += _NF4_BYTES * shape.linear_parameters
            frozen -= shape.linear_parameters
        weights += _dtype_bytes(train) * frozen * share
    return (
        Part(name="weights", num_bytes=int(weights), is_exact=True),
        Part(name="gradients", num_bytes=int(4 * trained * share), is_exact=True),
        Part(name="moments", num_bytes=int(8 * trained * share), is_exact=True),
    )


def _step(shape: ModelShape, train: TrainConfig, num_tokens: int) -> tuple[Part, ...]:
    """What a step takes beside them."""
    size = _dtype_bytes(train)
    layer, ends = shape.layer_parameters, shape.embedding_parameters
    if train.lora is None:
        gradient = (size + 4) * max(layer, ends)
    else:
        gradient = (size + 4) * _trained(shape, train) // shape.num_layers
        if train.lora.load_in_4bit:
            layer -= shape.linear_parameters // shape.num_layers
    sent = _BUFFERS[train.use_gpu] * size * max(layer, ends) if train.num_workers > 1 else 0
    parts = (
        Part(name="whole layers", num_bytes=size * (2 * layer + ends)),
        Part(name="whole gradients", num_bytes=gradient),
        Part(name="sent and received", num_bytes=sent),
        Part(name="activations", num_bytes=_activations(shape, train, num_tokens)),
        Part(name="logits", num_bytes=_logits(shape, train, num_tokens)),
    )
    passing = sum(part.num_bytes for part in parts)
    return *parts, Part(name="fragments", num_bytes=int(_FRAGMENTS[train.use_gpu] * passing))


def _activations(shape: ModelShape, train: TrainConfig, num_tokens: int) -> int:
    size, hidden = _dtype_bytes(train), shape.hidden_size
    layer = 2 * (12 if size == 4 else 8) * hidden
    layer += size * (3 * shape.query_size + 2 * shape.key_size + 4 * shape.mlp_size)
    if not train.use_gpu:
        layer += size * (2 * shape.query_size + 4 * shape.key_size)
    if train.use_gpu and train.offload_activations:
        kept = layer
    elif train.activation_checkpointing:
        kept = _layer_inputs(shape, train) + layer
    else:
        kept = layer * shape.num_layers
    return num_tokens * (kept + size * 3 * (shape.mlp_size + hidden))


def _layer_inputs(shape: ModelShape, train: TrainConfig) -> int:
    """Bytes a token of what checkpoints keep."""
    return _dtype_bytes(train) * shape.hidden_size * shape.num_layers


def _logits(shape: ModelShape, train: TrainConfig, num_tokens: int) -> int:
    """As if every token of the pass were scored."""
    most = max(1, _LOGITS[train.use_gpu] // shape.vocab_size)
    num_chunks = -(-num_tokens // most)
    rows = -(-num_tokens // num_chunks)
    return 2 * 4 * rows * shape.vocab_size


def _loading(shape: ModelShape, train: TrainConfig) -> Part:
    """On the host of a GPU: a tensor and its fp32 copy; with 4 bits the model as it is stored."""
    if train.lora is not None and train.lora.load_in_4bit:
        return Part(name="loading", num_bytes=_dtype_bytes(train) * shape.num_parameters)
    largest = max(shape.embedding_parameters, shape.hidden_size * shape.mlp_size)
    return Part(name="loading", num_bytes=(4 + shape.stored_weight_bytes) * largest)


def _advice(train: TrainConfig) -> str:
    ways = ["more train.num_workers", "a smaller train.max_tokens_per_forward"]
    if not train.activation_checkpointing:
        ways.append("train.activation_checkpointing = true")
    elif train.use_gpu and not train.offload_activations:
        ways.append("train.offload_activations = true")
    if train.use_gpu and not train.cpu_offload and train.lora is None:
        ways.append("train.cpu_offload = true")
    if train.lora is None:
        ways.append("[train.lora]")
    elif not train.lora.load_in_4bit:
        ways.append("train.lora.load_in_4bit = true")
    return ", ".join(ways[:-1]) + f", or {ways[-1]}"
