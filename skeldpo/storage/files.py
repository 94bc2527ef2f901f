"""Where files are kept: a folder of a disk, or an object store. The lowest door to a run's files.

Both show a file as a whole or not at all, whatever ends the writer, and open files by name. A
folder's names may come late on shared disks and some object stores, so only `names` depends on
them. On object stores `s3://` and `gs://` are pyarrow's own; other URLs go through fsspec.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from skeldpo.storage.durable import make_folder, replace
from skeldpo.storage.scratch import scratch_folder

HOME_VARIABLE = "SKELDPO_HOME"
_ASIDE = ".writing-"
_ASIDE_FOLDER = ".policy-"
"""How names begin of what is written aside; that of a folder of weights is given by
`train.saving.save_network`."""
_HIDDEN = (_ASIDE, ".nfs", "._", ".DS_Store")
"""The second is what NFS makes of a file that is removed while somebody reads it, the others are
what macOS leaves in folders that it shows."""
_LISTED_WITHIN_S = 90.0
"""Longest wait for the names of a folder that is removed (NFS clients keep them for 60 s)."""
_LIST_AGAIN_S = 0.5
_GCS_RETRY_S = 30
"""How long Google's client tries again, about as S3's does. By itself it does for 15 minutes, and
no signal ends that: without credentials nothing was said meanwhile."""
_ONE_SLASH = re.compile(r"(s3|gs|gcs|file):/?(?!/)")
"""How a URL begins that lost a slash, as where two paths were joined."""
_PLAIN_URL = re.compile(r"[!-\"$->@-~]+")
"""ASCII characters that are seen, but for # and ?, behind which a URL has no path any more."""
_ABANDONED_S = 600.0
"""Age of something aside after which nobody is writing it any more."""


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

    def sweep(self) -> int:
        """Removes what killed writers have left aside, anywhere below the root; how many."""


def is_url(place: str) -> bool:
    """Whether a place is on an object store, not a path of a disk; ValueError for what was meant to
    be one, and would be a folder called "s3:" here."""
    if _ONE_SLASH.match(place):
        raise ValueError(f"{place}: an URL has two slashes behind its colon, s3://BUCKET/PREFIX")
    return "://" in place


def absolute_place(place: str) -> str:
    """An URL as it is, a path made absolute; neither ends with a slash."""
    return place.rstrip("/") if is_url(place) else str(Path(place).expanduser().absolute())


def home_folder() -> Path:
    """Where relative folders start: $SKELDPO_HOME, or the working directory."""
    return Path(os.environ.get(HOME_VARIABLE) or Path.cwd()).expanduser()


def folder_and_name(place: str) -> tuple[str, str]:
    """The folder of a file, as `absolute_place`, and the file's name in it."""
    folder, _, name = absolute_place(place).rpartition("/")
    return folder or "/", name


def with_ending(place: str, ending: str) -> str:
    """A file's place beside the report NAME.json: NAME and an ending (".html", "-samples.jsonl").
    Of another name all is kept: what is beside qwen2.5 is not that of qwen2.7."""
    return f"{place.rstrip('/').removesuffix('.json')}{ending}"


@contextlib.contextmanager
def local_copy(place: str) -> Iterator[str]:
    """A file's path on this node's disk, for readers that take no other, while the block runs."""
    if not is_url(place):
        yield place
        return
    folder, name = folder_and_name(place)
    with scratch_folder() as here:
        path = Path(here, name)
        with open_files(folder).open(name) as content, path.open("wb") as stream:
            shutil.copyfileobj(content, stream)
        yield str(path)


