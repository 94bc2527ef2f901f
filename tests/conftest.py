"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_runs import MEMORY_LIMIT_BYTES, call

from skeldpo.problems.sources import load_problems
from skeldpo.records import Outcome, Problem
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.image import SandboxImage, ensure_image

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Before anything imports what reads these, here and in the processes that tests start."""
    # Asked for a model, the library tries half a minute to reach a hub that is not there.
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Workers wait at a checkpoint until Ray Train's controller has asked for the last one: 2 s.
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.5"


@pytest.fixture(scope="session")
def family_pool() -> list[Problem]:
    """Every built-in problem."""
    return load_problems(["families"])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real problem files; $SKELDPO_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("SKELDPO_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set SKELDPO_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def image() -> SandboxImage:
    """The sandbox image, built if need be; needs a container engine."""
    return ensure_image()


@pytest.fixture(scope="module")
def shared_sandbox(image: SandboxImage) -> Iterator[Sandbox]:
    """One container for all tests of a file, on the last sandbox core."""
    with (
        lease_core(sandbox_cores()[-1:], timeout_s=120) as lease,
        Sandbox(
            image=image, core=lease.core, memory_limit_bytes=MEMORY_LIMIT_BYTES, run_label="tests"
        ) as sandbox,
    ):
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox, which must still work after the test."""
    yield shared_sandbox
    canary = call(shared_sandbox, "def f(a, b):\n    return a + b", "[40, 2]", cpu_limit_s=5)
    assert (canary.outcome, canary.answer_texts) == (Outcome.ACCEPTED, ("42",)), canary
