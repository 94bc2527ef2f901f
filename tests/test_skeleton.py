"""Lexical skeletons: properties on any text, and human programs."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.config import SkeletonConfig
from skeldpo.languages import language
from skeldpo.languages.python.tokens import tokens
from skeldpo.skeleton.extract import group_skeleton
from skeldpo.skeleton.lexical import common_tokens, lexical_skeleton
from skeldpo.skeleton.masking import MASK

PYTHON = language("python")
PAIRED = SkeletonConfig(min_group=2, alone="none")
ALONE = SkeletonConfig(min_group=1)
REPOSITORY = Path(__file__).parent.parent
DATA = Path(os.environ.get("SKELDPO_DATA") or REPOSITORY.parent / "shared" / "data")

python_like = st.lists(
    st.sampled_from(
        ["def f(x):", "return", " ", "    ", "\t", "\n", "\r\n", "\r", "\\\n", "# note", "x", "_",
         "y1", "1", ".5", "1e", "0x", "'", '"', '"""', "'''", "\\", "f'{x}'", "rb", "is", "==",
         "**=", "(", "]", "...", ".", "\f", "\u00e9", "\u0660", "\x85", "\u20ac", "\0"]
    ),
    max_size=40,
).map("".join)  # fmt: skip
any_text = st.one_of(st.text(max_size=200), python_like)
vocabulary = st.frozensets(
    st.sampled_from(["x", "return", "1", ".5", "def", "_", "f'{x}'", "''", "is", "rb", "f"])
)


def line_count(text):
    return len(re.findall(r"\r\n|\r|\n", text))


def test_two_groups_of_one_problem_are_masked_apart():
    efficient = ["def f(a): return len(set(a))", "def f(a): return len({*a} | set())"]
    inefficient = ["def f(a): return sum(a.count(x) == 1 for x in a)",
                   "def f(a): return [a.count(x) for x in a]"]  # fmt: skip
    assert group_skeleton(efficient[0], efficient, PAIRED, PYTHON).text == efficient[0]
    rejected = group_skeleton(inefficient[0], inefficient, PAIRED, PYTHON)
    assert rejected.text == "def f(a): return _(a.count(x) == _ for x in a)"


def test_small_group_gives_no_skeleton_and_says_so():
    skeleton = group_skeleton("x = 1", ["x = 1", "x  =  1  # same tokens"], PAIRED, PYTHON)
    assert (skeleton.text, skeleton.kept_spans) == ("", ())
    assert skeleton.note == "group of 1 program; needs 2"


def test_group_of_one_masks_nothing_where_it_is_allowed():
    assert group_skeleton("x = 1  # one\n", ["x = 1"], ALONE, PYTHON).text == "x = 1\n"


def test_common_tokens_of_no_program_are_refused():
    with pytest.raises(ValueError, match="at least one program"):
        common_tokens([], PYTHON)


def test_kept_spans_are_ranges_of_the_code():
    code = "a = b  # note\nreturn a\n"
    skeleton = lexical_skeleton(code, frozenset({"a", "return"}), PYTHON)
    assert skeleton.text == "a = _\nreturn a\n"
    assert [code[start:end] for start, end in skeleton.kept_spans] == ["a = ", "\nreturn a\n"]
    assert (skeleton.method, skeleton.version, skeleton.note) == ("lexical", 1, "")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("if x:\r\n\treturn 1\r\n", "if _:\r\n\treturn _\r\n"),
        ("# a\r\n  # b\r\nreturn\r\n", "return\r\n"),
        ("return # a\rx\r", "return\r_\r"),
        ("  # a\r  return", "  return"),
        ("# only", ""),
        ("", ""),
        ("\u00e9t\u00e9 = '\u20ac'; return", "_ = _; return"),
        ("\ufeffreturn x", "\ufeffreturn _"),
        ("'''open\nreturn", "_"),
        ("'a\\\r\nb' return", "_ return"),
        ("'a\\\\'return", "_ return"),
        ("x\\\n  # gone\nreturn", "_\\\nreturn"),
        ("f'{a}' F\"b\" rB'c' u'd' bu'e'", "_ _ _ _ _ _"),
        ("f'{d['k']}'", "_ _ _"),
    ],
)
def test_line_ends_tabs_and_odd_texts(code, expected):
    assert lexical_skeleton(code, frozenset({"if", "return"}), PYTHON).text == expected


