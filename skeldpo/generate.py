"""Problem -> Candidate: the Ray Data actor that owns a vLLM engine.

`PolicyEngine` takes problem ids and passes each one on as soon as all samples of its assignment
have ended and are committed, while others are still being written; the sandbox actors behind it
start at once. The engine is made anew for every policy, so no weights of an earlier round can
answer. A problem that has its candidates passes through.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any, Literal

from skeldpo.actors import ActorNote
from skeldpo.answers import Wanted, read_answer
from skeldpo.checkpoints import Checkpoint, local_folder
from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.prompts import Prompts
from skeldpo.records import Assignment, Candidate, Float32, content_id
from skeldpo.sandbox.cores import generation_cores
from skeldpo.store import ASSIGNMENTS, CANDIDATES, Store

_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of CPUs that multiply in bfloat16; on others each product is made in float32 and rounded."""


class PolicyEngine:
    """A `map_batches` class: problem ids in, the same ids out as their candidates are there."""

    def __init__(
        self,
        *,
        checkpoint: Checkpoint,
        policy: PolicyConfig,
        generate: GenerateConfig,
        output: str,
        pass_id: str = "",
    ) -> None:
        self._store = Store(output)
        self._note = ActorNote(self._store, "engine", pass_id)
        if not generate.gpus_per_engine:
            _bind_to_generation_cores(generate.cpus_per_engine, generate.kv_cache_gib)
        from transformers import AutoTokenizer

        folder = local_folder(checkpoint)
        self._model_id = checkpoint.model_id
        self._generate = generate
        self._prompts = Prompts(AutoTokenizer.from_pretrained(folder), policy)
        self._max_model_tokens = policy.max_model_tokens
        self._engine = _make_engine(folder, policy, generate)
        self._note.ready()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
        waiting: dict[str, Assignment] = {}
        for problem_id in map(str, batch["problem_id"]):
            if self._store.has_part(CANDIDATES, problem_id):
                yield {"problem_id": [problem_id]}
                continue
            (waiting[problem_id],) = self._store.read_part(ASSIGNMENTS, problem_id, Assignment)
            self._add(waiting[problem_id])
        self._note.begin()
        while waiting:
            for output in self._engine.step():
                if output.finished:
                    self._commit(waiting.pop(output.request_id), output)
                    self._note.add(sum(len(sample.token_ids) for sample in output.outputs))
                    yield {"problem_id": [output.request_id]}
        self._note.end()

    def _add(self, assignment: Assignment) -> None:
        problem = assignment.problem
        prompt_ids = self._prompts.code_prompt_ids(problem.statement, problem.starter_code)
        room = self._max_model_tokens - len(prompt_ids)
        if room < 1:
            raise ValueError(
                f"problem {problem.problem_id}: its prompt has {len(prompt_ids)} tokens, "
                f"policy.max_model_tokens is {self._max_model_tokens}"
            )
        try:
            self._engine.add_request(
                problem.problem_id,
                {"prompt_token_ids": prompt_ids},
                self._sampling(assignment, room),
            )
        except Exception as error:  # of many kinds, and none says whose request it was
            raise RuntimeError(
                f"problem {problem.problem_id}: vLLM refused it: {type(error).__name__}: {error}"
            ) from error

    def _sampling(self, assignment: Assignment, room: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            n=assignment.num_samples,
            temperature=assignment.temperature,
            top_p=self._generate.top_p if assignment.temperature > 0 else 1.0,
            max_tokens=min(self._generate.max_tokens, room),
            seed=assignment.seed,
            # vLLM adds those of the folder's generation_config.json.
            stop_token_ids=self._prompts.stop_token_ids,
            stop=list(self._generate.stop),
            include_stop_str_in_output=True,
            output_kind=RequestOutputKind.FINAL_ONLY,
            logprobs=0,  # of the token that was written, and of no others
            flat_logprobs=True,
        )

    def _commit(self, assignment: Assignment, output: Any) -> None:
        written = (
            self._candidate(assignment, output.prompt_token_ids, sample)
            for sample in sorted(output.outputs, key=lambda sample: sample.index)
        )
        key = assignment.problem.problem_id
        self._store.write_part(CANDIDATES, key, Candidate, (*assignment.candidates, *written))

    def _candidate(self, assignment: Assignment, prompt_ids: list[int], sample: Any) -> Candidate:
        token_ids = tuple(int(token) for token in sample.token_ids)
        problem_id = assignment.problem.problem_id
        language = assignment.problem.language
        asked = Wanted(language=language, entry_point=assignment.problem.entry_point)
        return Candidate(
            candidate_id=content_id(
                problem_id, self._model_id, assignment.round_index, sample.index, token_ids
            ),
            problem_id=problem_id,
            language=language,
            code=read_answer(self._prompts.decode(token_ids), asked).code,
            origin="sampled",
            model_id=self._model_id,
            round_index=assignment.round_index,
            sample_index=sample.index,
            seed=assignment.seed,
            finish_reason=str(sample.finish_reason),
            prompt_token_ids=tuple(int(token) for token in prompt_ids),
            completion_token_ids=token_ids,
            completion_logps=tuple(Float32(logp) for logp in sample.logprobs.logprobs),
        )


def _bind_to_generation_cores(num_cores: int, kv_cache_gib: int) -> None:
    """Keeps a CPU engine off the cores that time programs; must run before torch is imported."""
    cores = generation_cores()[:num_cores]
    os.sched_setaffinity(0, cores)
    os.environ.update(
        OMP_NUM_THREADS=str(len(cores)),
        VLLM_ENABLE_V1_MULTIPROCESSING="0",
        VLLM_CPU_OMP_THREADS_BIND="nobind",
        VLLM_CPU_KVCACHE_SPACE=str(kv_cache_gib),
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
    fast = stored == "torch.bfloat16" and cpu_flags & _BFLOAT16_FLAGS
    return "bfloat16" if fast else "float32"


def _make_engine(folder: str, policy: PolicyConfig, generate: GenerateConfig) -> Any:
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
        disable_log_stats=True,
        use_tqdm_on_load=False,
    )
    return LLMEngine.from_engine_args(arguments)
