"""Languages: what the package promises of each, and that the rest asks nothing else of one."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.config import SkeletonConfig
from skeldpo.languages import LANGUAGES, language, language_of_files
from skeldpo.languages.contract import Language, Lexeme
from skeldpo.problems.sources import load_problems
from skeldpo.sandbox.container import RunRequest
from skeldpo.skeleton.extract import group_skeleton
from skeldpo.skeleton.structure import similarity

NAMES = [name for name in {**vars(Language), **Language.__annotations__} if name[0] != "_"]
ROW = {"problem_id": "a", "statement": "Add.", "entry_point": "f",
       "tests": [{"input": [1], "expected": 1}]}  # fmt: skip


@pytest.mark.parametrize("known", LANGUAGES, ids=lambda known: known.NAME)
def test_a_language_has_every_name_of_the_contract(known: Language) -> None:
    assert len(NAMES) > 20
    assert [name for name in NAMES if not hasattr(known, name)] == []
    assert language(known.NAME) is known


@pytest.mark.parametrize("known", LANGUAGES, ids=lambda known: known.NAME)
@given(text=st.text(max_size=80))
def test_lexemes_are_the_text_and_no_text_raises(known: Language, text: str) -> None:
    pieces = list(known.lexemes(text))
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    words = [text[p.start : p.end] for p in pieces if p.kind in ("word", "operator")]
    assert list(known.tokens(text)) == words
    assert isinstance(known.normalize_program(text), str)
    assert known.mended(text)[0] == text
    assert known.parsed(text) is None or known.syntax_error(text) == ""


def test_unknown_language_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one of 'python', got 'cobol'"):
        language("cobol")
    with pytest.raises(ValueError, match="one of 'python', got 'cobol'"):
        RunRequest(language="cobol", kind="stdio", code="", entry_point="",
                   input_texts=("",), cpu_limit_s=1)  # fmt: skip
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({**ROW, "language": "cobol"}))
    with pytest.raises(ValueError, match=r"problems\.jsonl:1: language: .*'python', got 'cobol'"):
        load_problems([str(file)])


@pytest.mark.parametrize("row", [ROW, {**ROW, "language": "python"}, {**ROW, "language": None}])
def test_problem_file_without_a_language_is_python(tmp_path: Path, row: dict) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps(row))
    assert [problem.language for problem in load_problems([str(file)])] == ["python"]


def test_files_are_of_the_language_of_their_suffix() -> None:
    assert language_of_files(["a.py", "b.py", "c"]).NAME == "python"
    assert language_of_files(["a.txt"]).NAME == "python"


def toy_language() -> Language:
    """What skeletons ask of a language: words are letters, `;` begins a comment."""
    pieces = re.compile(r"(?P<comment>;.*)|(?P<word>\w+)|(?P<layout>\s+)|(?P<operator>.)")

    def lexemes(code: str) -> Iterator[Lexeme]:
        for match in pieces.finditer(code):
            yield Lexeme(*match.span(), match.lastgroup)

    def tokens(code: str) -> tuple[str, ...]:
        return tuple(m[0] for m in pieces.finditer(code) if m.lastgroup in ("word", "operator"))

    return types.SimpleNamespace(lexemes=lexemes, tokens=tokens, read_syntax=lambda code: None,
                                 own_names=lambda code: frozenset(), GRAMMAR="toy 1")  # fmt: skip


def test_skeletons_are_made_of_a_language_of_its_own() -> None:
    toy = toy_language()
    group = ["mov a 1 ; one\nadd a # b\n", "mov c 2\nadd c # b ; more\n"]
    config = SkeletonConfig(min_group=2)
    assert group_skeleton(group[0], group, config, toy).text == "mov _ _\nadd _ # b\n"
    syntactic = SkeletonConfig(min_group=2, method="syntactic")
    skeleton = group_skeleton(group[0], group, syntactic, toy)
    assert skeleton.note.endswith("the program does not parse as toy 1")
    assert similarity(group[0], group[1], toy) == 4 / 8
