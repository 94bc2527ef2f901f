"""The connection to Ray: a cluster, or this machine."""

from __future__ import annotations

import logging
import os

import ray

from skeldpo.sandbox.connect import connect as connect_engine
from skeldpo.sandbox.cores import CORES_VARIABLE, sandbox_cores, scoring_cores

SANDBOX_RESOURCE = "sandbox_core"
"""The resource of a node that says how many cores of it time programs."""


def connect_ray(*, generates: bool = True, measures: bool = True) -> None:
    """Joins the cluster that $RAY_ADDRESS (set in a submitted job) names, else starts Ray here.

    Where nothing is generated for as long as this Ray runs, and only scores are made, a small
    machine times programs on its first core as well (`cores.scoring_cores`). Where nothing is
    measured either, no container engine is asked for.
    """
    if ray.is_initialized():
        return
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.ERROR, log_to_driver=False)
        return
    if measures:
        connect_engine().close()  # a missing engine is said at once, not by an actor that dies
    if not generates:
        os.environ[CORES_VARIABLE] = ",".join(map(str, scoring_cores()))  # for the actors
    num_cores = os.cpu_count() or 1
    try:
        ray.init(
            num_cpus=max(2, num_cores),
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
