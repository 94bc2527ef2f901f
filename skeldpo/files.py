"""Where files are kept: a folder of a disk, or an object store. The lowest door to a run's files.

Both show a file as a whole or not at all, whatever ends the writer, and open files by name. A
folder's names may come late on shared disks and some object stores, so only `names` depends on
them. On object stores `s3://` and `gs://` are pyarrow's own; other URLs go through fsspec.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

ASIDE = ".writing-"
"""Names of files that are being written begin so."""


class Files(Protocol):
    """Files below one root; every path is relative to it and uses `/`.

    What cannot be read or written is an OSError, and FileNotFoundError what is not there; `advice`
    says what a person may do about the others.
    """

    advice: str

    def is_there(self, path: str) -> bool:
        """Whether a file or folder is there."""

    def names(self, folder: str) -> list[str]:
        """Sorted names of what is in a folder; empty when there is no such folder."""

    def remove(self, path: str) -> None:
        """Deletes a folder or file; one that is not there is fine."""

    def open(self, path: str) -> pa.NativeFile:
        """A file, to be read at any place."""

    def written(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """A stream; the file has what was written when the block ends, and is as it was if the
        block raises or the process dies."""

    def put(self, source: Path, path: str) -> None:
        """Creates or replaces a file with the content of a local one."""


def is_url(place: str) -> bool:
    """Whether a place is on an object store, not a path of a disk."""
    return "://" in place


def absolute_place(place: str) -> str:
    """An URL as it is, a path made absolute; neither ends with a slash."""
    return place.rstrip("/") if is_url(place) else str(Path(place).expanduser().absolute())


def folder_and_name(place: str) -> tuple[str, str]:
    """The folder of a file, as `absolute_place`, and the file's name in it."""
    folder, _, name = absolute_place(place).rpartition("/")
    return folder or "/", name


def s3_endpoint() -> str | None:
    """The server of s3:// that the environment names; None is Amazon's."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def open_files(root: str) -> Files:
    """The files below a path or URL; ValueError for an URL of no kind that is known."""
    return ObjectFiles(root) if is_url(root) else LocalFiles(root)


class LocalFiles:
    """A folder of a disk: files are written aside, flushed, and renamed."""

    advice = "free space or fix the permissions"

    def __init__(self, root: str) -> None:
        self._root = Path(root).absolute()

    def is_there(self, path: str) -> bool:
        """As in Files."""
        return self._full(path).exists()

    def names(self, folder: str) -> list[str]:
        """As in Files."""
        try:
            found = os.listdir(self._full(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in found if not name.startswith(ASIDE))

    def remove(self, path: str) -> None:
        """As in Files."""
        full = self._full(path)
        if full.is_dir() and not full.is_symlink():
            shutil.rmtree(full)
        else:
            full.unlink(missing_ok=True)

    def open(self, path: str) -> pa.NativeFile:
        """As in Files."""
        return pa.OSFile(str(self._full(path)), "rb")

    @contextlib.contextmanager
    def written(self, path: str) -> Iterator[IO[bytes]]:
        """As in Files."""
        full = self._full(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        aside = full.with_name(f"{ASIDE}{uuid.uuid4().hex[:8]}-{full.name}")
        try:
            with aside.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(aside, full)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _flush_names(full.parent)

    def put(self, source: Path, path: str) -> None:
        """As in Files."""
        with source.open("rb") as content, self.written(path) as stream:
            shutil.copyfileobj(content, stream)

    def _full(self, path: str) -> Path:
        return self._root / path


class ObjectFiles:
    """An object store: a file is sent when all of it is there.

    The clients send an object in parts and join them when its stream is closed, also when it is
    closed because of an error; so a stream is opened for content that is complete, and takes it in
    one call, which no signal handler of Python ends half way. A process that is killed in that call
    leaves parts that nobody sees.
    """

    advice = (
        "check the bucket's name and region, AWS_ENDPOINT_URL if the store is not Amazon's, and "
        "that every node has credentials that may list, read, write and delete there "
        "(cluster/README.md, Shared storage)"
    )

    def __init__(self, root: str) -> None:
        self._root = root
        self.files, base = _open_object_store(root)
        self._base = base.rstrip("/")

    def is_there(self, path: str) -> bool:
        """As in Files."""
        with self._told(path):
            info = self.files.get_file_info(self._full(path))
        return bool(info.type != pafs.FileType.NotFound)

    def names(self, folder: str) -> list[str]:
        """As in Files."""
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True)
        with self._told(folder):
            return sorted(info.base_name for info in self.files.get_file_info(selector))

    def remove(self, path: str) -> None:
        """As in Files."""
        with self._told(path):
            info = self.files.get_file_info(self._full(path))
            if info.type == pafs.FileType.Directory:
                self.files.delete_dir(self._full(path))
            elif info.type == pafs.FileType.File:
                self.files.delete_file(self._full(path))

    def open(self, path: str) -> pa.NativeFile:
        """As in Files."""
        with self._told(path):
            return self.files.open_input_file(self._full(path))

    @contextlib.contextmanager
    def written(self, path: str) -> Iterator[IO[bytes]]:
        """As in Files. The content waits in a file of this node ($TMPDIR)."""
        with tempfile.NamedTemporaryFile(prefix="skeldpo-") as content:
            yield content
            content.flush()
            self.put(Path(content.name), path)

    def put(self, source: Path, path: str) -> None:
        """As in Files."""
        content: Any = b""
        if source.stat().st_size:  # an empty file cannot be mapped
            content = pa.memory_map(str(source)).read_buffer()
        with self.files.open_output_stream(self._full(path)) as stream:
            stream.write(content)

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Says the place, and what to do, of what the store refused."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OSError(f"cannot use {self._root}/{path}: {error}; {self.advice}") from error

    def _full(self, path: str) -> str:
        return f"{self._base}/{path}".rstrip("/").removesuffix("/.")


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_object_store(root: str) -> tuple[pafs.FileSystem, str]:
    try:
        files, base = pafs.FileSystem.from_uri(root)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        import fsspec

        opened, base = fsspec.core.url_to_fs(root)
        return pafs.PyFileSystem(pafs.FSSpecHandler(opened)), base
    if isinstance(files, pafs.S3FileSystem) and "?" not in root:
        # In the background it would hold a copy of all parts of a file at once; with a delay a
        # small file takes one request of three. Only `from_uri` looks at AWS_ENDPOINT_URL itself.
        files = pafs.S3FileSystem(
            region=files.region,
            endpoint_override=s3_endpoint(),
            background_writes=False,
            allow_delayed_open=True,
        )
    return files, base
