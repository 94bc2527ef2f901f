"""The training stage as a Ray Train run: a learner's rows and a checkpoint in, a checkpoint out.

A task tokenises; each worker loads the network, shards it, and runs the plan of `loop`. Work is
resumed only from a run of the same examples, weights, settings and seed: Ray Train continues any
run that has the same name, so the name carries a digest of them. A dead worker group starts again
from the last state saved; a checkpoint that is there is not trained again. Folders must be URLs,
or absolute and shared by all nodes; workers change directory.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from transformers.utils import logging as transformers_logging

from skeldpo.checkpoints import (
    Checkpoint,
    load_checkpoint,
    local_folder,
    local_place,
    pushed_part_digest,
)
from skeldpo.config import Config
from skeldpo.records import Candidate, Dropped, content_id
from skeldpo.special_tokens import read_tokenizer
from skeldpo.storage.by_problem import Rows
from skeldpo.storage.files import is_url, open_files
from skeldpo.storage.node_cache import remove_folder
from skeldpo.storage.scratch import scratch_folder, sweep_scratch
from skeldpo.train.agreement import (
    Agreement,
    SampledTokens,
    choose_sampled,
    compare_logps,
    reason_to_refuse,
)
from skeldpo.train.card import model_card
from skeldpo.train.examples import Prepared, prepare
from skeldpo.train.group import fit_workers
from skeldpo.train.learners import make_learner
from skeldpo.train.loading import load_network
from skeldpo.train.loop import NonFiniteError, build_optimizer, plan_steps, run_steps
from skeldpo.train.meter import Meter, following
from skeldpo.train.network import Network, workers_of
from skeldpo.train.reference import reference_table
from skeldpo.train.resume import Progress, find_ending, load_state, save_ending, save_state
from skeldpo.train.saving import Saved, save_network
from skeldpo.train.start import ADAPTER_FOLDER, MASTERS_FOLDER, find_start

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run did. `metrics` has one row an optimizer step (see Learner.metrics), and
    fewer rows than the `num_steps` of the plan if the learner ended it early; `round_metrics` says
    how far sampler and trainer differed, and which share of the weights is another. `errors` are
    the problems whose rows could not be made examples of, with what was raised."""

    num_steps: int
    num_examples: int
    metrics: tuple[dict[str, float], ...]
    round_metrics: dict[str, float]
    dropped: tuple[Dropped, ...]
    checkpoint: Checkpoint
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker needs to know: `source_id` is the digest of the weights that were served, and
    `weights_id` that of those that training starts from. It travels as a dict of plain values, or
    Ray Train's controller would import this module, and torch with it, to read it."""

    config_json: str
    examples: ray.ObjectRef[tuple[Any, ...]]
    sampled: ray.ObjectRef[tuple[SampledTokens, ...]]
    start_folder: str
    base_folder: str
    output_folder: str
    reference_path: str
    progress_path: str
    source_id: str
    weights_id: str
    seed: int
    ended_path: str = ""


def train_checkpoint(  # noqa: PLR0913
    *,
    config: Config,
    rows: Rows[Any],
    start: Checkpoint,
    base_folder: str = "",
    candidates: Sequence[Candidate] = (),
    output_folder: str,
    reference_path: str,
    storage_path: str,
    run_name: str,
    seed: int,
    tell: Callable[[str], None] = logger.info,
) -> TrainResult:
    """Trains a checkpoint on the rows of train.learner and saves the next one.

    Args:
        config: sections policy and train.
        rows: what the learner made of a round, in any order; rows on disk never come to the driver.
        start: the policy that the round sampled from, which is also the frozen reference.
        base_folder: the model that the run began with, on which its adapters are; empty for start.
        candidates: some of the round, with the engine's log-probabilities, to compare a sample of.
        output_folder: where the trained checkpoint goes; replaced unless it is what would be made.
        reference_path: table of reference log-probabilities, read if it is of these, else written.
        storage_path: where Ray Train keeps its state, and that it has finished; the caller's.
        run_name: prefix of the Ray Train run's name.
        seed: of shuffling, adapters and dropout.

    Raises:
        ValueError: a path is relative, or no row can be trained on.
        RuntimeError: workers failed, a loss was not finite, or sampler and trainer disagree.
    """
    base_folder = base_folder or start.folder
    _require_absolute(start.folder, base_folder, output_folder, reference_path)
    prepared, examples = _prepare(rows, start, config, seed)
    sampled = choose_sampled(candidates, start.model_id, config.policy.max_model_tokens, seed)
    job = _Job(
        config_json=config.model_dump_json(),
        examples=examples,
        start_folder=start.folder,
        base_folder=base_folder,
        sampled=ray.put(sampled),
        output_folder=output_folder,
        reference_path=reference_path,
        progress_path=f"{storage_path}/{run_name}.progress",
        source_id=start.model_id,
        weights_id=_weights_id(config, start, base_folder),
        seed=seed,
    )
    place = storage_path, f"{run_name}-{_digest(config, job, prepared.example_ids)}"
    outcome = _fit_once(job, config, place, tell)
    return TrainResult(
        num_steps=prepared.num_steps,
        num_examples=len(prepared.example_ids),
        metrics=tuple(outcome["history"]),
        round_metrics=outcome["round_metrics"],
        dropped=prepared.dropped,
        checkpoint=load_checkpoint(output_folder),
        errors=prepared.errors,
    )


