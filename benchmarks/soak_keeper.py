"""Runs a command, and stays as the parent of what it leaves running: `python -m
benchmarks.soak_keeper COMMAND...`

A container engine that was killed, and its containerd, would else be zombies of the soak, which
waits for none but its own children; the next engine takes them for running ones and does not start.
It prints a line when the command has ended well, and ends when nothing of it runs any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys

SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def become_parent_of_orphans() -> None:
    """What outlives its parent, below this process, becomes a child of it."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> int:
    """The command's exit code if it failed."""
    become_parent_of_orphans()
    ended = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False)
    if ended.returncode:
        return ended.returncode
    print("ended well", flush=True)
    with open(os.devnull, "wb") as nothing:  # who reads the soak's output is not kept waiting
        for stream in (1, 2):
            os.dup2(nothing.fileno(), stream)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
