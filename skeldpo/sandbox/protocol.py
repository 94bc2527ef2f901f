"""The host's end of the line to PID 1: frames out, reports in, over a container's attached stream.

Nothing received is trusted to be well formed: sizes are bounded before they are read, the report
must carry the sequence number that was sent after the child existed, and anything else is a
ChannelError, which the caller answers by rebuilding the container. Answers are bytes until the
caller parses them; `answer_texts` says which of them are plain data.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skeldpo.languages import language
from skeldpo.languages.contract import GuestProgram
from skeldpo.records import Outcome
from skeldpo.sandbox.guest.child import PROGRAM_HEADER
from skeldpo.sandbox.guest.serve import (
    INPUT_HEADER,
    INPUT_LIMIT_BYTES,
    INPUT_MAGIC,
    PROGRAM_MAGIC,
    REPORT_HEADER,
    REPORT_LIMIT_BYTES,
    REPORT_MAGIC,
    SAME_BYTES,
)
from skeldpo.sandbox.guest.supervise import OUTPUT_LIMIT_BYTES
from skeldpo.values import Opaque, decode

_STREAM_HEADER = struct.Struct(">BxxxI")  # Docker's API: 1 = stdout, 2 = stderr; bytes that follow
_STDERR = 2
_MAX_STREAM_BYTES = 1 << 20
_TAIL_BYTES = 4 << 10


class ChannelError(RuntimeError):
    """The container or the engine failed, or PID 1 sent what it never sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """PID 1's first words, before any program: its Python, which counts that verdicts and times
    rest on are not kept, and what it found of its isolation (guest/facts.py)."""

    python_version: str
    missing: tuple[str, ...]
    facts: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestReport:
    """PID 1's report of one child. Times in nanoseconds, as in RunReport; `is_clean` is false if
    anything of the run may have stayed in the container."""

    outcome: Outcome
    failure: str
    cpu_time_ns: int
    total_cpu_time_ns: int
    wall_time_ns: int
    run_delay_ns: int
    peak_memory_bytes: int
    mean_memory_bytes: int
    is_clean: bool
    answers: bytes