def _weights_id(config: Config, start: Checkpoint, base_folder: str) -> str:
    """Digest of the weights that training starts from, which the driver does not fetch."""
    lora = config.train.lora is not None
    if not is_url(start.folder):
        return find_start(start.folder, base_folder, lora=lora).weights_id(start.model_id)
    if lora and start.folder == base_folder:
        return start.model_id
    part = ADAPTER_FOLDER if lora else MASTERS_FOLDER
    return pushed_part_digest(start.folder, part) or start.model_id


def _require_absolute(*paths: str) -> None:
    for path in paths:
        if not (is_url(path) or os.path.isabs(path)):
            raise ValueError(
                f"training needs URLs, or absolute paths on a shared disk, got {path!r}"
            )


def _prepare(
    rows: Rows[Any], start: Checkpoint, config: Config, seed: int
) -> tuple[Prepared, ray.ObjectRef[tuple[Any, ...]]]:
    """The plan of a task, whose examples stay with Ray; ValueError if it has no step."""
    # Without a CPU of its own: Ray makes them again if their node is lost while workers have all.
    task = ray.remote(num_cpus=0, num_returns=2)(prepare)
    plan, examples = task.remote(rows, start, config, seed)
    try:
        prepared: Prepared = ray.get(plan)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # without Ray's trace around what went wrong
    limit = config.run.max_quarantined
    if len(prepared.errors) > limit * prepared.num_problems:
        problem_id, reason = next(iter(prepared.errors.items()))
        raise RuntimeError(
            f"no examples could be made of {len(prepared.errors)} of {prepared.num_problems} "
            f"problems, more than run.max_quarantined = {limit:g} allows; e.g. problem "
            f"{problem_id}: {reason}. Mend what ails them, or raise the limit"
        )
    if not prepared.num_steps:
        raise ValueError(_nothing_to_train_on(len(rows), prepared, config))
    return prepared, examples


def _nothing_to_train_on(num_rows: int, prepared: Prepared, config: Config) -> str:
    learner = make_learner(config.train)
    epochs = " and ".join(
        f"train.{phase.name}_epochs={phase.num_epochs}" for phase in learner.phases(())
    )
    num_usable = len(prepared.example_ids)
    return (
        f"nothing to train on: {num_rows} {learner.wording.noun}s in, {num_usable} usable, "
        f"with {epochs}; dropped: {[f'{row.num_rows} {row.reason}' for row in prepared.dropped]}"
    )


def _fit_once(
    job: _Job, config: Config, place: tuple[str, str], tell: Callable[[str], None]
) -> dict[str, Any]:
    """As `_fit`, or what an earlier call of the same job has left."""
    job = replace(job, ended_path="/".join(place) + ".ended.json")
    found = find_ending(job.ended_path, job.output_folder)
    if found is not None:
        tell(f"all {len(found['history'])} steps were done before")
        return found
    # What lies there of another job must not pass for the result of this one.
    remove_folder(job.output_folder)
    return _fit(job, config, place, tell)


