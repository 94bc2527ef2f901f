"""Which cores time programs, which generate, and who holds a timing core on this node.

The split is the same for every process of the node: $SKELDPO_SANDBOX_CORES, or one logical CPU of
every physical core but the first. A lease is a flock on one file per core, so the kernel drops it
when its process dies. Docker's cpuset does the pinning; Ray's CPU counts do not.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

CORES_VARIABLE = "SKELDPO_SANDBOX_CORES"
LOCKS_VARIABLE = "SKELDPO_LOCK_DIR"
_POLL_S = 0.1


def sandbox_cores() -> tuple[int, ...]:
    """Cores that run sandboxes: as $SKELDPO_SANDBOX_CORES says ("1,4-7"), or all but the first.

    Without the variable, hyper-threads of a taken or of the first physical core are left out where
    that leaves any core; a machine with a single core shares it.
    """
    allowed = sorted(os.sched_getaffinity(0))
    text = os.environ.get(CORES_VARIABLE, "").strip()
    if text:
        cores = parse_cores(text)
        unknown = sorted(set(cores) - set(allowed))
        if unknown:
            raise ValueError(f"{CORES_VARIABLE}={text!r} names cores {unknown}, have {allowed}")
        return cores
    taken = siblings(allowed[0])
    cores_left = []
    for core in allowed:
        if core not in taken:
            cores_left.append(core)
            taken |= siblings(core)
    return tuple(cores_left or allowed[1:] or allowed)


def generation_cores() -> tuple[int, ...]:
    """Cores for everything else, hyper-threads of sandbox cores left idle; never empty."""
    allowed = sorted(os.sched_getaffinity(0))
    sandbox = set(sandbox_cores())
    busy = set[int]().union(*(siblings(core) for core in sandbox))
    return tuple(
        [core for core in allowed if core not in busy]
        or [core for core in allowed if core not in sandbox]
        or allowed[:1]
    )


def parse_cores(text: str) -> tuple[int, ...]:
    """Sorted core numbers of a list of numbers and ranges such as "1,4-7"; else a ValueError."""
    cores: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f'{text!r}: expected core numbers and ranges such as "1,4-7"')
        found = range(int(first), int(last or first) + 1)
        if not found:
            raise ValueError(f"{text!r}: range {part.strip()!r} is empty")
        cores.update(found)
    return tuple(sorted(cores))


def numa_node(core: int) -> str:
    """The memory node of a core, as text for cpuset; "" where the kernel does not say."""
    for folder in Path("/sys/devices/system/node").glob("node[0-9]*"):
        text = (folder / "cpulist").read_text().strip()
        if text and core in parse_cores(text):
            return folder.name.removeprefix("node")
    return ""


def lock_folder() -> Path:
    """The node's folder of lock files, $SKELDPO_LOCK_DIR or <temporary folder>/skeldpo-locks."""
    folder = Path(os.environ.get(LOCKS_VARIABLE) or Path(tempfile.gettempdir(), "skeldpo-locks"))
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
    return folder


class FileLock:
    """An exclusive flock that knows its holder's process id; dropped when the process dies."""

    def __init__(self, name: str) -> None:
        self.path = lock_folder() / name
        self._fd = self._open()

    def try_acquire(self) -> bool:
        """Takes the lock if it is free."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        return True

    def holder(self) -> str:
        """The process id its last holder wrote."""
        return os.pread(self._fd, 32, 0).decode("ascii", "replace") or "unknown"

    def close(self) -> None:
        """Gives the lock back; the file stays, as another process may hold it open."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            fd = os.open(self.path, flags | os.O_CREAT, 0o666)
            os.fchmod(fd, 0o666)  # other users of the node share the lock, whatever the umask
            return fd


class CoreLease:
    """The right to time programs on one core; a context manager, or `close` it."""

    def __init__(self, core: int, lock: FileLock) -> None:
        self.core = core
        self._lock = lock

    def close(self) -> None:
        """Frees the core."""
        self._lock.close()

    def __enter__(self) -> CoreLease:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def lease_core(cores: Sequence[int], timeout_s: float = 60.0) -> CoreLease:
    """A lease of one of the cores, waiting for a free one; RuntimeError names the holders."""
    if not cores:
        raise ValueError("lease_core needs at least one core, got none")
    deadline = time.monotonic() + timeout_s
    while True:
        holders = []
        for core in cores:
            lock = FileLock(f"core-{core}.lock")
            if lock.try_acquire():
                return CoreLease(core, lock)
            holders.append(f"core {core} by process {lock.holder()}")
            lock.close()
        if time.monotonic() >= deadline:
            raise RuntimeError(
                f"no sandbox core free after {timeout_s:g} s: {', '.join(holders)}; "
                f"stop the other job or set {CORES_VARIABLE} to other cores"
            )
        time.sleep(_POLL_S)


def siblings(core: int) -> set[int]:
    """The logical CPUs of a core's physical core, itself included."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    return {core, *parse_cores(path.read_text().strip())} if path.is_file() else {core}
