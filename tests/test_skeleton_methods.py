"""The syntactic method, contrast and groups alike in structure: rules and properties."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldpo.config import SkeletonConfig
from skeldpo.languages import language
from skeldpo.languages.python.syntax import bit_of, read_syntax
from skeldpo.languages.python.tokens import tokens
from skeldpo.skeleton.extract import group_skeleton
from skeldpo.skeleton.masking import MASK, mask_words
from skeldpo.skeleton.structure import alike_groups, similarity
from skeldpo.skeleton.syntactic import SharedParts, syntactic_skeleton

PYTHON = language("python")
SYNTACTIC = SkeletonConfig(method="syntactic")
CONTRAST = SkeletonConfig(contrast=True)
NOTHING = SharedParts([])
DICTIONARY = (
    "def f(a, t):\n    seen = {}\n    for i, x in enumerate(a):\n        if t - x in seen:\n"
    "            return [seen[t - x], i]\n        seen[x] = i\n",
    "def f(nums, k):\n    where = dict()\n    for i, v in enumerate(nums):\n"
    "        if k - v in where:\n            return [where[k - v], i]\n        where[v] = i\n",
)
POINTERS = (
    "def f(a, t):\n    b = sorted(a)\n    l, r = 0, len(b) - 1\n    while l < r:\n"
    "        s = b[l] + b[r]\n        if s == t:\n            return sorted([a.index(b[l]), r])\n"
    "        if s < t:\n            l += 1\n        else:\n            r -= 1\n",
    "def f(nums, k):\n    c = sorted(nums)\n    i, j = 0, len(c) - 1\n    while i < j:\n"
    "        t = c[i] + c[j]\n        if t == k:\n"
    "            return sorted([i, nums.index(c[j])])\n"
    "        if t < k:\n            i += 1\n        else:\n            j -= 1\n",
)
PIECES = (
    "'a'\n'b'.c\n'd'\n",
    "x = (a\n     + b) * f(c, *d, e=1, **g)\n", "@deco(1)\nclass K(B):\n    y: int = 3\n",
    "async def g(a, /, b=2, *, c: str):\n\tasync with a as b, c:\n\t\tawait b[1:2, ...]\n",
    "match v:\n    case {'k': [a, *_], **r} if a > 1:\n        x = r\n",
    "match a, b:\n    case A.B | -1, x: pass\n    case [_, str(c)] as d: pass\n",
    "try:\n    import a.b as c\nexcept* (E, F) as e:\n    raise X from e\n",
    "print(f'{x!r:>{w}}' 'y' \\\n      \"z\", 1 if a else 2)\n",
    "z = 1 + \\\n  2  # c\n", "z = 1 \\\n  # c\n", "\n# note\n",
    "for i, (j, *k) in q:\n    if (n := i) > 1: continue\nelse: pass\n",
    "u'\u00e9'; \u00e9 = 1.e3\n",
    "del a[0], b.c\nassert a, 'w'\n", "lambda *a, b=1: (yield)\n", "with (a as b, c): pass\r\n",
    "def h():\n    global t\n    nonlocal_ = [x for x in y if x async for z in w]\n",
)  # fmt: skip
programs = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def test_pieces_are_python() -> None:
    assert [piece for piece in PIECES if read_syntax(piece) is None] == []


@given(programs, st.lists(programs, max_size=3))
def test_syntactic_skeleton_parses_and_masking_again_changes_nothing(
    code: str, others: list[str]
) -> None:
    read = [read_syntax(text) for text in (code, *others)]
    group = [syntax for syntax in read if syntax is not None]
    syntax = read_syntax(code)
    assert syntax is not None
    shared = SharedParts([each.parts for each in group])
    skeleton = syntactic_skeleton(code, syntax, shared, NOTHING, PYTHON)
    ast.parse(skeleton.text)
    again = read_syntax(skeleton.text)
    assert again is not None
    assert syntactic_skeleton(skeleton.text, again, shared, NOTHING, PYTHON).text == skeleton.text


@given(programs)
def test_syntactic_spans_are_ordered_and_kept_as_they_are(code: str) -> None:
    syntax = read_syntax(code)
    assert syntax is not None
    skeleton = syntactic_skeleton(code, syntax, NOTHING, NOTHING, PYTHON)
    flat = [position for span in skeleton.kept_spans for position in span]
    assert flat == sorted(set(flat))
    rest = skeleton.text
    for start, end in skeleton.kept_spans:
        gap, kept, rest = rest.partition(code[start:end])
        assert kept and set(gap) <= {MASK, " "}


@given(programs, programs)
def test_similarity_is_of_two_programs_in_any_order(first: str, second: str) -> None:
    assert similarity(first, second, PYTHON) == similarity(second, first, PYTHON)
    assert similarity(first, first, PYTHON) == 1
    assert 0 <= similarity(first, second, PYTHON) <= 1


@settings(max_examples=30)
@given(st.lists(programs, max_size=6), st.floats(0.05, 1), st.randoms())
def test_groups_hold_every_program_once_and_do_not_depend_on_order(
    codes: list[str], least: float, rng: object
) -> None:
    groups = alike_groups(codes, least, PYTHON)
    assert sorted(code for group in groups for code in group) == sorted(codes)
    for group in groups:
        assert all(similarity(a, b, PYTHON) >= least for a in group for b in group)
    other = alike_groups(codes[::-1], least, PYTHON)
    assert {frozenset(group) for group in other} == {frozenset(group) for group in groups}


def test_dictionary_and_two_pointer_programs_are_two_groups() -> None:
    mixed = [DICTIONARY[0], POINTERS[0], DICTIONARY[1], POINTERS[1]]
    groups = alike_groups(mixed, SkeletonConfig().min_similarity, PYTHON)
    assert groups == [DICTIONARY, POINTERS]


@pytest.mark.parametrize(
    "code",
    ["print 'x'", "f(", "x = \0", "type X = int", "def f[T](): pass", "f'{a['b']}'", "t'{x}'",
     "\ud800", "(" * 300 + ")" * 300],
)  # fmt: skip
def test_text_that_is_no_python_3_11_has_no_syntax(code: str) -> None:
    assert read_syntax(code) is None


@pytest.mark.parametrize(
    "code", ["\ufeffx = a + 1\n", "x = a + 1\r# n\ry = 2", "\u00e9 = a + 1\f\n"]
)
def test_odd_encodings_keep_their_places(code: str) -> None:
    syntax = read_syntax(code)
    assert syntax is not None
    sums = [part for part in syntax.parts if part.node_types & bit_of("BinOp")]
    start, end = sums[-1].spans[0]
    assert code[start:end] == "a + 1"


def test_part_is_shared_if_most_of_its_node_types_are() -> None:
    codes = ("x = a[i] + b.c * 2 - d\n", "y = e[j] + f.g * 3 - h(k)\n", "y = 1 + 2\n")
    first, like, unlike = (syntax.parts for syntax in map(read_syntax, codes) if syntax)
    assert SharedParts([first, like]).has(first[0].node_types)
    assert not SharedParts([first, unlike]).has(first[0].node_types)


def test_contrast_keeps_what_only_the_own_group_shares() -> None:
    fast = ["return len(set(a))", "return len(set(b))"]
    slow = ["return len(list(a))", "return len(tuple(b))"]
    assert group_skeleton(fast[0], fast, CONTRAST, PYTHON, against=slow).text == "_ _(set(_))"


def test_contrast_without_another_group_gives_none_and_says_so() -> None:
    skeleton = group_skeleton("x = 1", ["x = 1", "x = 2"], CONTRAST, PYTHON)
    assert (skeleton.text, skeleton.kept_spans) == ("", ())
    assert skeleton.note == "nothing to contrast with: group of 0 programs; needs 2"


def test_program_that_does_not_parse_gets_the_lexical_skeleton_and_says_so() -> None:
    skeleton = group_skeleton("print 'a'", ["print 'b'", "print('c')"], SYNTACTIC, PYTHON)
    assert (skeleton.text, skeleton.method) == ("print _", "lexical")
    assert skeleton.note == (
        "lexical instead of syntactic: the program does not parse as Python 3.11"
    )


def test_group_that_does_not_parse_gives_lexical_skeletons_and_says_so() -> None:
    skeleton = group_skeleton("x = a + 1", ["x = 1)", "x = 2)"], SYNTACTIC, PYTHON)
    assert (skeleton.text, skeleton.method) == ("x = _ + _", "lexical")
    assert "too few of the group parse" in skeleton.note


def test_group_of_one_has_no_syntactic_skeleton_unless_it_is_allowed() -> None:
    none = SYNTACTIC.model_copy(update={"alone": "none"})
    skeleton = group_skeleton("x = a + 1", [], none, PYTHON)
    assert (skeleton.text, skeleton.method) == ("", "syntactic")
    assert skeleton.note == "group of 1 program; needs 2"
    alone = SYNTACTIC.model_copy(update={"min_group": 1})
    assert group_skeleton("x = a + 1", [], alone, PYTHON).text == "x = a + 1"


def test_program_alone_has_the_names_masked_that_it_could_change() -> None:
    alone = SkeletonConfig(alone="names")
    code = "import math\ndef f(a):\n    total = math.sqrt(len(a)) + 2\n    return total\n"
    skeleton = group_skeleton(code, [], alone, PYTHON)
    assert skeleton.text == (
        "import math\ndef f(_):\n    _ = math.sqrt(len(_)) + 2\n    return _\n"
    )
    assert skeleton.note == "by its names: group of 1 program; needs 2"
    assert group_skeleton(code, [code.replace("total", "root")], alone, PYTHON).note == ""
    none = group_skeleton("print(1)\n", [], alone, PYTHON)
    assert (none.text, none.note) == (
        "",
        "group of 1 program; needs 2, and no name of the program can be masked",
    )


def test_programs_alone_on_both_sides_can_be_contrasted() -> None:
    alone = SkeletonConfig(alone="names", contrast=True)
    fast, slow = "def f(a): return len(set(a))", "def f(b): return len(list(b))"
    assert group_skeleton(fast, [fast], alone, PYTHON, against=[slow]).text == "_ _(_): _ _(set(_))"


def test_only_strings_that_python_joins_become_one_mask() -> None:
    code = "x = f('a' 'b')\n'c'.join(\n  'd'\n  f'e')\n'g'\n'h'\n"
    syntax = read_syntax(code)
    assert syntax is not None
    skeleton = syntactic_skeleton(code, syntax, NOTHING, NOTHING, PYTHON)
    assert skeleton.text == "_ = _(_ )\n_._(\n  _\n  )\n_\n_\n"
    assert mask_words("f('a' 'b')", lambda start, end: False, PYTHON).text == "_(_ _)"
    assert tokens("f('a' 'b')") == ("f", "(", "'a'", "'b'", ")")
