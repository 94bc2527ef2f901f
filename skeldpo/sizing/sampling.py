"""Memory of the workers that write and time programs: vLLM engines, sandboxes, the driver.

An engine's weights are those of the model in `generate.dtype`, parted over its GPUs (tensor
parallel); its cache takes 2 x layers x key size x bytes a token. vLLM fills its share of a GPU
(generate.gpu_memory_utilization) with cache, so what is asked for here is room for the weights and
one sequence of policy.max_model_tokens; more lets more sequences be written at a time.
"""

from __future__ import annotations

from skeldpo.config import GenerateConfig, MeasureConfig
from skeldpo.generate.engine import BFLOAT16_FLAGS, cpu_flags
from skeldpo.sizing.needs import GIB, Need, Part
from skeldpo.sizing.shape import ModelShape
from skeldpo.sizing.worker import BAND, CUDA_CONTEXT_BYTES, CUDA_PROCESS_BYTES

_ENGINE_BYTES = 3 * GIB // 2
"""vLLM's process on a CPU without weights and cache. An assumption: the whole demo, whose engine
has 1 GiB of cache, takes 3.4 GiB."""

_PASS_BYTES = 2 * GIB
"""On a GPU: activations of the longest batch and CUDA graphs. An assumption."""

_ACTOR_BYTES = 200 << 20
"""The Ray actor that times programs in a container."""

_DRIVER_BYTES = GIB
"""The driver with Ray's own processes."""


def engine_need(shape: ModelShape, generate: GenerateConfig, max_model_tokens: int) -> Need:
    """What a vLLM engine needs."""
    size = _weight_bytes(shape, generate)
    num_gpus = generate.gpus_per_engine
    split = max(1, num_gpus)
    weights = Part(name="weights", num_bytes=size * shape.num_parameters // split, is_exact=True)
    host: tuple[Part, ...]
    device: tuple[Part, ...] = ()
    if num_gpus:
        # One process a GPU beside the actor's; each maps the files that it reads.
        host = (Part(name="processes", num_bytes=CUDA_PROCESS_BYTES * num_gpus),)
        sequence = kv_bytes_per_token(shape, size, num_gpus) * max_model_tokens
        device = (
            Part(name="context", num_bytes=CUDA_CONTEXT_BYTES),
            weights,
            Part(name="a batch", num_bytes=_PASS_BYTES),
            Part(name="a sequence's cache", num_bytes=sequence),
        )
        advice = "more generate.gpus_per_engine, or a smaller policy.max_model_tokens"
    else:
        cache = Part(name="cache", num_bytes=generate.kv_cache_gib * GIB, is_exact=True)
        host = (Part(name="process", num_bytes=_ENGINE_BYTES), weights, cache)
        advice = "fewer generate.num_engines, a smaller generate.kv_cache_gib, or a smaller model"
    return Need(
        kind="engine",
        number=generate.num_engines,
        num_cpus=generate.cpus_per_engine,
        num_gpus=num_gpus,
        host=host,
        device=device,
        advice=advice,
        slack=BAND,
        device_share=generate.gpu_memory_utilization if num_gpus else 1.0,
    )


def kv_bytes_per_token(shape: ModelShape, size: int, num_gpus: int) -> int:
    """Keys and values of a token on one of an engine's GPUs, which has a key head at least."""
    heads = max(1, -(-shape.num_key_heads // max(1, num_gpus)))
    return 2 * size * shape.num_cached_layers * heads * (shape.key_size // shape.num_key_heads)


def sandbox_need(measure: MeasureConfig, num_cores: int) -> Need:
    """What an actor that times programs needs, with the program in its container."""
    return Need(
        kind="sandbox",
        number=measure.num_cores or num_cores,
        sandbox_cores=1,
        host=(
            Part(name="actor", num_bytes=_ACTOR_BYTES),
            Part(name="program", num_bytes=measure.memory_limit_mib << 20),
        ),
        advice="fewer measure.num_cores, or a smaller measure.memory_limit_mib",
    )


def driver_need() -> Need:
    """What the process that started the run needs, wherever that is."""
    return Need(
        kind="driver",
        number=1,
        host=(Part(name="process and Ray", num_bytes=_DRIVER_BYTES),),
        advice="a machine with more memory",
    )


def _weight_bytes(shape: ModelShape, generate: GenerateConfig) -> int:
    """Of a weight in an engine; on a CPU as this machine's would choose."""
    if generate.dtype != "auto":
        return 4 if generate.dtype == "float32" else 2
    if generate.gpus_per_engine:
        return min(2, shape.stored_weight_bytes)
    return 2 if shape.stored_weight_bytes == 2 and cpu_flags() & BFLOAT16_FLAGS else 4
