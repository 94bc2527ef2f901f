"""Whether run.storage can be used: by this machine, and by every node of the cluster.

A token is written, read and removed. A folder that a node does not share would take its rows, and
the run would wait for them; this is said before anything is made.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from skeldpo.storage.files import is_url, s3_endpoint
from skeldpo.storage.store import Store, run_root

FOLDER = "probe"
SEEN_AFTER_S = 60.0
"""Longest wait for a file that another node wrote: disks of a network show new names late."""
ANSWER_AFTER_S = 300.0
"""Longest wait for a node, whose runtime environment may have to be installed first."""
LOST_AFTER_S = 20.0
"""Ray may take so long to see that a node is lost of which a call has failed."""
_POLL_S = 0.5
_SHARED = (
    "use a folder that every node mounts at the same path (NFS, EFS, FSx, a ReadWriteMany volume), "
    "or an object store (--set run.storage=s3://BUCKET/runs)"
)
_CREDENTIALS = (
    "every node needs the same AWS_ENDPOINT_URL, if the store is not Amazon's, and credentials "
    "that may list, read, write and delete there"
)


def try_storage(storage: str, name: str = "") -> str:
    """Says which storage a run's root is (run.storage, run.name), after a token was written, read
    and removed there; of a folder that is not there yet, in the nearest one above it. RuntimeError
    says what to do."""
    place = root = run_root(storage, name).rstrip("/")
    while not is_url(place) and not os.path.lexists(place):
        place = str(Path(place).parent)
    token, started_s = f".skeldpo-probe-{uuid.uuid4().hex[:8]}", time.monotonic()
    store = Store(place)
    store.write_text(token, token)
    found = store.read_text(token)
    store.remove(token)
    if found != token:
        raise RuntimeError(f"{store.location(token)}: wrote {token!r}, read {found!r}")
    seconds = time.monotonic() - started_s
    return f"{_kind(root)}; wrote, read and removed a token in {seconds:.2f} s"


def check_storage(store: Store) -> None:
    """Lets the driver, which must be the run's only one, and every other node of the cluster write
    for each other in a run's folder.

    RuntimeError names each node that cannot, with why, and says what to do. A node that is lost
    while it is asked is none of them.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    folder, token = f"{FOLDER}/{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    try:
        store.write_text(f"{folder}/driver", token)
        here = ray.get_runtime_context().get_node_id()
        others = [node for node in ray.nodes() if node["Alive"] and node["NodeID"] != here]
        answer = ray.remote(num_cpus=0, max_retries=0)(answer_probe)
        asked = {
            node["NodeID"]: answer.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(store.root, folder, node["NodeID"], token)
            for node in others
        }
        done, _ = ray.wait(
            [*asked.values()], num_returns=max(1, len(asked)), timeout=ANSWER_AFTER_S
        ) if asked else ([], [])  # fmt: skip
        faults = {}
        for node in others:
            node_id, reference = node["NodeID"], asked[node["NodeID"]]
            fault = f"it gave no answer within {ANSWER_AFTER_S:.0f} s"
            if reference in done:
                fault = _fault_of(reference, node_id) or _unseen(
                    store, f"{folder}/{node_id}", "this node", token, SEEN_AFTER_S
                )
            if fault and not _is_lost(node_id):
                faults[_name_of(node)] = fault
    finally:
        # Whole: what killed drivers left goes too.
        store.remove(FOLDER)
    if faults:
        told = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise RuntimeError(
            f"run.storage ({store.root}) cannot be used by {len(faults)} of {len(others) + 1} "
            f"nodes. {told}. What to do: {_CREDENTIALS if is_url(store.root) else _SHARED} "
            "(cluster/README.md, Shared storage)"
        )


def answer_probe(
    root: str, folder: str, name: str, token: str, seen_after_s: float = SEEN_AFTER_S
) -> str:
    """What keeps this node from reading the driver's token, or from writing its own; "" if nothing.

    It reads first: in a folder that is not shared, nothing is to be made.
    """
    store = Store(root)
    try:
        fault = _unseen(store, f"{folder}/driver", "the driver", token, seen_after_s)
        if not fault:
            store.write_text(f"{folder}/{name}", token)
    except (OSError, RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return fault


def _unseen(store: Store, path: str, writer: str, token: str, seen_after_s: float) -> str:
    """Nothing as soon as a token is seen; else what was looked for, and how long."""
    deadline_s = time.monotonic() + seen_after_s
    while not store.exists(path):
        if time.monotonic() > deadline_s:
            place = store.location(path)
            return f"{place}, which {writer} wrote, is not seen after {seen_after_s:g} s"
        time.sleep(_POLL_S)
    found = store.read_text(path)
    return "" if found == token else f"{store.location(path)}: expected {token}, read {found!r}"


def _fault_of(reference: Any, node_id: str) -> str:
    """What a node answered; where its call failed, why, as soon as the node is known to be lost or
    after LOST_AFTER_S seconds."""
    import ray

    try:
        return str(ray.get(reference))
    except ray.exceptions.RayError as error:
        deadline_s = time.monotonic() + LOST_AFTER_S
        while not _is_lost(node_id) and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        return f"{type(error).__name__}: {error}"


def _is_lost(node_id: str) -> bool:
    import ray

    return not any(node["Alive"] and node["NodeID"] == node_id for node in ray.nodes())


def _name_of(node: dict[str, Any]) -> str:
    from skeldpo.connection import SANDBOX_RESOURCE

    resources = node["Resources"]
    kinds = [kind for kind, resource in (("GPU", "GPU"), ("sandbox", SANDBOX_RESOURCE))
             if resources.get(resource)]  # fmt: skip
    return f"{' and '.join(kinds) or 'CPU'} node {node['NodeManagerAddress']}"


def _kind(root: str) -> str:
    if not is_url(root):
        return f"{root}, a folder that on a cluster every node must mount"
    at = f" at {s3_endpoint() or 'Amazon'}" if root.startswith("s3://") else ""
    return f"{root}, an object store{at}"
