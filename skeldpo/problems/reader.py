"""The rows of a data set, wherever it is: what problem sources, suites and keep_out.files read.

A source is a file (JSON Lines, also gzipped, a JSON array, CSV, Parquet), a folder (written by
`datasets.save_to_disk`, or of Parquet files, as data sets of the Hugging Face hub are), or the id
of a data set there. The latter two may name a split: FOLDER:train, Elfsong/Mercury:train.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ID_KEYS = ("problem_id", "task_id", "slug_name", "problem_idx")
"""What rows of problems and programs call the problem, the likeliest first."""
_BATCH_ROWS = 64
_FILE_SUFFIXES = (".jsonl", ".gz", ".json", ".csv", ".parquet", ".txt")
_COMPRESSED = {
    b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}  # fmt: skip
"""Compressions by the bytes that their files begin with."""
_FIELD_LIMIT_CHARS = 1 << 30
_MAX_INT_DIGITS = 157_000  # of values.MAX_INT_BITS
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]+)?")
_SPLITS = ("train", "test", "validation", "valid", "val", "dev", "eval")
"""Names of files and folders that are splits where a source names none."""
EXPECTED = (
    "expected a file (JSONL, .jsonl.gz, JSON, CSV or Parquet), a folder (of save_to_disk, or of "
    "Parquet files), or a Hugging Face data set with a split, such as Elfsong/Mercury:train"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRow:
    """A row and where it stands, such as "file:line".

    `reason` says why `row` is None; of a row with half a surrogate pair, which is no text, it says
    that (a program with one is a wrong program, a problem with one is an error).
    """

    place: str
    row: Mapping[str, Any] | None
    reason: str = ""


def read_rows(source: str | Path, default_split: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of every row; ValueError at the first that is none."""
    for each in data_rows(source, default_split):
        if each.row is None or each.reason:
            raise ValueError(f"{each.place}: {each.reason}")
        yield each.place, dict(each.row)


def data_rows(source: str | Path, default_split: str = "") -> Iterator[DataRow]:
    """Every row of a source, one in memory at a time, rows that are none with the reason.

    `default_split` is read where a data set has splits and the source names none. ValueError if the
    source as a whole cannot be read.
    """
    path = Path(source).expanduser()  # a configuration is read by no shell
    if path.is_file():
        return _file_rows(path)
    if path.is_dir():
        return _folder_rows(path, "", default_split)
    name, _, split = str(source).rpartition(":")
    if name and Path(name).expanduser().is_dir():
        return _folder_rows(Path(name).expanduser(), split, "")
    hub_id, split = (name, split) if name else (str(source), default_split)
    if not is_hub_id(hub_id):
        raise ValueError(f"no file at {source}; {EXPECTED}")
    if not split:
        raise ValueError(
            f"{source}: no such file or folder here; for a Hugging Face data set say which split, "
            f"such as {source}:train"
        )
    return _numbered(str(source), _downloaded(hub_id, split))


def has_types(source: str | Path) -> bool:
    """Whether its rows come from columns of one type each (Parquet, data sets), not from text."""
    path = Path(source).expanduser()
    return not path.is_file() or path.suffix.lower() == ".parquet"


def is_hub_id(name: str) -> bool:
    """Whether a text can name a Hugging Face data set (without its split), and no file."""
    return bool(_HUB_ID.fullmatch(name)) and not name.lower().endswith(_FILE_SUFFIXES)


def _file_rows(file: Path) -> Iterator[DataRow]:
    _refuse_compressed(file)
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        return _numbered(str(file), _parquet_rows([file]))
    if suffix == ".csv":
        return _table_rows(file)
    if suffix == ".json":
        return _array_rows(file)
    return _line_rows(file)


def id_text(key: object) -> str:
    """A row's name for its problem, which may be a number."""
    return "" if key is None else str(key)


def require_texts(row: Mapping[str, Any], keys: Iterable[str]) -> None:
    """ValueError names a key of the row that holds no text."""
    for key in keys:
        if not isinstance(row.get(key), str):
            raise ValueError(f"{key} must be a string, got {row.get(key)!r:.80}")


