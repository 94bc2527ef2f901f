"""Ray Train's workers: started, watched while they wait for nodes, and ended in bounded time.

Ray Train starts a dead worker group again, and waits for nodes with room for all workers as long as
it likes, without a word. Here nodes that are lost are named, a wait is said with what is waited
for, and ends after run.max_node_wait_s; what it saved stays, and the next call goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
import ray.train
import ray.train.torch
from ray.exceptions import RayActorError
from ray.train.v2._internal import constants
from ray.train.v2._internal.execution.failure_handling.default import RETRYABLE_CONTROLLER_ERRORS
from ray.util.placement_group import (
    PlacementGroup,
    placement_group_table,
    remove_placement_group,
)

from skeldpo.accounts.actors import cause_of
from skeldpo.config import TrainConfig
from skeldpo.node_watch import (
    LOOK_EVERY_S,
    Node,
    NoNodes,
    Roll,
    cluster_nodes,
    interruptible,
    no_room,
    waiting,
)
from skeldpo.periodic import every

SLACK_S = 30.0
"""By how much longer Ray Train waits than we do: it only counts a wait that is over as a failure,
and begins another."""
END_TIMEOUT_S = 5.0
"""How long workers are given to end in order when the driver is stopped."""
_COUNTED = (ray.train.WorkerGroupError, *RETRYABLE_CONTROLLER_ERRORS)
"""Failures after which Ray Train starts the workers again, so many times."""
_ADDRESS = "RAY_ADDRESS"
_START_TIMEOUT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The worker group: `resources` of a node for each of `num_workers`, all at the same time."""

    num_workers: int
    resources: Mapping[str, float]

    def own(self, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """The ids of its groups, of which all but one are of workers that are gone, in this job's
        table of placement groups."""
        wishes = [dict(self.resources)] * self.num_workers
        return [key for key, row in groups.items() if [*row["bundles"].values()] == wishes]

    def waits(self, groups: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether it has no place yet."""
        states = {groups[key]["state"] for key in self.own(groups)}
        return "CREATED" not in states and bool(states & {"PENDING", "PREPARED", "RESCHEDULING"})

    def text(self, free: Mapping[str, float], nodes: Sequence[Node]) -> str:
        """What is waited for, and what there is of it."""
        took = " and ".join(f"{need:g} {name}" for name, need in self.resources.items())
        there = [
            f"{free.get(name, 0.0):g} of {_total(nodes, name):g} {name} free"
            for name in self.resources
        ]
        each = "each takes" if self.num_workers > 1 else "it takes"
        noun = "training workers at the same time" if self.num_workers > 1 else "training worker"
        return f"{self.num_workers} {noun} ({each} {took} of a node; {', '.join(there)})"


class GroupWatch:
    """Tells of nodes that come and go, and of the worker group's waits."""

    def __init__(
        self, wanted: Wanted, max_wait_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wanted = wanted
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._waits_since_s: float | None = None
        self.roll = Roll()

    def look(
        self,
        nodes: Sequence[Node],
        groups: Mapping[str, Mapping[str, Any]],
        free: Mapping[str, float],
    ) -> list[str]:
        """Lines of what has changed since the last look; NoNodes at the end of a wait."""
        lines = self.roll.look(nodes)
        if not self._wanted.waits(groups):
            self._waits_since_s = None
            return lines
        asked = self._wanted.text(free, nodes)
        if self._waits_since_s is None:
            self._waits_since_s = self._clock()
            lines = [*lines, waiting(asked, self._max_wait_s)]
        # What is new is told first; the wait ends at the next look.
        if not lines and self._clock() - self._waits_since_s >= self._max_wait_s:
            raise NoNodes(no_room(asked, self._max_wait_s, self.roll))
        return lines


class _Trainer(ray.train.torch.TorchTrainer):  # type: ignore[misc]
    """Ray Train would take Ctrl-C for itself, and end the driver without a word."""

    controller: Any = None

    def _register_sigint_handler(self, controller: Any) -> None:
        self.controller = controller


def fit_workers(  # noqa: PLR0913
    work: Callable[[dict[str, Any]], dict[str, Any]],
    arguments: dict[str, Any],
    train: TrainConfig,
    place: tuple[str, str],
    max_node_wait_s: float,
    tell: Callable[[str], None],
) -> Any:
    """Ray Train's result of `work` on train.num_workers workers, resumed from what an earlier call
    with the same `place` (storage path, name) saved.

    RuntimeError, with the nodes that were lost, if workers died more than train.max_failures times,
    or processes where Ray Train starts none again (it counts its own anew after each of those), if
    Ray Train failed of anything else, or NoNodes if workers had no room for `max_node_wait_s`
    seconds. Stopped by whatever else, it ends the workers first.
    """
    wanted = Wanted(num_workers=train.num_workers, resources=_resources(train))
    watch = GroupWatch(wanted, max_node_wait_s)
    os.environ[_START_TIMEOUT] = str(max_node_wait_s + SLACK_S)
    num_lost = 0
    while True:
        trainer = _make_trainer(work, arguments, train, place)
        try:
            with _watched(watch, tell), own_cluster_named():
                return trainer.fit()
        except (ray.train.TrainingFailedError, RayActorError) as error:
            _end(trainer.controller, wanted)
            num_lost += _lost_a_process(error)
            if not _lost_a_process(error) or num_lost > train.max_failures:
                raise RuntimeError(
                    f"training run {place[1]} {_how_often(error, train)}; last error: "
                    f"{cause_of(error)}{watch.roll.lost_text()}; what was saved is kept, the same "
                    "command goes on from there"
                ) from error
            tell("a training process was lost; the workers are started again")
        except BaseException:
            _end(trainer.controller, wanted)
            raise


def _make_trainer(
    work: Callable[[dict[str, Any]], dict[str, Any]],
    arguments: dict[str, Any],
    train: TrainConfig,
    place: tuple[str, str],
) -> _Trainer:
    storage_path, name = place
    return _Trainer(
        work,
        train_loop_config=arguments,
        torch_config=ray.train.torch.TorchConfig(backend=_backend(train)),
        scaling_config=ray.train.ScalingConfig(
            num_workers=train.num_workers,
            use_gpu=train.use_gpu,
            resources_per_worker=_resources(train),
        ),
        run_config=ray.train.RunConfig(
            name=name,
            storage_path=storage_path,
            failure_config=ray.train.FailureConfig(
                max_failures=train.max_failures, controller_failure_limit=train.max_failures
            ),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
        ),
    )


def _resources(train: TrainConfig) -> dict[str, float]:
    """Of a worker."""
    return {"CPU": float(train.cpus_per_worker)} | ({"GPU": 1.0} if train.use_gpu else {})


def _lost_a_process(error: BaseException) -> bool:
    """Whether Ray Train gave up because a process was lost: the controller, or a worker while its
    group is made ready. It starts workers again that die in training or are not created."""
    return isinstance(_cause(error), RayActorError)


def _how_often(error: BaseException, train: TrainConfig) -> str:
    if _lost_a_process(error) or isinstance(_cause(error), _COUNTED):
        return f"failed more than train.max_failures={train.max_failures} times"
    return "failed"


def _cause(error: BaseException) -> BaseException:
    return getattr(error, "controller_failure", error)


@contextlib.contextmanager
def own_cluster_named() -> Iterator[None]:
    """Trainers that are fitted within the block watch their controller in this process's cluster.

    Ray Train 2.60 has an actor that removes the workers of a controller that is gone. It asks the
    state API, which without $RAY_ADDRESS is that of whatever cluster was started last on the
    machine: a second one, which knows no such controller, ends the training of the first.
    """
    before = os.environ.get(_ADDRESS)
    os.environ[_ADDRESS] = ray.get_runtime_context().gcs_address
    constants.ENV_VARS_TO_PROPAGATE.add(_ADDRESS)  # to the controller, from which the actor has it
    try:
        yield
    finally:
        constants.ENV_VARS_TO_PROPAGATE.discard(_ADDRESS)
        if before is None:
            del os.environ[_ADDRESS]
        else:
            os.environ[_ADDRESS] = before


@contextlib.contextmanager
def _watched(watch: GroupWatch, tell: Callable[[str], None]) -> Iterator[None]:
    """Tells what a watch says while the block runs, and ends it with NoNodes."""

    def look() -> None:
        try:
            lines = watch.look(cluster_nodes(), _groups_of_job(), ray.available_resources())
        except NoNodes as error:
            interrupt(error)
            return
        except Exception:  # of many kinds: Ray's head does not answer for a while
            return
        for line in lines:
            tell(line)

    with interruptible() as interrupt, every(LOOK_EVERY_S, look):
        yield


def _end(controller: Any, wanted: Wanted) -> None:
    """Ends workers and controller; the job that they belong to may go on."""
    if controller is None:
        return
    with contextlib.suppress(Exception):  # it ends itself, which is an error to the caller
        ray.get(controller.abort.remote(), timeout=END_TIMEOUT_S)
    with contextlib.suppress(Exception):
        ray.kill(controller)
    # A controller that waits for room hears of nothing: its wish would be granted later.
    with contextlib.suppress(Exception):
        for key in wanted.own(_groups_of_job()):
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(key))))


def _groups_of_job() -> dict[str, dict[str, Any]]:
    """This job's placement groups, whose ids end with its own."""
    job_id = ray.get_runtime_context().get_job_id()
    return {key: row for key, row in placement_group_table().items() if key.endswith(job_id)}


def _total(nodes: Sequence[Node], resource: str) -> float:
    return sum(node.resources.get(resource, 0.0) for node in nodes if node.is_alive)


def _backend(train: TrainConfig) -> str:
    """Of torch.distributed; the norm of offloaded gradients is a sum over all workers' CPUs."""
    if not train.use_gpu:
        return "gloo"
    return "cpu:gloo,cuda:nccl" if train.cpu_offload else "nccl"
