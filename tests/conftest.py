"""Fixtures that more than one test module uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skeldpo.problems.sources import load_problems
from skeldpo.records import Problem

REPOSITORY = Path(__file__).resolve().parents[1]


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
