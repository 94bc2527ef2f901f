"""Do sampler and trainer give the same log-probabilities to what was sampled?

Both hold the weights that the round started from, so their log-probabilities of the same token ids
differ by rounding alone: engines compute in lower precision, and serve an adapter merged. More than
that means other weights, or token ids that are not what the engine read: training would be in vain.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed

from skeldpo.train.batch import Answer, Prompt, Tree
from skeldpo.train.network import Network, add_up, device_of, rest, workers_of
from skeldpo.train.passes import plan_passes, score

if TYPE_CHECKING:
    from skeldpo.records import Candidate

NUM_COMPARED = 64
"""Completions of a round that are compared: some thousand tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTokens:
    """Token ids that an engine read and wrote, and its log-probabilities of the latter (nats)."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    logps: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Absolute differences of the two log-probabilities of a token, in nats, over `num_tokens`."""

    mean_gap_nats: float
    max_gap_nats: float
    num_tokens: int


def choose_sampled(
    candidates: Sequence[Candidate], model_id: str, max_tokens: int, seed: int
) -> tuple[SampledTokens, ...]:
    """At most NUM_COMPARED that these weights wrote, with log-probabilities; drawn by the seed."""
    known = [
        each
        for each in candidates
        if each.model_id == model_id
        and each.completion_logps
        and len(each.prompt_token_ids) + len(each.completion_token_ids) <= max_tokens
    ]
    known.sort(key=lambda each: each.candidate_id)
    picked = random.Random(seed).sample(known, min(NUM_COMPARED, len(known)))
    return tuple(
        SampledTokens(
            prompt=each.prompt_token_ids,
            completion=each.completion_token_ids,
            logps=tuple(map(float, each.completion_logps)),
        )
        for each in picked
    )


@torch.no_grad()
def compare_logps(
    network: Network, sampled: Sequence[SampledTokens], max_tokens_per_forward: int
) -> Agreement | None:
    """None if nothing was sampled; every worker calls it and gets the same."""
    if not sampled:
        return None
    device = device_of(network)
    network.eval()
    found = torch.zeros(2, dtype=torch.float64, device=device)  # sum of gaps, tokens
    largest = torch.zeros(1, dtype=torch.float64, device=device)
    for work in plan_passes(network, [_tree(each) for each in sampled], max_tokens_per_forward):
        logps = score(network, work).token_logps
        if work.rows:
            written = torch.tensor([logp for row in work.rows for logp in sampled[row].logps])
            gaps = (logps.double() - written.to(device)).abs()  # (N,)
            found += torch.stack([gaps.sum(), gaps.new_tensor(len(gaps))])
            largest = torch.maximum(largest, gaps.max())
    rest(network)
    add_up(network, found)
    if workers_of(network).num_workers > 1:
        distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
    total, count = found.tolist()
    return Agreement(
        mean_gap_nats=total / count, max_gap_nats=float(largest), num_tokens=int(count)
    )


def reason_to_refuse(agreement: Agreement | None, max_gap_nats: float) -> str:
    """Why the round must not be trained on, from train.max_sampler_gap_nats; empty if it may."""
    if agreement is None or not max_gap_nats or agreement.mean_gap_nats <= max_gap_nats:
        return ""
    return (
        f"sampler and trainer differ by {agreement.mean_gap_nats:.3f} nats a token on average (at "
        f"most {agreement.max_gap_nats:.3f}; {agreement.num_tokens} tokens) where "
        f"train.max_sampler_gap_nats={max_gap_nats} is allowed. On the same weights they differ by "
        "rounding alone: compare generate.dtype with train.dtype and load_in_4bit, see whether the "
        "policy's folder was changed since it was sampled from, and whether the engine adds to the "
        "model (a cap, a scale); sample the round again, or raise the limit"
    )


def _tree(sampled: SampledTokens) -> Tree:
    answer = Answer(token_ids=sampled.completion, sequence=0)
    return Tree(trunk=Prompt(token_ids=sampled.prompt, below=(answer,)), num_sequences=1)
