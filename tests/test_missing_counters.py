"""A machine that does not count what verdicts and times rest on is refused, never read as 0."""

from __future__ import annotations

import itertools
import json
import resource
import socket
import struct
import time

import pytest

from skeldpo.sandbox.guest.cgroup import missing_counters
from skeldpo.sandbox.guest.serve import REPORT_HEADER, REPORT_MAGIC
from skeldpo.sandbox.protocol import Channel, ChannelError, Hello


def _all_processes_ns() -> int:
    """What a cgroup would count of this process and its children."""
    waited = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time_ns() + round((waited.ru_utime + waited.ru_stime) * 1e9)


def test_counters_that_count_are_not_missing() -> None:
    assert missing_counters(lambda: 0, _all_processes_ns, lambda: False) == []


@pytest.mark.parametrize("stuck", [None, lambda: 0, itertools.count(10**9, 10**6).__next__])
def test_cpu_count_that_misses_children_is_missing(stuck: object) -> None:
    """No file, one that always reads 0, one that counts a fifth."""
    assert missing_counters(lambda: 0, stuck, lambda: False) == [
        "the CPU time of a container's processes"
    ]  # type: ignore[arg-type]


def test_every_missing_count_is_named() -> None:
    assert len(missing_counters(None, None, None)) == 2
    assert "kills" in missing_counters(None, _all_processes_ns, lambda: False)[0]
    assert "kills" in missing_counters(lambda: 0, _all_processes_ns, None)[0], "whose kill it was"


def _hello(head: dict[str, object]) -> Hello:
    ours, theirs = socket.socketpair()
    text = json.dumps(head).encode()
    frame = REPORT_HEADER.pack(REPORT_MAGIC, 0, len(text), 0) + text
    theirs.sendall(struct.pack(">BxxxI", 1, len(frame)) + frame)
    try:
        return Channel(ours).hello(5.0)
    finally:
        ours.close()
        theirs.close()


def test_hello_names_what_is_missing() -> None:
    head = {"python_version": "3.11.7", "missing": ["apples"], "facts": {"cores": [1]}}
    assert _hello(head) == Hello(python_version="3.11.7", missing=("apples",), facts={"cores": [1]})
    with pytest.raises(ChannelError, match="first frame"):
        _hello({"python_version": "3.11.7", "missing": []})
