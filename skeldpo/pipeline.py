"""Generate and measure as one streaming Ray Data pipeline.

vLLM actors write candidates problem by problem; sandbox actors judge a problem as soon as its
candidates are there, while the engines go on. What is asked and what was made lie in part files, a
problem each: only problem ids travel, the driver holds no problem longer than it takes to write it,
and a pipeline that is started again does only what is missing.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.data.exceptions import UserCodeException
from ray.exceptions import RayError

from skeldpo.accounts.actors import FOLDER, NO_ACTORS, POLL_S, Actors, cause_of, read_actors
from skeldpo.accounts.core_use import join_core_use
from skeldpo.accounts.progress import Counts, Progress
from skeldpo.accounts.quarantine import QUARANTINE, TRIES, write_quarantine
from skeldpo.checkpoints import Checkpoint
from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.generate.policy_engine import PolicyEngine
from skeldpo.measure.actor import ProgramMeasurer, Session
from skeldpo.node_watch import (
    MAX_NODE_WAIT_S,
    Need,
    NodeWatch,
    NoNodes,
    cluster_nodes,
    interruptible,
)
from skeldpo.periodic import every
from skeldpo.records import Assignment, Candidate, Measurement
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, PROBLEM_ID, Store

logger = logging.getLogger(__name__)

MAX_BLOCK_ROWS = 256
"""Problems an engine is given at a time."""
ENGINE, SANDBOX_ACTOR = "engine", "sandbox actor"
"""What messages call the actors."""


class _AllWritten(Exception):
    """The engines are lost, and nothing is left for them to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Who generates: a checkpoint, how it is prompted, and how many engines sample it. `keepers`
    is asked for actors that have these engines already (`engine_keeper.Keepers`) once something is
    to be written. `engine` is the class of the actors: another commits and yields the same."""

    checkpoint: Checkpoint
    prompting: PolicyConfig
    generate: GenerateConfig
    engine: type = PolicyEngine
    keepers: Callable[[], tuple[Any, ...]] = tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandboxes:
    """Who measures, and how often held-out problems are timed; with `session` candidates are
    measured by that. `measurer` is the class of the actors: another commits and yields the same."""

    measure: MeasureConfig
    evaluate: EvaluateConfig
    session: Session | None = None
    measurer: type = ProgramMeasurer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to give up: the share of problems that may be quarantined, and how long to wait for a
    node when the last one is gone."""

    max_quarantined: float = 1.0
    max_node_wait_s: float = MAX_NODE_WAIT_S


def sample_and_measure(
    assignments: Iterable[Assignment],
    *,
    engines: Engines | None,
    sandboxes: Sandboxes,
    output: str,
    on_progress: Callable[[Progress], None],
    limits: Limits | None = None,
) -> float:
    """Runs the pipeline until every assignment is measured or quarantined; `output` is the folder
    of its tables (`by_problem.Sampled`), whose rows are in the order of the assignments. Returns
    when an engine wrote the first token (seconds since 1970), 0 if none did.

    Without engines the assignments bring their candidates. Assignments are taken one at a time.
    Raises RuntimeError when the cluster lacks what is asked for, and at the `limits`; problems that
    were quarantined are then tried again at the next start. Cores that join are used once no engine
    writes.
    """
    store, limits = Store(output), limits or Limits()
    keys, waiting = _write_unfinished(store, assignments)
    counts = Counts(store, set(waiting), keys, limits.max_quarantined)
    on_progress(counts.progress(_asked(engines if waiting else None)))
    if waiting:
        _require_resources(engines, sandboxes)
        for left in (FOLDER, TRIES, f"{QUARANTINE}.parquet"):
            store.remove(left)
        try:
            first = _Pass(
                waiting=waiting,
                engines=engines,
                sandboxes=sandboxes,
                output=output,
                max_node_wait_s=limits.max_node_wait_s,
            )
            lost = _run_all(first, counts, on_progress)
            if lost:
                logger.warning("the sandbox failed on %d problems; measured once more", len(lost))
                again = [row[PROBLEM_ID] for row in lost]
                avoid = _cores_of(store, again)
                second = replace(first, waiting=again, engines=None, avoid=avoid)
                counts.take_back(lost)
                _run_all(second, counts, on_progress)
        except (RayError, UserCodeException) as error:
            raise RuntimeError(
                f"generating and measuring stopped after {counts.num_done} of {len(keys)} "
                f"problems: {cause_of(error)}; what is done is kept, the same command "
                "goes on from there"
            ) from error
    store.join_parts(CANDIDATES, Candidate, keys)
    store.join_parts(MEASUREMENTS, Measurement, keys)
    join_core_use(store, keys)
    write_quarantine(store, counts.quarantined)
    store.drop_parts(ASSIGNMENTS)
    for folder in (FOLDER, TRIES):
        store.remove(folder)
    return counts.first_token_at


