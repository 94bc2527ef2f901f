"""Generate and measure as one streaming Ray Data pipeline, and the connection to Ray.

vLLM actors write candidates problem by problem; sandbox actors judge a problem as soon as its
candidates are there, while the engines go on. What is asked and what was made lie in part files, a
problem each: only problem ids travel, the driver holds no problem longer than it takes to write it,
and a pipeline that is started again does only what is missing.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.data.exceptions import UserCodeException
from ray.exceptions import RayError

from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.generate import PolicyEngine
from skeldpo.measure.actor import ProgramMeasurer
from skeldpo.policy import Policy
from skeldpo.records import Assignment, Candidate, Measurement
from skeldpo.sandbox.connect import connect as connect_engine
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store

logger = logging.getLogger(__name__)

SANDBOX_RESOURCE = "sandbox_core"
MAX_BLOCK_ROWS = 256
"""Problems an engine is given at a time."""
_RAY_ADVICE = "Failed to apply UDF transform"
"""What Ray Data adds to the message of an actor's error begins so."""
PROBLEM_ID = "problem_id"
"""The column that travels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Who generates: a policy, how it is prompted, and how many engines sample it."""

    policy: Policy
    prompting: PolicyConfig
    generate: GenerateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandboxes:
    """Who measures, and how often held-out problems are timed."""

    measure: MeasureConfig
    evaluate: EvaluateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pipeline is; counts include what an earlier start had finished. `faults`: what is
    wrong with the problem that was done last, or with the core it was timed on."""

    num_problems: int
    num_done: int
    num_measured: int
    num_accepted: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Everything a finished pipeline made, in the order of the assignments."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]


def connect_ray() -> None:
    """Joins the cluster that $RAY_ADDRESS (set in a submitted job) names, else starts Ray here."""
    if ray.is_initialized():
        return
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.ERROR)
        return
    connect_engine().close()  # a missing engine is said at once, not by an actor that dies
    num_cores = os.cpu_count() or 1
    ray.init(
        num_cpus=max(2, num_cores),
        resources={SANDBOX_RESOURCE: float(len(sandbox_cores()))},
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
        object_store_memory=512 << 20,
    )


def sample_and_measure(
    assignments: Iterable[Assignment],
    *,
    engines: Engines | None,
    sandboxes: Sandboxes,
    output: str,
    on_progress: Callable[[Progress], None],
) -> None:
    """Runs the pipeline until every assignment is measured; `output` is the folder of its tables
    (`read_sampled`, or a row at a time with `Store.iter_records`).

    Without engines the assignments bring their candidates. Assignments are taken one at a time.
    Raises RuntimeError when the cluster lacks what is asked for.
    """
    store = Store(output)
    keys, waiting = _write_unfinished(store, assignments)
    counts = _Counts(store, len(keys), set(waiting), keys)
    on_progress(counts.progress())
    if waiting:
        _require_resources(engines, sandboxes)
        try:
            lost = _run(_dataset(waiting, engines, sandboxes, output), counts, on_progress)
            if lost:
                logger.warning("the sandbox failed on %d problems; measured once more", len(lost))
                again = [row[PROBLEM_ID] for row in lost]
                avoid = _cores_of(store, again)
                counts.take_back(lost)
                _run(_dataset(again, None, sandboxes, output, avoid), counts, on_progress)
        except (RayError, UserCodeException) as error:
            raise RuntimeError(
                f"generating and measuring stopped after {counts.progress().num_done} of "
                f"{len(keys)} problems: {_cause(error)}; what is done is kept, the same command "
                "goes on from there"
            ) from error
    store.join_parts(CANDIDATES, Candidate, keys)
    store.join_parts(MEASUREMENTS, Measurement, keys)
    store.drop_parts(ASSIGNMENTS)


def read_sampled(output: str) -> Sampled:
    """The tables of a finished pipeline."""
    store = Store(output)
    return Sampled(
        candidates=tuple(store.iter_records(f"{CANDIDATES}.parquet", Candidate)),
        measurements=tuple(store.iter_records(f"{MEASUREMENTS}.parquet", Measurement)),
    )


def count_teller(title: str, tell: Callable[[str], None]) -> Callable[[Progress], None]:
    """A callback that tells counts as lines: problems done, accepted, rate and time left; and what
    is wrong with a problem."""
    started_s = time.monotonic()
    first: list[Progress] = []

    def show(progress: Progress) -> None:
        for fault in progress.faults:
            tell(f"{title}: {fault}")
        first.append(progress)
        elapsed_s = max(time.monotonic() - started_s, 1e-3)
        num_new = progress.num_done - first[0].num_done
        left_s = (progress.num_problems - progress.num_done) * elapsed_s / num_new if num_new else 0
        tell(
            f"{title}: measured {progress.num_done} of {progress.num_problems} problems, "
            f"{progress.num_accepted} of {progress.num_measured} candidates accepted, "
            f"{(progress.num_measured - first[0].num_measured) / elapsed_s:.1f} candidates/s, "
            f"{left_s:.0f} s left"
        )

    return show


def _cause(error: BaseException) -> str:
    """Type and message of what an actor raised, without Ray's trace, advice and wrapping."""
    errors = [error]
    while errors[-1].__cause__ is not None:
        errors.append(errors[-1].__cause__)
    # Ray Data chains an empty SystemException behind the error that it reports.
    told = next((each for each in reversed(errors) if str(each).strip()), error)
    raised = getattr(told, "cause", None)
    if isinstance(raised, BaseException):
        text = f"{type(raised).__name__}: {raised.args[0] if raised.args else ''}"
    else:
        # Of an actor that died in its __init__ there is a text alone: a trace, then the error.
        trace, _, after = str(told).rpartition('\n  File "')
        lines = after.split("\n")[1:] if trace else [f"{type(told).__name__}: {told}"]
        text = "\n".join(itertools.dropwhile(lambda line: line.startswith("  "), lines))
    return " ".join(text.split(_RAY_ADVICE)[0].split()).removesuffix(":")