def s3_endpoint() -> str | None:
    """The server of s3:// that the environment names; None is Amazon's."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def open_files(root: str) -> Files:
    """The files below a path or URL; ValueError for an URL of no kind that is known, or one that
    paths cannot be added to."""
    if root.startswith("file:"):
        raise ValueError(f"{root}: give a folder of a disk as a path, without file://")
    if is_url(root) and not _PLAIN_URL.fullmatch(root):
        raise ValueError(
            f"{root}: expected an URL of ASCII characters without blanks, ? and #, which end a "
            "path; settings of the store are read from the environment (cluster/README.md)"
        )
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
        return sorted(name for name in found if not name.startswith(_HIDDEN))

    def remove(self, path: str) -> None:
        """As in Files."""
        full = self._full(path)
        if full.is_dir() and not full.is_symlink():
            _remove_folder(full)
        else:
            # A file may be where a folder of its name would be.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                full.unlink()

    def open(self, path: str) -> pa.NativeFile:
        """As in Files."""
        return pa.OSFile(str(self._full(path)), "rb")

    @contextlib.contextmanager
    def written(self, path: str) -> Iterator[IO[bytes]]:
        """As in Files."""
        full = self._full(path)
        aside = full.with_name(f"{_ASIDE}{uuid.uuid4().hex[:8]}-{full.name}")
        try:
            make_folder(full.parent)
            with aside.open("wb") as stream:
                yield stream
            replace(aside, full)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise

    def put(self, source: Path, path: str) -> None:
        """As in Files."""
        with source.open("rb") as content, self.written(path) as stream:
            shutil.copyfileobj(content, stream)

    def sweep(self) -> int:
        """As in Files."""
        num_removed = 0
        for place, folders, names in os.walk(self._root):
            for name in (*folders, *names):
                left = Path(place, name)
                with contextlib.suppress(FileNotFoundError):
                    if name.startswith((_ASIDE, _ASIDE_FOLDER)) and _is_abandoned(left):
                        shutil.rmtree(left) if left.is_dir() else left.unlink()
                        num_removed += 1
        return num_removed

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
        # Google's store misses a folder's marker, which few have, when all in it is removed.
        with self._told(path), contextlib.suppress(FileNotFoundError):
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
        with scratch_folder() as folder:
            content = Path(folder, "content")
            with content.open("wb") as stream:
                yield stream
            self.put(content, path)

    def put(self, source: Path, path: str) -> None:
        """As in Files."""
        content: Any = b""
        if source.stat().st_size:  # an empty file cannot be mapped
            content = pa.memory_map(str(source)).read_buffer()
        with self.files.open_output_stream(self._full(path)) as stream:
            stream.write(content)

    def sweep(self) -> int:
        """As in Files: nothing lies aside here."""
        return 0

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


def _remove_folder(folder: Path) -> None:
    """Removes a folder; one that is not empty after all has files that other nodes have just
    written, and that are listed later."""
    deadline_s = time.monotonic() + _LISTED_WITHIN_S
    while True:
        try:
            shutil.rmtree(folder)
            return
        except OSError as error:
            if error.errno == errno.ENOENT and not folder.exists():
                return  # removed by another node, too
            # EBUSY is NFS's word for what it keeps for somebody who still reads it.
            is_late = error.errno in (errno.ENOTEMPTY, errno.ENOENT, errno.EBUSY)
            if not is_late or time.monotonic() >= deadline_s:
                raise
            time.sleep(_LIST_AGAIN_S)


def _is_abandoned(path: Path) -> bool:
    return time.time() - path.stat().st_mtime >= _ABANDONED_S


def _open_object_store(root: str) -> tuple[pafs.FileSystem, str]:
    if root.startswith(("gs://", "gcs://")):
        return _google_cloud_storage(), root.partition("://")[2]
    try:
        files, base = pafs.FileSystem.from_uri(root)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        import fsspec

        opened, base = fsspec.core.url_to_fs(root)
        return pafs.PyFileSystem(pafs.FSSpecHandler(opened)), base
    if isinstance(files, pafs.S3FileSystem):
        # In the background it would hold a copy of all parts of a file at once; with a delay a
        # small file takes one request of three. Only `from_uri` looks at AWS_ENDPOINT_URL itself.
        files = pafs.S3FileSystem(
            region=files.region,
            endpoint_override=s3_endpoint(),
            background_writes=False,
            allow_delayed_open=True,
        )
    return files, base


def _google_cloud_storage() -> pafs.FileSystem:
    """With the environment's credentials; without any at an emulator, which is named as for
    Google's own clients."""
    given: dict[str, Any] = {"retry_time_limit": timedelta(seconds=_GCS_RETRY_S)}
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        scheme, _, host = emulator.rpartition("://")
        given |= {"anonymous": True, "scheme": scheme or "http", "endpoint_override": host}
    return pafs.GcsFileSystem(**given)
