"""A part of a benchmark in a process of its own: JSON to its standard input, JSON back as its last
line. So its peak of memory is its own, and what it does to the device ends with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What a part came to: its figures, or why it has none."""

    figures: dict[str, Any]
    failure: str
    seconds: float


def run_child(module: str, request: dict[str, Any], timeout_s: float | None = None) -> Child:
    """Runs `python -m MODULE`; if that fails or takes too long there are no figures."""
    started = time.perf_counter()
    failure, figures = "", {}
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        failure = f"stopped after {timeout_s:.0f} s"
    else:
        if done.returncode:
            failure = "\n".join(done.stderr.splitlines()[-5:]) or f"status {done.returncode}"
        else:
            figures = json.loads(done.stdout.splitlines()[-1])
    return Child(figures=figures, failure=failure, seconds=time.perf_counter() - started)