def _write_unfinished(
    store: Store, assignments: Iterable[Assignment]
) -> tuple[list[str], list[str]]:
    """Writes what the actors are to read; returns the ids of all problems and of those that have
    no measurements yet."""
    measured = store.part_keys(MEASUREMENTS)
    written = store.part_keys(CANDIDATES)
    keys, waiting = [], []
    for assignment in assignments:
        key = assignment.problem.problem_id
        keys.append(key)
        if key in measured:
            continue
        waiting.append(key)
        store.write_part(ASSIGNMENTS, key, Assignment, [assignment])
        if not assignment.num_samples and key not in written:
            store.write_part(CANDIDATES, key, Candidate, assignment.candidates)
    return keys, waiting


def _run(
    dataset: Dataset, counts: _Counts, on_progress: Callable[[Progress], None]
) -> list[dict[str, str]]:
    """Runs a dataset; returns the rows of problems that the sandbox failed on."""
    lost = []
    for row in dataset.iter_rows():
        counts.add(row)
        on_progress(counts.progress())
        if row["failure"]:
            lost.append(row)
    return lost


def _cores_of(store: Store, keys: Sequence[str]) -> list[tuple[str, int]]:
    """The (host, core) that problems were measured on."""
    rows = (row for key in keys for row in store.read_part(MEASUREMENTS, key, Measurement))
    return sorted({(row.host_id, row.core) for row in rows})


