"""Generate and measure as one streaming Ray Data pipeline.

vLLM actors write candidates problem by problem; sandbox actors judge a problem as soon as its
candidates are there, while the engines go on. What is asked and what was made lie in part files, a
problem each: only problem ids travel, the driver holds no problem longer than it takes to write it,
and a pipeline that is started again does only what is missing.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.data.exceptions import UserCodeException
from ray.exceptions import RayError

from skeldpo.actors import FOLDER, NO_ACTORS, POLL_S, Actors, cause_of, every, read_actors
from skeldpo.checkpoints import Checkpoint
from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.generate import PolicyEngine
from skeldpo.measure.actor import ProgramMeasurer, Session
from skeldpo.records import Assignment, Candidate, Measurement
from skeldpo.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store

logger = logging.getLogger(__name__)

MAX_BLOCK_ROWS = 256
"""Problems an engine is given at a time."""
PROBLEM_ID = "problem_id"
"""The column that travels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Who generates: a checkpoint, how it is prompted, and how many engines sample it."""

    checkpoint: Checkpoint
    prompting: PolicyConfig
    generate: GenerateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandboxes:
    """Who measures, and how often held-out problems are timed; with `session` candidates are
    measured by that."""

    measure: MeasureConfig
    evaluate: EvaluateConfig
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pipeline is; counts include what an earlier start had finished. `faults`: what has
    gone wrong since the last time, with a problem, an actor, or the core a problem was timed on."""

    num_problems: int
    num_done: int
    num_measured: int
    num_accepted: int
    faults: tuple[str, ...]
    actors: Actors


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Everything a finished pipeline made, in the order of the assignments."""

    candidates: tuple[Candidate, ...]
    measurements: tuple[Measurement, ...]


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
    on_progress(counts.progress(_asked(engines if waiting else None)))
    if waiting:
        _require_resources(engines, sandboxes)
        store.remove(FOLDER)
        try:
            first = _Pass(waiting=waiting, engines=engines, sandboxes=sandboxes, output=output)
            lost = _run(first, counts, on_progress)
            if lost:
                logger.warning("the sandbox failed on %d problems; measured once more", len(lost))
                again = [row[PROBLEM_ID] for row in lost]
                second = replace(first, waiting=again, engines=None, avoid=_cores_of(store, again))
                counts.take_back(lost)
                _run(second, counts, on_progress)
        except (RayError, UserCodeException) as error:
            raise RuntimeError(
                f"generating and measuring stopped after {counts.num_done} of {len(keys)} "
                f"problems: {cause_of(error)}; what is done is kept, the same command "
                "goes on from there"
            ) from error
    store.join_parts(CANDIDATES, Candidate, keys)
    store.join_parts(MEASUREMENTS, Measurement, keys)
    store.drop_parts(ASSIGNMENTS)
    store.remove(FOLDER)


def read_sampled(output: str, problem_ids: Collection[str] | None = None) -> Sampled:
    """The tables of a finished pipeline, or what they have of some problems."""
    store = Store(output)
    candidates = store.iter_records(f"{CANDIDATES}.parquet", Candidate)
    measurements = store.iter_records(f"{MEASUREMENTS}.parquet", Measurement)
    if problem_ids is None:
        return Sampled(candidates=tuple(candidates), measurements=tuple(measurements))
    return Sampled(
        candidates=tuple(row for row in candidates if row.problem_id in problem_ids),
        measurements=tuple(row for row in measurements if row.problem_id in problem_ids),
    )


def count_teller(
    title: str, tell: Callable[[str], None], *, is_judged: bool = True
) -> Callable[[Progress], None]:
    """A callback that tells lines: engines starting, then counts with rates and time left; and what
    goes wrong. Without `is_judged` candidates are only written, so none is called accepted."""
    clock_s = time.monotonic()
    first: list[Progress] = []
    is_ready = False

    def show(progress: Progress) -> None:
        nonlocal clock_s, is_ready
        for fault in progress.faults:
            tell(f"{title}: {fault}")
        actors = progress.actors
        engines = "engine" if actors.num_engines == 1 else f"{actors.num_engines} engines"
        if actors.num_engines and not first:
            num_left = progress.num_problems - progress.num_done
            tell(f"{title}: {num_left} problems to write for; starting the {engines}")
        first.append(progress)
        elapsed_s = max(time.monotonic() - clock_s, 1e-3)
        if actors.num_engines and not is_ready:
            if actors.num_ready < actors.num_engines and progress.num_done == first[0].num_done:
                return
            tell(f"{title}: {engines} ready after {elapsed_s:.0f} s")
            is_ready = True
            if progress.num_done == first[0].num_done:
                clock_s = time.monotonic()
                return
        tell(_count_line(title, progress, first[0], elapsed_s, is_judged))

    return show


def _count_line(
    title: str, now: Progress, first: Progress, elapsed_s: float, is_judged: bool
) -> str:
    verb = "measured" if is_judged else "generated"
    parts = [f"{title}: {verb} {now.num_done} of {now.num_problems} problems"]
    if is_judged and now.num_measured:
        rate = (now.num_measured - first.num_measured) / elapsed_s
        parts.append(f"{now.num_accepted} of {now.num_measured} candidates accepted")
        parts.append(f"{rate:.1f} candidates/s")
    if now.actors.tokens_per_s:
        parts.append(f"{now.actors.tokens_per_s:.0f} tokens/s")
    num_new, num_left = now.num_done - first.num_done, now.num_problems - now.num_done
    is_known = num_new or not num_left
    left_s = num_left * elapsed_s / max(1, num_new)
    parts.append(f"{left_s:.0f} s left" if is_known else f"{elapsed_s:.0f} s so far")
    return ", ".join(parts)


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
            if key in written or store.has_part(CANDIDATES, key):
                continue
            store.remove_part(MEASUREMENTS, key)  # of programs that are lost
        waiting.append(key)
        store.write_part(ASSIGNMENTS, key, Assignment, [assignment])
        if not assignment.num_samples and key not in written:
            store.write_part(CANDIDATES, key, Candidate, assignment.candidates)
    return keys, waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """One run of the pipeline over problems; `avoid` are (host, core) not to measure on."""

    waiting: Sequence[str]
    engines: Engines | None
    sandboxes: Sandboxes
    output: str
    avoid: Sequence[tuple[str, int]] = ()


def _run(
    one: _Pass, counts: _Counts, on_progress: Callable[[Progress], None]
) -> list[dict[str, str]]:
    """Runs a pass; returns the rows of problems that the sandbox failed on."""
    store, lost = Store(one.output), []
    pass_id = uuid.uuid4().hex[:8]
    lock = threading.Lock()
    num_sandboxes = min(_num_sandboxes(one.sandboxes), len(one.waiting))

    def look() -> None:
        actors = read_actors(store, pass_id, _asked(one.engines).num_engines, num_sandboxes)
        with lock:
            on_progress(counts.look(actors))

    with every(POLL_S, look):
        for row in _dataset(one, num_sandboxes, pass_id).iter_rows():
            with lock:
                counts.add(row)
                on_progress(counts.progress())
            if row["failure"]:
                lost.append(row)
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
        dataset = dataset.map_batches(
            PolicyEngine,
            batch_size=MAX_BLOCK_ROWS,
            compute=ActorPoolStrategy(size=num_engines),
            num_cpus=engines.generate.cpus_per_engine,
            num_gpus=engines.generate.gpus_per_engine,
            fn_constructor_kwargs={
                "checkpoint": engines.checkpoint,
                "policy": engines.prompting,
                "generate": engines.generate,
                **common,
            },
        )
    return dataset.map_batches(
        ProgramMeasurer,
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
        self.num_done = 0
        self._outcomes: Counter[str] = Counter()
        self._faults: list[str] = []
        self._actors = NO_ACTORS
        for key in keys:
            if key not in waiting:
                rows = store.read_part(MEASUREMENTS, key, Measurement)
                self.num_done += 1
                self._outcomes.update(r.outcome.value for r in rows if r.phase == "check")

    def add(self, row: dict[str, str]) -> None:
        """Counts one row of `ProgramMeasurer`."""
        self.num_done += 1
        self._outcomes.update(json.loads(row["outcomes"]))
        notes = [row["note"]] if row["note"] else []
        faults = json.loads(row["faults"])
        if row["failure"]:
            faults.append(f"the sandbox failed: {row['failure']}")
        self._faults += [*notes, *(f"problem {row[PROBLEM_ID]}: {fault}" for fault in faults)]

    def take_back(self, rows: Sequence[dict[str, str]]) -> None:
        """Uncounts rows whose problems are done once more."""
        self.num_done -= len(rows)
        for row in rows:
            self._outcomes.subtract(json.loads(row["outcomes"]))

    def look(self, actors: Actors) -> Progress:
        """The sums, with what the actors of the pass say now."""
        num_more = actors.num_replaced - self._actors.num_replaced
        if num_more > 0:
            self._faults.append(f"{num_more} of Ray's actors died and were started again")
        return self.progress(actors)

    def progress(self, actors: Actors | None = None) -> Progress:
        """The sums so far, and what has gone wrong since they were last asked for."""
        self._actors = actors or self._actors
        faults, self._faults = tuple(self._faults), []
        return Progress(
            num_problems=self._num_problems,
            num_done=self.num_done,
            num_measured=sum(self._outcomes.values()),
            num_accepted=self._outcomes["ACCEPTED"],
            faults=faults,
            actors=self._actors,
        )
