"""Work on this node's sandbox cores: one thread, one leased core and one container for each.

A thread only waits for its container, so the host needs no further process. Items are handed out
one by one.
"""

from __future__ import annotations

import concurrent.futures
import logging
import queue
from collections.abc import Callable, Sequence
from typing import TypeVar

from skeldpo.config import MeasureConfig
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.sandbox.cores import CoreLease, lease_core, sandbox_cores
from skeldpo.sandbox.image import SandboxImage, ensure_image

Item = TypeVar("Item")
Made = TypeVar("Made")
Run = Callable[[RunRequest], RunReport]
"""Runs a program."""

LEASE_TIMEOUT_S = 600.0

logger = logging.getLogger(__name__)


def map_on_cores(
    items: Sequence[Item],
    work: Callable[[Run, Item], Made],
    config: MeasureConfig,
    on_done: Callable[[int], None],
) -> tuple[Made, ...]:
    """What `work` makes of each item, in their order. Waits for a free core, then works on all that
    are free.

    `on_done` is told the number of finished items. The first error of `work` ends it all.
    """
    image = ensure_image(config.image, numpy=config.numpy, engine=config.engine)
    leases = lease_cores(config.num_cores)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(items)):
        waiting.put(index)
    made: dict[int, Made] = {}

    def serve(lease: CoreLease) -> None:
        with (
            lease,
            make_sandbox(config, image, lease.core) as sandbox,
        ):
            if sandbox.unverified:  # a suite's scores rest on times, or are shown beside them
                raise RuntimeError(sandbox.unverified)
            run = patient(sandbox.run, config.max_retries)
            while True:
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    made[index] = work(run, items[index])
                except BaseException:
                    _drain(waiting)
                    raise
                on_done(len(made))

    with concurrent.futures.ThreadPoolExecutor(len(leases)) as pool:
        try:
            for done in [pool.submit(serve, lease) for lease in leases]:
                done.result()
        except BaseException:  # an interrupt of the main thread, too, must not wait for all items
            _drain(waiting)
            raise
    return tuple(made[index] for index in range(len(items)))


def make_sandbox(
    config: MeasureConfig, image: SandboxImage, core: int, run_label: str = ""
) -> Sandbox:
    """A container as [measure] has it, on a core that the caller holds."""
    return Sandbox(
        image=image,
        core=core,
        memory_limit_bytes=config.memory_limit_mib << 20,
        oci_runtime=config.runtime,
        run_label=run_label,
    )


def patient(once: Run, max_retries: int) -> Run:
    """Runs a program again when the sandbox fails; SandboxFailure when it keeps failing."""

    def run(request: RunRequest) -> RunReport:
        for _ in range(max_retries + 1):
            report = once(request)
            if report.outcome is not Outcome.SANDBOX_FAILED:
                return report
            logger.warning("sandbox: %s", report.failure)
        raise SandboxFailure(report.failure)

    return run


def lease_cores(num_cores: int) -> list[CoreLease]:
    """Leases of so many of this node's sandbox cores (0: all), or of those that are free; waits for
    the first."""
    cores = sandbox_cores()
    leases = [lease_core(cores, LEASE_TIMEOUT_S)]
    while len(leases) < (num_cores or len(cores)):
        try:
            leases.append(lease_core(cores, 0.0))
        except RuntimeError as error:
            logger.warning("%d cores used: %s", len(leases), error)
            break
    return leases


def _drain(waiting: queue.SimpleQueue[int]) -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
