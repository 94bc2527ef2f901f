"""Flushing to disk: after a loss of power what was renamed is there as a whole, or not at all.

A rename may reach the disk before what it names does, so files are flushed first, and the folder
that has the new name after it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NOT_OFFERED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


def flush(path: str | Path) -> None:
    """Waits until a file's content, or a folder's names, are on disk. What the file system does not
    offer (folders, on mounted buckets) is left to it; OSError if it fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    finally:
        os.close(descriptor)


def flush_tree(folder: str | Path) -> None:
    """`flush` of all files and folders below a folder, and of itself."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            flush(Path(place, name))
        flush(place)


def make_folder(folder: str | Path) -> None:
    """Makes a folder and those above it, all of them flushed; one that is there is fine."""
    missing = Path(folder)
    made = []
    while not missing.exists():
        made.append(missing)
        missing = missing.parent
    Path(folder).mkdir(parents=True, exist_ok=True)
    for each in reversed(made):
        flush(each.parent)


def replace(aside: str | Path, path: str | Path) -> None:
    """Renames a file or folder (an empty or absent one is at `path`), flushed before and after."""
    flush_tree(aside) if Path(aside).is_dir() else flush(aside)
    os.replace(aside, path)
    flush(Path(path).parent)
