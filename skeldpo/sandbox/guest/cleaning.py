"""What is done after each run so that the next one finds nothing of it.

Standard library only; copied into the image beside serve.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from skeldpo.sandbox.guest.child import BOX

_ORPHAN_TRIES = 10_000
_ORPHAN_PAUSE_S = 0.0005
_MOST_INODES = 5000
"""Of a folder that is emptied. One with more is left to the container's replacement: where nothing
but memory limits their number, listing them takes more than is left, and PID 1 would be killed."""


def kill_orphans() -> tuple[int, bool]:
    """How many processes the child left behind, and whether PID 1 is alone again."""
    num_orphans = 0
    for _ in range(_ORPHAN_TRIES):  # no deadline: a machine that was frozen is not a try
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                num_orphans += pid > 0
        except ChildProcessError:
            return num_orphans, True
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        time.sleep(_ORPHAN_PAUSE_S)
    return num_orphans + 1, False


def empty_folders() -> bool:
    """Empties /box and /tmp; False if anything of the run may have stayed."""
    try:
        for top in (BOX, "/tmp"):
            status = os.statvfs(top)
            if status.f_files - status.f_ffree > _MOST_INODES:
                return False
            if os.listdir(top):
                _empty(top)
        os.utime(BOX, (0, 0))
        return os.stat(BOX).st_mode & 0o7777 == 0o700 and os.getcwd() == BOX
    except (OSError, RecursionError):
        return False


def _empty(top: str) -> None:
    for folder, folders, files in os.walk(top, topdown=False, onerror=_raise):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            path = os.path.join(folder, name)
            (os.unlink if os.path.islink(path) else os.rmdir)(path)


def _raise(error: OSError) -> None:
    raise error
