"""The image that sandboxes run: a Python and the guest program, nothing else.

With no reference it is built offline from the running interpreter: binary, standard library and the
shared libraries that ldd names, at their own paths, imported as one layer and tagged with the hash
of their content; the installed NumPy comes along if asked for. With a reference the guest is added
to that image, pulled if it is not here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import os
import platform
import py_compile
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.cores import FileLock, lock_folder
from skeldpo.sandbox.guest.serve import GUEST_FOLDER
from skeldpo.sandbox.runtime import ContainerRuntime, RuntimeChoice, RuntimeFailure
from skeldpo.sandbox.sweep import mark_image, sweep_stale_images
from skeldpo.storage.scratch import scratch_folder, sweep_scratch

REPOSITORY = "skeldpo-sandbox"

_SKIPPED_FOLDERS = frozenset(
    (
        "site-packages",
        "dist-packages",
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "turtledemo",
        "ensurepip",
        "lib2to3",
        "pydoc_data",
    )
)
_SKIPPED_MODULES = ("_test", "_tkinter", "xxlimited", "_xxtestfuzz", "_xxsubinterpreters")
_BYTECODE = f".{sys.implementation.cache_tag}.pyc"
_NOBODY_ID = 65534
_MODES = {"/box": 0o700, "/tmp": 0o1777}  # runc gives a tmpfs the mode of the folder under it
_PRINT_VERSION = "import platform; print(platform.python_version())"
_BUILD_WAIT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxImage:
    """An image ready to run. `reference` is what the container runtime `engine` starts; `digest`
    tells images apart on all nodes, whatever runtime has them: of the content if it was built here,
    else of the registry image and the guest."""

    reference: str
    digest: str
    python_version: str
    engine: RuntimeChoice = "auto"


def ensure_image(
    reference: str = "", *, numpy: bool = False, engine: RuntimeChoice = "auto"
) -> SandboxImage:
    """The sandbox image of a reference (or of the running Python), built unless it exists.

    `numpy` adds the installed NumPy to the image of the running Python; an image that is named has
    it or not. RuntimeError says which container runtime cannot be reached, or what it refused.
    """
    runtime = connect(engine)
    with_lock = FileLock("image.lock")
    try:
        _wait_for(with_lock)
        sweep_scratch()
        made = _ensure_named(runtime, reference) if reference else _ensure_offline(runtime, numpy)
        mark_image(lock_folder(), made.reference)
        sweep_stale_images(runtime, REPOSITORY, lock_folder())
        return made
    finally:
        with_lock.close()
        runtime.close()


def _ensure_offline(runtime: ContainerRuntime, numpy: bool) -> SandboxImage:
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    stdlib = Path(sysconfig.get_path("stdlib"))
    sources = {str(path): path for path in (*_stdlib_files(stdlib), python)}
    if numpy:
        sources |= _numpy_files(stdlib)
    binaries = [python, *(path for path in sources.values() if ".so" in path.suffixes)]
    here = {path.resolve() for path in binaries}  # a linked virtual environment has two names
    for library in _shared_libraries(binaries):
        if library.resolve() not in here:
            sources[str(library)] = library
    layer = {place: path.read_bytes() for place, path in sources.items()}
    layer.update(_guest_layer())
    layer["/etc/passwd"] = b"nobody:x:65534:65534:nobody:/box:/bin/false\n"
    layer["/etc/group"] = b"nogroup:x:65534:\n"
    digest = _digest(layer)
    made = runtime.local_name(REPOSITORY, _tag(digest))
    if not runtime.find_image(made):
        runtime.import_image(_tar(layer), made, _entry_point(str(python)))
    return SandboxImage(
        reference=made,
        digest=digest,
        python_version=platform.python_version(),
        engine=runtime.name,
    )


def _ensure_named(runtime: ContainerRuntime, reference: str) -> SandboxImage:
    """Adds the guest to a copy of the named image and asks its Python for the version."""
    try:
        if not runtime.find_image(reference):
            runtime.pull_image(reference)
        source = runtime.find_image(reference)
    except RuntimeFailure as error:
        raise RuntimeError(
            f"measure.image {reference!r} is neither here nor can it be pulled: {error}; check the "
            'name, or leave it "" to build the image from the running Python'
        ) from error
    layer = _guest_layer()
    digest = _digest({**layer, "base": source.encode()})
    made = runtime.local_name(REPOSITORY, _tag(digest))
    try:
        version = runtime.run_in_image(reference, ["python3", "-c", _PRINT_VERSION], _BUILD_WAIT_S)
        if not runtime.find_image(made):
            runtime.extend_image(reference, _tar(layer), made, _entry_point("python3"))
    except RuntimeFailure as error:
        raise RuntimeError(
            f"python3 does not run in measure.image {reference!r}: {error}; name an image that has "
            "python3 in its PATH, such as a python:3.11-slim"
        ) from error
    return SandboxImage(
        reference=made, digest=digest, python_version=version.strip(), engine=runtime.name
    )


def _tag(digest: str) -> str:
    return digest.removeprefix("sha256:")[:16]


def _wait_for(lock: FileLock) -> None:
    deadline = time.monotonic() + _BUILD_WAIT_S
    while not lock.try_acquire():
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"process {lock.holder()} has been building the sandbox image for over "
                f"{_BUILD_WAIT_S:g} s; stop it and try again"
            )
        time.sleep(0.1)


def _entry_point(python: str) -> list[str]:
    """-s: no user site; the guest needs its hash seed from the environment, so no -I."""
    return [python, "-s", "-B", "-m", "skeldpo.sandbox.guest.boot"]


def _stdlib_files(stdlib: Path) -> list[Path]:
    """Sources, extension modules and the bytecode beside them, which halves the start."""
    found = []
    for folder, folders, names in os.walk(stdlib):
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS and not name.startswith("config-")
        ]
        found += [
            Path(folder, name)
            for name in names
            if name.endswith((".py", ".so", _BYTECODE)) and not name.startswith(_SKIPPED_MODULES)
        ]
    return found


def _numpy_files(stdlib: Path) -> dict[str, Path]:
    """NumPy's modules and libraries by their place in the image, beside the standard library."""
    try:
        files = importlib.metadata.files("numpy") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeError("measure.numpy is set, but NumPy is not installed here") from error
    return {
        str(stdlib / file): Path(str(file.locate()))
        for file in files
        if file.parts[0] in ("numpy", "numpy.libs")
        and not _SKIPPED_FOLDERS & set(file.parts)
        and (file.suffix == ".py" or ".so" in file.suffixes)
    }