def _write_unfinished(
    store: Store, assignments: Iterable[Assignment]
) -> tuple[list[str], list[str]]:
    """Writes what the actors are to read; returns the ids of all problems and of those that have
    no measurements yet."""
    keys, waiting = [], []
    for assignment in assignments:
        key = assignment.problem.problem_id
        keys.append(key)
        # By name: a listing may lack what another node has just written.
        is_written = store.has_part(CANDIDATES, key)
        if store.has_part(MEASUREMENTS, key):
            if is_written:
                continue
            store.remove_part(MEASUREMENTS, key)  # of programs that are lost
        waiting.append(key)
        store.write_part(ASSIGNMENTS, key, Assignment, [assignment])
        if not assignment.num_samples and not is_written:
            store.write_part(CANDIDATES, key, Candidate, assignment.candidates)
    return keys, waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """One run of the pipeline over problems; `avoid` are (host, core) not to measure on."""

    waiting: Sequence[str]
    engines: Engines | None
    sandboxes: Sandboxes
    output: str
    max_node_wait_s: float
    avoid: Sequence[tuple[str, int]] = ()

    @property
    def is_written(self) -> bool:
        """Whether all candidates are there: nothing is left to do for engines."""
        if self.engines is None:
            return True
        store = Store(self.output)
        listed = store.part_keys(CANDIDATES)
        return all(key in listed or store.has_part(CANDIDATES, key) for key in self.waiting)


def _run_all(
    one: _Pass, counts: Counts, on_progress: Callable[[Progress], None]
) -> list[dict[str, str]]:
    """As `_run`, and again over the problems whose rows did not arrive: those of a pass that ended
    for more cores, and of engines that were started again: one may pass its problems on in another
    order, and Ray takes the first ones for known."""
    lost, waiting = [], one.waiting
    while waiting:
        one = replace(one, waiting=waiting)
        used = replace(one, engines=None) if one.is_written else one
        lost += _run(used, counts, on_progress)
        missing = [key for key in waiting if not counts.has(key)]
        if len(missing) == len(waiting) and (used.engines is None or not used.is_written):
            raise RuntimeError(
                f"generating and measuring stopped: Ray ended without a word on {len(missing)} "
                f"problems, such as {missing[0]}; start the same command again"
            )
        waiting = missing
    return lost


