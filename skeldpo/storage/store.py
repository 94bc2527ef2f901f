"""A run's folder: the only module that knows its paths. Records in, records out.

A run lives under one root, a local folder or an URL (`files`). A reader sees all of a file or
nothing; a stage is finished when, and only when, its manifest exists. Rows of a running stage are
committed one part file a problem and joined into one table when the stage ends. On shared disks a
listing may lack what another node has just written: what is asked for is opened by name, and waited
for.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from skeldpo.records import Output, StageManifest
from skeldpo.storage.files import folder_and_name, home_folder, is_url, open_files
from skeldpo.storage.rows import arrow_schema, arrow_table, from_row, to_row

Record = TypeVar("Record")

ASSIGNMENTS, CANDIDATES, MEASUREMENTS = "assignments", "candidates", "measurements"
"""Tables of a sample stage: what is asked of its actors (dropped at the end), what they made."""
WEIGHTS = "policy"
"""Folder of what a round trained: the digest of that output is the `model_id` of the weights."""
CHUNK_ROWS = 64
"""Rows of a table that are in memory at a time while it is written or gone through."""
VISIBLE_WITHIN_S = 90.0
"""How long a file that was written may be missing on another node: NFS clients keep the names of a
folder for 60 s (acdirmax)."""
_POLL_S = 0.2
_NAME_CHARS = 229
"""Of a problem id in one file name, which may have 255: all that fit, for so runs of before have
written them. The rest is ".parquet", and ".writing-" with eight digits while it is written."""
_NAME_GOES_ON = "%"
"""How a folder's name ends that begins a longer one."""
_DIGEST_BYTES = 1 << 20
_PART = ".parquet"
PROBLEM_ID = "problem_id"
"""The column by which rows belong to a part, and which alone travels through the pipeline."""


def run_root(storage: str, name: str) -> str:
    """Absolute path or URL of a run; a relative folder starts at `home_folder`."""
    if is_url(storage):
        return f"{storage.rstrip('/')}/{name}"
    return str((home_folder() / Path(storage).expanduser() / name).absolute())


def write_file(place: str, text: str) -> None:
    """Creates or replaces a text file at a path or URL."""
    folder, name = folder_and_name(place)
    Store(folder).write_text(name, text)


def round_folder(round_index: int) -> str:
    """Folder of a round within its run; rounds count from 1."""
    return f"round-{round_index:03d}"


def closing_folder(num_rounds: int) -> str:
    """Folder of what closes a run of so many rounds: the evaluation of its last policy."""
    return f"closing-{num_rounds:03d}"


