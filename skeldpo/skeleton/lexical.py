"""The lexical skeleton: what the programs of one group share stays, other words become `_`.

The rule (METHOD section 2): the common tokens of a group are those in every one of its programs,
comments and blanks left out. In each program every word token (identifier, keyword, number or
string) that is not common is replaced by one `_`; operators, punctuation and layout always stay.
Keywords get no special treatment, so `import numpy as np` becomes `import numpy _ _` in a group
that shares only `import numpy`, and `[:, 0]` keeps its 0 where 0 is common. Efficient and
inefficient programs are two groups with two sets of common tokens.

Texts need not be valid Python, and the result does not depend on the Python version: tokens come
from one linear pass of the regular expression below. A string is one token up to its closing quote
(or the end of the line), f-strings too, so one that reuses its own quotes inside splits in parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from skeldpo.records import Skeleton

METHOD = "lexical"
VERSION = 1
MASK = "_"

_TOKEN = re.compile(
    r"""
      (?P<comment> \#[^\r\n]*+ )
    | (?P<word>
        (?: [uU] | [bBfFtT][rR]? | [rR][bBfFtT]? )?+      # strings, closed or not
        (?: '''(?: [^'\\]++ | \\[\s\S]?+ | '(?!'') )*+(?:''')?+
          | \"""(?: [^"\\]++ | \\[\s\S]?+ | "(?!"") )*+(?:\""")?+
          | '(?: [^'\\\r\n]++ | \\(?:\r\n|[\s\S])?+ )*+'?+
          | "(?: [^"\\\r\n]++ | \\(?:\r\n|[\s\S])?+ )*+"?+
        )
      | 0[xX](?:_?[0-9a-fA-F])++ | 0[bB](?:_?[01])++ | 0[oO](?:_?[0-7])++         # numbers
      | (?: \d(?:_?\d)*+ (?:\.(?:\d(?:_?\d)*+)?+)?+ | \.\d(?:_?\d)*+ )
        (?: [eE][+-]?+\d(?:_?\d)*+ )?+ [jJ]?+
      | [^\W\d]\w*+                                       # identifiers and keywords
      )
    | (?P<operator>
        \*\*= | //= | >>= | <<= | \.\.\. | != | -> | :=
      | \*\* | // | >> | << | <= | >= | == | [-+*/%@&|^]= | [^\w\s]
      )
    | (?P<layout> \s++ )
    """,
    re.VERBOSE,
)


def tokens(code: str) -> tuple[str, ...]:
    """The word and operator tokens of a program in order, without comments and blanks."""
    return tuple(
        match.group() for match in _TOKEN.finditer(code) if match.lastgroup in ("word", "operator")
    )


def common_tokens(programs: Sequence[str]) -> frozenset[str]:
    """The tokens that each of the programs contains; ValueError if there is no program."""
    if not programs:
        raise ValueError("common_tokens: needs at least one program, got none")
    return frozenset.intersection(*(frozenset(tokens(program)) for program in programs))


def lexical_skeleton(code: str, common: frozenset[str]) -> Skeleton:
    """The code with the word tokens outside `common` masked.

    Comments go with the blanks before them, and a line that holds only a comment goes whole; blank
    lines, indentation, line ends and backslash continuations stay as they are. A masked string of
    several lines becomes one `_`. A space is put between a mask and a word it would touch (`1if`
    gives `1 _`). Any text is taken, and masking the result again changes nothing.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    word_before_is_masked: bool | None = None
    for start, end, kind in _kept_tokens(code):
        is_word = kind == "word"
        is_masked = is_word and code[start:end] not in common
        if is_word and word_before_is_masked is not None and (is_masked or word_before_is_masked):
            pieces.append(" ")
        word_before_is_masked = is_masked if is_word else None
        if is_masked:
            pieces.append(MASK)
            continue
        pieces.append(code[start:end])
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return Skeleton(
        text="".join(pieces), method=METHOD, version=VERSION, kept_spans=tuple(spans), note=""
    )


def group_skeleton(code: str, group: Sequence[str], *, min_group: int) -> Skeleton:
    """The skeleton of `code` by the common tokens of its group.

    Programs whose tokens are all equal count once. A group of fewer than `min_group` programs gives
    an empty skeleton: with one program nothing would be masked.
    """
    distinct = {tokens(program): program for program in group}
    if len(distinct) < max(min_group, 1):
        noun = "program" if len(distinct) == 1 else "programs"
        return empty_skeleton(f"group of {len(distinct)} {noun}; needs {max(min_group, 1)}")
    return lexical_skeleton(code, common_tokens(list(distinct.values())))


def empty_skeleton(note: str) -> Skeleton:
    """No skeleton; `note` says why."""
    return Skeleton(text="", method=METHOD, version=VERSION, kept_spans=(), note=note)


def _kept_tokens(code: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of every token but comments and the layout that goes with them."""
    layouts: list[tuple[int, int]] = []
    line_is_blank = True
    drops_line_end = False
    for match in _TOKEN.finditer(code):
        start, end = match.span()
        kind = match.lastgroup or ""
        if kind == "layout":
            if drops_line_end:
                start += 2 if code.startswith("\r\n", start) else 1
                drops_line_end = False
            layouts.append((start, end))
            line_is_blank = line_is_blank or _line_start(code, start, end) > start
        elif kind == "comment":
            if layouts:
                start, end = layouts.pop()
                layouts.append((start, _line_start(code, start, end)))
            drops_line_end = line_is_blank
        else:
            yield from ((first, last, "layout") for first, last in layouts if first < last)
            layouts.clear()
            line_is_blank = False
            yield start, end, kind
    yield from ((first, last, "layout") for first, last in layouts if first < last)


def _line_start(code: str, start: int, end: int) -> int:
    """Where the last line of the range begins; `start` if the range has no line end."""
    return max(code.rfind("\n", start, end), code.rfind("\r", start, end), start - 1) + 1
