"""PID 1 of a sandbox: reads what to run, has it forked and watched, and reports to the host.

Standard library only; copied into the image, where boot.py calls `main`, and imported by the host
for the frame layouts. A program frame on stdin loads a program; each input frame after it is one
run of it in a child of its own, and gives one report frame on stdout. After a run that failed,
further inputs of that program are skipped without a report. The next child is forked while the host
thinks, and gets its program before PID 1 reads the input, so the top level of a program runs before
its input exists in any memory it can reach. PID 1 believes nothing the child says but its answer
bytes; afterwards it kills and reaps every process and empties /box and /tmp. It is not dumpable and
handles no signal. Frames and answers live in maps that children do not have.
"""

from __future__ import annotations

import functools
import gc
import json
import mmap
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence

from skeldpo.sandbox import child as child_module
from skeldpo.sandbox.child import PROGRAM_HEADER
from skeldpo.sandbox.supervise import (
    BOX,
    CHUNK_BYTES,
    OUTPUT_LIMIT_BYTES,
    Child,
    Counters,
    Pages,
    Supervision,
)

GUEST_FOLDER = "/opt/guest"  # in the image, and its PYTHONPATH
PROGRAM_MAGIC, INPUT_MAGIC, REPORT_MAGIC = b"SKPP", b"SKPI", b"SKPR"
INPUT_HEADER = struct.Struct("<QII")  # sequence, number of answers, input bytes
REPORT_HEADER = struct.Struct("<4sQII")  # magic, sequence, bytes of JSON, bytes of answers

PROGRAM_LIMIT_BYTES = 1 << 20
INPUT_LIMIT_BYTES = 64 << 20
REPORT_LIMIT_BYTES = 64 << 10

_OOM_KILLS = (
    ("/sys/fs/cgroup/memory.events", b"oom_kill", 1),
    ("/sys/fs/cgroup/memory/memory.oom_control", b"oom_kill", 1),
)
_CPU_NS = (
    ("/sys/fs/cgroup/cpu.stat", b"usage_usec", 1000),
    ("/sys/fs/cgroup/cpuacct/cpuacct.usage", b"", 1),
)


def _counter(places: Sequence[tuple[str, bytes, int]]) -> Callable[[], int]:
    """Reads a number of PID 1's own cgroup: the first of the files that is there, the word after a
    name (or the first), times a factor; always 0 where none is mounted."""
    for path, name, factor in places:
        if os.path.exists(path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return functools.partial(_read_number, fd, name, factor)
    return int


def _read_number(fd: int, name: bytes, factor: int) -> int:
    words = os.pread(fd, 4096, 0).split()
    return factor * int(words[words.index(name) + 1 if name else 0])


def _read_into(view: memoryview) -> None:
    """Fills the view from stdin; EOFError when the host has gone."""
    filled = 0
    while filled < len(view):
        num_bytes = os.readv(0, [view[filled:]])
        if num_bytes == 0:
            raise EOFError
        filled += num_bytes


def _send(sequence: int, head: dict[str, object], answers: memoryview) -> None:
    text = json.dumps(head).encode("ascii")
    start = REPORT_HEADER.pack(REPORT_MAGIC, sequence, len(text), len(answers)) + text
    num_written = os.writev(1, [start, answers])  # all of it, as the host always reads on
    _require(num_written == len(start) + len(answers), "report")


def _require(condition: bool, frame: str) -> None:
    if not condition:
        raise RuntimeError(f"malformed {frame} frame")


class _Loaded:
    """The program that the next inputs are for."""

    def __init__(self, head: memoryview, pages: Pages) -> None:
        _read_into(head)
        self._cpu_limit_s, code_bytes, entry_bytes, samples = PROGRAM_HEADER.unpack(head)
        self.samples_memory = bool(samples)
        _require(code_bytes + entry_bytes <= len(pages.view), "program")
        pages.wipe()
        _read_into(pages.view[: code_bytes + entry_bytes])
        self._code = pages.view[:code_bytes]
        self._entry_point = bytes(pages.view[code_bytes : code_bytes + entry_bytes])

    def start(self, child: Child) -> None:
        """Has the child run the program's top level and wait for its input."""
        child.start(self._code, self._entry_point, self._cpu_limit_s)


def serve() -> None:
    """Runs what the host asks for until it closes the connection."""
    header, program = Pages(mmap.PAGESIZE), Pages(PROGRAM_LIMIT_BYTES)
    inputs, answers = Pages(INPUT_LIMIT_BYTES), Pages(OUTPUT_LIMIT_BYTES + CHUNK_BYTES)
    counters = Counters(oom_kills=_counter(_OOM_KILLS), cpu_ns=_counter(_CPU_NS))
    version = "{}.{}.{}".format(*sys.version_info[:3])
    _send(0, {"python_version": version}, memoryview(b""))
    gc.collect()
    gc.freeze()
    loaded: _Loaded | None = None
    child = Child()
    while True:
        magic = header.view[: len(INPUT_MAGIC)]
        _read_into(magic)
        if magic == PROGRAM_MAGIC:
            loaded = _Loaded(header.view[: PROGRAM_HEADER.size], program)
            continue
        _require(magic == INPUT_MAGIC, "input")
        if loaded:
            loaded.start(child)
        head = header.view[: INPUT_HEADER.size]
        _read_into(head)
        sequence, num_answers, input_bytes = INPUT_HEADER.unpack(head)
        _require(input_bytes <= len(inputs.view), "input")
        payload = inputs.view[:input_bytes]
        _read_into(payload)
        if loaded:
            supervision = Supervision(child, num_answers, payload, answers)
            report = supervision.run(counters, loaded.samples_memory)
            _send(sequence, report, answers.view[: supervision.answer_bytes])
            answers.wipe()
            loaded = loaded if report["outcome"] == "ACCEPTED" else None
            child = Child()
        inputs.wipe()


def main() -> None:
    """Makes PID 1 unassailable for its children, and serves until the host has gone."""
    if os.getpid() != 1:
        raise RuntimeError(
            f"the guest kills every process it sees, so it must be PID 1, not {os.getpid()}"
        )
    child_module.set_dumpable(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(BOX)
    sys.path[:] = [path for path in sys.path if path not in ("", BOX, GUEST_FOLDER)]
    sys.argv[:] = ["program.py"]
    try:
        serve()
    except EOFError:
        return
