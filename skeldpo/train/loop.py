"""The plan of optimizer steps and the main loop that executes it.

The plan depends on pairs, configuration and seed alone: correctness epochs (code term) come before
efficiency epochs (joint loss), each in its own seeded order, cut into steps of nearly equal size.
A step's loss is the sum over its pairs, times their weights, divided by their number over all
workers, so workers and micro-batches do not change the gradient. Every worker makes the same number
of forward passes.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed

from skeldpo.train.attention import row_multiple
from skeldpo.train.batch import ANSWERS, PairTokens, build_trees, moved
from skeldpo.train.loss import STATISTICS, joint_losses, step_metrics
from skeldpo.train.network import Network, answer_logps, device_of, workers_of
from skeldpo.train.packing import pack_rows

if TYPE_CHECKING:
    from skeldpo.config_train import TrainConfig
    from skeldpo.records import PairStage, ReferenceLogps

ReferenceTable = Mapping[str, "ReferenceLogps"]
OnStep = Callable[[int, dict[str, float]], bool]
"""Gets a step's index and metrics; True ends the run."""

_REFERENCE_TOLERANCE = 0.1
"""Nats a token by which policy and reference may differ before the first step (bf16: 0.02)."""

_COLLAPSE_STEPS = 5
"""Whose mean decides that the chosen side collapsed: one step may have got hard pairs."""


class NonFiniteError(RuntimeError):
    """A loss or gradient is NaN or infinite; trying again would give the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimizer step: which pairs, with which weight of the skeleton term and learning rate."""

    index: int
    stage: PairStage
    pairs: tuple[PairTokens, ...]
    skeleton_weight: float
    learning_rate: float
    seed: int


