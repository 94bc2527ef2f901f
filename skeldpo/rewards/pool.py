"""Rewards on this machine's sandbox cores: a thread, a leased core and a warm container for each.

A request is a problem and the programs that are compared: they are judged and timed in turns on
one core, as a round's candidates are, so no two programs ever run at once on a core, whoever else
leases cores of this machine. Requests are taken in the order in which they came.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from skeldpo.config import MeasureConfig, RewardsConfig
from skeldpo.measure.on_cores import lease_cores, make_sandbox
from skeldpo.problems.programs import require_list_of_texts
from skeldpo.records import Problem
from skeldpo.rewards.measured import GroupAnswer, GroupRequest, Place, Settings, measure_group
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import CoreLease
from skeldpo.sandbox.image import ensure_image

_FIRST_GUESS_S = 1.0
"""Of a program, before any was measured."""

logger = logging.getLogger(__name__)


class PoolFullError(RuntimeError):
    """Too many programs wait; `retry_after_s` is when there may be room."""

    def __init__(self, num_waiting: int, retry_after_s: float) -> None:
        super().__init__(f"{num_waiting} programs wait for a core; try again later")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class _Item:
    request: GroupRequest
    future: Future[GroupAnswer]


class RewardPool:
    """Sandboxes that stay warm between calls; a context manager, or `close` it.

    Waits for the first free core; RuntimeError if there is no engine that answers, or no core.
    """

    def __init__(
        self,
        *,
        rewards: RewardsConfig | None = None,
        measure: MeasureConfig | None = None,
        max_waiting: int = 0,
    ) -> None:
        """`max_waiting` programs may wait for a core; 0: any number."""
        measure = measure or MeasureConfig()
        self._settings = Settings(rewards=rewards or RewardsConfig(), measure=measure)
        self._max_waiting = max_waiting
        self._image = ensure_image(measure.image, numpy=measure.numpy, engine=measure.engine)
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._num_waiting = 0
        self._num_busy = 0
        self._program_s = _FIRST_GUESS_S
        self._is_closed = self._is_refusing = False
        self.unverified = ""
        leases = lease_cores(measure.num_cores)
        self.cores = tuple(lease.core for lease in leases)
        with contextlib.ExitStack() as opened:
            sandboxes = []
            for lease in leases:  # all of them first: the last one's container may not start
                opened.enter_context(lease)
            for lease in leases:
                sandbox = make_sandbox(measure, self._image, lease.core)
                sandboxes.append(opened.enter_context(sandbox))
                self.unverified = self.unverified or sandbox.unverified
            self._opened = opened.pop_all()
        self._threads = [
            threading.Thread(target=self._serve, args=(lease, sandbox), daemon=True)
            for lease, sandbox in zip(leases, sandboxes, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def num_waiting(self) -> int:
        """Programs that no core has begun with."""
        return self._num_waiting

    @property
    def num_busy(self) -> int:
        """Cores that work."""
        return self._num_busy

    def submit(self, request: GroupRequest) -> Future[GroupAnswer]:
        """The answer to come, which may be cancelled until a core begins with it; PoolFullError if
        too many programs wait, RuntimeError if closed."""
        num_programs = len(request.completions)
        future: Future[GroupAnswer] = Future()
        with self._lock:
            if self._is_refusing:
                raise RuntimeError("the pool of sandboxes is closed")
            waiting = self._num_waiting
            if self._max_waiting and waiting and waiting + num_programs > self._max_waiting:
                raise PoolFullError(waiting, waiting * self._program_s / len(self.cores))
            self._num_waiting += num_programs
            self._items.put(_Item(request, future))
        return future

    def refuse(self) -> None:
        """From now on only what has begun is finished; what waits is refused, and what comes."""
        with self._lock:
            self._is_refusing = True

    def close(self) -> None:
        """Finishes what has begun, refuses what waits, and gives containers and cores back."""
        self.refuse()
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads:
            thread.join()
        self._opened.close()

    def __enter__(self) -> RewardPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, lease: CoreLease, sandbox: Sandbox) -> None:
        while True:
            item = self._items.get()
            if item is None:
                return
            num_programs = len(item.request.completions)
            is_wanted = item.future.set_running_or_notify_cancel()
            with self._lock:
                self._num_waiting -= num_programs
                is_refused = is_wanted and self._is_refusing
                self._num_busy += is_wanted and not is_refused
            if is_refused:
                text = "the pool of sandboxes was closed before this was measured"
                item.future.set_exception(RuntimeError(text))
            if is_refused or not is_wanted:
                continue
            started_s = time.monotonic()
            try:
                answer = self._answer(item.request, sandbox, lease.core)
            except Exception as error:  # of one request: the next one has its own chance
                logger.warning("problem %s: %s", item.request.problem.problem_id, error)
                item.future.set_exception(error)
            else:
                item.future.set_result(answer)
            with self._lock:
                self._num_busy -= 1
                took_s = (time.monotonic() - started_s) / num_programs
                self._program_s += 0.1 * (took_s - self._program_s)

    def _answer(self, request: GroupRequest, sandbox: Sandbox, core: int) -> GroupAnswer:
        place = Place(image=self._image, core=core, unverified=sandbox.unverified)
        answer = measure_group(request, sandbox.run, self._settings, place)
        for fault in answer.faults:
            logger.warning("problem %s: %s", answer.problem_id, fault)
        return answer


def reward(
    problems: Sequence[Problem],
    completions: Sequence[str],
    *,
    pool: RewardPool | None = None,
    rewards: RewardsConfig | None = None,
    measure: MeasureConfig | None = None,
) -> list[float]:
    """What each completion earns as an answer to the problem beside it.

    Completions of the same problem are compared with each other, so pass a group at a time or
    several whole ones. Blocks until all are measured. Give a `pool` that is open to keep containers
    warm from call to call; without one a pool is opened for the call, by `rewards` and `measure`.
    A completion of which nothing can be said earns the mean of its group, which is no advantage; if
    that is all of them, as where the problem is at fault (a warning says so), 0.
    ValueError for unequal lengths, two problems of one id, or completions that are no text (of a
    conversation pass what its last message says); RuntimeError without an engine, or if more
    programs wait than the pool was made for (PoolFullError). Where one group fails, those that wait
    are given up.
    """
    require_list_of_texts("reward: completions", completions)
    if len(problems) != len(completions):
        raise ValueError(
            f"reward: expected a problem for each completion, got {len(problems)} problems and "
            f"{len(completions)} completions"
        )
    if pool is not None and (rewards or measure):
        raise ValueError("reward: a pool has its own settings; give rewards and measure to it")
    places: dict[str, list[int]] = {}
    by_id: dict[str, Problem] = {}
    for place, problem in enumerate(problems):
        if by_id.setdefault(problem.problem_id, problem) != problem:
            raise ValueError(f"reward: two different problems have the id {problem.problem_id!r}")
        places.setdefault(problem.problem_id, []).append(place)
    earned = [0.0] * len(completions)
    answers: dict[str, Future[GroupAnswer]] = {}
    with _open(pool, rewards, measure) as opened:
        try:
            for key, own in places.items():
                answers[key] = opened.submit(
                    GroupRequest(
                        problem=by_id[key], completions=tuple(completions[place] for place in own)
                    )
                )
            for key, own in places.items():
                for place, program in zip(own, answers[key].result().programs, strict=True):
                    earned[place] = program.reward
        finally:  # of a call that failed and will be made again, nothing may stay in the queue
            for answer in answers.values():
                answer.cancel()
    return earned


@contextlib.contextmanager
def _open(
    pool: RewardPool | None, rewards: RewardsConfig | None, measure: MeasureConfig | None
) -> Iterator[RewardPool]:
    if pool is not None:
        yield pool
        return
    with RewardPool(rewards=rewards, measure=measure) as opened:
        yield opened
