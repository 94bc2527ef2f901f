"""Before and after, as files: what each method makes of a program and its group.

`make golden` writes the skeletons again; a folder stands for a method.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from skeldpo.config import SkeletonConfig
from skeldpo.languages import language
from skeldpo.languages.python.syntax import read_syntax
from skeldpo.records import Skeleton
from skeldpo.skeleton.extract import group_skeleton
from skeldpo.skeleton.lexical import common_tokens

PYTHON = language("python")
FOLDER = Path(__file__).parent / "golden"
LEXICAL = sorted((FOLDER / "skeleton").glob("*.txt"))
SYNTACTIC = sorted((FOLDER / "skeleton_syntactic").glob("*.txt"))
CONTRAST = sorted((FOLDER / "skeleton_contrast").glob("*.txt"))
GOLDEN = [*LEXICAL, *SYNTACTIC, *CONTRAST]
SECTION = re.compile(r"^--- (code|also in the group|in the other group|skeleton)\n", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    code: str
    group: tuple[str, ...]
    against: tuple[str, ...]
    skeleton: str


def read_case(path: Path) -> GoldenCase:
    """The newlines of a file are part of the case, so they are read as they are."""
    names_and_texts = SECTION.split(path.read_bytes().decode())[1:]
    sections = list(zip(names_and_texts[::2], names_and_texts[1::2], strict=True))

    def texts(name: str) -> tuple[str, ...]:
        return tuple(text for found, text in sections if found == name)

    (code,), (skeleton,) = texts("code"), texts("skeleton")
    return GoldenCase(
        code=code,
        group=(code, *texts("also in the group")),
        against=texts("in the other group"),
        skeleton=skeleton,
    )


def extracted(path: Path, case: GoldenCase) -> Skeleton:
    is_syntactic = path in SYNTACTIC or path.stem.startswith("syntactic_")
    config = SkeletonConfig(
        method="syntactic" if is_syntactic else "lexical", contrast=path in CONTRAST
    )
    return group_skeleton(case.code, case.group, config, PYTHON, against=case.against)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_skeleton_is_the_golden_one(path: Path) -> None:
    case = read_case(path)
    text = extracted(path, case).text
    if os.environ.get("SKELDPO_UPDATE_GOLDEN"):  # `make golden`, which then shows what changed
        before = path.read_bytes().removesuffix(case.skeleton.encode())
        path.write_bytes(before + text.encode())
    assert read_case(path).skeleton == text


def test_golden_files_are_all_here() -> None:
    assert len(GOLDEN) >= 60
    assert len(LEXICAL) >= 25 and len(SYNTACTIC) >= 25 and len(CONTRAST) >= 8


@pytest.mark.parametrize("path", SYNTACTIC, ids=lambda path: path.stem)
def test_syntactic_skeleton_parses_or_is_lexical_and_says_so(path: Path) -> None:
    case = read_case(path)
    skeleton = extracted(path, case)
    if read_syntax(case.code) is None:
        assert skeleton.method == "lexical"
        assert "does not parse as Python 3.11" in skeleton.note
    else:
        assert skeleton.method == "syntactic" and skeleton.note == ""
        ast.parse(skeleton.text)


def test_common_tokens_are_those_of_the_paper_figure() -> None:
    case = read_case(FOLDER / "skeleton" / "figure_efficient.txt")
    expected = "def number bus_stops ( ) : = 0 for in + [ ] 1 return -"
    assert common_tokens(case.group, PYTHON) == frozenset(expected.split())
