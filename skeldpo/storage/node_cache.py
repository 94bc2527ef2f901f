"""Folders of object stores on a node's own disk: what vLLM, transformers and others read is a path.

A folder is pushed file by file and its index last, so one without an index is not there. It is
fetched once a node, into a folder of the cache that is named by the digest of the index; every file
must have the index's digest. What was not used for a day is removed when something else is fetched.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from skeldpo.storage.files import Files, open_files

CACHE_VARIABLE = "SKELDPO_CACHE"
INDEX = "files.json"
"""The file of a pushed folder that names all others."""
WEIGHTS = (".safetensors",)
UNUSED_S = 24 * 3600.0
NUM_AT_A_TIME = 4
"""Files of a folder that travel at the same time; a file travels in one stream."""
_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFile:
    """A file of a pushed folder; `sha256` in hex."""

    path: str
    num_bytes: int
    sha256: str


def cache_folder() -> Path:
    """$SKELDPO_CACHE, or a folder of the user's; every node has its own."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given).expanduser().absolute() if given else Path.home() / ".cache" / "skeldpo"


def push_folder(folder: str, url: str) -> tuple[IndexedFile, ...]:
    """Puts a folder at an URL, in place of what is there; returns its index."""
    remove_folder(url)
    index = push_files(folder, url)
    write_index(url, index)
    return index


def push_files(folder: str, url: str) -> tuple[IndexedFile, ...]:
    """Puts the files of a folder at an URL; returns their part of its index. RuntimeError says
    which could not be written, and what to do."""
    source, files = Path(folder), open_files(url)
    paths = sorted(path for path in source.rglob("*") if path.is_file())

    def push(path: Path) -> IndexedFile:
        name = path.relative_to(source).as_posix()
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        try:
            files.put(path, name)
        except OSError as error:
            raise RuntimeError(f"cannot write {url}/{name}: {error}; {files.advice}") from error
        return IndexedFile(path=name, num_bytes=path.stat().st_size, sha256=sha256)

    with ThreadPoolExecutor(NUM_AT_A_TIME) as pool:
        return tuple(pool.map(push, paths))


def write_index(url: str, index: tuple[IndexedFile, ...]) -> None:
    """Declares a folder whole, whose files were all pushed; sorted by path."""
    with open_files(url).written(INDEX) as stream:
        stream.write(_index_bytes(index))


def remove_folder(place: str) -> None:
    """Removes a folder of a disk or at an URL, there its index first; one that is not there is
    fine."""
    files = open_files(place)
    files.remove(INDEX)
    files.remove("")


def read_index(url: str) -> tuple[IndexedFile, ...]:
    """What is in a pushed folder; ValueError if it is none, or not whole."""
    try:
        with open_files(url).open(INDEX) as content:
            text = content.read()
    except FileNotFoundError as error:
        raise ValueError(
            f"no such folder: {url} has no {INDEX}, the last thing that is written of a folder on "
            "an object store; it is not whole, or not a folder that skeldpo put there"
        ) from error
    try:
        return tuple(IndexedFile(**row) for row in json.loads(text))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{url}/{INDEX} is damaged, or not ours: {error}") from error


def fetch_folder(url: str, index: tuple[IndexedFile, ...], *, weights: bool = True) -> str:
    """A pushed folder on this node's disk, without its weight files if they are not wanted.

    Processes of a node wait for the one that fetches. RuntimeError if a file has another content
    than the index says.
    """
    wanted = tuple(file for file in index if weights or not file.path.endswith(WEIGHTS))
    if _is_whole(_place_of(index), wanted):
        wanted = index
    target = _place_of(wanted)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target):
        if not _is_whole(target, wanted):
            shutil.rmtree(target, ignore_errors=True)
            _drop_unused(target.parent)
            with new_folder() as folder:
                _fetch(open_files(url), url, wanted, Path(folder))
                os.replace(folder, target)
        os.utime(target)
    return str(target)


@contextlib.contextmanager
def new_folder() -> Iterator[str]:
    """An empty folder on this node's disk, gone when the block ends."""
    parent = cache_folder() / "folders"
    parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=".made-", dir=parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_folder(folder: str, index: tuple[IndexedFile, ...]) -> None:
    """Moves a `new_folder` into the cache if all that was pushed is in it, so that this node need
    not fetch it later."""
    target = _place_of(index)
    if not _is_whole(Path(folder), index):
        return
    with _locked(target):
        if not target.exists():
            os.replace(folder, target)


def _index_bytes(index: tuple[IndexedFile, ...]) -> bytes:
    return json.dumps([asdict(file) for file in index], indent=1).encode()


def _place_of(index: tuple[IndexedFile, ...]) -> Path:
    return cache_folder() / "folders" / hashlib.sha256(_index_bytes(index)).hexdigest()[:32]


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keeps other processes of this node away from a folder; freed by the kernel at any end."""
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_whole(target: Path, index: tuple[IndexedFile, ...]) -> bool:
    """Sizes only: digests were taken when it was fetched, and weights take long to read."""
    places = [(target / file.path, file.num_bytes) for file in index]
    return all(path.is_file() and path.stat().st_size == size for path, size in places)


def _drop_unused(folder: Path) -> None:
    """Removes what was not used for a day, leftovers of processes that died among it."""
    oldest_s = time.time() - UNUSED_S
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process removes it, too
            if path.suffix != ".lock" and path.stat().st_mtime < oldest_s:
                shutil.rmtree(path, ignore_errors=True)


def _fetch(files: Files, url: str, index: tuple[IndexedFile, ...], folder: Path) -> None:
    def fetch(file: IndexedFile) -> None:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with files.open(file.path) as content, place.open("wb") as stream:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
                stream.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise RuntimeError(
                f"{url}/{file.path}: expected SHA-256 {file.sha256[:16]}... ({file.num_bytes:,} "
                f"bytes) as in {INDEX}, got {digest.hexdigest()[:16]}... "
                f"({place.stat().st_size:,} bytes); it was changed or damaged, so remove the "
                "manifest of the stage that made it, and the stage is done again"
            )

    with ThreadPoolExecutor(NUM_AT_A_TIME) as pool:
        list(pool.map(fetch, index))
