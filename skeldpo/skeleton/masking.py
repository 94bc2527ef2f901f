"""Program text with words masked by `_`.

All skeleton methods share this: they only decide which words stay. Texts need not be programs; the
language says what a word is, and what a comment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from skeldpo.languages.contract import Language, LexemeKind, Span

MASK = "_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A text with words masked; `kept_spans` are the [start, end) ranges of the code it keeps."""

    text: str
    kept_spans: tuple[Span, ...]


def mask_words(
    code: str,
    is_kept: Callable[[int, int], bool],
    language: Language,
    *,
    joined: Collection[int] | None = None,
) -> Masked:
    """The code with every word token [start, end) masked for which `is_kept` is false.

    Comments go with the blanks before them, and a line that holds only a comment goes whole; blank
    lines, indentation, line ends and backslash continuations stay as they are. A masked string of
    several lines becomes one `_`. A space is put between a mask and a word it would touch (`1if`
    gives `1 _`).

    With `joined`, the starts of strings that are joined to the one before them, the result parses
    if the code does: those leave no mask of their own, and a comment that ends a continued line
    leaves the line's end.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    word_before_is_masked: bool | None = None
    for start, end, kind in _kept_tokens(code, language, must_parse=joined is not None):
        is_word = kind == "word"
        is_masked = is_word and not is_kept(start, end)
        if is_masked and joined and start in joined:
            continue
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
    return Masked(text="".join(pieces), kept_spans=tuple(spans))


def _kept_tokens(
    code: str, language: Language, *, must_parse: bool
) -> Iterator[tuple[int, int, LexemeKind]]:
    """(start, end, kind) of every token but comments and the layout that goes with them."""
    layouts: list[Span] = []
    line_is_blank = True
    drops_line_end = False
    last_end = 0
    for lexeme in language.lexemes(code):
        start, end, kind = lexeme.start, lexeme.end, lexeme.kind
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
            continues_line = must_parse and code[last_end - 1 : last_end] == "\\"
            drops_line_end = line_is_blank and not continues_line
        else:
            yield from ((first, last, "layout") for first, last in layouts if first < last)
            layouts.clear()
            line_is_blank = False
            last_end = end
            yield start, end, kind
    yield from ((first, last, "layout") for first, last in layouts if first < last)


def _line_start(code: str, start: int, end: int) -> int:
    """Where the last line of the range begins; `start` if the range has no line end."""
    return max(code.rfind("\n", start, end), code.rfind("\r", start, end), start - 1) + 1
