"""Core lists, the split of a machine's cores, and leases that die with their process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skeldpo.sandbox.cores import (
    CORES_VARIABLE,
    LOCKS_VARIABLE,
    generation_cores,
    lease_core,
    parse_cores,
    sandbox_cores,
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOCKS_VARIABLE, str(tmp_path / "locks"))
    monkeypatch.delenv(CORES_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("text", "cores"), [("3", (3,)), ("1,2,3", (1, 2, 3)), ("2-4, 0", (0, 2, 3, 4)), ("1,1", (1,))]
)
def test_parse_cores_reads_numbers_and_ranges(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cores(text) == cores


@pytest.mark.parametrize("text", ["", "a", "1,", "3-1", "1-", "-1", "1-2-3"])
def test_parse_cores_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="expected core numbers|is empty"):
        parse_cores(text)


def test_split_covers_no_core_twice_unless_there_is_one() -> None:
    allowed = os.sched_getaffinity(0)
    sandbox, generation = set(sandbox_cores()), set(generation_cores())
    assert sandbox and generation and sandbox | generation <= allowed
    if len(allowed) > 1:
        assert not sandbox & generation
        assert min(allowed) in generation


def test_variable_names_the_sandbox_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    first = min(os.sched_getaffinity(0))
    monkeypatch.setenv(CORES_VARIABLE, str(first))
    assert sandbox_cores() == (first,)
    if len(os.sched_getaffinity(0)) > 1:
        assert first not in generation_cores()


def test_variable_with_a_core_we_may_not_use_is_a_value_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "9999")
    with pytest.raises(ValueError, match="9999"):
        sandbox_cores()


def test_lease_takes_the_next_free_core_and_names_holders_when_there_is_none() -> None:
    with lease_core((5, 6)) as first, lease_core((5, 6)) as second:
        assert (first.core, second.core) == (5, 6)
        with pytest.raises(RuntimeError, match=f"core 5 by process {os.getpid()}"):
            lease_core((5, 6), timeout_s=0)
    with lease_core((5,), timeout_s=0) as again:
        assert again.core == 5


def test_lease_ends_with_its_process() -> None:
    script = (
        "import time\nfrom skeldpo.sandbox.cores import lease_core\n"
        "lease = lease_core((7,))\nprint('held', flush=True)\ntime.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with pytest.raises(RuntimeError, match=f"process {process.pid}"):
        lease_core((7,), timeout_s=0)
    process.kill()
    process.wait()
    lease_core((7,), timeout_s=5).close()