def plan_steps(pairs: Sequence[PairTokens], config: TrainConfig, seed: int) -> tuple[Step, ...]:
    """All steps of a run; the order of `pairs` and the number of workers do not matter."""
    if len({pair.pair_id for pair in pairs}) != len(pairs):
        raise ValueError("pair ids must be unique within a training run")
    chunks: list[tuple[PairStage, float, list[PairTokens]]] = []
    schedule: tuple[tuple[PairStage, int, float], ...] = (
        ("correctness", config.correctness_epochs, 0.0),
        ("efficiency", config.efficiency_epochs, config.skeleton_weight),
    )
    for stage, num_epochs, skeleton_weight in schedule:
        rows = sorted((pair for pair in pairs if pair.stage == stage), key=lambda p: p.pair_id)
        if skeleton_weight == 0:
            rows = [pair.without_skeleton() for pair in rows]
        num_steps = -(-len(rows) // config.pairs_per_step)
        for epoch in range(num_epochs):
            random.Random(f"{seed}/{stage}/{epoch}").shuffle(rows)
            chunks += [(stage, skeleton_weight, rows[i::num_steps]) for i in range(num_steps)]
    return tuple(
        Step(
            index=index,
            stage=stage,
            pairs=tuple(rows),
            skeleton_weight=skeleton_weight,
            learning_rate=_learning_rate(index, len(chunks), config),
            seed=random.Random(f"{seed}/step/{index}").getrandbits(48),
        )
        for index, (stage, skeleton_weight, rows) in enumerate(chunks)
    )


def has_collapsed(history: Sequence[Mapping[str, float]], config: TrainConfig) -> bool:
    """Whether the chosen code has become less probable than train.max_chosen_drop_nats allows.

    A falling chosen side (likelihood displacement) means that probability goes to programs that
    nobody preferred; the margin keeps growing meanwhile, and the loss falling.
    """
    if not config.max_chosen_drop_nats or len(history) < _COLLAPSE_STEPS:
        return False
    rewards = [row["code/rewards/chosen"] for row in history[-_COLLAPSE_STEPS:]]
    return -sum(rewards) / _COLLAPSE_STEPS > config.max_chosen_drop_nats * config.beta


def build_optimizer(network: Network, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over the trainable parameters; each step sets its learning rate.

    Fused: one call for all parameters, where sharded ones would otherwise take a dozen each.
    """
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        trainable, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def run_steps(
    network: Network,
    optimizer: torch.optim.Optimizer,
    steps: Sequence[Step],
    references: ReferenceTable,
    config: TrainConfig,
    on_step: OnStep,
) -> None:
    """Executes steps in order and calls `on_step(index, metrics)` on every worker after each, until
    it says True, which it does on all workers or on none.

    Raises:
        NonFiniteError: a loss or gradient is not finite; the parameters are those before the step.
        RuntimeError: the reference table does not belong to the policy.
    """
    network.train()
    for step in steps:
        started = time.perf_counter()
        torch.manual_seed(step.seed)
        optimizer.zero_grad(set_to_none=True)
        statistics = _backward(network, step, references, config)
        _require_finite(statistics, step)
        _require_reference(statistics, step, config)
        grad_norm = _clip_gradients(network, config.max_grad_norm, step)
        for group in optimizer.param_groups:
            group["lr"] = step.learning_rate
        optimizer.step()
        metrics = step_metrics(statistics)
        metrics |= {"grad_norm": grad_norm, "learning_rate": step.learning_rate}
        metrics |= {"skeleton_weight": step.skeleton_weight, "step": float(step.index)}
        metrics["num_tokens"] = float(sum(pair.num_tokens for pair in step.pairs))
        metrics["seconds"] = time.perf_counter() - started
        if on_step(step.index, metrics):
            return


def _backward(
    network: Network, step: Step, references: ReferenceTable, config: TrainConfig
) -> torch.Tensor:
    """Adds up a step's gradients; gives the statistics of all its pairs on every worker."""
    device, workers = device_of(network), workers_of(network)
    # Put in place at the end: to place rows on a GPU is to wait for it.
    order: list[int] = []
    parts: list[torch.Tensor] = []
    num_tokens = [pair.num_tokens for pair in step.pairs]
    for shares in pack_rows(num_tokens, config.max_tokens_per_forward, workers.num_workers):
        rows = shares[workers.rank]
        pairs = [step.pairs[row] for row in rows] or step.pairs[:1]
        trees = build_trees(pairs, row_multiple(device)).to(device)
        losses = joint_losses(
            answer_logps(network, trees),
            moved(_reference_rows(pairs, references), device),
            trees.num_answer_tokens,
            config,
            step.skeleton_weight,
        )
        # FSDP2 averages gradients over workers; a worker without a pair left weighs 0.
        scale = workers.num_workers / len(step.pairs) if rows else 0.0
        weights = torch.tensor([pair.weight for pair in pairs])
        torch.autograd.backward(scale * (moved(weights, device) * losses.loss).sum())
        if rows:
            order += rows
            parts.append(losses.statistics.double())
    statistics = torch.zeros(len(step.pairs), len(STATISTICS), dtype=torch.float64, device=device)
    if parts:
        statistics[order] = torch.cat(parts)
    if workers.num_workers > 1:
        distributed.all_reduce(statistics)
    return statistics


def _learning_rate(index: int, num_steps: int, config: TrainConfig) -> float:
    """Of a step: rises to the peak over the warm-up, then follows the schedule."""
    num_warmup = max(1, round(config.warmup_ratio * num_steps))
    if index < num_warmup:
        return config.learning_rate * (index + 1) / num_warmup
    done = (index - num_warmup) / (num_steps - num_warmup)  # 0 at the first step after the warm-up
    shares = {
        "constant": 1.0,
        "linear": 1.0 - done,
        "cosine": (1.0 + math.cos(math.pi * done)) / 2,
    }
    return config.learning_rate * shares[config.schedule]


def _reference_rows(pairs: Sequence[PairTokens], references: ReferenceTable) -> torch.Tensor:
    """(B, 4); the columns of an absent skeleton are 0, like those of the policy."""
    rows = []
    for pair in pairs:
        row = references.get(pair.pair_id)
        if row is None:
            raise ValueError(f"the reference table has no row for pair {pair.pair_id}")
        skeleton = (row.skeleton_chosen, row.skeleton_rejected) if pair.has_skeleton else (0.0, 0.0)
        rows.append((row.code_chosen, row.code_rejected, *skeleton))
    return torch.tensor(rows, dtype=torch.float32)


def _require_finite(statistics: torch.Tensor, step: Step) -> None:
    finite = statistics.isfinite().all(dim=1)
    if not bool(finite.all()):
        bad = [step.pairs[row].pair_id for row in (~finite).nonzero().flatten().tolist()]
        raise NonFiniteError(
            f"step {step.index}: expected a finite loss, got NaN or infinity for pairs "
            f"{', '.join(bad)}; the policy was not changed. Lower train.learning_rate, or leave "
            "these pairs out"
        )


def _require_reference(statistics: torch.Tensor, step: Step, config: TrainConfig) -> None:
    """At step 0 policy and reference are the same weights, so every reward is 0."""
    if step.index > 0:
        return
    columns = [
        STATISTICS.index(f"{term}/rewards/{side}")
        for term in ("code", "skeleton")
        for side in ("chosen", "rejected")
    ]
    ratios = statistics[:, columns] / config.beta  # (P, 4), nats; those of no skeleton are 0
    if config.reduction == "sum":
        lengths = [[max(1, len(getattr(p, name))) for name in ANSWERS] for p in step.pairs]
        ratios = ratios / torch.tensor(lengths, device=ratios.device)
    worst = float(ratios.abs().max())
    if worst > _REFERENCE_TOLERANCE:
        raise RuntimeError(
            f"before the first step policy and reference must agree, but they differ by "
            f"{worst:.3f} nats a token (limit {_REFERENCE_TOLERANCE}): the reference table is of "
            "other weights or prompts; delete it and run again"
        )


def _clip_gradients(network: Network, max_norm: float, step: Step) -> float:
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    if not bool(whole.isfinite()):
        raise NonFiniteError(
            f"step {step.index}: expected finite gradients, got norm {float(whole)} for pairs "
            f"{', '.join(pair.pair_id for pair in step.pairs)}; the policy was not changed"
        )
    return float(whole)
