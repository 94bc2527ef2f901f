"""Skeletons of real programs: every one of code_contests and evalperf, about 33,000."""

from __future__ import annotations

import ast
import gzip
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from skeldpo.languages import language
from skeldpo.languages.python.syntax import read_syntax
from skeldpo.languages.python.tokens import tokens
from skeldpo.records import Skeleton
from skeldpo.skeleton.lexical import common_tokens, lexical_skeleton
from skeldpo.skeleton.masking import MASK
from skeldpo.skeleton.syntactic import SharedParts, syntactic_skeleton

PYTHON = language("python")
NUM_GROUP = 5
NUM_PROGRAMS = 33_000
AGAIN_EVERY = 3
"""Masking a skeleton again takes as long as making it."""


def _rows(path: Path) -> Iterator[dict[str, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def problem_programs(real_data: Path) -> Iterator[list[str]]:
    """The programs of each problem."""
    for row in _rows(real_data / "code_contests" / "problems.jsonl.gz"):
        yield [str(code) for code in row["solutions"]]  # type: ignore[attr-defined]
    tasks: dict[str, list[str]] = {}
    for row in _rows(real_data / "evalperf" / "solutions.jsonl.gz"):
        tasks.setdefault(str(row["task_id"]), []).append(str(row["solution"]))
    yield from tasks.values()


def check_layout(code: str, skeleton: Skeleton) -> None:
    """Spans are in order, the text is these with masks between, and no line's indent moved."""
    flat = [position for span in skeleton.kept_spans for position in span]
    assert flat == sorted(set(flat))
    rest = skeleton.text
    for start, end in skeleton.kept_spans:
        gap, kept, rest = rest.partition(code[start:end])
        assert kept and set(gap) <= {MASK, " "}
    assert set(rest) <= {MASK, " "}
    if "#" not in code and '"""' not in code and "'''" not in code and "\\" not in code:
        assert _indents(skeleton.text) == _indents(code)


def _indents(text: str) -> list[str]:
    return [re.match(r"[ \t]*", line).group() for line in re.split(r"\r\n|\r|\n", text)]  # type: ignore[union-attr]


def check_programs(programs: list[str]) -> int:
    """Checks both methods on the programs of one problem; returns how many parse."""
    group = programs[:NUM_GROUP]
    common = common_tokens(group, PYTHON)
    read = [syntax for syntax in map(read_syntax, group) if syntax is not None]
    shared, nothing = SharedParts([syntax.parts for syntax in read]), SharedParts([])
    num_parsed = 0
    for index, code in enumerate(programs):
        is_masked_again = index % AGAIN_EVERY == 0
        lexical = lexical_skeleton(code, common, PYTHON)
        check_layout(code, lexical)
        assert len(tokens(lexical.text)) == len(tokens(code))
        if is_masked_again:
            assert lexical_skeleton(lexical.text, common, PYTHON).text == lexical.text
        syntax = read_syntax(code)
        if syntax is None:
            continue
        num_parsed += 1
        skeleton = syntactic_skeleton(code, syntax, shared, nothing, PYTHON)
        check_layout(code, skeleton)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(skeleton.text.removeprefix("\ufeff"))
        if is_masked_again:
            again = read_syntax(skeleton.text)
            assert again is not None
            masked = syntactic_skeleton(skeleton.text, again, shared, nothing, PYTHON)
            assert masked.text == skeleton.text
    return num_parsed


def test_some_programs_have_skeletons_of_both_methods(real_data: Path) -> None:
    num_parsed = sum(check_programs(programs[:2]) for programs in problem_programs(real_data))
    assert num_parsed > 180


@pytest.mark.slow
def test_every_program_has_skeletons_of_both_methods(real_data: Path) -> None:
    num_seen = num_parsed = 0
    for programs in problem_programs(real_data):
        num_seen += len(programs)
        num_parsed += check_programs(programs)
    assert num_seen > NUM_PROGRAMS
    assert num_parsed > 0.99 * num_seen