def _fit(
    job: _Job, config: Config, place: tuple[str, str], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Runs the workers and gives what rank 0 returned; `place` is (storage path, name)."""
    train, (storage_path, name) = config.train, place
    logger.info("training as %s", name)
    arguments = {name: getattr(job, name) for name in _Job.__slots__}
    with following(job.progress_path, tell):
        fitted = fit_workers(
            _train_worker, arguments, train, place, config.run.max_node_wait_s, tell
        )
    outcome: dict[str, Any] = fitted.return_value
    if outcome["failure"]:
        raise RuntimeError(f"training run {name} stopped: {outcome['failure']}")
    # Checkpoints alone would leave Ray Train's snapshot behind, which names them: a run of the same
    # name would try to resume from what is gone.
    open_files(storage_path).remove(name)
    history: list[dict[str, float]] = outcome["history"]
    reason = make_learner(train).reason_to_stop(history)
    if reason:
        tell(f"stopped after step {len(history)}: {reason}")
    return outcome


def _train_worker(arguments: dict[str, Any]) -> dict[str, Any]:
    """One Ray Train worker from start to end; rank 0's dict reaches the driver."""
    sweep_scratch()
    job = _Job(**arguments)
    config = Config.model_validate_json(job.config_json)
    train, learner = config.train, make_learner(config.train)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    transformers_logging.disable_progress_bar()
    if not train.use_gpu:
        torch.set_num_threads(train.cpus_per_worker)
    examples = ray.get(job.examples)
    network = _load(job, config)
    tokenizer = read_tokenizer(network.start.policy)
    agreement = compare_logps(network, ray.get(job.sampled), train.max_tokens_per_forward)
    refusal = reason_to_refuse(agreement, train.max_sampler_gap_nats)
    if refusal:
        return {"failure": refusal, "history": [], "round_metrics": {}}
    steps = plan_steps(examples, learner, job.seed)
    path = job.progress_path if workers_of(network).rank == 0 else ""
    meter = Meter(num_steps=len(steps), path=path)
    meter.say(network.said)
    table = reference_table(
        network, learner, examples, job.reference_path, job.weights_id, meter.say
    )
    optimizer = build_optimizer(network, train)
    progress = _resume(network, optimizer)
    history = list(progress.history)

    def on_step(index: int, metrics: dict[str, float]) -> bool:
        history.append(metrics)
        meter.show(metrics, learner)
        is_over = bool(learner.reason_to_stop(history))
        if (index + 1) % train.checkpoint_every == 0 and index + 1 < len(steps) and not is_over:
            _report(network, optimizer, Progress(next_step=index + 1, history=tuple(history)))
        return is_over

    try:
        run_steps(network, optimizer, steps[progress.next_step :], table, learner, on_step)
    except NonFiniteError as error:
        return {"failure": str(error), "history": history, "round_metrics": {}}
    card = model_card(
        policy=config.policy.model,
        source_digest=job.source_id,
        wording=learner.wording,
        num_examples=len(examples),
        settings=train.model_dump(mode="json"),
        metrics=history[-1],
    )
    figures = _round_metrics(agreement, None)
    if workers_of(network).rank == 0:
        save_ending(history, figures, job.ended_path)
    model = config.policy.model
    base_name = job.base_folder if Path(model).expanduser().is_dir() else model
    saved = save_network(network, tokenizer, job.output_folder, card, base_name)
    figures = _round_metrics(agreement, saved)
    if workers_of(network).rank == 0:
        save_ending(history, figures, job.ended_path)
    return {"failure": "", "history": history, "round_metrics": figures}


def _load(job: _Job, config: Config) -> Network:
    """What training starts from, read on this node and sharded over all workers."""
    mesh = init_device_mesh(ray.train.torch.get_device().type, (distributed.get_world_size(),))
    return load_network(
        local_folder(Checkpoint(folder=job.start_folder, model_id=job.source_id)),
        config.train,
        config.policy.max_model_tokens,
        job.seed,
        base=local_place(job.base_folder),
        mesh=mesh,
    )


def _round_metrics(agreement: Agreement | None, saved: Saved | None) -> dict[str, float]:
    figures: dict[str, float] = {}
    if agreement is not None:
        figures["train/sampler_gap_mean_nats"] = agreement.mean_gap_nats
        figures["train/sampler_gap_max_nats"] = agreement.max_gap_nats
    if saved is not None and saved.num_weights:
        figures["train/changed_weights_share"] = saved.num_changed / saved.num_weights
    return figures


def _resume(network: Network, optimizer: torch.optim.Optimizer) -> Progress:
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return Progress(next_step=0, history=())
    with checkpoint.as_directory() as folder:
        progress = load_state(network, optimizer, folder)
    logger.info("resumed before step %d", progress.next_step)
    return progress


def _report(network: Network, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Saves a checkpoint; Ray Train joins the folders of all workers into one."""
    with scratch_folder() as folder:
        save_state(network, optimizer, progress, folder)
        checkpoint = ray.train.Checkpoint.from_directory(folder)
        ray.train.report(dict(progress.history[-1]), checkpoint=checkpoint)


def _digest(config: Config, job: _Job, example_ids: Sequence[str]) -> str:
    """12 hex digits of all that decides the trained weights, but not of where they are trained."""
    places = {"num_workers", "use_gpu", "cpus_per_worker", "checkpoint_every", "max_failures"}
    places |= {"max_tokens_per_forward", "activation_checkpointing", "compile_layers"}
    places |= {"cpu_offload", "offload_activations"}
    train = config.train.model_dump(mode="json", exclude=places)
    policy = config.policy.model_dump(mode="json", exclude={"model"})
    settings = json.dumps([train, policy], sort_keys=True)
    return content_id(settings, job.weights_id, job.seed, *example_ids)[:12]
