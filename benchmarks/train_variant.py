"""One way of training on pairs, timed in a process of its own.

Reads {"variant", "workload"} as JSON from standard input and writes its figures as the last line of
standard output. `benchmarks.train_step` starts it; a process a variant, so that the peak of memory
is the variant's own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from benchmarks.matmul_rate import matmul_flops_per_second
from benchmarks.one_worker import one_worker
from benchmarks.train_workload import (
    OURS,
    PLAIN,
    TRL,
    Workload,
    make_pairs,
    sequence_tokens,
    sequences,
    step_flops,
    train_settings,
    tree_tokens,
)
from skeldpo.train.attention import row_multiple
from skeldpo.train.batch import Chain, TreeBatch, build_trees
from skeldpo.train.learners.preferences import PairTokens, Preferences
from skeldpo.train.learners.preferences_loss import ANSWERS, joint_losses
from skeldpo.train.loading import build_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.network import Network, device_of, sequence_logps, shard_network
from skeldpo.train.reference import reference_logps
from skeldpo.train.start import Start

RANDOM = Start(policy="", model="random weights", masters="", adapter="")
_PADDING_ID = 0
_EOS_ID = 1
_LONGEST = 32_768

Logps = Callable[[list[PairTokens]], torch.Tensor]
"""Summed log-probabilities (B, 4) of pairs."""


def main() -> None:
    """Runs the variant of standard input and prints its figures."""
    request = json.load(sys.stdin)
    work = Workload(**request["workload"])
    if work.num_threads:
        torch.set_num_threads(work.num_threads)
    torch.manual_seed(0)
    pairs = make_pairs(work, work.pairs_per_step * (work.num_steps + 1))
    variant = request["variant"]
    if variant == TRL:
        from benchmarks.train_trl import time_trl

        figures = time_trl(work, pairs, make_model(work))
    elif variant == PLAIN:
        figures = time_plain(work, pairs)
    else:
        figures = time_ours(work, pairs, variant)
    measured = figures.pop("seconds")
    timed = measured[1:] or measured
    seconds = sum(timed) / len(timed)
    num_steps = work.num_steps + 1
    figures |= {
        "seconds_per_step": seconds,
        "pairs_per_second": work.pairs_per_step / seconds,
        "tokens_per_second": tree_tokens(pairs) / num_steps / seconds,
        "flops_per_second": step_flops(work, pairs) / num_steps / seconds,
        "tree_tokens_per_step": tree_tokens(pairs) / num_steps,
        "sequence_tokens_per_step": sequence_tokens(pairs) / num_steps,
        "peak_memory_bytes": peak_memory_bytes(work),
        "first_step_seconds": measured[0],
    }
    # Last: its own matrices are no part of the peak.
    figures["matmul_flops_per_second"] = matmul_flops_per_second(work)
    sys.stdout.write(json.dumps(figures) + "\n")


def make_model(work: Workload) -> Any:
    """A Qwen2 with random weights on the workload's device."""
    config = Qwen2Config(
        hidden_size=work.hidden_size,
        intermediate_size=work.intermediate_size,
        num_hidden_layers=work.num_layers,
        num_attention_heads=work.num_heads,
        num_key_value_heads=work.num_key_heads,
        vocab_size=work.vocab_size,
        tie_word_embeddings=work.tied,
        max_position_embeddings=_LONGEST,
        pad_token_id=_PADDING_ID,
        eos_token_id=_EOS_ID,
        bos_token_id=None,
    )
    dtype = getattr(torch, work.dtype) if work.lora_rank else torch.float32
    with torch.device(work.device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    return model


def time_ours(work: Workload, pairs: list[PairTokens], variant: str) -> dict[str, Any]:
    """The library's own loop; with a technique switched off, a loop that differs in that only."""
    settings = train_settings(work)
    if variant == "no_packing":
        settings.max_tokens_per_forward = max(pair.num_tokens for pair in pairs)
    wrapper = WholeLogitsNetwork if variant == "whole_logits" else Network
    network = build_network(
        wrapper(make_model(work), RANDOM, settings.lora, {}), settings, _LONGEST, seed=0
    )
    with one_worker(work.device) as mesh:
        shard_network(network, mesh, getattr(torch, work.dtype))
        started = time.perf_counter()
        learner = Preferences(settings)
        budget = settings.max_tokens_per_forward
        rows = reference_logps(network, learner, pairs, budget, "")
        reference_seconds = time.perf_counter() - started
        table = {row.example_id: row for row in rows}
        optimizer = build_optimizer(network, settings)
        seconds: list[float] = []
        if variant in (OURS, "no_packing"):
            steps = plan_steps(pairs, learner, seed=0)
            timer = _Timer(work)

            def on_step(index: int, metrics: dict[str, float]) -> bool:
                seconds.append(timer.lap())
                return False

            run_steps(network, optimizer, steps, table, learner, on_step)
        else:
            columns = torch.tensor([row.logps for row in rows])
            logps = {
                "no_tree": lambda part: logps_of(network, separate_rows(part, network)),
                "whole_logits": lambda part: tree_logps(part, network),
                "reference_in_step": lambda part: logps_after_reference(network, part),
            }[variant]
            seconds = time_steps(work, pairs, columns, network, optimizer, logps)
    return {"seconds": seconds, "reference_seconds_per_pair": reference_seconds / len(pairs)}


def time_plain(work: Workload, pairs: list[PairTokens]) -> dict[str, Any]:
    """A padded loop as it is usually written: every answer a row, logits of every position."""
    model = make_model(work)
    if work.lora_rank:
        from peft import LoraConfig, get_peft_model

        lora = train_settings(work).lora
        adapters = LoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.target_modules)
        )
        model = get_peft_model(model, adapters)
    if work.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    columns = torch.zeros(len(pairs), len(ANSWERS))
    optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
    model.train()

    def logps(part: list[PairTokens]) -> torch.Tensor:
        with torch.autocast(work.device, torch.bfloat16, enabled=work.dtype == "bfloat16"):
            return padded_logps(model, part, torch.device(work.device))

    return {"seconds": time_steps(work, pairs, columns, model, optimizer, logps)}


