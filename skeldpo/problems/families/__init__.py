"""The built-in problem families: every module of this package exports `FAMILIES`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from skeldpo.problems.family import Family


def all_families() -> tuple[Family, ...]:
    """Every family, by module and in the module's order."""
    return tuple(_families())


def _families() -> Iterator[Family]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        yield from importlib.import_module(f"{__name__}.{module.name}").FAMILIES