def require_lists(row: Mapping[str, Any], keys: Iterable[str], kind: type) -> None:
    """ValueError names a key of the row that holds no list of `kind`."""
    for key in keys:
        held = row.get(key)
        if not isinstance(held, list) or not all(isinstance(each, kind) for each in held):
            raise ValueError(f"{key} must be a list of {kind.__name__}, got {held!r:.80}")


def _refuse_compressed(file: Path) -> None:
    """ValueError for a file that has to be unpacked before it is read."""
    with file.open("rb") as held:
        start = held.read(6)
    kind = next((kind for mark, kind in _COMPRESSED.items() if start.startswith(mark)), "")
    is_table = Path(file.stem).suffix in (".json", ".csv", ".parquet", ".tar")
    if kind and (kind != "gzip" or file.suffix != ".gz" or is_table):
        raise ValueError(
            f"{file} is a {kind} file: unpack it first (of compressed files, JSON Lines named "
            ".jsonl.gz are read)"
        )


def read_utf8(file: Path) -> str:
    """The text of a file, without a byte-order mark; ValueError if it is none."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}") from error


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text, with ints of more digits than Python's json takes (4300);
    ValueError if it is none."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:
        return json.loads(text, parse_int=_long_int)


def _long_int(digits: str) -> int:
    if len(digits) > _MAX_INT_DIGITS:
        raise ValueError(f"an int of {len(digits)} digits, at most {_MAX_INT_DIGITS} are read")
    return int(Decimal(digits))


def json_fault(error: Exception) -> str:
    """What is wrong with a text that is no one JSON value."""
    is_more = str(error).startswith("Extra data")
    return f"not valid JSON: {error}{'; call a file of JSON Lines .jsonl' * is_more}"


def _numbered(source: str, rows: Iterable[Any]) -> Iterator[DataRow]:
    for number, row in enumerate(rows, start=1):
        yield _data_row(f"{source}: row {number}", row)


def _data_row(place: str, row: Any) -> DataRow:
    if isinstance(row, dict):
        return DataRow(place=place, row=row)
    return DataRow(place=place, row=None, reason=f"expected an object, got {type(row).__name__}")


def _parquet_rows(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS):
                yield from batch.to_pylist()
        except (OSError, pa.ArrowInvalid) as error:
            raise ValueError(f"{file} is not a Parquet file: {error}") from error


def _table_rows(file: Path) -> Iterator[DataRow]:
    csv.field_size_limit(_FIELD_LIMIT_CHARS)  # of the process; Python's own is 128 KiB
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        try:
            for row in rows:
                place = f"{file}:{rows.line_num}"
                if None in row:
                    reason = f'more cells than the {len(row) - 1} columns: text with commas in ""'
                    yield DataRow(place=place, row=None, reason=reason)
                else:
                    yield DataRow(place=place, row=row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{file} is not a CSV table: {error}") from error


def _array_rows(file: Path) -> Iterator[DataRow]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        held = read_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is {json_fault(error)}") from error
    if not isinstance(held, list):
        raise ValueError(f"{file}: expected an array of rows, got {type(held).__name__}")
    rows = _numbered(str(file), held)
    return map(_whole_text, rows) if r"\ud" in text.lower() else rows


def _line_rows(file: Path) -> Iterator[DataRow]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _line_row(f"{file}:{number}", line)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{file} is not a whole gzip file: {error}") from error


def _line_row(place: str, line: bytes) -> DataRow:
    try:
        row = read_json(line)
    except (ValueError, RecursionError) as error:
        return DataRow(place=place, row=None, reason=f"not valid JSON: {error}")
    made = _data_row(place, row)
    # As an escape, or as the bytes that UTF-8 would have for it and json.loads lets pass.
    is_suspect = rb"\ud" in line.lower() or b"\xed" in line
    return _whole_text(made) if is_suspect else made


def _whole_text(made: DataRow) -> DataRow:
    """The row, with the reason if half a surrogate pair is in it."""
    try:
        for text in _texts(made.row):
            text.encode()
    except UnicodeEncodeError as error:
        return replace(made, reason=f"half a surrogate pair is no character: {error}")
    return made


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for held in value if isinstance(value, list) else (*value, *value.values()):
            yield from _texts(held)


def _folder_rows(folder: Path, split: str, default_split: str) -> Iterator[DataRow]:
    name = f"{folder}:{split}" if split else str(folder)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _numbered(name, _saved_rows(folder, split, default_split))
    files = sorted(files_below(folder, ".parquet"))
    if not files:
        raise ValueError(f"{folder} is no data set; {EXPECTED}")
    splits = sorted({_told_split(file) for file in files} - {""})
    chosen = _chosen_split(folder, split, default_split, splits)
    if chosen:
        files = [file for file in files if chosen in _split_names(file)]
    if not files:
        raise ValueError(f"{folder}: no Parquet file of split {chosen!r}; it has {splits}")
    _require_shards(files)
    return _numbered(name, _parquet_rows(files))


def files_below(folder: Path, suffix: str) -> list[Path]:
    """The files of a suffix (in lower case) in a folder and in those below it, linked ones too."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place).resolve()
        folders[:] = [
            name for name in folders if not here.is_relative_to(Path(place, name).resolve())
        ]
        found += [Path(place, name) for name in names if name.lower().endswith(suffix)]
    return found


