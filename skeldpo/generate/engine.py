"""A vLLM engine that writes what a policy says behind prompts, and takes other weights in place.

`start_engine` is a cold start: process settings, weights, profiling, compilation. `Engine.reload`
reads the next policy into an engine that runs, in a moment; it is for folders of one
`engine_identity` only, and raises unless it can tell that nothing of the weights before is left.
After any error the engine is in no known state. What it asks of vLLM are plain records, so that
whoever asks needs no vLLM.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.records import content_id
from skeldpo.sandbox.cores import generation_cores
from skeldpo.special_tokens import read_tokenizer

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of CPUs that multiply in bfloat16; on others each product is made in float32 and rounded."""

PROBE_TOKENS = 48
"""Of the text that is scored before and after a reload; policy.max_model_tokens are 64 at least."""
_PROBE = "probe"
_SETTINGS = (
    "dtype",
    "gpus_per_engine",
    "cpus_per_engine",
    "max_num_seqs",
    "gpu_memory_utilization",
    "kv_cache_gib",
    "enforce_eager",
)
"""Of [generate]: what an engine is started with, and keeps."""
_NAMES = {
    "max_model_len": "policy.max_model_tokens",
    "max seq len": "policy.max_model_tokens",
    "tensor parallel size": "generate.gpus_per_engine",
    "VLLM_CPU_KVCACHE_SPACE": "generate.kv_cache_gib",
    "gpu_memory_utilization": "on a GPU generate.gpu_memory_utilization, else kv_cache_gib",
}
"""What vLLM's messages call a setting, and what it is called here."""
_ADVICE = (" [type=", " To allow overriding this maximum")
"""Where they go on with words about a record of pydantic, or with a way to values NaN."""
_VOLATILE = ("transformers_version", "_name_or_path", "_from_model_config")
"""Of config.json: says who wrote it, and nothing of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How the samples of a request are drawn."""

    num_samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    stop_token_ids: tuple[int, ...]
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What was written behind a prompt as its sample `index`; `logps` (nats) has one for each
    token, before temperature and top_p. `stop` is the text that ended it, if one did."""

    index: int
    token_ids: tuple[int, ...]
    logps: tuple[float, ...]
    finish_reason: str
    stop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All samples of a request, which is finished."""

    request_id: str
    texts: tuple[Text, ...]


class Engine:
    """A vLLM `LLMEngine` with one policy at a time."""

    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self._waiting: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no request waits for an answer."""
        return not self._waiting

    @property
    def num_unfinished_tokens(self) -> int:
        """Tokens that are written of samples that have not ended."""
        states = self._llm.output_processor.request_states.values()
        return sum(each.detokenizer.num_output_tokens() for each in states if each.detokenizer)

    def add_request(self, request_id: str, prompt_ids: Sequence[int], asked: Asked) -> None:
        """Asks for samples; raises whatever vLLM refuses them with."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling = SamplingParams(
            n=asked.num_samples,
            temperature=asked.temperature,
            top_p=asked.top_p if asked.temperature > 0 else 1.0,
            max_tokens=asked.max_tokens,
            seed=asked.seed,
            # vLLM adds those of the folder's generation_config.json.
            stop_token_ids=list(asked.stop_token_ids),
            stop=list(asked.stop),
            include_stop_str_in_output=True,
            # Marks of thoughts and texts of `stop` may be special tokens (Magistral's [/THINK],
            # Qwen's <|file_sep|>), which are found only in a text that has them.
            skip_special_tokens=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            logprobs=0,  # of the token that was written, and of no others
            flat_logprobs=True,
        )
        self._llm.add_request(request_id, {"prompt_token_ids": list(prompt_ids)}, sampling)
        self._waiting.add(request_id)

    def step(self) -> list[Answer]:
        """One token for every sample in work; the requests that are finished with it."""
        answers = [_answer(output) for output in self._llm.step() if output.finished]
        self._waiting.difference_update(answer.request_id for answer in answers)
        return answers

    def drop_requests(self) -> None:
        """Forgets all that waits for an answer."""
        if self._waiting:
            self._llm.abort_request(sorted(self._waiting))
            self._waiting.clear()
        while self._llm.has_unfinished_requests():
            self._llm.step()

    def reload(self, folder: str) -> None:
        """Reads the weights of a folder of the same `engine_identity` in place of its own.

        RuntimeError, or what vLLM raises, if the engine may have kept something of those before.
        """
        self.drop_requests()
        before = self._probe()
        self._llm.collective_rpc("reload_policy", args=(folder,))
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM did not forget its prefix cache, which is of other weights")
        after = self._probe()
        if before == after or not all(map(math.isfinite, after)):
            raise RuntimeError(
                f"after a reload from {folder} the engine gives {PROBE_TOKENS} tokens the "
                + ("log-probabilities that it gave them before" if before == after else "value NaN")
            )

    def end(self) -> None:
        """Ends what it has started."""
        self._llm.engine_core.shutdown()

    def _probe(self) -> tuple[float, ...]:
        """Log-probabilities (nats) of a text that no policy wrote, and never from the cache."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        asked = SamplingParams(
            max_tokens=1,
            temperature=0.0,
            prompt_logprobs=0,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        ids = list(range(1, PROBE_TOKENS + 1))
        self._llm.add_request(_PROBE, {"prompt_token_ids": ids}, asked)
        found: list[float] = []
        while self._llm.has_unfinished_requests():
            for output in self._llm.step():
                scored = zip(ids[1:], output.prompt_logprobs[1:], strict=True)
                found += [float(row[token].logprob) for token, row in scored]
        return tuple(found)


def _answer(output: Any) -> Answer:
    texts = (
        Text(
            index=sample.index,
            token_ids=tuple(map(int, sample.token_ids)),
            logps=tuple(map(float, sample.logprobs.logprobs)),
            finish_reason=str(sample.finish_reason),
            stop=sample.stop_reason if isinstance(sample.stop_reason, str) else "",
        )
        for sample in output.outputs
    )
    return Answer(request_id=output.request_id, texts=tuple(texts))


def bind_process(generate: GenerateConfig) -> None:
    """Keeps a CPU engine off the cores that time programs; must run before torch is imported."""
    if generate.gpus_per_engine:
        return
    cores = generation_cores()[: generate.cpus_per_engine]
    os.sched_setaffinity(0, cores)
    os.environ.update(
        OMP_NUM_THREADS=str(len(cores)),
        VLLM_ENABLE_V1_MULTIPROCESSING="0",
        VLLM_CPU_OMP_THREADS_BIND="nobind",
        VLLM_CPU_KVCACHE_SPACE=str(generate.kv_cache_gib),
    )


def cpu_flags() -> frozenset[str]:
    """What this CPU says that it can do; empty where the kernel does not list it by x86 names."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        listed = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(listed.partition(":")[2].split())


