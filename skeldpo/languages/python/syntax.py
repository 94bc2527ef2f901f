"""The syntax of a program as parts: ranges of its text, each with the set of node types inside.

A part is a simple statement, the header of a compound one (decorators belong to it, its body does
not) or an expression. Positions are characters of the text. The grammar is that of Python 3.11
whatever runs this: newer syntax counts as not parsing, and an f-string is one part without insides,
since versions place those differently.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import warnings
from bisect import bisect_left
from collections.abc import Iterator

from skeldpo.languages.contract import Part, Span, Syntax
from skeldpo.languages.python.tokens import is_string, tokens, word_spans

FEATURE_VERSION = (3, 11)
GRAMMAR = f"Python {'.'.join(map(str, FEATURE_VERSION))}"
KEYWORDS = frozenset(
    {"and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
     "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
     "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield"}
)  # fmt: skip
"""Words that no name can stand for; None, True and False are values like others."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_Placed = ast.stmt | ast.expr | ast.ExceptHandler | ast.pattern
_Family = tuple[ast.AST, list[ast.AST]]


@functools.lru_cache(maxsize=256)
def read_syntax(code: str) -> Syntax | None:
    """The syntax of a program; None if it is no Python 3.11."""
    shift = code.startswith("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code[shift:], feature_version=FEATURE_VERSION)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    places = _Places(code, int(shift))
    families = _families(tree)
    nodes = [node for node, _ in families]
    if any(_is_newer(node, places) for node in nodes):
        return None
    node_types = _node_types(families)
    words = word_spans(code)
    return Syntax(
        parts=tuple(
            Part(node_types=node_types[node], spans=tuple(_part_spans(node, places)))
            for node in nodes
            if isinstance(node, ast.stmt | ast.expr | ast.ExceptHandler)
        ),
        fixed_spans=tuple(_fixed_spans(nodes, places, words)),
        joined=frozenset(_joined(nodes, places, words)),
        edges=frozenset(_edges(families)),
        line_starts=places.line_starts,
    )


def bit_of(name: str) -> int:
    """The bit of a node type, numbered in alphabetical order."""
    return 1 << _TYPE_NUMBERS[name]


_TYPE_NUMBERS = {
    name: number
    for number, name in enumerate(
        sorted(
            name
            for name, kind in vars(ast).items()
            if isinstance(kind, type) and issubclass(kind, ast.AST)
        )
    )
}


class _Places:
    """Where nodes are in the text: `ast` counts lines and UTF-8 bytes."""

    def __init__(self, code: str, shift: int) -> None:
        self.code = code
        starts = [shift, *(match.end() for match in _LINE_END.finditer(code))]
        self._lines = [
            (start, code[start:end])
            for start, end in zip(starts, [*starts[1:], len(code)], strict=True)
        ]
        self._tables: dict[int, list[int]] = {}

    @property
    def line_starts(self) -> tuple[int, ...]:
        return tuple(start for start, _ in self._lines)

    def span(self, node: _Placed) -> Span:
        return self.start(node), self._place(node.end_lineno or 0, node.end_col_offset or 0)

    def start(self, node: _Placed) -> int:
        return self._place(node.lineno, node.col_offset)

    def _place(self, line_number: int, column_bytes: int) -> int:
        start, line = self._lines[line_number - 1]
        if line.isascii():
            return start + column_bytes
        if line_number not in self._tables:
            self._tables[line_number] = [
                index for index, letter in enumerate(line) for _ in letter.encode()
            ] + [len(line)]
        return start + self._tables[line_number][column_bytes]


def _families(tree: ast.Module) -> list[_Family]:
    """Every node with its children, the outer ones before their inner ones; no recursion, so any
    depth will do."""
    found: list[_Family] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        below = ast.iter_child_nodes(node) if not isinstance(node, ast.JoinedStr) else ()
        children = [child for child in below if not isinstance(child, ast.expr_context)]
        found.append((node, children))
        waiting += reversed(children)
    return found


def _node_types(families: list[_Family]) -> dict[ast.AST, int]:
    """The types in and below each node; the blocks of a statement are not below it."""
    found: dict[ast.AST, int] = {}
    for node, children in reversed(families):
        types = bit_of(type(node).__name__)
        for child in children:
            if not isinstance(child, _BLOCKS):
                types |= found[child]
        found[node] = types
    return found


def _part_spans(node: ast.stmt | ast.expr | ast.ExceptHandler, places: _Places) -> Iterator[Span]:
    start, end = places.span(node)
    if isinstance(node, ast.Match):
        end = places.start(node.cases[0].pattern)
    elif isinstance(body := getattr(node, "body", None), list):
        end = min(places.start(first) for first in [body[0], *_decorators(body[0])])
    yield from (places.span(decorator) for decorator in _decorators(node))
    yield start, end


def _decorators(node: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = getattr(node, "decorator_list", [])
    return found


def _joined(nodes: list[ast.AST], places: _Places, words: list[Span]) -> Iterator[int]:
    for node in nodes:
        match node:
            case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
                start, end = places.span(node)
                first, last = (bisect_left(words, (place, 0)) for place in (start + 1, end))
                yield from (word_start for word_start, _ in words[first:last])


def _fixed_spans(nodes: list[ast.AST], places: _Places, spans: list[Span]) -> Iterator[Span]:
    """Keywords, soft ones too, and the words of patterns but captures that stand by themselves."""
    code = places.code
    yield from (span for span in spans if code[slice(*span)] in KEYWORDS)
    starts = [start for start, _ in spans]
    captures = {
        places.start(node)
        for node in nodes
        if isinstance(node, ast.MatchAs) and node.pattern is None
    }
    for node in nodes:
        if isinstance(node, ast.Match):
            yield spans[bisect_left(starts, places.start(node))]
        elif isinstance(node, ast.match_case):
            start, end = places.span(node.pattern)
            first = bisect_left(starts, start)
            yield from spans[first - 1 : first]
            for span in spans[first : bisect_left(starts, end)]:
                if span[0] not in captures:
                    yield span


def _edges(families: list[_Family]) -> Iterator[str]:
    for node, children in families:
        outer = type(node).__name__
        for child in children:
            yield f"{outer}>{type(child).__name__}"
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                yield f"call {name}"
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (f"import {alias.name}" for alias in aliases)


def _is_newer(node: ast.AST, places: _Places) -> bool:
    """Whether an f- or t-string is written as only Python 3.12 or later reads it."""
    if type(node).__name__ == "TemplateStr":
        return True
    if not isinstance(node, ast.JoinedStr):
        return False
    start, end = places.span(node)
    literals = tokens(places.code[start:end])
    if any(not is_string(literal) and literal != "\\" for literal in literals):
        return True
    # Python 3.11 refuses a backslash in braces; later ones know where the braces are.
    return sys.version_info >= (3, 12) and any(
        "\\" in places.code[slice(*places.span(inner.value))]
        for inner in ast.walk(node)
        if isinstance(inner, ast.FormattedValue)
    )
