"""A run's folder: the only module that knows its paths. Records in, records out.

A run lives under one root, a local folder or an URL (`files`). A reader sees all of a file or
nothing; a stage is finished when, and only when, its manifest exists. Rows of a running stage are
committed one part file a problem and joined into one table when the stage ends.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from skeldpo.files import is_url, open_files
from skeldpo.records import StageManifest
from skeldpo.rows import arrow_schema, from_row, to_row

Record = TypeVar("Record")

HOME_VARIABLE = "SKELDPO_HOME"
ASSIGNMENTS, CANDIDATES, MEASUREMENTS = "assignments", "candidates", "measurements"
"""Tables of a sample stage: what is asked of its actors (dropped at the end), what they made."""
CHUNK_ROWS = 64
"""Rows of a table that are in memory at a time while it is written or gone through."""


def run_root(storage: str, name: str) -> str:
    """Absolute path or URL of a run; a relative folder starts at $SKELDPO_HOME or here."""
    if is_url(storage):
        return f"{storage.rstrip('/')}/{name}"
    home = Path(os.environ.get(HOME_VARIABLE) or Path.cwd())
    return str((home / Path(storage).expanduser() / name).absolute())


def round_folder(round_index: int) -> str:
    """Folder of a round within its run; rounds count from 1."""
    return f"round-{round_index:03d}"


class Store:
    """Files below one root; every path argument is relative to it and uses `/`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._files = open_files(root)

    def location(self, path: str) -> str:
        """The path or URL that other programs would use."""
        return f"{self.root}/{path}"

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return self._files.is_there(path)

    def names(self, folder: str) -> list[str]:
        """Sorted names of what is in a folder; empty when there is no such folder."""
        return self._files.names(folder)

    def remove(self, path: str) -> None:
        """Deletes a folder or file; one that is not there is fine."""
        self._files.remove(path)

    def write_bytes(self, path: str, content: bytes) -> None:
        """Creates or replaces a file, all at once."""
        with self._written(path) as stream:
            stream.write(content)

    def read_bytes(self, path: str) -> bytes:
        """The content of a file; ValueError when it is not there."""
        with self._opened(path) as content:
            return bytes(content.read())

    def write_text(self, path: str, text: str) -> None:
        """Creates or replaces a text file (UTF-8)."""
        self.write_bytes(path, text.encode())

    def read_text(self, path: str) -> str:
        """The content of a text file (UTF-8)."""
        return self.read_bytes(path).decode()

    def write_records(self, path: str, record: type, rows: Iterable[object]) -> None:
        """Creates or replaces a Parquet table of one kind of record, a chunk at a time."""
        schema = arrow_schema(record)
        with (
            self._written(path) as stream,
            pq.ParquetWriter(stream, schema, compression="zstd") as table,
        ):
            for chunk in _chunks(rows):
                table.write_table(pa.Table.from_pylist([to_row(r) for r in chunk], schema=schema))

    def read_records(self, path: str, record: type[Record]) -> list[Record]:
        """Every record of a Parquet table."""
        return list(self.iter_records(path, record))

    def iter_records(self, path: str, record: type[Record]) -> Iterator[Record]:
        """The records of a Parquet table, a chunk at a time; ValueError if it is none."""
        with self._opened(path) as content:
            try:
                for batch in pq.ParquetFile(content).iter_batches(CHUNK_ROWS):
                    for row in batch.to_pylist():
                        yield from_row(record, row)
            except pa.ArrowInvalid as error:
                raise ValueError(
                    f"{self.location(path)} is not a Parquet table: {error}"
                ) from error
            except ValueError as error:
                raise ValueError(f"{self.location(path)}: {error}") from error

    def write_part(self, table: str, key: str, record: type, rows: Iterable[object]) -> None:
        """Commits the rows of one problem to a table that is being made."""
        self.write_records(_part_path(table, key), record, rows)

    def part_keys(self, table: str) -> set[str]:
        """Problems whose rows were committed."""
        names = self.names(f"{table}.parts")
        return {urllib.parse.unquote(name.removesuffix(".parquet")) for name in names}

    def read_part(self, table: str, key: str, record: type[Record]) -> list[Record]:
        """The committed rows of one problem."""
        return self.read_records(_part_path(table, key), record)

    def has_part(self, table: str, key: str) -> bool:
        """Whether the rows of one problem were committed."""
        return self.exists(_part_path(table, key))

    def remove_part(self, table: str, key: str) -> None:
        """Forgets the committed rows of one problem, so that they are made again."""
        self.remove(_part_path(table, key))

    def join_parts(self, table: str, record: type[Record], keys: Sequence[str]) -> None:
        """Joins the parts of `keys`, in that order, into the finished table; parts stay until
        `drop_parts`, so that a crash in between loses nothing."""
        present = self.part_keys(table)
        parts = (self.read_part(table, key, record) for key in keys if key in present)
        self.write_records(f"{table}.parquet", record, itertools.chain.from_iterable(parts))

    def drop_parts(self, table: str) -> None:
        """Removes the part files of a table that was joined."""
        self.remove(f"{table}.parts")

    def write_manifest(self, folder: str, manifest: StageManifest) -> None:
        """Declares a stage finished: the last thing it writes."""
        text = json.dumps(to_row(manifest), indent=1)
        self.write_text(f"{folder}/{manifest.stage}.manifest.json", text)

    def read_manifest(self, folder: str, stage: str) -> StageManifest | None:
        """The manifest of a finished stage, or None."""
        path = f"{folder}/{stage}.manifest.json"
        if not self.exists(path):
            return None
        return from_row(StageManifest, json.loads(self.read_text(path)))

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[pa.NativeFile]:
        try:
            content = self._files.open(path)
        except FileNotFoundError as error:
            raise ValueError(f"expected a file at {self.location(path)}, found none") from error
        with content:
            yield content

    @contextlib.contextmanager
    def _written(self, path: str) -> Iterator[IO[bytes]]:
        """A stream of what the file will hold when all went well."""
        try:
            with self._files.written(path) as stream:
                yield stream
        except OSError as error:
            raise RuntimeError(
                f"cannot write {self.location(path)}: {error}; nothing was changed. To go on, "
                f"{self._files.advice}, then start the same command again"
            ) from error


def _chunks(rows: Iterable[object]) -> Iterator[list[object]]:
    remaining = iter(rows)
    while chunk := list(itertools.islice(remaining, CHUNK_ROWS)):
        yield chunk


def _part_path(table: str, key: str) -> str:
    """Problem ids such as "Mbpp/2" are no file names, so they are quoted."""
    return f"{table}.parts/{urllib.parse.quote(key, safe=' ')}.parquet"
