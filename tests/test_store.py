"""The store: a file is there as a whole or not at all, on local disk and on fsspec URLs."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from object_store import BUCKET, ObjectStore, serve_objects
from sample_records import SAMPLED

from skeldpo.records import Candidate, Dropped, Output, Problem, StageManifest
from skeldpo.storage.files import ObjectFiles
from skeldpo.storage.rows import arrow_schema
from skeldpo.storage.store import CHUNK_ROWS, Store, run_root

MANIFEST = StageManifest(
    stage="sample",
    round_index=1,
    config_digest="d",
    num_in=2,
    num_out=2,
    dropped=(),
    outputs=(Output(path="candidates.parquet", digest="0" * 64),),
    versions=(),
    seconds=0.5,
    finished_at="2025-01-01T00:00:00+00:00",
)


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        yield server


@pytest.fixture(params=["local", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store on disk, one behind fsspec, and one on an S3 server."""
    if request.param == "s3":
        request.getfixturevalue("s3")
        return Store(f"s3://{BUCKET}/{uuid.uuid4().hex}/run")
    if request.param == "memory":
        return Store(f"memory://{uuid.uuid4().hex}/run")
    return Store(str(tmp_path / "run"))


@contextmanager
def _largest_file(num_bytes: int) -> Iterator[None]:
    """The kernel refuses longer files, as it does on a full disk (EFBIG for ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_write_text_creates_replaces_and_removes(store: Store) -> None:
    assert not store.exists("a/b.txt")
    assert store.names("a") == []
    store.write_text("a/b.txt", "\u00e9")
    store.write_text("a/b.txt", "two")
    store.write_text("a/a.txt", "")
    assert store.read_text("a/b.txt") == "two"
    assert store.read_text("a/a.txt") == ""
    assert store.names("a") == ["a.txt", "b.txt"]
    store.remove("a/b.txt")
    store.remove("a/b.txt")
    assert store.names("a") == ["a.txt"]
    store.remove("a")
    assert not store.exists("a")


def test_read_missing_file_is_value_error_with_its_place(store: Store) -> None:
    with pytest.raises(ValueError, match=r"expected a file at .*run/none\.txt, found none"):
        store.read_text("none.txt")


def test_records_round_trip_empty_or_not(store: Store) -> None:
    rows = [SAMPLED, replace(SAMPLED, candidate_id="c1", code="\u00e9\n", prompt_token_ids=())]
    store.write_records("t.parquet", Candidate, rows)
    assert store.read_records("t.parquet", Candidate) == rows
    store.write_records("t.parquet", Candidate, [])
    assert store.read_records("t.parquet", Candidate) == []


def test_parquet_has_the_record_schema(tmp_path: Path) -> None:
    for rows in ([SAMPLED], []):
        Store(str(tmp_path)).write_records("t.parquet", Candidate, rows)
        assert pq.read_table(tmp_path / "t.parquet").schema.equals(arrow_schema(Candidate))


def test_records_are_written_and_gone_through_a_chunk_at_a_time(store: Store) -> None:
    num_made = 0

    def make() -> Iterator[Candidate]:
        nonlocal num_made
        for _ in range(3 * CHUNK_ROWS + 1):
            num_made += 1
            yield replace(SAMPLED, candidate_id=str(num_made))

    store.write_records("t.parquet", Candidate, make())
    read = store.iter_records("t.parquet", Candidate)
    assert [next(read).candidate_id for _ in range(2)] == ["1", "2"]
    assert len(list(read)) == num_made - 2


def test_failing_rows_leave_no_table(store: Store) -> None:
    def fail() -> Iterator[Candidate]:
        yield SAMPLED
        raise KeyError("made on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        store.write_records("t.parquet", Candidate, fail())
    assert not store.exists("t.parquet")


def test_read_records_of_another_kind_or_no_table_names_the_file(store: Store) -> None:
    store.write_records("t.parquet", Candidate, [SAMPLED])
    with pytest.raises(ValueError, match=r"run/t\.parquet: Problem: expected columns"):
        store.read_records("t.parquet", Problem)
    store.write_text("t.parquet", "no table")
    with pytest.raises(ValueError, match=r"run/t\.parquet is not a Parquet table"):
        store.read_records("t.parquet", Candidate)
    with pytest.raises(ValueError, match=r"expected a file at .*run/none\.parquet"):
        store.read_records("none.parquet", Candidate)


def test_damaged_page_or_footer_of_a_table_names_the_file(store: Store) -> None:
    store.write_records("t.parquet", Candidate, [SAMPLED])
    whole = store.read_bytes("t.parquet")
    store.write_bytes("t.parquet", whole[:4] + bytes(40) + whole[44:])
    with pytest.raises((OSError, ValueError), match=r"run/t\.parquet"):
        store.read_records("t.parquet", Candidate)
    told = []
    for start in range(len(whole) - 2000, len(whole) - 8, 25):  # the footer
        store.write_bytes("t.parquet", whole[:start] + b"\xff" * 8 + whole[start + 8 :])
        try:
            store.read_records("t.parquet", Candidate)
        except (OSError, ValueError) as error:
            told.append(str(error))
    assert len(told) > 50 and all("run/t.parquet" in text for text in told)


def test_rows_that_cannot_be_read_are_no_failure_to_write(store: Store) -> None:
    """The advice was to free space."""

    def rows() -> Iterator[Candidate]:
        yield from [SAMPLED] * (CHUNK_ROWS + 1)
        raise PermissionError(errno.EACCES, "Permission denied", "problems.jsonl")

    store.write_text("t.parquet", "before")
    with pytest.raises(
        PermissionError, match=r"^\[Errno 13\] Permission denied: 'problems.jsonl'$"
    ):
        store.write_records("t.parquet", Candidate, rows())
    assert store.read_text("t.parquet") == "before" and store.names("") == ["t.parquet"]


@pytest.mark.parametrize("damage", ["cut", "page"])
def test_damaged_part_is_named_with_what_to_do(store: Store, damage: str) -> None:
    written_parts(store.root, "p1", "p2")
    whole = store.read_bytes("t.parts/p2.parquet")
    content = whole[:-9] if damage == "cut" else whole[:4] + bytes(40) + whole[44:]
    store.write_bytes("t.parts/p2.parquet", content)
    told = r"p2\.parquet.*; if that file is damaged, remove it and start the same command again"
    with pytest.raises((OSError, ValueError), match=told):
        store.join_parts("t", Candidate, ["p1", "p2"])
    with pytest.raises((OSError, ValueError), match=told):
        store.read_part("t", "p2", Candidate)
    assert not store.exists("t.parquet")


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"[]", b"{}"])
def test_damaged_manifest_names_the_file(store: Store, content: bytes) -> None:
    store.write_bytes("r/train.manifest.json", content)
    with pytest.raises(ValueError, match=r"run/r/train\.manifest\.json"):
        store.read_manifest("r", "train")


def test_file_that_is_being_written_is_not_seen(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "t.parts").mkdir()
    (tmp_path / "t.parts" / ".writing-0123abcd-p1.parquet").write_bytes(b"half")
    assert store.names("t.parts") == []
    assert store.part_keys("t") == set()
    (tmp_path / "t.parts" / ".nfs000000000000abcd").write_bytes(b"removed while open")
    assert store.names("t.parts") == []
    with pytest.raises(RuntimeError, match="rows of problem p1 must be at"):
        Store(str(tmp_path), visible_within_s=0).join_parts("t", Candidate, ["p1"])
    assert not store.exists("t.parquet")


def test_write_on_full_disk_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_text("big.txt", "old")
    with (
        _largest_file(1 << 12),
        pytest.raises(RuntimeError, match=r"cannot write .*big\.txt: .*free space"),
    ):
        store.write_bytes("big.txt", b"x" * (1 << 20))
    assert store.read_text("big.txt") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["big.txt"]
    store.write_text("big.txt", "new")
    assert store.read_text("big.txt") == "new"


def test_write_below_a_file_is_runtime_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeError, match=r"cannot write .*file/run/a\.txt"):
        Store(str(tmp_path / "file" / "run")).write_text("a.txt", "")


def test_parts_are_committed_joined_in_order_and_dropped(store: Store) -> None:
    for key in ("p2", "p1"):
        rows = [replace(SAMPLED, candidate_id=key, problem_id=key)] * 2
        store.write_part("round-001/t", key, Candidate, rows)
    store.write_part("round-001/t", "p3", Candidate, [])
    assert store.part_keys("round-001/t") == {"p1", "p2", "p3"}
    assert store.has_part("round-001/t", "p1") and not store.has_part("round-001/t", "none")
    assert store.join_parts("round-001/t", Candidate, ["p1", "p3", "p2"]) == 4
    joined = store.read_records("round-001/t.parquet", Candidate)
    assert [row.candidate_id for row in joined] == ["p1", "p1", "p2", "p2"]
    assert len(store.read_part("round-001/t", "p1", Candidate)) == 2
    store.remove_part("round-001/t", "p1")
    assert store.part_keys("round-001/t") == {"p2", "p3"}
    store.drop_parts("round-001/t")
    assert store.part_keys("round-001/t") == set()
    assert store.names("round-001") == ["t.parquet"]


KEYS = [
    "Mbpp/2",
    "../up",
    "a b%2F",
    "x.parquet",
    "\u00fc?#*",
    "\u6df1\u57fa" * 99,
    "x" * 300,
    "/" * 200,
]


@pytest.mark.parametrize("key", KEYS)
def test_part_of_a_problem_id_that_is_no_file_name_is_found_again(store: Store, key: str) -> None:
    row = replace(SAMPLED, problem_id=key)
    store.write_part("t", key, Candidate, [row])
    assert store.part_keys("t") == {key}
    store.join_parts("t", Candidate, [key])
    assert store.read_records("t.parquet", Candidate) == [row]
    assert store.names("t.parts") and "/" not in store.names("t.parts")[0]
    store.remove_part("t", key)
    assert store.part_keys("t") == set()


@pytest.mark.parametrize("key", ["\u6df1" * 25, "x" * 229])
def test_part_whose_problem_id_is_a_file_name_is_that_file(store: Store, key: str) -> None:
    """Runs that began before longer ids had parts are found to have it."""
    row = replace(SAMPLED, problem_id=key)
    store.write_records(f"t.parts/{urllib.parse.quote(key)}.parquet", Candidate, [row])
    assert store.part_keys("t") == {key}
    assert store.read_part("t", key, Candidate) == [row]


def test_manifest_is_none_until_written_then_the_same(store: Store) -> None:
    assert store.read_manifest("round-001", "sample") is None
    store.write_manifest("round-001", MANIFEST)
    assert store.read_manifest("round-001", "sample") == MANIFEST
    assert store.read_manifest("round-001", "pair") is None
    dropped = replace(MANIFEST, num_in=3, dropped=(Dropped(reason="r", num_rows=1),))
    store.write_manifest("round-001", dropped)
    assert json.loads(store.read_text("round-001/sample.manifest.json"))["num_in"] == 3


class LaggingStore(Store):
    """A store on a disk where a name that another node made is seen `lag_s` after this began."""

    def __init__(self, root: str, lag_s: float, **settings: float) -> None:
        super().__init__(root, **settings)
        self._seen_s = time.monotonic() + lag_s

    def exists(self, path: str) -> bool:
        return time.monotonic() >= self._seen_s and super().exists(path)

    def names(self, folder: str) -> list[str]:
        return super().names(folder) if time.monotonic() >= self._seen_s else []


def written_parts(root: Path, *keys: str) -> list[Candidate]:
    rows = [replace(SAMPLED, candidate_id=f"c-{key}", problem_id=key) for key in keys]
    for row in rows:
        Store(str(root)).write_part("t", row.problem_id, Candidate, [row])
    return rows


def test_parts_that_are_seen_late_are_waited_for(tmp_path: Path) -> None:
    rows = written_parts(tmp_path, "p1", "p2")
    store = LaggingStore(str(tmp_path), lag_s=0.5, visible_within_s=20)
    assert store.part_keys("t") == set()
    assert store.read_part("t", "p1", Candidate) == rows[:1]
    store = LaggingStore(str(tmp_path), lag_s=0.5, visible_within_s=20)
    assert store.join_parts("t", Candidate, ["p1", "p2"]) == 2
    assert store.read_records("t.parquet", Candidate) == rows


@pytest.mark.parametrize("number", [errno.ENOTEMPTY, errno.EBUSY])
def test_folder_with_a_file_that_is_listed_late_or_still_read_is_removed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    written_parts(tmp_path, "p1")
    tries: list[Path] = []
    remove = shutil.rmtree

    def late(folder: Path) -> None:
        tries.append(folder)
        if len(tries) == 1:
            raise OSError(number, os.strerror(number))
        remove(folder)

    monkeypatch.setattr(shutil, "rmtree", late)
    Store(str(tmp_path)).drop_parts("t")
    assert len(tries) == 2 and not (tmp_path / "t.parts").exists()


def test_part_that_goes_while_parts_are_listed_is_left_out_and_a_damaged_one_is_named(
    store: Store,
) -> None:
    """A stage that somebody looks at is finished meanwhile, and its parts are dropped."""
    for key in ("a", "b", "c"):
        store.write_part("candidates", key, Candidate, [replace(SAMPLED, problem_id=key)])
    rows = store.listed_rows("candidates", Candidate)
    assert next(rows).problem_id == "a"
    store.remove_part("candidates", "b")
    assert [row.problem_id for row in rows] == ["c"]
    store.write_text("candidates.parts/c.parquet", "cut short")
    with pytest.raises(ValueError, match="c.parquet is not a Parquet table"):
        list(store.listed_rows("candidates", Candidate))


def test_part_that_does_not_come_is_an_error_that_names_its_problem(tmp_path: Path) -> None:
    written_parts(tmp_path, "p1", "p2")
    store = Store(str(tmp_path), visible_within_s=0.3)
    with pytest.raises(RuntimeError, match=r"problem p3 must be at .*p3\.parquet.* after 0\.3 s"):
        store.join_parts("t", Candidate, ["p1", "p3", "p2"])
    assert not store.exists("t.parquet") and store.part_keys("t") == {"p1", "p2"}
    with pytest.raises(RuntimeError, match="problem p3 must be at"):
        store.read_part("t", "p3", Candidate)


def test_table_that_is_not_what_was_joined_is_an_error(tmp_path: Path) -> None:
    written_parts(tmp_path, "p1", "p2")
    stray = replace(SAMPLED, candidate_id="stray", problem_id="another")
    Store(str(tmp_path)).write_part("t", "p2", Candidate, [stray])
    with pytest.raises(RuntimeError, match="0 rows of problem another and read back with 1"):
        Store(str(tmp_path)).join_parts("t", Candidate, ["p1", "p2"])


@pytest.mark.parametrize("damage", ["truncated", "changed", "gone"])
def test_output_that_is_not_what_the_manifest_says_is_named(tmp_path: Path, damage: str) -> None:
    store = Store(str(tmp_path), visible_within_s=0)
    path = tmp_path / "round-001" / "t.parquet"
    store.write_records("round-001/t.parquet", Candidate, [SAMPLED] * 3)
    outputs = store.outputs("round-001", ["t.parquet"])
    manifest = replace(MANIFEST, outputs=outputs)
    assert outputs[0].digest == hashlib.sha256(path.read_bytes()).hexdigest()
    store.check_outputs("round-001", manifest)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    whole = {"truncated": path.read_bytes()[:-1], "changed": bytes(content)}
    if damage == "gone":
        path.unlink()
        with pytest.raises(RuntimeError, match=r"what sample wrote must be at .*t\.parquet"):
            store.check_outputs("round-001", manifest)
        return
    path.write_bytes(whole[damage])
    with pytest.raises(ValueError, match=r"t\.parquet is not what sample wrote.*Put the file back"):
        store.check_outputs("round-001", manifest)


def test_files_are_flushed_before_they_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []
    sync, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        calls.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        sync(descriptor)

    def move(source: Path, target: Path) -> None:
        calls.append(("rename", os.path.basename(source)))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", move)
    Store(str(tmp_path / "run")).write_text("a/b.txt", "text")
    aside = calls[2][1]
    assert aside.endswith("-b.txt")
    folders = [("sync", tmp_path.name), ("sync", "run")]
    assert calls == [*folders, ("sync", aside), ("rename", aside), ("sync", "a")]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_file_system_without_flushing_is_used_and_a_failing_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    store = Store(str(tmp_path))
    if number == errno.EINVAL:
        store.write_text("a.txt", "text")
        assert store.read_text("a.txt") == "text"
    else:
        with pytest.raises(RuntimeError, match=r"cannot write .*a\.txt: .*Input/output error"):
            store.write_text("a.txt", "text")
        assert not store.exists("a.txt")


def test_what_killed_writers_left_aside_is_swept_when_it_is_old(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_text("round-001/t.parts/kept.parquet", "rows")
    leftover = tmp_path / "round-001" / "t.parts" / ".writing-0123abcd-p1.parquet"
    fresh = tmp_path / ".writing-01234567-config.json"
    weights = tmp_path / "round-001" / ".policy-x1y2"
    weights.mkdir()
    for path in (leftover, fresh, weights / "model.safetensors"):
        path.write_text("half")
    for path in (leftover, weights):
        os.utime(path, (1, 1))
    assert store.sweep_aside() == 2
    assert not leftover.exists() and not weights.exists() and fresh.exists()
    assert store.exists("round-001/t.parts/kept.parquet")


def test_store_of_unknown_protocol_is_value_error() -> None:
    with pytest.raises(ValueError, match="nosuch"):
        Store("nosuch://bucket/run")


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        # Of these two, names of runs were cut off: all runs lay in one place.
        ("s3://runs/team#7", "without blanks, . and #"),
        ("s3://runs/all?region=eu-west-1", "without blanks, . and #"),
        ("s3://runs/my runs", "without blanks, . and #"),
        ("s3://runs/l\u00e4ufe", "ASCII"),
        ("file:///data/runs", "without file://"),
        ("s3:/runs/x", "two slashes"),
        ("gs:runs", "two slashes"),
    ],
)
def test_url_that_paths_cannot_be_added_to_is_refused(
    s3: ObjectStore, storage: str, said: str
) -> None:
    num_asked = len(s3.requests)
    with pytest.raises(ValueError, match=said):
        Store(run_root(storage, "one"))
    assert len(s3.requests) == num_asked
    store = Store(run_root("s3://runs/a+b,c(d)%20e/~f/", "one"))
    store.write_text("x/y", "z")
    assert store.names("x") == ["y"] and store.read_text("x/y") == "z"


def test_run_root_is_absolute_or_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKELDPO_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run_root("runs", "a") == str(tmp_path / "runs" / "a")
    assert run_root("/data", "a") == "/data/a"
    assert run_root("s3://bucket/runs/", "a") == "s3://bucket/runs/a"
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("SKELDPO_HOME", "~/all")  # of a file that no shell has read
    assert run_root("runs", "a") == "/home/me/all/runs/a"
    monkeypatch.setenv("SKELDPO_HOME", "/home/elsewhere")
    assert run_root("runs", "a") == "/home/elsewhere/runs/a"


def test_google_storage_without_credentials_is_given_up_within_a_minute() -> None:
    # Its client's own limit is 15 minutes, in which no signal ends it and nothing is said.
    for root in ("gs://bucket/runs", "gcs://bucket/runs"):
        _, (settings,) = ObjectFiles(root).files.__reduce__()
        assert settings["retry_time_limit"] == timedelta(seconds=30)
