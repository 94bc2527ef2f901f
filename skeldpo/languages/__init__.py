"""The languages that programs are written in, a module each; `contract.Language` is what it has."""

from __future__ import annotations

from collections.abc import Iterable

from skeldpo.languages import python
from skeldpo.languages.contract import Language

LANGUAGES: tuple[Language, ...] = (python,)
DEFAULT = python.NAME
"""Of files that do not say theirs."""
SUPPORT = python.NAME
"""Of what comes with a problem and is no program for it: generators and checkers."""


def language(name: str) -> Language:
    """The language of a name; ValueError names the known ones."""
    for known in LANGUAGES:
        if name == known.NAME:
            return known
    names = ", ".join(repr(known.NAME) for known in LANGUAGES)
    raise ValueError(f"language: expected one of {names}, got {name!r}")


def language_of_files(names: Iterable[str]) -> Language:
    """The language whose suffix all the files have, that of files that do not say where none has
    one that is known; ValueError for files of several."""
    found = {
        known.NAME for name in names for known in LANGUAGES if name.endswith(known.FILE_SUFFIX)
    }
    if len(found) > 1:
        raise ValueError(f"expected programs in one language, got {', '.join(sorted(found))}")
    return language(found.pop() if found else DEFAULT)
