"""Core lists, the split of a machine's cores, and leases that die with their process."""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from skeldpo.sandbox import cores as cores_module
from skeldpo.sandbox.cores import (
    CORES_VARIABLE,
    LOCKS_VARIABLE,
    FileLock,
    generation_cores,
    lease_core,
    lock_folder,
    parse_cores,
    sandbox_cores,
    scoring_cores,
)

NOBODY = 65534


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


@pytest.mark.parametrize(
    ("num_cores", "expected"), [(1, {0}), (2, {0, 1}), (3, {0, 1, 2}), (4, {1, 2, 3})]
)
def test_small_machine_scores_on_its_first_core_too(
    num_cores: int, expected: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CORES_VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(num_cores)))
    monkeypatch.setattr(cores_module, "siblings", lambda core: {core})
    assert set(scoring_cores()) == expected


def test_variable_holds_for_scoring_too(monkeypatch: pytest.MonkeyPatch) -> None:
    last = max(os.sched_getaffinity(0))
    monkeypatch.setenv(CORES_VARIABLE, str(last))
    assert scoring_cores() == (last,)


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


def test_holder_is_named_with_its_user_and_where_the_lock_is() -> None:
    with lease_core((5,)), pytest.raises(RuntimeError) as error:
        lease_core((5,), timeout_s=0)
    assert f"by process {os.getpid()} of user {getpass.getuser()}" in str(error.value)
    assert str(lock_folder()) in str(error.value)


@pytest.mark.parametrize("swept", ["file", "folder"])
def test_core_whose_lock_file_was_swept_is_not_leased_twice(swept: str) -> None:
    with lease_core((5,)):
        if swept == "file":
            (lock_folder() / "core-5.lock").unlink()
        else:
            shutil.rmtree(lock_folder())
        with pytest.raises(RuntimeError, match=r"core 5 by process unknown.* was removed"):
            lease_core((5,), timeout_s=0)
        with lease_core((5, 6), timeout_s=0) as other:
            assert other.core == 6
    with lease_core((5,), timeout_s=0) as again:
        assert again.core == 5


def test_file_removed_between_opening_and_locking_is_not_what_is_locked() -> None:
    lock = FileLock("core-5.lock")
    lock.path.unlink()
    other = os.open(lock.path, os.O_RDWR | os.O_CREAT)
    assert lock.try_acquire()
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.close()
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_lock_of_the_file_alone_is_respected() -> None:
    """As held in another network namespace, such as a pod that shares the folder."""
    path = lock_folder() / "core-5.lock"
    held = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(held, b"17 of user somebody")
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(RuntimeError, match="core 5 by process 17 of user somebody"):
        lease_core((5,), timeout_s=0)
    os.close(held)


def test_lock_folder_is_sticky_and_an_open_one_of_ours_becomes_so() -> None:
    assert lock_folder().stat().st_mode & 0o7777 == 0o1777
    lock_folder().chmod(0o777)
    assert lock_folder().stat().st_mode & 0o7777 == 0o1777
    lock_folder().chmod(0o700)
    assert lock_folder().stat().st_mode & 0o7777 == 0o700


def test_lock_file_that_cannot_be_opened_names_its_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv(LOCKS_VARIABLE, folder)
        Path(folder).chmod(0o755)
        path = Path(folder, "core-5.lock")
        path.touch()
        path.chmod(0o444)
        user_id = os.geteuid()
        os.seteuid(user_id or NOBODY)
        try:
            with pytest.raises(RuntimeError, match=f"which belongs to {getpass.getuser()}; let"):
                lease_core((5,), timeout_s=0)
        finally:
            os.seteuid(user_id)
