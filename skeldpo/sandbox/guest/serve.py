"""PID 1 of a sandbox container: runs untrusted programs for the host, one forked child an input.

Standard library only; copied into the image, where boot.py calls `main`, and imported by the host
for the frame layouts. A program frame on stdin loads a program; each input frame after it is one
run of it in a child of its own, and gives one report frame on stdout. After a run that failed,
further inputs of that program are skipped without a report. The next child is forked while the host
thinks; it makes the program ready while PID 1 reads the input, runs its top level, on the clock,
when PID 1 watches, and is handed the input after that. PID 1 believes nothing the child says but
its answer bytes; afterwards it kills and reaps every process and empties /box and /tmp. It is not
dumpable and handles no signal. Frames and answers live in maps that children do not have.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import signal
import struct
import sys

from skeldpo.sandbox.guest import child as child_module
from skeldpo.sandbox.guest.cgroup import Counters, counter_files, missing_counters
from skeldpo.sandbox.guest.child import BOX, PROGRAM_HEADER
from skeldpo.sandbox.guest.facts import facts
from skeldpo.sandbox.guest.supervise import (
    CHUNK_BYTES,
    OUTPUT_LIMIT_BYTES,
    Child,
    Pages,
    Supervision,
)

GUEST_FOLDER = "/opt/guest"  # in the image, and its PYTHONPATH
PROGRAM_MAGIC, INPUT_MAGIC, REPORT_MAGIC = b"SKPP", b"SKPI", b"SKPR"
INPUT_HEADER = struct.Struct("<QII")  # sequence, number of answers, input bytes
SAME_BYTES = (1 << 32) - 1
"""In the place of the length of an input, or of answers: those that went before, again."""
REPORT_HEADER = struct.Struct("<4sQII")  # magic, sequence, bytes of JSON, bytes of answers

PROGRAM_LIMIT_BYTES = 1 << 20
INPUT_LIMIT_BYTES = 64 << 20
REPORT_LIMIT_BYTES = 64 << 10


def _read_into(view: memoryview) -> None:
    """Fills the view from stdin; EOFError when the host has gone."""
    filled = 0
    while filled < len(view):
        num_bytes = os.readv(0, [view[filled:]])
        if num_bytes == 0:
            raise EOFError
        filled += num_bytes


def _send(
    sequence: int, head: dict[str, object], answers: memoryview, is_same: bool = False
) -> None:
    text = json.dumps(head).encode("ascii")
    num_bytes, answers = (SAME_BYTES, answers[:0]) if is_same else (len(answers), answers)
    start = REPORT_HEADER.pack(REPORT_MAGIC, sequence, len(text), num_bytes) + text
    num_written = os.writev(1, [start, answers])  # all of it, as the host always reads on
    _require(num_written == len(start) + len(answers), "report")


def _require(condition: bool, frame: str) -> None:
    if not condition:
        raise RuntimeError(f"malformed {frame} frame")


class _Loaded:
    """The program that the next inputs are for."""

    def __init__(self, head: memoryview, pages: Pages) -> None:
        _read_into(head)
        self._cpu_limit_s, code_bytes, entry_bytes, preamble_bytes, samples = PROGRAM_HEADER.unpack(
            head
        )
        self.samples_memory = bool(samples)
        num_bytes = code_bytes + entry_bytes + preamble_bytes
        _require(num_bytes <= len(pages.view), "program")
        pages.wipe()
        _read_into(pages.view[:num_bytes])
        self._code = pages.view[:code_bytes]
        self._entry_point = bytes(pages.view[code_bytes : code_bytes + entry_bytes])
        self._preamble = pages.view[code_bytes + entry_bytes : num_bytes]

    def start(self, child: Child) -> None:
        """Has the child make the program ready and say START."""
        child.start(self._code, self._entry_point, self._preamble, self._cpu_limit_s)


def serve() -> None:
    """Runs what the host asks for until it closes the connection."""
    header, program = Pages(mmap.PAGESIZE), Pages(PROGRAM_LIMIT_BYTES)
    inputs = Pages(INPUT_LIMIT_BYTES)
    answers, spare = (Pages(OUTPUT_LIMIT_BYTES + CHUNK_BYTES) for _ in range(2))
    oom_kills, cpu_ns, reached_limit = counter_files()
    hello: dict[str, object] = {
        "python_version": "{}.{}.{}".format(*sys.version_info[:3]),
        "missing": missing_counters(oom_kills, cpu_ns, reached_limit),
        "facts": facts(),
    }
    _send(0, hello, memoryview(b""))
    if oom_kills is None or cpu_ns is None or reached_limit is None:
        return  # the host has read what is missing, and asks for nothing
    counters = Counters(oom_kills=oom_kills, cpu_ns=cpu_ns, reached_limit=reached_limit)
    gc.collect()
    gc.freeze()
    loaded: _Loaded | None = None
    child, payload, answers_before = Child(), inputs.view[:0], spare.view[:0]
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
        if input_bytes != SAME_BYTES:
            _require(input_bytes <= len(inputs.view), "input")
            inputs.wipe()
            payload = inputs.view[:input_bytes]
            _read_into(payload)
        if loaded:
            supervision = Supervision(child, num_answers, payload, answers)
            report = supervision.run(counters, loaded.samples_memory)
            found = answers.view[: supervision.answer_bytes]
            # In place: a copy would lie in the memory that the next child begins with.
            is_same = bool(found) and found == answers_before
            _send(sequence, report, found, is_same)
            if found and not is_same:  # they stay, in a map of their own, until others come
                answers_before, answers, spare = found, spare, answers
            answers.wipe()
            loaded = loaded if report["outcome"] == "ACCEPTED" else None
            child = Child()


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