@given(any_text, vocabulary)
def test_any_text_has_a_skeleton_and_masking_again_changes_nothing(code, common):
    skeleton = lexical_skeleton(code, common, PYTHON)
    assert lexical_skeleton(skeleton.text, common, PYTHON).text == skeleton.text


@given(any_text, vocabulary)
def test_spans_are_ordered_and_make_up_the_text(code, common):
    skeleton = lexical_skeleton(code, common, PYTHON)
    flat = [position for span in skeleton.kept_spans for position in span]
    assert flat == sorted(set(flat))
    assert not flat or (flat[0] >= 0 and flat[-1] <= len(code))
    rest = skeleton.text
    for start, end in skeleton.kept_spans:
        gap, kept, rest = rest.partition(code[start:end])
        assert kept and set(gap) <= {MASK, " "}
    assert set(rest) <= {MASK, " "}


@given(any_text, vocabulary)
def test_only_common_words_and_masks_are_left(code, common):
    skeleton = lexical_skeleton(code, common, PYTHON)
    kept = [token for token in tokens(skeleton.text) if token not in common]
    assert all(token == MASK or not re.match(r"[\w'\"]", token) for token in kept)
    assert len(tokens(skeleton.text)) == len(tokens(code))


@given(any_text)
def test_everything_common_keeps_all_but_comments(code):
    skeleton = lexical_skeleton(code, frozenset(tokens(code)), PYTHON)
    assert tokens(skeleton.text) == tokens(code)
    if "#" not in code:
        assert skeleton.text == code


@given(st.lists(st.sampled_from(["x = 1", "    # note", "", "y(z)  # end", "\t# t", "if a:"])))
def test_lines_are_kept_but_those_of_comments(lines):
    skeleton = lexical_skeleton("".join(line + "\n" for line in lines), frozenset({"x"}), PYTHON)
    expected = [line for line in lines if not line.strip().startswith("#")]
    assert line_count(skeleton.text) == len(expected)
    indents = [len(line) - len(line.lstrip()) for line in expected]
    assert [len(line) - len(line.lstrip()) for line in skeleton.text.splitlines()] == indents


@given(st.lists(any_text, min_size=1, max_size=4))
def test_common_tokens_do_not_depend_on_order_and_are_in_each(programs):
    common = common_tokens(programs, PYTHON)
    assert common == common_tokens(programs[::-1], PYTHON)
    assert all(common <= set(tokens(program)) for program in programs)


@pytest.mark.parametrize(
    "piece", ["'", "\\", '"""\\', "# a\n", "1.", "1_", "'\\\n", " #\n", "rb", "''", "1e+", "\t"]
)
def test_time_is_linear_in_the_text(piece):
    def seconds(num_pieces):
        started = time.process_time()
        lexical_skeleton(piece * num_pieces, frozenset(), PYTHON)
        return time.process_time() - started

    seconds(100)
    assert seconds(40_000) < 40 * max(seconds(4_000), 1e-3)


def human_programs(num_problems):
    file = DATA / "code_contests" / "problems.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"no {file}; set SKELDPO_DATA to the folder of the data sets")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["solutions"] for line in itertools.islice(lines, num_problems)]


def test_human_programs_have_skeletons_that_keep_their_layout():
    num_seen = 0
    for programs in human_programs(10):
        group = programs[:5]
        common = common_tokens(group, PYTHON)
        for program in group:
            skeleton = lexical_skeleton(program, common, PYTHON)
            assert common <= set(tokens(skeleton.text)) | {MASK}
            assert skeleton.text.count("(") <= program.count("(")
            assert lexical_skeleton(skeleton.text, common, PYTHON).text == skeleton.text
            if "#" not in program and "'''" not in program and '"""' not in program:
                assert line_count(skeleton.text) == line_count(program)
            num_seen += 1
    assert num_seen >= 40