def _shared_libraries(binaries: Sequence[Path]) -> Iterator[Path]:
    """What ldd says the interpreter and extension modules load."""
    try:
        listed = subprocess.run(
            ["ldd", *map(str, binaries)], capture_output=True, text=True, timeout=60
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(
            f"building the sandbox image needs ldd: {error}; install it or set measure.image"
        ) from error
    for line in listed.splitlines():
        words = line.replace("=>", " ").split()
        paths = [word for word in words if word.startswith("/") and not word.endswith(":")]
        if paths:
            yield Path(paths[-1])


def _guest_layer() -> dict[str, bytes]:
    """The guest's modules, in packages of their own so that none of ours comes along.

    With their bytecode (used where the image's Python is of this version): what a compiler leaves
    in PID 1's memory spreads its objects over more pages, and each run copies what it touches.
    """
    package = Path(__file__).parent.parent
    layer = {}
    with scratch_folder() as folder:
        for path in (package / "values.py", *sorted((package / "sandbox" / "guest").glob("*.py"))):
            place = Path(GUEST_FOLDER, "skeldpo", path.relative_to(package))
            layer[str(place)] = path.read_bytes()
            bytecode = py_compile.compile(
                str(path),
                cfile=str(Path(folder, place.name)),
                dfile=str(place),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            beside = place.parent / "__pycache__" / f"{place.stem}{_BYTECODE}"
            layer[str(beside)] = Path(str(bytecode)).read_bytes()
    for name in ("skeldpo", "skeldpo/sandbox"):
        layer[f"{GUEST_FOLDER}/{name}/__init__.py"] = b""
    return layer


def _digest(layer: dict[str, bytes]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path, content in sorted(layer.items()):
        if not path.endswith(".pyc"):  # bytecode names times, and follows from the sources
            digest.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _tar(layer: dict[str, bytes]) -> bytes:
    """An archive of root's folders and files, with the times that the bytecode refers to."""
    folders = {str(folder) for path in layer for folder in Path(path).parents} - {"/"}
    folders |= {"/box", "/tmp", "/proc", "/sys", "/dev"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, _MODES.get(folder, 0o755)
            entry.uid = entry.gid = _NOBODY_ID if folder == "/box" else 0
            archive.addfile(entry)
        for path, content in sorted(layer.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o644 if path.endswith((".py", ".pyc")) else 0o755
            if path.endswith(".py") and os.path.exists(path):
                entry.mtime = int(os.stat(path).st_mtime)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