def engine_dtype(
    folder: str, generate: GenerateConfig, cpu_flags: frozenset[str]
) -> Literal["auto", "float32", "bfloat16", "float16"]:
    """vLLM's `dtype` (see GenerateConfig.dtype)."""
    from transformers import AutoConfig

    if generate.dtype != "auto" or generate.gpus_per_engine:
        return generate.dtype
    stored = str(AutoConfig.from_pretrained(folder).dtype)
    fast = stored == "torch.bfloat16" and cpu_flags & BFLOAT16_FLAGS
    return "bfloat16" if fast else "float32"


def engine_identity(folder: str, policy: PolicyConfig, generate: GenerateConfig) -> str:
    """A digest of all that an engine keeps when it takes other weights: its settings, and of the
    policy's folder the architecture, the names, shapes and dtypes of the tensors, the tokenizer
    (texts of generate.stop are found in what it decodes), and the sampling that goes with it."""
    from safetensors import safe_open
    from transformers import AutoConfig

    tensors = []
    for file in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(file, "np") as stored:
            for name in stored.keys():  # noqa: SIM118 (it is no mapping)
                part = stored.get_slice(name)
                tensors.append((name, tuple(part.get_shape()), part.get_dtype()))
    tokenizer = read_tokenizer(folder)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    words = backend.to_str() if backend else json.dumps(tokenizer.get_vocab(), sort_keys=True)
    sampling = Path(folder, "generation_config.json")
    asked = json.loads(sampling.read_text(encoding="utf-8")) if sampling.is_file() else {}
    settings = generate.model_dump(mode="json", include=set(_SETTINGS))
    return content_id(
        json.dumps([settings, policy.max_model_tokens], sort_keys=True),
        *(
            json.dumps({k: v for k, v in each.items() if k not in _VOLATILE}, sort_keys=True)
            for each in (json.loads(AutoConfig.from_pretrained(folder).to_json_string()), asked)
        ),
        repr(sorted(tensors)),
        words,
    )


def refusal(folder: str, said: str) -> str:
    """What vLLM said of a policy or a setting that it does not take, with the names to change."""
    said = said.rpartition("Value error, ")[2]
    for advice in _ADVICE:
        said = said.partition(advice)[0]
    names = sorted({f"{theirs} is {ours}" for theirs, ours in _NAMES.items() if theirs in said})
    return f"vLLM does not start with {folder}: {said}" + f" ({'; '.join(names)})" * bool(names)


def start_engine(folder: str, policy: PolicyConfig, generate: GenerateConfig) -> Engine:
    """An engine with the weights of a folder, in a process that `bind_process` has prepared."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if generate.enforce_eager:  # vLLM compiles parts of its sampler all the same, for half a minute
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    warnings.simplefilter("ignore", FutureWarning)
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    on_gpu = generate.gpus_per_engine > 0
    arguments = EngineArgs(
        model=folder,
        max_model_len=policy.max_model_tokens,
        max_num_seqs=generate.max_num_seqs,
        tensor_parallel_size=max(1, generate.gpus_per_engine),
        gpu_memory_utilization=generate.gpu_memory_utilization,
        enforce_eager=generate.enforce_eager,
        dtype=engine_dtype(folder, generate, cpu_flags()),
        # A seeded sample of a partly read prompt fails on CPU in vLLM 0.32 ("CPU Generator does
        # not use offset"), so prompts are read whole there.
        enable_chunked_prefill=on_gpu,
        max_num_batched_tokens=None if on_gpu else max(8192, policy.max_model_tokens),
        logprobs_mode="raw_logprobs",  # see Candidate.completion_logps
        worker_extension_cls="skeldpo.generate.engine_worker.PolicyReload",
        disable_log_stats=True,
        use_tqdm_on_load=False,
    )
    try:
        return Engine(LLMEngine.from_engine_args(arguments))
    except ValueError as error:
        raise ValueError(refusal(folder, str(error))) from None
