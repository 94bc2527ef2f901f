"""Generate and measure as one streaming Ray Data pipeline, and the connection to Ray.

vLLM actors write candidates problem by problem; sandbox actors judge a problem as soon as its
candidates are there, while the engines go on. Both commit what they made as part files, so a
pipeline that is started again does only what is missing.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset

from skeldpo.config import Config
from skeldpo.generate import CANDIDATES, PolicyEngine
from skeldpo.measure.actor import MEASUREMENTS, ProgramMeasurer
from skeldpo.policy import Policy
from skeldpo.records import Assignment, Candidate, Measurement, to_json
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.store import Store

SANDBOX_RESOURCE = "sandbox_core"
MAX_BLOCK_ROWS = 256
"""Problems an engine is given at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pipeline is; counts include what an earlier start had finished."""

    num_problems: int
    num_done: int
    num_measured: int
    num_accepted: int
    failed_reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Everything a pipeline made, in the order of the assignments."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]


def connect_ray() -> None:
    """Joins the cluster that $RAY_ADDRESS (set in a submitted job) names, else starts Ray here."""
    if ray.is_initialized():
        return
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    environment = {"env_vars": {"RAY_DATA_DISABLE_PROGRESS_BARS": "1"}}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.WARNING, runtime_env=environment)
        return
    num_cores = os.cpu_count() or 1
    ray.init(
        num_cpus=max(2, num_cores),
        resources={SANDBOX_RESOURCE: float(len(sandbox_cores()))},
        include_dashboard=False,
        logging_level=logging.WARNING,
        object_store_memory=512 << 20,
    )


def sample_and_measure(
    assignments: Sequence[Assignment], policy: Policy | None, config: Config, output: str,
    on_progress: Callable[[Progress], None],
) -> Sampled:  # fmt: skip
    """Runs the pipeline until every assignment is measured; `output` is the folder of its tables.

    Without a policy the assignments bring their candidates. Raises RuntimeError when the cluster
    lacks what the configuration asks for.
    """
    store = Store(output)
    keys = [assignment.problem.problem_id for assignment in assignments]
    waiting = _unfinished(store, assignments)
    counts = _Counts(store, len(keys), {a.problem.problem_id for a in waiting}, keys)
    on_progress(counts.progress())
    if waiting:
        num_sandboxes = _num_sandboxes(config)
        _require_gpus(config, policy)
        dataset = _dataset(waiting, policy, config, (output, num_sandboxes))
        for row in dataset.iter_rows():
            counts.add(row)
            on_progress(counts.progress())
    return Sampled(
        candidates=tuple(store.join_parts(CANDIDATES, Candidate, keys)),
        measurements=tuple(store.join_parts(MEASUREMENTS, Measurement, keys)),
    )


def _unfinished(store: Store, assignments: Sequence[Assignment]) -> list[Assignment]:
    """Assignments without measurements; what was already written for them comes along."""
    measured = store.part_keys(MEASUREMENTS)
    written = store.part_keys(CANDIDATES)
    waiting = []
    for assignment in assignments:
        key = assignment.problem.problem_id
        if key in measured:
            continue
        if assignment.num_samples and key in written:
            candidates = tuple(store.read_part(CANDIDATES, key, Candidate))
            assignment = replace(assignment, num_samples=0, candidates=candidates)
        elif not assignment.num_samples:
            store.write_part(CANDIDATES, key, Candidate, assignment.candidates)
        waiting.append(assignment)
    return waiting


def _dataset(
    waiting: Sequence[Assignment], policy: Policy | None, config: Config, place: tuple[str, int]
) -> Dataset:
    output, num_sandboxes = place
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    # A generator's rows travel on only when a block is full, so a block is as small as can be.
    context.target_max_block_size = 1
    context.execution_no_progress_timeout_s = -1
    engines = config.generate
    rows = [{"assignment": to_json(assignment)} for assignment in waiting]
    num_blocks = max(engines.num_engines, math.ceil(len(rows) / MAX_BLOCK_ROWS))
    dataset = ray.data.from_items(rows, override_num_blocks=min(num_blocks, len(rows)))
    if policy is not None:
        dataset = dataset.map_batches(
            PolicyEngine,
            batch_size=MAX_BLOCK_ROWS,
            compute=ActorPoolStrategy(size=engines.num_engines),
            num_cpus=engines.cpus_per_engine,
            num_gpus=engines.gpus_per_engine,
            fn_constructor_kwargs={
                "policy_folder": policy.folder,
                "model_id": policy.model_id,
                "policy": config.policy,
                "generate": engines,
                "output": output,
            },
        )
    return dataset.map_batches(
        ProgramMeasurer,
        batch_size=1,
        compute=ActorPoolStrategy(size=min(num_sandboxes, len(rows))),
        num_cpus=0,
        resources={SANDBOX_RESOURCE: 1.0},
        fn_constructor_kwargs={
            "measure": config.measure,
            "evaluate_repeats": config.evaluate.num_repeats,
            "output": output,
        },
    )


def _num_sandboxes(config: Config) -> int:
    available = int(ray.cluster_resources().get(SANDBOX_RESOURCE, 0))
    wanted = config.measure.num_cores or available
    if not available or wanted > available:
        raise RuntimeError(
            f"the cluster offers {available} of resource {SANDBOX_RESOURCE}, measure.num_cores "
            f"asks for {wanted or 'at least 1'}; start nodes with "
            f"--resources='{{\"{SANDBOX_RESOURCE}\": N}}' (cluster/README.md)"
        )
    return wanted


def _require_gpus(config: Config, policy: Policy | None) -> None:
    wanted = config.generate.num_engines * config.generate.gpus_per_engine if policy else 0
    available = ray.cluster_resources().get("GPU", 0)
    if wanted > available:
        raise RuntimeError(
            f"generate asks for {wanted} GPUs (num_engines x gpus_per_engine), the cluster has "
            f"{available:g}; `skeldpo doctor` lists the nodes"
        )


class _Counts:
    """Adds up the rows of a running pipeline, and those of an earlier start."""

    def __init__(self, store: Store, num_problems: int, waiting: set[str], keys: list[str]) -> None:
        self._num_problems = num_problems
        self._num_done = 0
        self._outcomes: Counter[str] = Counter()
        for key in keys:
            if key not in waiting:
                rows = store.read_part(MEASUREMENTS, key, Measurement)
                self._num_done += 1
                self._outcomes.update(r.outcome.value for r in rows if r.phase == "check")

    def add(self, row: dict[str, str]) -> None:
        """Counts one row of `ProgramMeasurer`."""
        self._num_done += 1
        self._outcomes.update(json.loads(row["outcomes"]))

    def progress(self) -> Progress:
        """The sums so far."""
        outcomes = dict(self._outcomes)
        accepted = outcomes.pop("ACCEPTED", 0)
        return Progress(
            num_problems=self._num_problems,
            num_done=self._num_done,
            num_measured=sum(self._outcomes.values()),
            num_accepted=accepted,
            failed_reasons=tuple(sorted(outcomes.items(), key=lambda item: -item[1])),
        )