def _dataset(
    waiting: Sequence[str],
    engines: Engines | None,
    sandboxes: Sandboxes,
    output: str,
    avoid: Sequence[tuple[str, int]] = (),
) -> Dataset:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    # A generator's rows travel on only when a block is full, so a block is as small as can be.
    context.target_max_block_size = 1
    context.execution_no_progress_timeout_s = -1
    num_engines = engines.generate.num_engines if engines else 1
    rows = [{PROBLEM_ID: key} for key in waiting]
    num_blocks = max(num_engines, math.ceil(len(rows) / MAX_BLOCK_ROWS))
    dataset = ray.data.from_items(rows, override_num_blocks=min(num_blocks, len(rows)))
    if engines is not None:
        dataset = dataset.map_batches(
            PolicyEngine,
            batch_size=MAX_BLOCK_ROWS,
            compute=ActorPoolStrategy(size=num_engines),
            num_cpus=engines.generate.cpus_per_engine,
            num_gpus=engines.generate.gpus_per_engine,
            fn_constructor_kwargs={
                "policy_folder": engines.policy.folder,
                "model_id": engines.policy.model_id,
                "policy": engines.prompting,
                "generate": engines.generate,
                "output": output,
            },
        )
    return dataset.map_batches(
        ProgramMeasurer,
        batch_size=1,
        compute=ActorPoolStrategy(size=min(_num_sandboxes(sandboxes), len(rows))),
        num_cpus=0,
        resources={SANDBOX_RESOURCE: 1.0},
        fn_constructor_kwargs={
            "measure": sandboxes.measure,
            "evaluate": sandboxes.evaluate,
            "output": output,
            "avoid": tuple(avoid),
        },
    )


def _num_sandboxes(sandboxes: Sandboxes) -> int:
    return sandboxes.measure.num_cores or int(ray.cluster_resources().get(SANDBOX_RESOURCE, 0))


def _require_resources(engines: Engines | None, sandboxes: Sandboxes) -> None:
    """RuntimeError unless the cluster has the cores and GPUs; Ray would wait for them silently."""
    offered = ray.cluster_resources()
    cores, wanted = offered.get(SANDBOX_RESOURCE, 0), max(1, sandboxes.measure.num_cores)
    if wanted > cores:
        raise RuntimeError(
            f"measuring needs {wanted} of resource {SANDBOX_RESOURCE}, the cluster has {cores:g}; "
            f"start nodes with --resources='{{\"{SANDBOX_RESOURCE}\": N}}' (cluster/README.md)"
        )
    if engines is None:
        return
    gpus = engines.generate.num_engines * engines.generate.gpus_per_engine
    if gpus > offered.get("GPU", 0):
        raise RuntimeError(
            f"generate asks for {gpus} GPUs (num_engines x gpus_per_engine), the cluster has "
            f"{offered.get('GPU', 0):g}; `ray status` lists the nodes"
        )


class _Counts:
    """Adds up the rows of a running pipeline, and those of an earlier start."""

    def __init__(self, store: Store, num_problems: int, waiting: set[str], keys: list[str]) -> None:
        self._num_problems = num_problems
        self._num_done = 0
        self._outcomes: Counter[str] = Counter()
        self._faults: tuple[str, ...] = ()
        for key in keys:
            if key not in waiting:
                rows = store.read_part(MEASUREMENTS, key, Measurement)
                self._num_done += 1
                self._outcomes.update(r.outcome.value for r in rows if r.phase == "check")

    def add(self, row: dict[str, str]) -> None:
        """Counts one row of `ProgramMeasurer`."""
        self._num_done += 1
        self._outcomes.update(json.loads(row["outcomes"]))
        notes = [row["note"]] if row["note"] else []
        faults = json.loads(row["faults"])
        if row["failure"]:
            faults.append(f"the sandbox failed: {row['failure']}")
        self._faults = (*notes, *(f"problem {row[PROBLEM_ID]}: {fault}" for fault in faults))

    def take_back(self, rows: Sequence[dict[str, str]]) -> None:
        """Uncounts rows whose problems are done once more."""
        self._num_done -= len(rows)
        for row in rows:
            self._outcomes.subtract(json.loads(row["outcomes"]))

    def progress(self) -> Progress:
        """The sums so far."""
        return Progress(
            num_problems=self._num_problems,
            num_done=self._num_done,
            num_measured=sum(self._outcomes.values()),
            num_accepted=self._outcomes["ACCEPTED"],
            faults=self._faults,
        )