def _require_shards(files: Iterable[Path]) -> None:
    """ValueError if one of train-00000-of-00002 and so on is missing, as of half a download."""
    numbers: dict[tuple[Path, str, str], set[int]] = {}
    for file in files:
        if shard := _SHARD.fullmatch(file.stem):
            numbers.setdefault((file.parent, shard[1], shard[3]), set()).add(int(shard[2]))
    for (folder, name, total), found in numbers.items():
        missing = sorted({*range(int(total))} - found)
        if missing:
            raise ValueError(
                f"{folder} has {len(found)} of the {int(total)} files of {name!r}: number "
                f"{missing[0]} of {total} is missing; is it wholly downloaded?"
            )


def _split_names(file: Path) -> tuple[str, ...]:
    """What the split of a file may be called: train-00000-of-00002, train, or its folder's name."""
    shard = _SHARD.fullmatch(file.stem)
    return (shard[1],) if shard else (file.stem, file.parent.name)


def _told_split(file: Path) -> str:
    """The split that the names of a file and its folder tell; "" if they tell none."""
    is_shard = _SHARD.fullmatch(file.stem)
    return next((name for name in _split_names(file) if is_shard or name in _SPLITS), "")


def _chosen_split(folder: Path, split: str, default_split: str, splits: list[str]) -> str:
    """The split to read; "" for everything. ValueError if that would mix several."""
    if split or not splits:
        return split
    if default_split in splits:
        return default_split
    if len(splits) > 1:
        raise ValueError(f"{folder} has splits {splits}: say which, such as {folder}:{splits[0]}")
    return splits[0]


def _saved_rows(folder: Path, split: str, default_split: str) -> Iterator[dict[str, Any]]:
    import datasets

    try:
        held = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} is no whole data set of save_to_disk: {error}") from error
    if not isinstance(held, datasets.DatasetDict):
        if split and split != str(held.split):
            raise ValueError(f"{folder}: no split {split!r}; it is one data set, name {folder}")
        return iter(held)
    splits = sorted(held)
    chosen = _chosen_split(folder, split, default_split, splits)
    if chosen not in splits:
        raise ValueError(f"{folder}: no split {chosen!r}; it has {splits}")
    return iter(held[chosen])


def _downloaded(hub_id: str, split: str) -> Iterator[dict[str, Any]]:
    import datasets

    try:
        return iter(datasets.load_dataset(hub_id, split=split))
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{hub_id!r} is neither a file or folder here nor a data set that could be downloaded "
            f"with split {split!r} ({type(error).__name__}: {error}); where the hub cannot be "
            f"reached, give a file of its rows or a folder saved by save_to_disk"
        ) from error