class Channel:
    """One attached container's stdin and stdout."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._stdout = bytearray()
        self._stderr = b""
        self._last_input: bytes | None = None
        self._last_answers = b""

    def hello(self, timeout_s: float) -> Hello:
        """Waits for PID 1 to be ready."""
        head, _ = self._receive(0, time.monotonic() + timeout_s)
        version, missing, facts = (
            head.get(name) for name in ("python_version", "missing", "facts")
        )
        if not (isinstance(version, str) and isinstance(missing, list) and isinstance(facts, dict)):
            raise ChannelError(f"the guest's first frame is {head!r}")
        return Hello(python_version=version, missing=tuple(map(str, missing)), facts=facts)

    def send(self, frame: bytes, timeout_s: float) -> None:
        """Sends a frame."""
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(frame)
        except OSError as error:
            raise ChannelError(f"sending to the container failed: {error}") from error

    def send_input(
        self, payload: bytes, *, sequence: int, num_answers: int, timeout_s: float
    ) -> None:
        """Has the program that was sent last run on an input, in a fresh process. Programs that are
        timed take turns on one input: it goes to the container once."""
        is_same, self._last_input = payload == self._last_input, payload
        num_bytes = SAME_BYTES if is_same else len(payload)
        head = INPUT_MAGIC + INPUT_HEADER.pack(sequence, num_answers, num_bytes)
        self.send(head if is_same else head + payload, timeout_s)

    def report(self, sequence: int, timeout_s: float) -> GuestReport:
        """Waits for the report on the input that was sent with `sequence`."""
        head, answers = self._receive(sequence, time.monotonic() + timeout_s)
        return _checked(head, answers)

    def close(self) -> None:
        """Closes the connection, at which PID 1 exits."""
        self._attached.close()
        self._socket.close()

    def _receive(self, sequence: int, deadline: float) -> tuple[dict[str, object], bytes]:
        magic, got, head_bytes, answer_bytes = REPORT_HEADER.unpack(
            self._read(REPORT_HEADER.size, deadline)
        )
        if (magic, got) != (REPORT_MAGIC, sequence):
            raise ChannelError(f"expected report {sequence}, got {magic!r} {got}")
        is_same = answer_bytes == SAME_BYTES and bool(self._last_answers)
        if head_bytes > REPORT_LIMIT_BYTES or not (is_same or answer_bytes <= OUTPUT_LIMIT_BYTES):
            raise ChannelError(f"report of {head_bytes} + {answer_bytes} bytes is over the limit")
        head_text = self._read(head_bytes, deadline)
        answers = self._last_answers if is_same else self._read(answer_bytes, deadline)
        self._last_answers = answers or self._last_answers
        try:
            head = json.loads(head_text)
        except (ValueError, RecursionError) as error:
            raise ChannelError(f"report {sequence} is not JSON: {error}") from error
        if not isinstance(head, dict):
            raise ChannelError(f"report {sequence} is a {type(head).__name__}, not an object")
        return head, answers

    def _read(self, num_bytes: int, deadline: float) -> bytes:
        while len(self._stdout) < num_bytes:
            kind, size = _STREAM_HEADER.unpack(self._read_raw(_STREAM_HEADER.size, deadline))
            if size > _MAX_STREAM_BYTES:
                raise ChannelError(f"the attached stream has a block of {size} bytes")
            block = self._read_raw(size, deadline)
            if kind == _STDERR:
                self._stderr = (self._stderr + block)[-_TAIL_BYTES:]
            else:
                self._stdout += block
        data = bytes(self._stdout[:num_bytes])
        del self._stdout[:num_bytes]
        return data

    def _read_raw(self, num_bytes: int, deadline: float) -> bytes:
        parts = []
        while num_bytes > 0:
            left_s = deadline - time.monotonic()
            try:
                self._socket.settimeout(max(0.001, left_s))
                part = self._socket.recv(num_bytes)
            except OSError as error:
                raise ChannelError(f"the container did not report in time: {error}") from error
            if not part:
                said = self._stderr.decode("utf-8", "replace")
                raise ChannelError(f"the container ended; its guest said: {said or 'nothing'}")
            parts.append(part)
            num_bytes -= len(part)
        return b"".join(parts)


def program_frame(program: GuestProgram, *, cpu_limit_s: float, samples_memory: bool) -> bytes:
    """Loads a program; without an entry point it is a stdio program."""
    parts = (program.code, program.entry_point, program.preamble)
    head = PROGRAM_HEADER.pack(cpu_limit_s, *map(len, parts), samples_memory)
    return b"".join((PROGRAM_MAGIC, head, *parts))


def encode_calls(input_texts: Sequence[str], language_name: str) -> bytes:
    """The calls of a function program; ValueError unless every text is that of a list (or tuple)
    of plain values."""
    calls = []
    for index, text in enumerate(input_texts):
        try:
            arguments = decode(text)
        except ValueError as error:
            raise ValueError(f"input {index} is not JSON: {error}; got {text[:80]!r}") from error
        if not isinstance(arguments, list | tuple):
            raise ValueError(
                f"input {index}: expected a JSON array of positional arguments, got {text[:80]!r}"
            )
        calls.append(arguments)
    try:
        return bounded_input(language(language_name).guest_calls(calls))
    except ValueError as error:
        raise ValueError(f"arguments that cannot be handed to a program: {error}") from error


def bounded_input(data: bytes) -> bytes:
    """The data, or a ValueError if the guest would not take so much."""
    if len(data) > INPUT_LIMIT_BYTES:
        raise ValueError(f"the inputs take {len(data)} bytes, the limit is {INPUT_LIMIT_BYTES}")
    return data


def answer_texts(answers: bytes) -> tuple[tuple[str, ...], int, str]:
    """The texts of a function program's answers, one a line, up to the first that `encode_answer`
    does not write; how many come before any that is not plain data, and which that is (empty if
    all are)."""
    texts: list[str] = []
    num_plain = -1
    failure = ""
    for line in answers.split(b"\n")[:-1]:
        refused = f"answer {len(texts)} is not plain data"
        try:
            text = line.decode("ascii")
            value = decode(text)
        except ValueError as error:
            failure = failure or f"{refused}: {error}"
            break
        if isinstance(value, Opaque) and not failure:
            num_plain, failure = len(texts), f"{refused}: {value.kind}"
        texts.append(text)
    return tuple(texts), num_plain if num_plain >= 0 else len(texts), failure


def _checked(head: dict[str, object], answers: bytes) -> GuestReport:
    counts = {}
    for name in (
        "cpu_time_ns",
        "total_cpu_time_ns",
        "wall_time_ns",
        "run_delay_ns",
        "peak_memory_bytes",
        "mean_memory_bytes",
    ):
        value = head.get(name)
        if type(value) is not int or not 0 <= value < 1 << 62:
            raise ChannelError(f"report field {name} is {value!r}, expected a count")
        counts[name] = value
    outcome, failure, is_clean = head.get("outcome"), head.get("failure"), head.get("is_clean")
    if not (outcome in set(Outcome) and isinstance(failure, str) and isinstance(is_clean, bool)):
        raise ChannelError(f"malformed report: {outcome!r}, {failure!r}, {is_clean!r}")
    return GuestReport(
        outcome=Outcome(str(outcome)), failure=failure, is_clean=is_clean, answers=answers, **counts
    )
