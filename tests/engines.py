"""Container runtimes that tests may use."""

from __future__ import annotations

import os
import shutil

import pytest

from skeldpo.sandbox.connect import HOST_VARIABLE, connect
from skeldpo.sandbox.image import SandboxImage, ensure_image
from skeldpo.sandbox.runtime import RuntimeChoice, RuntimeFailure

_PROGRAMS = {"docker": "dockerd", "podman": "podman"}


def image_of(engine: RuntimeChoice) -> SandboxImage:
    """The sandbox image in a container runtime; the test is skipped where that is not here, or
    cannot limit containers on this machine."""
    if not (os.environ.get(HOST_VARIABLE) or shutil.which(_PROGRAMS[engine])):
        pytest.skip(f"{engine} is not installed")
    try:
        runtime = connect(engine)
    except RuntimeFailure as failure:
        if os.environ.get(HOST_VARIABLE):  # it names the only one there is
            pytest.skip(str(failure))
        raise
    runtime.close()
    if not {"cpuset", "memory", "pids"} <= runtime.controllers:
        pytest.skip(f"{runtime.name} {runtime.version}: {runtime.advice}")
    return ensure_image(engine=engine)
