"""Whose a sandbox container is, and the removal of what is left of processes that are gone.

Labels name the owner, so a later process of the node can tell a stale container from a live one.
Images have no owner: one is stale that no container uses and nobody has asked for in a while.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from skeldpo.processes import is_dead, owner_name
from skeldpo.sandbox.runtime import ContainerRuntime, RuntimeFailure

LABEL = "skeldpo.sandbox"
IMAGE_KEPT_S = 86_400.0
"""A process that has just asked for its image has no container of it yet; a version of skeldpo that
is used beside another asks again and again."""


def owner_labels(core: int, run_label: str) -> dict[str, str]:
    """The labels of a container of this process."""
    return {LABEL: owner_name(), "skeldpo.core": str(core), "skeldpo.run": run_label}


def sweep_stale_containers(runtime: ContainerRuntime) -> int:
    """Removes sandbox containers that ended or whose process on this node is gone; how many."""
    stale = [
        each
        for each in runtime.list_containers(LABEL)
        if each.has_ended or is_dead(each.labels.get(LABEL, ""))
    ]
    for each in stale:
        runtime.remove_container(each.container_id)
    return len(stale)


def mark_image(folder: Path, reference: str) -> None:
    """Says in a folder of this node that an image was asked for now."""
    with contextlib.suppress(OSError):  # of another user, whose mark is as good
        _mark(folder, reference).touch(mode=0o666)


def sweep_stale_images(runtime: ContainerRuntime, repository: str, folder: Path) -> int:
    """Removes images of a repository that no container uses and that were neither made nor asked
    for in IMAGE_KEPT_S; returns how many."""
    num_removed = 0
    for image in runtime.list_images(repository):
        mark = _mark(folder, image.reference)
        with contextlib.suppress(OSError, RuntimeFailure):
            asked_s = mark.stat().st_mtime if mark.exists() else 0.0
            if time.time() - max(asked_s, image.made_s) > IMAGE_KEPT_S:
                runtime.remove_image(image.reference)
                num_removed += 1
                mark.unlink(missing_ok=True)
    return num_removed


def _mark(folder: Path, reference: str) -> Path:
    return folder / f"image-{reference.replace('/', '-').replace(':', '-')}.asked"
