"""Temporary folders whose names say whose they are, so that those of killed processes can go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from skeldpo.processes import is_dead, owner_name

_PREFIX = "skeldpo-scratch-"


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """A temporary folder of this process, removed when the block ends or, if the process is killed
    before, by `sweep_scratch` of another one."""
    space, process = _split(owner_name())
    prefix = f"{_PREFIX}{space}-{process.replace(' ', '-')}-"
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        yield folder


def sweep_scratch() -> int:
    """Removes the temporary folders of this user's processes that are gone; returns how many."""
    own_space, _ = _split(owner_name())
    full_space = owner_name().partition(" ")[0]
    num_removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        parts = path.name.removeprefix(_PREFIX).split("-")
        if len(parts) < 4 or parts[0] != own_space:
            continue
        with contextlib.suppress(OSError):
            if (
                is_dead(f"{full_space} {parts[1]} {parts[2]}")
                and path.stat().st_uid == os.geteuid()
            ):
                shutil.rmtree(path)
                num_removed += 1
    return num_removed


def _split(owner: str) -> tuple[str, str]:
    """The process space, short enough for a name, and what names the process within it."""
    space, _, process = owner.partition(" ")
    return hashlib.sha256(space.encode()).hexdigest()[:8], process
