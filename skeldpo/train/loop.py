"""The plan of optimizer steps and the main loop that executes it.

The plan depends on examples, learner and seed alone: the learner's phases follow each other, each
epoch of one in its own seeded order, cut into steps of nearly equal size. A step's loss is the sum
over its examples, times their weights, divided by their number over all workers, so workers and
micro-batches do not change the gradient. Every worker makes the same number of forward passes.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from skeldpo.train.batch import moved
from skeldpo.train.learners.contract import Scored
from skeldpo.train.network import Network, add_up, device_of, workers_of
from skeldpo.train.passes import learn_from, plan_passes, score
from skeldpo.train.reference import REFERENCE_TOLERANCE

if TYPE_CHECKING:
    from skeldpo.config import TrainConfig
    from skeldpo.records import ReferenceLogps
    from skeldpo.train.learners.contract import AnyLearner, Example

ReferenceTable = Mapping[str, "ReferenceLogps"]
OnStep = Callable[[int, dict[str, float]], bool]
"""Gets a step's index and metrics; True ends the run."""


class NonFiniteError(RuntimeError):
    """A loss or gradient is NaN or infinite; trying again would give the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimizer step: which examples, of which phase, and with which learning rate."""

    index: int
    phase: str
    examples: tuple[Example, ...]
    learning_rate: float
    seed: int


def plan_steps(examples: Sequence[Example], learner: AnyLearner, seed: int) -> tuple[Step, ...]:
    """All steps of a run; the order of `examples` and the number of workers do not matter."""
    if len({example.example_id for example in examples}) != len(examples):
        raise ValueError(f"{learner.wording.noun} ids must be unique within a training run")
    chunks: list[tuple[str, list[Example]]] = []
    for phase in learner.phases(examples):
        rows = sorted(phase.examples, key=lambda example: example.example_id)
        num_steps = -(-len(rows) // learner.examples_per_step)
        for epoch in range(phase.num_epochs):
            random.Random(f"{seed}/{phase.name}/{epoch}").shuffle(rows)
            chunks += [(phase.name, rows[i::num_steps]) for i in range(num_steps)]
    return tuple(
        Step(
            index=index,
            phase=phase_name,
            examples=tuple(rows),
            learning_rate=_learning_rate(index, len(chunks), learner.config),
            seed=random.Random(f"{seed}/step/{index}").getrandbits(48),
        )
        for index, (phase_name, rows) in enumerate(chunks)
    )


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
    learner: AnyLearner,
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
        found = _scores(network, step, references, learner, learns=True)
        _require_finite(found, step, learner)
        if step.index == 0:
            if learner.config.lora is not None and learner.config.lora.dropout:
                # An adapter of earlier rounds is not the reference's while parts are dropped.
                _require_reference(_gap_without_dropout(network, step, references, learner))
            else:
                _require_reference(float(found[:, -1].max()))
        grad_norm = _clip_gradients(network, step, learner)
        for group in optimizer.param_groups:
            group["lr"] = step.learning_rate
        optimizer.step()
        metrics = learner.metrics(found[:, :-1], step.phase)
        metrics |= {"grad_norm": grad_norm, "learning_rate": step.learning_rate}
        metrics |= {"step": float(step.index)}
        metrics["num_tokens"] = float(sum(example.num_tokens for example in step.examples))
        metrics["seconds"] = time.perf_counter() - started
        if on_step(step.index, metrics):
            return


@torch.no_grad()
def _gap_without_dropout(
    network: Network, step: Step, references: ReferenceTable, learner: AnyLearner
) -> float:
    network.eval()
    found = _scores(network, step, references, learner, learns=False)
    network.train()
    return float(found[:, -1].max())


def _scores(
    network: Network, step: Step, references: ReferenceTable, learner: AnyLearner, *, learns: bool
) -> torch.Tensor:
    """Statistics and reference gap (P, K + 1) of all of a step's examples on every worker; adds up
    their gradients if it learns."""
    device, workers = device_of(network), workers_of(network)
    # Put in place at the end: to place rows on a GPU is to wait for it.
    order: list[int] = []
    parts: list[torch.Tensor] = []
    budget = learner.config.max_tokens_per_forward
    for work in plan_passes(network, [example.tree for example in step.examples], budget):
        examples = [step.examples[row] for row in work.given]
        scores = score(network, work)
        scored = Scored(
            phase=step.phase,
            examples=examples,
            trees=scores.trees,
            token_logps=scores.token_logps,
            reference=moved(_reference_values(examples, references, learner), device),
        )
        losses = learner.losses(scored)
        # FSDP2 averages gradients over workers; a worker without an example left weighs 0.
        scale = workers.num_workers / len(step.examples) if work.rows else 0.0
        weights = torch.tensor([example.weight for example in examples])
        if learns:
            loss = scale * (moved(weights, device) * losses.loss).sum()
            learn_from(network, work, scores, loss)
        if work.rows:
            order += work.rows
            gap = losses.reference_gap.unsqueeze(1)
            parts.append(torch.cat([losses.statistics, gap], dim=1).double())
    shape = len(step.examples), len(learner.statistics) + 1
    found = torch.zeros(shape, dtype=torch.float64, device=device)
    if parts:
        found[order] = torch.cat(parts)
    add_up(network, found)
    return found


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


def _reference_values(
    examples: Sequence[Example], references: ReferenceTable, learner: AnyLearner
) -> torch.Tensor:
    """(R,), those of an example after those of the one before."""
    values: list[float] = []
    for example in examples:
        row = references.get(example.example_id)
        if row is None:
            noun = learner.wording.noun
            raise ValueError(f"the reference table has no row for {noun} {example.example_id}")
        values += row.logps
    return torch.tensor(values, dtype=torch.float32)


def _require_finite(found: torch.Tensor, step: Step, learner: AnyLearner) -> None:
    finite = found.isfinite().all(dim=1)
    if not bool(finite.all()):
        noun = learner.wording.noun
        bad = [step.examples[row].example_id for row in (~finite).nonzero().flatten().tolist()]
        raise NonFiniteError(
            f"step {step.index}: expected a finite loss, got NaN or infinity for {noun}s "
            f"{', '.join(bad)}; the policy was not changed. Lower train.learning_rate, or leave "
            f"these {noun}s out"
        )


def _require_reference(worst: float) -> None:
    """Before the first step policy and reference are the same weights; `worst` is their largest
    difference in nats a token."""
    if worst > REFERENCE_TOLERANCE:
        raise RuntimeError(
            f"before the first step policy and reference must agree, but they differ by "
            f"{worst:.3f} nats a token (limit {REFERENCE_TOLERANCE}): the reference table is of "
            "other weights or prompts; delete it and run again"
        )


def _clip_gradients(network: Network, step: Step, learner: AnyLearner) -> float:
    max_norm = learner.config.max_grad_norm
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    if not bool(whole.isfinite()):
        raise NonFiniteError(
            f"step {step.index}: expected finite gradients, got norm {float(whole)} for "
            f"{learner.wording.noun}s {', '.join(each.example_id for each in step.examples)}; the "
            "policy was not changed"
        )
    return float(whole)
