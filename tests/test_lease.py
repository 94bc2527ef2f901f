"""Who drives a run: one process, on storage without locks."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from object_store import BUCKET, ObjectStore, serve_objects

from skeldpo.processes import is_alive, is_dead, owner_name
from skeldpo.rounds import lease
from skeldpo.rounds.lease import FILE, Driver, Lease, driving, read_driver
from skeldpo.storage.store import Store

KILLED = """
import os, sys
from skeldpo.rounds import lease
from skeldpo.storage.store import Store
lease.SETTLE_S = 0
with lease.driving(Store(sys.argv[1]), print):
    os._exit(9)
"""
ELSEWHERE = Driver(
    token="t", host="node-b", process_id=7, owner="boot/pid:[1] 7 99", since="2026-01-02", beat=3
)


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(lease, "SETTLE_S", 0.0)
    monkeypatch.setattr(lease, "GONE_AFTER_S", 0.6)
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    if request.param == "s3":
        request.getfixturevalue("s3")
        return Store(f"s3://{BUCKET}/{tmp_path.name}/run")
    return Store(str(tmp_path / "run"))


def write_driver(store: Store, driver: Driver) -> None:
    store.write_text(FILE, json.dumps(asdict(driver)))


def test_second_driver_says_who_holds_the_run_and_the_first_goes_on(store: Store) -> None:
    told: list[str] = []
    with driving(store, told.append) as first:
        expected = rf"is driven by process {os.getpid()} on host {platform.node()}, since 20"
        with pytest.raises(RuntimeError, match=expected), driving(store, told.append):
            pytest.fail("two drivers")
        first.require()
    assert read_driver(store) is None and told == []
    with driving(store, told.append):
        pass


def test_killed_driver_of_this_node_is_replaced_at_once(store: Store) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, store.root], check=False, timeout=60)
    assert ended.returncode == 9
    killed = read_driver(store)
    assert killed is not None and killed.process_id != os.getpid()
    told: list[str] = []
    with driving(store, told.append) as held:
        held.require()
    assert told == [f"the driver of this run is gone ({killed}); going on"]


def test_driver_elsewhere_is_replaced_when_it_is_silent_and_not_before(store: Store) -> None:
    write_driver(store, ELSEWHERE)
    told: list[str] = []
    started_s = time.monotonic()
    with driving(store, told.append):
        assert time.monotonic() - started_s >= 0.6
    assert told[0].startswith("this run is held by process 7 on host node-b, since 2026-01-02")
    assert told[1:] == ["nothing was heard of it; going on"]


def test_driver_elsewhere_that_writes_is_left_alone(store: Store) -> None:
    write_driver(store, ELSEWHERE)
    beat = threading.Timer(0.2, write_driver, (store, replace(ELSEWHERE, beat=4)))
    beat.start()
    with (
        pytest.raises(RuntimeError, match="driven by process 7 on host node-b"),
        driving(store, lambda line: None),
    ):
        pytest.fail("two drivers")
    beat.join()
    assert read_driver(store) == replace(ELSEWHERE, beat=4)


def test_driver_that_was_taken_over_stops_before_its_next_stage(store: Store) -> None:
    with driving(store, lambda line: None) as held:
        write_driver(store, ELSEWHERE)
        with pytest.raises(RuntimeError, match="taken over by process 7 on host node-b"):
            held.require()
    assert read_driver(store) == ELSEWHERE


def test_file_that_is_damaged_meanwhile_hides_no_error_of_the_run(store: Store) -> None:
    with pytest.raises(KeyError, match="of the run"), driving(store, lambda line: None):
        store.write_text(FILE, '{"token": "')
        raise KeyError("of the run")


def test_of_two_that_start_at_the_same_moment_one_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SETTLE_S", 0.5)
    refused: list[str] = []

    def start() -> None:
        try:
            Lease(store).take()
        except RuntimeError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1 and "is driven by" in refused[0]


def test_process_is_alive_dead_or_of_another_node() -> None:
    own = owner_name()
    assert is_alive(own) and not is_dead(own)
    gone = f"{own.rsplit(' ', 1)[0]} 1"  # this process id, started at another time
    assert is_dead(gone) and not is_alive(gone)
    for unknown in (ELSEWHERE.owner, "", "no process"):
        assert not is_dead(unknown) and not is_alive(unknown)


def test_process_that_ended_and_was_not_waited_for_is_dead() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from skeldpo.processes import owner_name; print(owner_name())"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    owner = child.stdout.read().strip()
    deadline_s = time.monotonic() + 10
    while not is_dead(owner) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert is_dead(owner) and child.returncode is None
    child.wait()
