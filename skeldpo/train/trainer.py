"""The training stage as a Ray Train run: a learner's rows and a checkpoint in, a checkpoint out.

The driver tokenises; each worker loads the network, shards it, and runs the plan of `loop`. Work is
resumed only from a run of the same examples, weights, settings and seed: Ray Train continues any
run that has the same name, so the name carries a digest of them. A dead worker group starts again
from the last state saved. Folders must be URLs, or absolute and shared by all nodes; workers change
directory.
"""

from __future__ import annotations

import contextlib
import enum
import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from skeldpo.checkpoints import Checkpoint, load_checkpoint, local_folder
from skeldpo.config import Config
from skeldpo.config_train import TrainConfig
from skeldpo.files import is_url
from skeldpo.node_cache import pushed_folder
from skeldpo.prompts import Prompts
from skeldpo.records import Dropped, ReferenceLogps, content_id
from skeldpo.train.card import model_card
from skeldpo.train.learners import make_learner
from skeldpo.train.learners.contract import AnyLearner, Example
from skeldpo.train.loop import NonFiniteError, build_optimizer, plan_steps, run_steps
from skeldpo.train.network import (
    Network,
    check_tokenizer,
    device_of,
    load_network,
    save_network,
    shard_network,
    workers_of,
)
from skeldpo.train.progress_lines import Meter, following
from skeldpo.train.reference import load_reference, reference_logps, save_reference
from skeldpo.train.resume import Progress, load_state, save_state

logger = logging.getLogger(__name__)

