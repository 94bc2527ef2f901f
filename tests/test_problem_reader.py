"""One reader for files, folders and hub data sets: the same rows from each, and clear mistakes."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skeldpo.problems.overlap import read_evaluation
from skeldpo.problems.program_files import program_entries
from skeldpo.problems.reader import DataRow, data_rows, read_rows

ROWS: list[dict[str, Any]] = [
    {"task_id": "a", "tests": [{"input": "1", "expected": "2"}]},
    {"task_id": "b", "tests": []},
    {"task_id": "c", "tests": [{"input": "\u00e9", "expected": ""}]},
]


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n\n".join(map(json.dumps, rows)))


def _table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def _shards(folder: Path, rows: list[dict[str, Any]]) -> None:
    """As a data set of the hub is laid out."""
    _table(folder / "data" / "train-00000-of-00002.parquet", rows[:2])
    _table(folder / "data" / "train-00001-of-00002.parquet", rows[2:])


def _saved(folder: Path, rows: list[dict[str, Any]]) -> None:
    datasets.Dataset.from_list(rows).save_to_disk(folder)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl", _lines),
        ("rows.jsonl.gz", lambda path, rows: path.write_bytes(
            gzip.compress("\n".join(map(json.dumps, rows)).encode()))),
        ("rows.json", lambda path, rows: path.write_text(json.dumps(rows))),
        ("rows.parquet", _table),
        ("shards", _shards),
        ("saved", _saved),
    ],
)  # fmt: skip
def test_rows_are_the_same_whatever_holds_them(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], object]
) -> None:
    write(tmp_path / name, ROWS)
    found = list(read_rows(tmp_path / name))
    assert [row for _, row in found] == ROWS
    assert all(place.startswith(str(tmp_path / name)) for place, _ in found)
    assert len({place for place, _ in found}) == len(ROWS)
    assert [row for _, row in read_rows(str(tmp_path / name), "train")] == ROWS


def test_table_of_text_has_a_row_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('\ufefftask_id,prompt\na,"two\nlines"\nb,one\n', encoding="utf-8")
    assert list(read_rows(path)) == [
        (f"{path}:3", {"task_id": "a", "prompt": "two\nlines"}),
        (f"{path}:4", {"task_id": "b", "prompt": "one"}),
    ]
    path.write_bytes(b"task_id\n\xff\n")
    with pytest.raises(ValueError, match=r"rows\.csv is not a CSV table"):
        list(read_rows(path))


def test_table_may_hold_long_texts_and_a_row_of_more_cells_is_none(tmp_path: Path) -> None:
    csv.field_size_limit(1 << 17)
    path = tmp_path / "rows.csv"
    path.write_text(f"task_id,code\na,{'x' * 200_000}\nb,print(1,2)\nc,pass\n")
    long, cut, last = data_rows(path)
    assert long.row == {"task_id": "a", "code": "x" * 200_000}
    assert (cut.row, cut.reason) == (None, 'more cells than the 2 columns: text with commas in ""')
    assert last.row == {"task_id": "c", "code": "pass"}


@pytest.mark.parametrize(
    ("name", "start", "kind"),
    [("a.jsonl.zst", b"\x28\xb5\x2f\xfd", "zstd"), ("a.jsonl.xz", b"\xfd7zXZ\x00", "xz"),
     ("a.jsonl", gzip.compress(b"{}", mtime=0), "gzip"),
     ("a.json.gz", gzip.compress(b"[]", mtime=0), "gzip")],
)  # fmt: skip
def test_file_that_must_be_unpacked_is_said_to_be_so(
    tmp_path: Path, name: str, start: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(start)
    with pytest.raises(ValueError, match=f"{name} is a {kind} file: unpack it first"):
        list(data_rows(tmp_path / name))


def test_lines_in_a_file_called_json_are_told_from_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    for read in (data_rows, program_entries):
        with pytest.raises(ValueError, match=r"not valid JSON.*call a file of JSON Lines \.jsonl"):
            list(read(path))


def _saved_splits(folder: Path) -> None:
    parts = {"train": ROWS[:2], "eval": ROWS[2:]}
    datasets.DatasetDict(
        {name: datasets.Dataset.from_list(rows) for name, rows in parts.items()}
    ).save_to_disk(folder)


def _sharded_splits(folder: Path) -> None:
    _table(folder / "train-00000-of-00001.parquet", ROWS[:2])
    _table(folder / "eval-00000-of-00001.parquet", ROWS[2:])


@pytest.mark.parametrize("write", [_saved_splits, _sharded_splits])
def test_split_is_that_of_the_source_else_the_default(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    folder = tmp_path / "both"
    write(folder)
    assert [row for _, row in read_rows(f"{folder}:train")] == ROWS[:2]
    assert [row for _, row in read_rows(f"{folder}:eval", "train")] == ROWS[2:]
    assert [row for _, row in read_rows(folder, "eval")] == ROWS[2:]
    with pytest.raises(ValueError, match=r"has splits \['eval', 'train'\]: say which, .*both:eval"):
        list(read_rows(folder))
    with pytest.raises(ValueError, match=r"split 'test'; it has \['eval', 'train'\]"):
        list(read_rows(f"{folder}:test"))


def test_half_a_downloaded_data_set_is_refused(tmp_path: Path) -> None:
    _shards(tmp_path, ROWS)
    assert [row for _, row in read_rows(tmp_path)] == ROWS
    (tmp_path / "data" / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(ValueError, match=r"has 1 of the 2 files of 'train': number 1 of 00002 is"):
        list(read_rows(tmp_path))


def test_linked_folders_are_read_and_loops_are_not(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "set", tmp_path / "elsewhere"
    _table(folder / "a.parquet", ROWS[:1])
    _table(elsewhere / "B.PARQUET", ROWS[1:])
    (elsewhere / "p.py").write_text("x = 1\n")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    assert [row for _, row in read_rows(folder)] == ROWS
    (entry,) = program_entries(folder)
    assert (entry.names, entry.text) == (("linked",), "x = 1\n")


def test_split_of_parquet_files_may_be_a_file_or_a_folder(tmp_path: Path) -> None:
    _table(tmp_path / "train.parquet", ROWS[:1])
    _table(tmp_path / "eval" / "part-0.parquet", ROWS[1:])
    assert [row for _, row in read_rows(f"{tmp_path}:train")] == ROWS[:1]
    assert [row for _, row in read_rows(f"{tmp_path}:eval")] == ROWS[1:]


@pytest.mark.parametrize(
    "name",
    ["data/{}-00000-of-00001-0f1e2d3c4b5a6978.parquet", "default/{}/0000.parquet", "{}.parquet"],
)
def test_splits_of_a_folder_are_not_mixed_however_their_files_are_called(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "set"
    _table(folder / name.format("train"), ROWS[:2])
    _table(folder / name.format("test"), ROWS[2:])
    assert [row for _, row in read_rows(f"{folder}:train")] == ROWS[:2]
    assert [row for _, row in read_rows(folder, "test")] == ROWS[2:]
    with pytest.raises(ValueError, match=r"has splits \['test', 'train'\]: say which"):
        list(read_rows(folder))


def test_files_that_name_no_split_are_one_data_set(tmp_path: Path) -> None:
    _table(tmp_path / "part-00000-c000.parquet", ROWS[:2])
    _table(tmp_path / "part-00001-c000.parquet", ROWS[2:])
    assert [row for _, row in read_rows(tmp_path, "eval")] == ROWS


def test_bytes_of_half_a_surrogate_pair_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"a": "\ud55c"}\n{"a": "\ud800"}\n'.encode("utf-8", "surrogatepass"))
    korean, half = data_rows(path)
    assert (korean.row, korean.reason) == ({"a": "\ud55c"}, "")
    assert half.reason.startswith("half a surrogate pair")


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_half_a_surrogate_pair_is_named_in_lines_and_in_an_array(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    held = '{"task_id": "a", "statement": "\\uDC00"}'
    path.write_text(f"[{held}]" if name == "rows.json" else held)
    with pytest.raises(ValueError, match="half a surrogate pair is no character"):
        list(read_rows(path))


@pytest.mark.parametrize("name", ["ROWS.JSON", "rows.Parquet", "ROWS.CSV", "ROWS.JSONL"])
def test_suffix_is_read_in_any_case(tmp_path: Path, name: str) -> None:
    path, lower = tmp_path / name, name.lower()
    row = {"task_id": "a", "code": "x = 1"}
    if lower.endswith(".parquet"):
        _table(path, [row])
    elif lower.endswith(".csv"):
        path.write_text("task_id,code\na,x = 1\n")
    else:
        path.write_text(json.dumps([row] if lower.endswith(".json") else row))
    assert [held for _, held in read_rows(path)] == [row]
    assert [entry.text for entry in program_entries(path)] == ["x = 1"]
    with pytest.raises(ValueError, match="no file at"):  # and no data set of that name is asked for
        list(data_rows(f"nowhere/{name}"))


@pytest.mark.parametrize("damage", ["data-00000-of-00001.arrow", "dataset_info.json"])
def test_damaged_saved_data_set_is_named(tmp_path: Path, damage: str) -> None:
    _saved(tmp_path / "set", ROWS)
    (tmp_path / "set" / damage).unlink()
    with pytest.raises(ValueError, match=r"set is no whole data set of save_to_disk: "):
        list(read_rows(tmp_path / "set"))


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_ints_of_more_digits_than_json_takes_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    held = '{"a": -' + "9" * 6000 + ', "b": "\\ud83d\\ude00"}'
    path.write_text(f"[{held}]" if name == "rows.json" else held)
    assert [row for _, row in read_rows(path)] == [{"a": 1 - 10**6000, "b": "\U0001f600"}]
    path.write_text(path.read_text().replace("9" * 6000, "9" * 200_000))
    with pytest.raises(ValueError, match="an int of 200001 digits"):
        list(read_rows(path))


def test_saved_data_set_without_splits_has_no_other(tmp_path: Path) -> None:
    _saved(tmp_path / "one", ROWS)
    with pytest.raises(ValueError, match="no split 'train'; it is one data set"):
        list(read_rows(f"{tmp_path / 'one'}:train"))


def test_rows_that_are_none_have_the_reason_and_the_others_follow(tmp_path: Path) -> None:
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"a": "\\ud800"}\n[1]\n{\n\n{"b": 1}\n')
    surrogate, a_list, broken, row = data_rows(lines)
    assert row == DataRow(place=f"{lines}:5", row={"b": 1})
    assert surrogate.reason.startswith("half a surrogate pair")
    assert a_list.reason == "expected an object, got list"
    assert broken.reason.startswith("not valid JSON")
    assert surrogate.row == {"a": "\ud800"}
    assert a_list.row is None and broken.row is None
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: half a surrogate pair"):
        list(read_rows(lines))
    array = tmp_path / "rows.json"
    array.write_text('[{"b": 1}, "x"]')
    assert [each.reason for each in data_rows(array)] == ["", "expected an object, got str"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.jsonl", r"no file at none\.jsonl; expected a file"),
        ("data/none.parquet", r"no file at data/none\.parquet; expected a file"),
        ("./owner/name", r"no file at \./owner/name; expected a file"),
        ("owner/name", r"owner/name: no such file or folder .* such as owner/name:train"),
        ("empty", r"empty is no data set; expected a file"),
    ],
)
def test_source_that_is_nothing_says_what_can_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=message):
        list(data_rows(source))


def test_home_folder_is_known_where_no_shell_has_read_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.jsonl").write_text('{"task_id": "a"}\n')
    assert [row.row for row in data_rows("~/rows.jsonl")] == [{"task_id": "a"}]
    assert [row.evaluation_id for row in read_evaluation("~/rows.jsonl")] == ["a"]


@pytest.mark.slow
def test_hub_that_cannot_be_reached_is_said() -> None:
    """In a process of its own, as the library reads the variable when it is imported."""
    program = (
        "from skeldpo.problems.reader import data_rows\nlist(data_rows('Owner/Nothing:train'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(
        "ValueError: 'Owner/Nothing' is neither a file or folder here nor a data set that could be "
        "downloaded with split 'train' ("
    )
    assert said.endswith("give a file of its rows or a folder saved by save_to_disk")


def test_sample_with_half_a_surrogate_is_still_a_sample(tmp_path: Path) -> None:
    """It is no Python, which is a verdict; left out, it would not count in pass@k."""
    lines = tmp_path / "samples.jsonl"
    lines.write_text('{"task_id": "a", "solution": "\\ud800"}\n')
    (entry,) = program_entries(lines)
    assert (entry.names, entry.text, entry.reason) == (("a",), "\ud800", "")
