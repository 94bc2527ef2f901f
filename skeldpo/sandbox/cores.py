"""Which cores time programs, which generate, and who holds a timing core on this node.

The split is the same for every process of the node: $SKELDPO_SANDBOX_CORES, or one logical CPU of
every physical core but the first. A lease is a flock on one file per core, so the kernel drops it
when its process dies, and a name in the kernel that goes with it: where a sweeper of the temporary
folder removes the file of a held lock, the next process would lock another one. Docker's cpuset
does the pinning; Ray's CPU counts do not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import socket
import stat
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from skeldpo.records import content_id

CORES_VARIABLE = "SKELDPO_SANDBOX_CORES"
LOCKS_VARIABLE = "SKELDPO_LOCK_DIR"
_POLL_S = 0.1
_FEW = 2
_SHARED_MODE = 0o1777
"""Of the lock folder: all users make files in it, only a file's owner removes it."""


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


def scoring_cores() -> tuple[int, ...]:
    """Cores that run sandboxes while nothing generates and no labels are made: the sandbox cores,
    and where they are one or two the first core as well, which the driver hardly uses then."""
    cores = sandbox_cores()
    if len(cores) > _FEW or os.environ.get(CORES_VARIABLE, "").strip():
        return cores
    return tuple(sorted({*cores, min(os.sched_getaffinity(0))}))


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
        folder.chmod(_SHARED_MODE)
    state = folder.stat()
    is_open_to_all = bool(state.st_mode & stat.S_IWOTH) and not state.st_mode & stat.S_ISVTX
    if is_open_to_all and state.st_uid == os.geteuid():
        folder.chmod(_SHARED_MODE)
    return folder


class FileLock:
    """An exclusive lock of the node that knows its holder; dropped when the process dies.

    It is a flock on a file that all users may lock, and a name in the kernel's abstract socket
    space. The file is shared by all that see the folder, the name by all in the network namespace
    and with the same path to it, whatever happens to the file. RuntimeError if the file cannot be
    opened.
    """

    def __init__(self, name: str) -> None:
        self.path = lock_folder().absolute() / name
        self._fd = self._open()
        self._name: socket.socket | None = None

    def try_acquire(self) -> bool:
        """Takes the lock if it is free."""
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._is_current():
                break
            os.close(self._fd)  # removed between opening and locking: no lock that others see
            self._fd = self._open()
        if not self._take_name():
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            return False
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()} of user {_user_name(os.geteuid())}".encode(), 0)
        return True

    def holder(self) -> str:
        """The process id and user that its last holder wrote."""
        written = os.pread(self._fd, 256, 0).decode("utf-8", "replace")
        return written or f"unknown, whose lock file {self.path} was removed"

    def close(self) -> None:
        """Gives the lock back; the file stays, as another process may hold it open."""
        if self._name is not None:
            self._name.close()
            self._name = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_current(self) -> bool:
        """Whether the path still is the file that is open."""
        try:
            at_path = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(at_path, os.fstat(self._fd))

    def _take_name(self) -> bool:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0skeldpo-{content_id(self.path)}")
        except OSError as error:
            name.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        self._name = name
        return True

    def _open(self) -> int:
        try:
            return self._opened_or_made()
        except PermissionError as error:
            raise RuntimeError(
                f"user {_user_name(os.geteuid())} cannot open the lock file {self.path} "
                f"({error.strerror}), which belongs to {_owner(self.path)}; let its owner remove "
                f"it or make it writable for all, or set {LOCKS_VARIABLE} to a folder that all "
                "users of the sandbox cores can write to"
            ) from error

    def _opened_or_made(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            try:
                return os.open(self.path, flags)
            except FileNotFoundError:
                lock_folder()  # it may have been removed as a whole
            with contextlib.suppress(FileExistsError):
                # O_EXCL: the kernel may forbid O_CREAT on another user's file in such a folder.
                fd = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o666)
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
                f"no sandbox core free after {timeout_s:g} s: {', '.join(holders)} (locks in "
                f"{lock.path.parent}); "
                f"stop the other job or set {CORES_VARIABLE} to other cores"
            )
        time.sleep(_POLL_S)


def _user_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def _owner(path: Path) -> str:
    try:
        return _user_name(os.stat(path, follow_symlinks=False).st_uid)
    except OSError:
        return "nobody yet, in a folder that is not writable"


def siblings(core: int) -> set[int]:
    """The logical CPUs of a core's physical core, itself included."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    return {core, *parse_cores(path.read_text().strip())} if path.is_file() else {core}
