"""Equal keys for one program in several texts; other keys wherever the difference could show."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.languages.python import normalize_program, own_names

PLAIN = """
def pairs(items):
    seen = {}
    for index, item in enumerate(items):
        def rest(k):
            nonlocal seen
            return [k - 1 for k in seen]
        try:
            seen[item] = rest(index)
        except KeyError as error:
            raise ValueError(item) from error
    return seen
"""
DISGUISED = '''
"""Module text."""
# comment
def pairs( xs ):
    """Finds things."""
    d = {}   # found

    for i, x in enumerate(xs):
        def inner(q):
            nonlocal d
            return [q-1 for q in d]
        try:
            d[x] = inner(i)
        except KeyError as e:
            raise ValueError(x) from e
    return (d)
'''


def test_layout_comments_docstrings_and_variable_names_do_not_count():
    assert normalize_program(PLAIN) == normalize_program(DISGUISED)


def test_key_of_a_small_program():
    key = normalize_program("def f(a, b):\n    c = a + b  # sum\n    return c * a\n")
    assert key == "def f($0, $1):\n    $2 = $0 + $1\n    return $2 * $0"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(a, b): return a - b", "def f(a, b): return b - a"),
        ("def f(a): return a", "def g(a): return a"),
        ("x = 1\ndef f(): return x", "y = 1\ndef f(): return y"),
        ("f = lambda a: a", "g = lambda a: a"),
        ("def f(a): return a.x", "def f(a): return a.y"),
        ("def f(a): return g(k=a)\ndef g(k): return k",
         "def f(a): return g(k=a)\ndef g(m): return m"),
        ("def f(a): return g(**{'k': a})\ndef g(k): return k",
         "def f(a): return g(**{'k': a})\ndef g(m): return m"),
        ("def f(a): return locals()", "def f(b): return locals()"),
        ("def f(a): return eval('a')", "def f(b): return eval('a')"),
        ("class S:\n    n = 1\n    def f(self): return self.n",
         "class S:\n    m = 1\n    def f(self): return self.n"),
        ("def f(a): sum = a\ndef g(a): return sum(a)", "def f(a): b = a\ndef g(a): return b(a)"),
        ("def f():\n    global n\n    n = 1", "def f():\n    global m\n    m = 1"),
        ("def f():\n    '''a'''\nprint(f.__doc__)", "def f():\n    '''b'''\nprint(f.__doc__)"),
        ("import doctest\ndef f():\n    '''>>> f()'''\ndoctest.testmod()",
         "import doctest\ndef f():\n    '''>>> f()\n    1'''\ndoctest.testmod()"),
        ("def f(): return open(__file__)  # a", "def f(): return open(__file__)  # b"),
        ("import sys\ndef f(): return sys._getframe().f_lineno",
         "import sys\n\ndef f(): return sys._getframe().f_lineno"),
        ("def f(a): return f'{a=}'", "def f(b): return f'{b=}'"),
        ("from math import *\ndef f(a): return e * a",
         "from math import *\ndef f(e): return e * e"),
        ("def f(a): return 1", "def f(a): return 1.0"),
        ("def f(a: List): return a", "def f(a: Dict): return a"),
        ("def f(inf): return g()\ndef g(): return inf", "def f(a): return g()\ndef g(): return a"),
        ("def f(cache): return g()\n@cache\ndef g(): return 1",
         "def f(memo): return g()\n@memo\ndef g(): return 1"),
        ("from inspect import signature\ndef f(a): return str(signature(f))",
         "from inspect import signature\ndef f(b): return str(signature(f))"),
    ],
)  # fmt: skip
def test_difference_that_could_show_gives_other_keys(first, second):
    assert normalize_program(first) != normalize_program(second)


def test_variables_of_a_function_called_top_are_numbered_too():
    first, second = ("def top(a):\n    b = a\n    return b\n".replace("b", x) for x in "bc")
    assert normalize_program(first) == normalize_program(second)


def test_module_variables_keep_their_names_in_functions_too():
    key = normalize_program("n = int(input())\ndef f(k):\n    t = n + k\n    return t\nprint(f(1))")
    assert "n = int(input())" in key and "return $1" in key and "n + $0" in key


def test_text_that_is_no_program_is_its_own_key():
    assert normalize_program("  def f(:\n") == normalize_program("def f(:")
    assert normalize_program("def f(:") != normalize_program("def g(:")
    assert normalize_program("def f($0): return $0") != normalize_program("def f(a): return a")
    assert normalize_program("(" * 5000 + ")" * 5000).startswith("# not a program")


@pytest.mark.parametrize("code", ["x = 1\0", "\ud800", "x = " + "9" * 5000, ""])
def test_odd_texts_have_a_key(code):
    assert normalize_program(code) == normalize_program(code + "\n")


def test_a_mark_of_byte_order_is_none_of_the_program() -> None:
    code = "n = int(input())\nprint(n)\n"
    assert normalize_program(f"\ufeff{code}") == normalize_program(code)
    assert own_names(f"\ufeff{code}") == {"n"}


@given(st.text(max_size=100).filter(lambda text: not text.startswith("\ufeff")))
def test_any_text_has_a_key_that_blank_lines_around_do_not_change(text):
    assert normalize_program(f"\n{text}\n") == normalize_program(text)


@given(st.permutations(["alpha", "beta", "gamma", "delta"]))
def test_any_names_give_the_same_key(names):
    a, b, c, d = names
    code = f"def f({a}, {b}):\n    {c} = [{d} for {d} in {a} if {d} > {b}]\n    return {c}\n"
    assert normalize_program(code) == normalize_program(
        "def f(w, x):\n    y = [z for z in w if z > x]\n    return y\n"
    )


def test_own_names_are_those_nobody_outside_would_notice() -> None:
    code = (
        "import math\nLIMIT = 3\n"
        "def f(a, b=1):\n    total = len(a) + LIMIT\n    return f(a, b=total)\n"
    )
    assert own_names(code) == {"LIMIT", "a", "total"}
    assert own_names("n = int(input())\nfor i in range(n):\n    print(i)\n") == {"n", "i"}
    assert own_names("def f(a): return locals()") == own_names("def f(:") == frozenset()


def test_what_python_warns_of_is_no_warning_of_ours() -> None:
    code = "def f(s):\n    return 1if s else {}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert normalize_program(code.format(2)) == normalize_program(code.format(2) + "# two\n")
        assert normalize_program(code.format(2)) != normalize_program(code.format(3))