def time_steps(  # noqa: PLR0913
    work: Workload,
    pairs: list[PairTokens],
    columns: torch.Tensor,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    logps: Logps,
) -> list[float]:
    """Seconds of each optimizer step."""
    settings = train_settings(work)
    device = torch.device(work.device)
    timer = _Timer(work)
    seconds = []
    for first in range(0, len(pairs), work.pairs_per_step):
        optimizer.zero_grad(set_to_none=True)
        last = first + work.pairs_per_step
        for start in range(first, last, work.pairs_per_forward):
            part = pairs[start : min(start + work.pairs_per_forward, last)]
            counts = [[len(getattr(pair, name)) for name in ANSWERS] for pair in part]
            losses = joint_losses(
                logps(part),
                columns[start : start + len(part)].to(device),
                torch.tensor(counts, device=device),
                settings,
                settings.skeleton_weight,
            )
            torch.autograd.backward(losses.loss.sum() / work.pairs_per_step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        seconds.append(timer.lap())
    return seconds


def separate_rows(pairs: Sequence[PairTokens], network: Network) -> TreeBatch:
    """The pairs packed without sharing: every answer after a copy of its prompt."""
    ids: list[int] = []
    positions: list[int] = []
    predictors: list[int] = []
    answers: list[int] = []
    targets: list[int] = []
    lengths = []
    for index, pair in enumerate(pairs):
        for column, (prompt, answer) in enumerate(sequences(pair)):
            first = len(ids) + len(prompt)
            ids += prompt + answer
            positions += range(len(prompt) + len(answer))
            predictors += range(first - 1, first + len(answer) - 1)
            targets += answer
            answers += [index * len(ANSWERS) + column] * len(answer)
            lengths.append(len(prompt) + len(answer))
    device = device_of(network)
    padding = -len(ids) % row_multiple(device)
    if padding:
        ids, positions = ids + [0] * padding, positions + [0] * padding
        lengths.append(padding)
    ends = torch.tensor(lengths).cumsum(0).to(torch.int32)
    counts = [len(getattr(pair, name)) for pair in pairs for name in ANSWERS]
    return TreeBatch(
        input_ids=torch.tensor([ids]),
        position_ids=torch.tensor([positions]),
        subtree_end=torch.repeat_interleave(ends, torch.tensor(lengths)),
        predictor_index=torch.tensor(predictors),
        target_ids=torch.tensor(targets),
        sequence_index=torch.tensor(answers),
        num_sequence_tokens=torch.tensor(counts),
        node_lengths=tuple(lengths),
        chains=tuple(Chain(context=(), own=(row,)) for row in range(len(lengths))),
    ).to(device)


class WholeLogitsNetwork(Network):
    """A policy that makes the logits of every position at once."""

    def forward(
        self,
        input_ids: torch.Tensor,
        predictor_index: torch.Tensor,
        target_ids: torch.Tensor,
        tree: Mapping[str, Any] | None = None,
    ) -> torch.Tensor:
        """As in Network."""
        logits = self.causal_lm(input_ids=input_ids, use_cache=False, **(tree or {})).logits[0]
        logps: torch.Tensor = logits.float().log_softmax(dim=1)[predictor_index, target_ids]
        return logps


def logps_after_reference(network: Network, pairs: list[PairTokens]) -> torch.Tensor:
    """The trees' log-probabilities, after a reference's forward pass over the same trees."""
    with torch.no_grad():
        tree_logps(pairs, network)
    return tree_logps(pairs, network)


def tree_logps(pairs: list[PairTokens], network: Network) -> torch.Tensor:
    """The library's log-probabilities (B, 4)."""
    device = device_of(network)
    trees = build_trees([pair.tree for pair in pairs], row_multiple(device))
    return logps_of(network, trees.to(device))


def logps_of(network: Network, trees: TreeBatch) -> torch.Tensor:
    """(B, 4) of a batch of pairs."""
    return sequence_logps(network, trees).view(-1, len(ANSWERS))


def padded_logps(model: Any, pairs: list[PairTokens], device: torch.device) -> torch.Tensor:
    """(B, 4) of sequences padded to the longest; absent skeletons are 0."""
    rows = [row for pair in pairs for row in sequences(pair)]
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    input_ids = torch.full((len(rows), longest), _PADDING_ID)  # (R, S)
    mask = torch.zeros(len(rows), longest, dtype=torch.int64)
    is_answer = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, (prompt, answer) in enumerate(rows):
        used = len(prompt) + len(answer)
        input_ids[index, :used] = torch.tensor(prompt + answer)
        mask[index, :used] = 1
        is_answer[index, len(prompt) : used] = True
    input_ids, mask, is_answer = input_ids.to(device), mask.to(device), is_answer.to(device)
    logits = model(input_ids=input_ids, attention_mask=mask, use_cache=False).logits
    logps = logits[:, :-1].float().log_softmax(dim=2)  # (R, S - 1, V)
    of_targets = logps.gather(2, input_ids[:, 1:, None]).squeeze(2)
    sums = (of_targets * is_answer[:, 1:]).sum(dim=1).view(len(pairs), -1)  # (B, 2 or 4)
    return torch.nn.functional.pad(sums, (0, len(ANSWERS) - sums.shape[1]))


def peak_memory_bytes(work: Workload) -> int:
    """Largest memory so far: of the GPU's allocator, or resident memory of this process."""
    if work.device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Timer:
    """Seconds between laps, the device's work included."""

    def __init__(self, work: Workload) -> None:
        self._device = work.device
        self._last = self._now()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self._last = self._last, self._now()
        return self._last - before

    def _now(self) -> float:
        if self._device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


if __name__ == "__main__":
    main()
