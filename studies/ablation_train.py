"""One training of the ablation, in this process: an arm, a learning rate and a seed.

The product's own plan, loss, optimizer and reference, without Ray Train's processes, which would
take longer than the training itself. A policy is scored by the probability it gives to the known
programs of problems it has not seen: no sampling noise, every problem counts in every training.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from transformers import AutoTokenizer

from benchmarks.one_worker import one_worker
from skeldpo.config import Config, TrainConfig
from skeldpo.prompts import Prompts
from skeldpo.records import Problem
from skeldpo.train.learners.preferences import PairTokens, Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import Step, build_optimizer, plan_steps, run_steps
from skeldpo.train.network import Network, shard_network
from skeldpo.train.reference import reference_logps
from skeldpo.train.saving import save_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training, as it travels to a worker process. `config` has its learning rate; the policy
    of `start` is trained for `num_steps`, and scored on `heldout` and saved below `save_to` at
    `num_points` points."""

    key: str
    arm: str
    seed: int
    start: str
    save_to: str
    pairs: tuple[PairTokens, ...]
    config: Config
    heldout: tuple[Problem, ...]
    num_steps: int
    num_points: int


Masses = dict[str, tuple[float, float]]
"""problem_id -> probability of writing one of its known fast programs, and of the slow ones."""


class KnownPrograms:
    """The known programs of held-out problems as tokens, two to a tree."""

    def __init__(self, problems: Sequence[Problem], config: Config, folder: str) -> None:
        prompts = Prompts(AutoTokenizer.from_pretrained(folder), config.policy)
        self._learner = Preferences(config.train)
        self._trees: list[PairTokens] = []
        self._owners: list[tuple[str, str, str]] = []
        for problem in problems:
            prompt = tuple(prompts.code_prompt_ids(problem.statement, problem.starter_code))
            texts = {
                tuple(prompts.answer_ids(known.code, problem.language)): known.speed
                for known in problem.solutions
            }
            ids = list(texts)
            for left, right in zip_longest(ids[::2], ids[1::2], fillvalue=()):
                self._trees.append(
                    PairTokens(
                        pair_id=f"{problem.problem_id}/{len(self._trees)}",
                        stage="correctness",
                        code_prompt=prompt,
                        skeleton_prompt=prompt,
                        code_chosen=left,
                        code_rejected=right or left,
                        skeleton_chosen=(),
                        skeleton_rejected=(),
                    )
                )
                self._owners.append(
                    (problem.problem_id, texts[left], texts[right] if right else "")
                )

    def masses(self, network: Network) -> Masses:
        """Probabilities at temperature 1, summed over the programs of a kind."""
        found: dict[str, list[float]] = {}
        budget = self._learner.config.max_tokens_per_forward
        rows = reference_logps(network, self._learner, self._trees, budget, "")
        for (problem_id, left, right), row in zip(self._owners, rows, strict=True):
            mass = found.setdefault(problem_id, [0.0, 0.0])
            for speed, logp in zip((left, right), row.logps[:2], strict=True):
                if speed:
                    mass[speed != "fast"] += math.exp(logp)
        return {problem_id: (fast, slow) for problem_id, (fast, slow) in found.items()}


def equal_steps(
    pairs: Sequence[PairTokens], train: TrainConfig, seed: int, num_steps: int
) -> tuple[Step, ...]:
    """The product's plan, with as many passes over its last stage as it takes, cut at `num_steps`:
    arms have different numbers of pairs. ValueError if that stage has none."""
    last = "efficiency" if train.efficiency_epochs else "correctness"
    if not any(pair.stage == last for pair in pairs):
        raise ValueError(f"no {last} pairs to train on among {len(pairs)}")
    key = f"{last}_epochs"
    steps = plan_steps(pairs, Preferences(train), seed)
    while len(steps) < num_steps:
        train = train.model_copy(update={key: getattr(train, key) + 1})
        steps = plan_steps(pairs, Preferences(train), seed)
    return steps[:num_steps]


def train_job(job: Job) -> dict[str, Any]:
    """Trains, saves and scores; the row of the results."""
    started_s = time.monotonic()
    train = job.config.train
    known = KnownPrograms(job.heldout, job.config, job.start)
    network = load_network(job.start, train, job.config.policy.max_model_tokens, job.seed)
    with placed(network, train):
        return _train(job, network, known, started_s)


def score_job(job: Job) -> dict[str, Any]:
    """The masses of the policy that a job would start from, as a row."""
    network = load_network(job.start, job.config.train, job.config.policy.max_model_tokens, 0)
    with placed(network, job.config.train):
        return {
            "key": job.key,
            "masses": KnownPrograms(job.heldout, job.config, job.start).masses(network),
        }


@contextlib.contextmanager
def placed(network: Network, train: TrainConfig) -> Iterator[None]:
    """The policy on this process's GPU as Ray Train would have it there, if training uses GPUs."""
    if not train.use_gpu:
        yield
        return
    with one_worker("cuda") as mesh:
        shard_network(network, mesh, getattr(torch, train.dtype), train.cpu_offload)
        yield


def _train(job: Job, network: Network, known: KnownPrograms, started_s: float) -> dict[str, Any]:
    train = job.config.train
    steps = equal_steps(job.pairs, train, job.seed, job.num_steps)
    learner = Preferences(train)
    rows = reference_logps(network, learner, job.pairs, train.max_tokens_per_forward, "")
    tokenizer = AutoTokenizer.from_pretrained(job.start)
    history: list[dict[str, float]] = []
    points: list[dict[str, Any]] = []
    scored = {round((i + 1) * len(steps) / job.num_points) - 1 for i in range(job.num_points)}

    def on_step(index: int, metrics: dict[str, float]) -> bool:
        history.append(metrics)
        if index in scored:
            folder = f"{job.save_to}/{index + 1}"
            save_network(network, tokenizer, folder, "A policy of the ablation.")
            points.append({"step": index + 1, "masses": known.masses(network), "policy": folder})
            network.train()
        return False

    table = {row.example_id: row for row in rows}
    run_steps(network, build_optimizer(network, train), steps, table, learner, on_step)
    last = history[-(len(history) // 4 + 1) :]
    names = ("code/logps/chosen", "code/logps/rejected", "code/rewards/margins")
    return {
        "key": job.key,
        "arm": job.arm,
        "learning_rate": train.learning_rate,
        "seed": job.seed,
        "num_pairs": len(job.pairs),
        "num_skeletons": sum(pair.has_skeleton for pair in job.pairs),
        "num_steps": len(steps),
        "points": points,
        "metrics": {n: sum(row[n] for row in last) / len(last) for n in names if n in last[0]},
        "seconds": round(time.monotonic() - started_s, 1),
    }