_NUM_CHECKED_TEXTS = 64
_START_TIMEOUT_S = 600
"""A worker group may have to wait for nodes to start; Ray Train's default is 60 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run did. `metrics` has one row an optimizer step (see Learner.metrics), and
    fewer rows than the `num_steps` of the plan if the learner ended it early."""

    num_steps: int
    num_examples: int
    metrics: tuple[dict[str, float], ...]
    dropped: tuple[Dropped, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeExamples:
    """What can be trained on, and how many rows were left out for which reason."""

    kept: tuple[Any, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker needs to know. It travels as a dict of plain values (`dataclasses.asdict`), or
    Ray Train's controller would import this module, and torch with it, to read it."""

    config_json: str
    examples: ray.ObjectRef[tuple[Any, ...]]
    start_folder: str
    output_folder: str
    reference_path: str
    progress_path: str
    model_id: str
    seed: int


def train_checkpoint(  # noqa: PLR0913
    *,
    config: Config,
    rows: Sequence[Any],
    start: Checkpoint,
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
        rows: what the learner made of a round, in any order.
        start: the start weights, which are also the frozen reference.
        output_folder: where the trained checkpoint goes; replaced if it exists.
        reference_path: Parquet table of the reference log-probabilities, read if it is of these
            weights and token ids, else written.
        storage_path: where Ray Train keeps its own state until the run has finished.
        run_name: prefix of the Ray Train run's name.
        seed: of shuffling, adapters and dropout.
        tell: shows a line of progress.

    Raises:
        ValueError: a path is relative, or no row can be trained on.
        RuntimeError: a worker failed more than train.max_failures times, or a loss was not finite.
    """
    for path in (start.folder, output_folder, reference_path):
        if not (is_url(path) or os.path.isabs(path)):
            raise ValueError(f"training needs URLs or absolute shared paths, got {path!r}")
    learner = make_learner(config.train)
    noun = learner.wording.noun
    made = make_examples(rows, local_folder(start, weights=False), config)
    num_steps = len(plan_steps(made.kept, learner, seed))
    if num_steps == 0:
        raise ValueError(_nothing_to_train_on(len(rows), made, learner))
    job = _Job(
        config_json=config.model_dump_json(),
        examples=ray.put(made.kept),
        start_folder=start.folder,
        output_folder=output_folder,
        reference_path=reference_path,
        progress_path=f"{storage_path}/{run_name}.progress",
        model_id=start.model_id,
        seed=seed,
    )
    name = f"{run_name}-{_digest(config, job, made.kept)}"
    logger.info("training %d %ss in %d steps as %s", len(made.kept), noun, num_steps, name)
    history = _fit(job, config.train, (storage_path, name), tell)
    return TrainResult(
        num_steps=num_steps,
        num_examples=len(made.kept),
        metrics=tuple(history),
        dropped=made.dropped,
        checkpoint=load_checkpoint(output_folder),
    )


def _nothing_to_train_on(num_rows: int, made: MadeExamples, learner: AnyLearner) -> str:
    epochs = " and ".join(
        f"train.{phase.name}_epochs={phase.num_epochs}" for phase in learner.phases(made.kept)
    )
    return (
        f"nothing to train on: {num_rows} {learner.wording.noun}s in, {len(made.kept)} usable, "
        f"with {epochs}; dropped: {[f'{row.num_rows} {row.reason}' for row in made.dropped]}"
    )


def make_examples(rows: Sequence[Any], folder: str, config: Config) -> MadeExamples:
    """Examples of train.learner's rows, with the token ids of the checkpoint's own tokenizer, which
    must survive a save and load."""
    learner = make_learner(config.train)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [text for row in rows for text in learner.texts(row)]
    check_tokenizer(tokenizer, texts[:_NUM_CHECKED_TEXTS], folder)
    prompts = Prompts(tokenizer, config.policy)
    kept: list[Any] = []
    dropped: Counter[str] = Counter()
    for row in rows:
        example = learner.make_example(row, prompts, config.policy.max_model_tokens)
        if isinstance(example, enum.StrEnum):
            dropped[example.value] += 1
        else:
            kept.append(example)
    counts = [Dropped(reason=reason, num_rows=n) for reason, n in sorted(dropped.items())]
    for count in counts:
        noun = learner.wording.noun
        logger.warning("%d of %d %ss left out: %s", count.num_rows, len(rows), noun, count.reason)
    return MadeExamples(kept=tuple(kept), dropped=tuple(counts))


def _fit(
    job: _Job, train: TrainConfig, place: tuple[str, str], tell: Callable[[str], None]
) -> list[dict[str, float]]:
    """Runs the workers and gives the metrics of all steps; `place` is (storage path, name)."""
    storage_path, name = place
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", str(_START_TIMEOUT_S))
    resources = {"CPU": float(train.cpus_per_worker)} | ({"GPU": 1.0} if train.use_gpu else {})
    trainer = ray.train.torch.TorchTrainer(
        _train_worker,
        train_loop_config={name: getattr(job, name) for name in _Job.__slots__},
        torch_config=ray.train.torch.TorchConfig(backend=_backend(train)),
        scaling_config=ray.train.ScalingConfig(
            num_workers=train.num_workers, use_gpu=train.use_gpu, resources_per_worker=resources
        ),
        run_config=ray.train.RunConfig(
            name=name,
            storage_path=storage_path,
            failure_config=ray.train.FailureConfig(max_failures=train.max_failures),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
        ),
    )
    try:
        with following(job.progress_path, tell):
            fitted = trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise RuntimeError(
            f"training run {name} failed more than train.max_failures={train.max_failures} times; "
            f"last error: {error}"
        ) from error
    outcome: dict[str, Any] = fitted.return_value
    if outcome["failure"]:
        raise RuntimeError(f"training run {name} stopped: {outcome['failure']}")
    # Checkpoints alone would leave Ray Train's snapshot behind, which names them: a run of the same
    # name would try to resume from what is gone.
    fitted.filesystem.delete_dir(fitted.path)
    history: list[dict[str, float]] = outcome["history"]
    reason = make_learner(train).reason_to_stop(history)
    if reason:
        tell(f"stopped after step {len(history)}: {reason}")
    return history


def _backend(train: TrainConfig) -> str:
    """Of torch.distributed; the norm of offloaded gradients is a sum over all workers' CPUs."""
    if not train.use_gpu:
        return "gloo"
    return "cpu:gloo,cuda:nccl" if train.cpu_offload else "nccl"


def _train_worker(arguments: dict[str, Any]) -> dict[str, Any]:
    """One Ray Train worker from start to end; rank 0's dict reaches the driver."""
    job = _Job(**arguments)
    config = Config.model_validate_json(job.config_json)
    train = config.train
    folder = local_folder(Checkpoint(folder=job.start_folder, model_id=job.model_id))
    learner = make_learner(train)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    transformers_logging.disable_progress_bar()
    if not train.use_gpu:
        torch.set_num_threads(train.cpus_per_worker)
    examples = ray.get(job.examples)
    network = load_network(folder, train, config.policy.max_model_tokens, job.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    mesh = init_device_mesh(ray.train.torch.get_device().type, (distributed.get_world_size(),))
    shard_network(network, mesh, getattr(torch, train.dtype), train.cpu_offload)
    table = _reference_table(network, learner, examples, job)
    optimizer = build_optimizer(network, train)
    steps = plan_steps(examples, learner, job.seed)
    progress = _resume(network, optimizer)
    history = list(progress.history)
    path = job.progress_path if workers_of(network).rank == 0 else ""
    meter = Meter(num_steps=len(steps), path=path)

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
        return {"failure": str(error), "history": history}
    card = model_card(
        policy=config.policy.model,
        source_digest=job.model_id,
        wording=learner.wording,
        num_examples=len(examples),
        settings=train.model_dump(mode="json"),
        metrics=history[-1],
    )
    with _output_folder(network, job) as output:
        save_network(network, tokenizer, output, card)
    return {"failure": "", "history": history}


@contextlib.contextmanager
def _output_folder(network: Network, job: _Job) -> Iterator[str]:
    """Where rank 0 saves; all workers go on when it is at its URL."""
    if not is_url(job.output_folder):
        yield job.output_folder
    elif workers_of(network).rank:
        yield ""  # it only takes part in gathering
    else:
        with pushed_folder(job.output_folder) as folder:
            yield folder
    if distributed.is_initialized():
        distributed.barrier()


def _reference_table(
    network: Network, learner: AnyLearner, examples: Sequence[Example], job: _Job
) -> dict[str, ReferenceLogps]:
    """Reference rows by example: read by rank 0 for all, or computed by all and written by it."""
    rank = workers_of(network).rank
    found: list[Any] = [None]
    if rank == 0:
        found = [load_reference(job.reference_path, examples, job.model_id)]
    distributed.broadcast_object_list(found, src=0, device=device_of(network))
    rows: list[ReferenceLogps] = found[0]
    if not rows:
        budget = learner.config.max_tokens_per_forward
        rows = reference_logps(network, learner, examples, budget, job.model_id)
        if rank == 0:
            save_reference(rows, job.reference_path)
            logger.info(
                "reference log-probabilities of %d %ss computed", len(rows), learner.wording.noun
            )
    return {row.example_id: row for row in rows}


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
    with tempfile.TemporaryDirectory() as folder:
        save_state(network, optimizer, progress, folder)
        checkpoint = ray.train.Checkpoint.from_directory(folder)
        ray.train.report(dict(progress.history[-1]), checkpoint=checkpoint)


def _digest(config: Config, job: _Job, examples: Sequence[Example]) -> str:
    """12 hex digits of all that decides the trained weights, but not of where they are trained."""
    places = {"num_workers", "use_gpu", "cpus_per_worker", "checkpoint_every", "max_failures"}
    places |= {"max_tokens_per_forward", "activation_checkpointing", "compile_layers"}
    places |= {"cpu_offload"}
    train = config.train.model_dump(mode="json", exclude=places)
    policy = config.policy.model_dump(mode="json", exclude={"model"})
    ids = sorted(content_id(example) for example in examples)
    settings = json.dumps([train, policy], sort_keys=True)
    return content_id(settings, job.model_id, job.seed, *ids)[:12]