def _run(
    one: _Pass, counts: Counts, on_progress: Callable[[Progress], None]
) -> list[dict[str, str]]:
    """Runs a pass; returns the rows of problems that the sandbox failed on."""
    store, lost = Store(one.output), []
    pass_id = uuid.uuid4().hex[:8]
    lock = threading.Lock()
    num_sandboxes = min(_num_sandboxes(one.sandboxes), len(one.waiting))
    watch = NodeWatch(_needs(one), one.max_node_wait_s)
    has_more = threading.Event()

    def read() -> Actors:
        return read_actors(store, pass_id, _asked(one.engines).num_engines, num_sandboxes)

    def look() -> None:
        actors = read()
        try:
            lines = watch.look(cluster_nodes())
        except NoNodes as error:
            interrupt(error)
            return
        if ENGINE in watch.missing and one.is_written:
            interrupt(_AllWritten())
        if num_sandboxes < min(_num_sandboxes(one.sandboxes), counts.num_left):
            has_more.set()
        with lock:
            on_progress(counts.look(actors, lines))

    # Closed, or else its actors keep their cores for as long as a traceback lives.
    rows = iter(_dataset(one, num_sandboxes, pass_id).iter_rows())
    with (
        contextlib.suppress(_AllWritten),
        interruptible() as interrupt,
        every(POLL_S, look),
        contextlib.closing(rows),
    ):
        for row in rows:
            with lock:
                is_new = counts.add(row)
                on_progress(counts.progress())
            if is_new and row["failure"]:
                lost.append(row)
            counts.require_few(store)
            if has_more.is_set() and one.is_written:
                break
    counts.note_first_token(read())
    return lost


def _asked(engines: Engines | None) -> Actors:
    """The actors of a pass that has not begun."""
    return replace(NO_ACTORS, num_engines=engines.generate.num_engines) if engines else NO_ACTORS


def _cores_of(store: Store, keys: Sequence[str]) -> list[tuple[str, int]]:
    """The (host, core) that problems were measured on."""
    rows = (row for key in keys for row in store.read_part(MEASUREMENTS, key, Measurement))
    return sorted({(row.host_id, row.core) for row in rows})


def _dataset(one: _Pass, num_sandboxes: int, pass_id: str) -> Dataset:
    engines, sandboxes = one.engines, one.sandboxes
    common = {"output": one.output, "pass_id": pass_id}
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    # A generator's rows travel on only when a block is full, so a block is as small as can be.
    context.target_max_block_size = 1
    context.execution_no_progress_timeout_s = -1
    rows = [{PROBLEM_ID: key} for key in one.waiting]
    num_blocks = len(rows)  # a block goes to one actor as a whole
    if engines is not None:
        num_engines = engines.generate.num_engines
        num_blocks = min(num_blocks, max(num_engines, math.ceil(len(rows) / MAX_BLOCK_ROWS)))
    dataset = ray.data.from_items(rows, override_num_blocks=num_blocks)
    if engines is not None:
        keepers = engines.keepers()
        dataset = dataset.map_batches(
            engines.engine,
            batch_size=MAX_BLOCK_ROWS,
            compute=ActorPoolStrategy(size=num_engines),
            num_cpus=0 if keepers else engines.generate.cpus_per_engine,
            num_gpus=0 if keepers else engines.generate.gpus_per_engine,
            fn_constructor_kwargs={
                "checkpoint": engines.checkpoint,
                "policy": engines.prompting,
                "generate": engines.generate,
                "keepers": keepers,
                **common,
            },
        )
    return dataset.map_batches(
        sandboxes.measurer,
        batch_size=1,
        # No problem waits behind another at one actor while a second actor has none.
        compute=ActorPoolStrategy(size=num_sandboxes, max_tasks_in_flight_per_actor=1),
        num_cpus=0,
        resources={SANDBOX_RESOURCE: 1.0},
        fn_constructor_kwargs={
            "measure": sandboxes.measure,
            "evaluate": sandboxes.evaluate,
            "avoid": tuple(one.avoid),
            **common,
            "session": sandboxes.session,
        },
    )


def _num_sandboxes(sandboxes: Sandboxes) -> int:
    return sandboxes.measure.num_cores or max(
        1, int(ray.cluster_resources().get(SANDBOX_RESOURCE, 0))
    )


def _needs(one: _Pass) -> dict[str, Need]:
    """What one actor of each kind takes."""
    needs = {SANDBOX_ACTOR: Need(resources={SANDBOX_RESOURCE: 1.0})}
    if one.engines is not None:
        generate = one.engines.generate
        taken = {"CPU": generate.cpus_per_engine, "GPU": generate.gpus_per_engine}
        needs[ENGINE] = Need(resources={name: float(n) for name, n in taken.items() if n})
    return needs


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
