"""Calls beside a block: they go on where one of them fails."""

from __future__ import annotations

import errno
import logging
import threading

import pytest

from skeldpo.periodic import every


def test_store_that_fails_for_a_moment_does_not_end_the_calls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One look at the actors' notes failed, and nobody watched the nodes of the run any more."""
    answers = ["", "", *["Stale file handle"] * 3, "", "Input/output error", "", ""]
    is_over = threading.Event()

    def look() -> None:
        answer = answers.pop(0) if answers else ""
        if not answers:
            is_over.set()
        if answer:
            raise OSError(errno.ESTALE, answer)

    with caplog.at_level(logging.WARNING), every(0.01, look):
        assert is_over.wait(20)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "[Errno 116] Stale file handle; tried again every 0.01 s",
        "[Errno 116] Input/output error; tried again every 0.01 s",
    ]