class Store:
    """Files below one root; every path argument is relative to it and uses `/`."""

    def __init__(self, root: str, visible_within_s: float = VISIBLE_WITHIN_S) -> None:
        self.root = root
        self._visible_within_s = visible_within_s
        self._files = open_files(root)

    def location(self, path: str) -> str:
        """The path or URL that other programs would use."""
        return f"{self.root}/{path}"

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return self._files.is_there(path)

    def names(self, folder: str) -> list[str]:
        """Sorted names of what is in a folder, as far as this node sees it; empty when there is no
        such folder."""
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
        with self._open(path) as content:
            return bytes(content.read())

    def write_text(self, path: str, text: str) -> None:
        """Creates or replaces a text file (UTF-8)."""
        self.write_bytes(path, text.encode())

    def read_text(self, path: str) -> str:
        """The content of a text file; ValueError if it is not UTF-8."""
        try:
            return self.read_bytes(path).decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.location(path)} is not UTF-8 text: {error}") from error

    def read_json(self, path: str, *keys: str) -> dict[str, Any]:
        """The object in a JSON file; ValueError if it holds no such thing, or lacks a key."""
        try:
            held = json.loads(self.read_text(path))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{self.location(path)} is not JSON: {error}; it was changed or cut short"
            ) from error
        if not isinstance(held, dict) or not held.keys() >= set(keys):
            wanted = f" with {', '.join(keys)}" if keys else ""
            raise ValueError(
                f"{self.location(path)}: expected a JSON object{wanted}, got {held!r:.80}"
            )
        return held

    def write_records(self, path: str, record: type, rows: Iterable[object]) -> None:
        """Creates or replaces a Parquet table of one kind of record, a chunk at a time."""
        schema = arrow_schema(record)
        try:
            with (
                self._written(path) as stream,
                # Token ids hardly repeat: dictionaries of them take four times as long to write.
                pq.ParquetWriter(stream, schema, compression="zstd", use_dictionary=False) as table,
            ):
                for chunk in _chunks(rows):
                    table.write_table(arrow_table(record, chunk))
        except _RowsError as error:
            raise error.raised from None

    def read_records(self, path: str, record: type[Record]) -> list[Record]:
        """Every record of a Parquet table."""
        return list(self.iter_records(path, record))

    def iter_records(self, path: str, record: type[Record]) -> Iterator[Record]:
        """The records of a Parquet table, a chunk at a time; ValueError if it is none."""
        with self.opened(path) as table:
            try:
                for group in range(table.num_row_groups):
                    for batch in table.iter_batches(CHUNK_ROWS, row_groups=[group]):
                        for row in batch.to_pylist():
                            yield from_row(record, row)
            except pa.ArrowInvalid as error:
                raise ValueError(
                    f"{self.location(path)} is not a Parquet table: {error}"
                ) from error
            except ValueError as error:
                raise ValueError(f"{self.location(path)}: {error}") from error
            except OSError as error:  # a page that is damaged, too
                raise self._unreadable(path, error) from error

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[pq.ParquetFile]:
        """A Parquet table to read parts of; ValueError if it is none."""
        with self._open(path) as content:
            try:
                # An object store is asked for the columns of a row group at once, not one by one.
                table = pq.ParquetFile(content, pre_buffer=True)
            except ValueError as error:
                raise ValueError(
                    f"{self.location(path)} is not a Parquet table: {error}"
                ) from error
            except OSError as error:  # its end is damaged
                raise self._unreadable(path, error) from error
            yield table

    def _unreadable(self, path: str, error: OSError) -> OSError:
        return OSError(f"cannot read {self.location(path)}: {' '.join(str(error).split())}")

    def write_part(self, table: str, key: str, record: type, rows: Iterable[object]) -> None:
        """Commits the rows of one problem to a table that is being made."""
        self.write_records(_part_path(table, key), record, rows)

    def part_keys(self, table: str) -> set[str]:
        """Problems whose rows were committed."""
        return {urllib.parse.unquote(quoted) for quoted in self._part_names(f"{table}.parts")}

    def _part_names(self, folder: str) -> Iterator[str]:
        for name in self.names(folder):
            if name.endswith(_NAME_GOES_ON):
                start = name.removesuffix(_NAME_GOES_ON)
                yield from (f"{start}{rest}" for rest in self._part_names(f"{folder}/{name}"))
            elif name.endswith(_PART):  # nothing that a desktop or an editor leaves there
                yield name.removesuffix(_PART)

    def part_paths(self, table: str) -> Iterator[str]:
        """Where the committed parts of a table are, as far as this node sees them."""
        return (_part_path(table, key) for key in sorted(self.part_keys(table)))

    def listed_rows(self, table: str, record: type[Record]) -> Iterator[Record]:
        """The committed rows of a table that is being made, by problem, as far as this node sees
        them: for people. A part that goes meanwhile, as the table is finished, is left out."""
        for path in self.part_paths(table):
            try:
                rows = self.read_records(path, record)
            except ValueError:
                if self.exists(path):
                    raise
                continue
            yield from rows

    def read_part(self, table: str, key: str, record: type[Record]) -> list[Record]:
        """The committed rows of one problem, waited for; RuntimeError if they do not come."""
        path = _part_path(table, key)
        self._await(path, f"the rows of problem {key}", time.monotonic() + self._visible_within_s)
        return list(self._part_rows(path, record))

    def _part_rows(self, path: str, record: type[Record]) -> Iterator[Record]:
        try:
            yield from self.iter_records(path, record)
        except (ValueError, OSError) as error:
            kind = ValueError if isinstance(error, ValueError) else OSError
            raise kind(
                f"{error}; if that file is damaged, remove it and start the same command again, "
                "which makes it anew"
            ) from error

    def has_part(self, table: str, key: str) -> bool:
        """Whether the rows of one problem were committed."""
        return self.exists(_part_path(table, key))

    def remove_part(self, table: str, key: str) -> None:
        """Forgets the committed rows of one problem, so that they are made again."""
        self.remove(_part_path(table, key))

    def join_parts(self, table: str, record: type[Record], keys: Sequence[str]) -> int:
        """Joins the parts of `keys`, all of which must be there, in that order into the finished
        table, and reads it back; returns its number of rows.

        Parts stay until `drop_parts`, so that a crash in between loses nothing. RuntimeError names
        the problem whose part does not come, or whose rows the table has not.
        """
        deadline_s = time.monotonic() + self._visible_within_s
        expected: Counter[str] = Counter()

        def rows() -> Iterator[Record]:
            for key in keys:
                path = _part_path(table, key)
                self._await(path, f"the rows of problem {key}", deadline_s)
                for row in self._part_rows(path, record):
                    expected[key] += 1
                    yield row

        path = f"{table}.parquet"
        self.write_records(path, record, rows())
        found = self._count_keys(path)
        wrong = sorted(key for key in found | expected if found[key] != expected[key])
        if wrong:
            raise RuntimeError(
                f"{self.location(path)} was written with {expected[wrong[0]]} rows of problem "
                f"{wrong[0]} and read back with {found[wrong[0]]} ({len(wrong)} such problems); "
                "its parts are kept. Look after the disk, then start the same command again"
            )
        return expected.total()

    def drop_parts(self, table: str) -> None:
        """Removes the part files of a table that was joined."""
        self.remove(f"{table}.parts")

    def digest(self, path: str) -> str:
        """SHA-256 (hex) of a file's content; ValueError when it is not there."""
        digest = hashlib.sha256()
        with self._open(path) as stream:
            while content := stream.read(_DIGEST_BYTES):
                digest.update(content)
        return digest.hexdigest()

    def outputs(self, folder: str, names: Iterable[str]) -> tuple[Output, ...]:
        """Files of a stage with their digests, for its manifest."""
        return tuple(Output(path=n, digest=self.digest(f"{folder}/{n}")) for n in names)

    def check_outputs(self, folder: str, manifest: StageManifest) -> None:
        """ValueError if a file is not what the manifest says; RuntimeError if it does not come. Of
        weights, see WEIGHTS, nothing is read here."""
        for output in manifest.outputs:
            if output.path != WEIGHTS:
                self._check_output(folder, manifest, output)

    def _check_output(self, folder: str, manifest: StageManifest, output: Output) -> None:
        path = f"{folder}/{output.path}"
        asked = f"what {manifest.stage} wrote"
        self._await(path, asked, time.monotonic() + self._visible_within_s)
        found = self.digest(path)
        if found != output.digest:
            raise ValueError(
                f"{self.location(path)} is not {asked}: SHA-256 {found[:16]}..., its manifest "
                f"says {output.digest[:16]}...; it was changed or cut short. Put the file back; "
                f"or remove {self.location(folder)} (of a run, the folders of later rounds and of "
                "what closed it, too) and start the same command again, which makes it anew"
            )

    def sweep_aside(self) -> int:
        """Removes what killed writers have left aside, anywhere below the root; how many. Only for
        who holds the run."""
        return self._files.sweep()

    def write_manifest(self, folder: str, manifest: StageManifest) -> None:
        """Declares a stage finished: the last thing it writes."""
        text = json.dumps(to_row(manifest), indent=1)
        self.write_text(f"{folder}/{manifest.stage}.manifest.json", text)

    def read_manifest(self, folder: str, stage: str) -> StageManifest | None:
        """The manifest of a finished stage, or None."""
        path = f"{folder}/{stage}.manifest.json"
        if not self.exists(path):
            return None
        row = self.read_json(path)
        try:
            return from_row(StageManifest, row)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.location(path)} is no manifest: {error}") from error

    def _count_keys(self, path: str) -> Counter[str]:
        """Rows of a table by problem, without the rest of it."""
        counts: Counter[str] = Counter()
        with self.opened(path) as table:
            for batch in table.iter_batches(columns=[PROBLEM_ID]):
                counts.update(batch.column(0).to_pylist())
        return counts

    def _await(self, path: str, asked: str, deadline_s: float) -> None:
        """Returns when a file that was written is there; RuntimeError after the deadline."""
        while not self.exists(path):
            if time.monotonic() >= deadline_s:
                raise RuntimeError(
                    f"{asked} must be at {self.location(path)}, and nothing is there after "
                    f"{self._visible_within_s:g} s; nothing was removed. If other nodes see it, "
                    "start the same command again; if it is lost, that makes it again"
                )
            time.sleep(min(_POLL_S, self._visible_within_s))

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[pa.NativeFile]:
        """A file, to be read at any place; ValueError when it is not there."""
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


class _RowsError(Exception):
    """Where rows come from something could not be read, which is no failure to write them."""

    def __init__(self, raised: OSError) -> None:
        super().__init__(str(raised))
        self.raised = raised


def _chunks(rows: Iterable[object]) -> Iterator[list[object]]:
    remaining = iter(rows)
    while True:
        try:
            chunk = list(itertools.islice(remaining, CHUNK_ROWS))
        except OSError as error:
            raise _RowsError(error) from error
        if not chunk:
            return
        yield chunk


def _part_path(table: str, key: str) -> str:
    """Problem ids such as "Mbpp/2" are no file names, so they are quoted, and long ones go on in
    folders: a title in Chinese has nine characters for each of its own."""
    quoted = urllib.parse.quote(key, safe=" ")
    pieces = [quoted[at : at + _NAME_CHARS] for at in range(0, len(quoted), _NAME_CHARS)]
    return f"{table}.parts/{f'{_NAME_GOES_ON}/'.join(pieces)}{_PART}"
