"""The connection to Ray: a cluster that answers, or this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import ray

from skeldpo.sandbox.connect import connect as connect_engine
from skeldpo.sandbox.cores import CORES_VARIABLE, sandbox_cores, scoring_cores
from skeldpo.sandbox.runtime import RuntimeChoice

SANDBOX_RESOURCE = "sandbox_core"
"""The resource of a node that says how many cores of it time programs."""
ADDRESS_VARIABLE = "RAY_ADDRESS"
ANSWER_TIMEOUT_S = 3.0


def connect_ray(
    tell: Callable[[str], None],
    *,
    engine: RuntimeChoice = "auto",
    generates: bool = True,
    measures: bool = True,
) -> None:
    """Joins a cluster, else starts Ray here, and tells which.

    A cluster is what $RAY_ADDRESS names (it is set in a submitted job), or what `ray start` left
    running on this machine; $RAY_ADDRESS "local" asks for none. `engine` (measure.engine) must
    answer before Ray starts here, unless nothing is measured. Where nothing is generated for as
    long as this Ray runs, and only scores are made, a small machine times programs on its first
    core as well (`cores.scoring_cores`). RuntimeError says why neither is possible.
    """
    if ray.is_initialized() or join_cluster(tell):
        return
    named = os.environ.get(ADDRESS_VARIABLE, "")
    if named == "auto":
        raise RuntimeError(
            f"${ADDRESS_VARIABLE} is auto, and no Ray cluster that was started on this machine "
            f"answers; start it, or unset {ADDRESS_VARIABLE}: the command then starts Ray here"
        )
    if measures:  # a missing engine is said at once, not by an actor that dies
        connect_engine(engine).close()
    if not generates:
        os.environ[CORES_VARIABLE] = ",".join(map(str, scoring_cores()))  # for the actors
    tell("ray: starting on this machine")
    _start()


def join_cluster(tell: Callable[[str], None]) -> bool:
    """Joins the cluster that `connect_ray` would join, tells which, and starts none; False if there
    is none. RuntimeError if $RAY_ADDRESS names one that does not answer."""
    if ray.is_initialized():
        return True
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    named = os.environ.get(ADDRESS_VARIABLE, "")
    if named not in ("", "auto", "local"):
        _join_named(named)
        tell(f"ray: joined the cluster at {named} (${ADDRESS_VARIABLE})")
        return True
    running = "" if named == "local" else _running_here()
    if running:
        _join(running)
        tell(
            f"ray: joined the cluster at {running}, which runs on this machine "
            f"({ADDRESS_VARIABLE}=local starts one of the command's own)"
        )
    return bool(running)


def _join_named(address: str) -> None:
    """Joins what $RAY_ADDRESS names; RuntimeError if that is no cluster."""
    advice = f"start it, or unset {ADDRESS_VARIABLE}: the command then starts Ray here"
    if address.startswith("http") or ("://" not in address and _speaks_http(address)):
        raise RuntimeError(
            f"${ADDRESS_VARIABLE} is {address}, a dashboard, to which jobs are submitted: expected "
            f"HOST:PORT of a cluster; give that address to `ray job submit`, or {advice}"
        )
    if "://" not in address and not _answers(address):
        raise RuntimeError(f"no Ray cluster answers at ${ADDRESS_VARIABLE} = {address}; {advice}")
    try:
        _join(address)
    except Exception as error:  # of many kinds
        raise RuntimeError(
            f"cannot join the Ray cluster at ${ADDRESS_VARIABLE} = {address}: {error}; {advice}"
        ) from error


def _running_here() -> str:
    """The address that the last `ray start` of this machine wrote down, if something answers there:
    it stays behind when that cluster ends."""
    from ray._private.services import find_bootstrap_address  # `ray.init` itself asks it

    recorded = str(find_bootstrap_address(None) or "")
    return recorded if recorded and _answers(recorded) else ""


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_TIMEOUT_S).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _speaks_http(address: str) -> bool:
    """Whether a web server answers, such as a dashboard: Ray would wait for it for minutes. A head
    says at once that it speaks another protocol, or nothing."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_TIMEOUT_S) as asked:
            asked.settimeout(ANSWER_TIMEOUT_S)
            asked.sendall(f"GET /api/version HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return asked.recv(5) == b"HTTP/"
    except (OSError, ValueError, OverflowError):
        return False


def _join(address: str) -> None:
    with _own_sigterm():
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Ray takes SIGTERM for itself; what the command does at it stays."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if callable(before) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _start() -> None:
    try:
        with _own_sigterm():
            ray.init(
                address="local",  # else a cluster that has ended is looked for, and joined
                num_cpus=max(2, os.cpu_count() or 1),
                resources={SANDBOX_RESOURCE: float(len(sandbox_cores()))},
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                object_store_memory=512 << 20,
            )
    except Exception as error:  # bare ones, when its processes do not answer in time
        raise RuntimeError(
            f"Ray did not start here: {error} Wait until the machine is less busy or has "
            "more free memory, then start the same command again"
        ) from error
