"""A table as lines of text that fit a width, no word of a header and no name broken.

The widest of three layouts that fits is taken: every row in a line; headers and texts wrapped; or
every row a paragraph of "header value" under its first cell. Letters of Chinese, Japanese or Korean
are as wide as two others. Pure.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

GAP = 2
"""Blanks between two columns, and before the lines of a paragraph."""
MIN_TEXT = 24
"""Characters: a column with longer texts may be wrapped, and keeps at least this width."""
_SECOND_HALF = "\0"
"""Of a wide letter, for what counts letters."""
_FIGURE = re.compile(r"[-+~]?[\d.,]*\d|[-~]?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The lines of a table; the first `num_header` of `lines` name its columns."""

    title: tuple[str, ...]
    num_header: int
    lines: tuple[str, ...]


def lay_out(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Layout:
    """The table in `width` characters a line; figures are right-aligned, texts left."""
    assert all(len(row) == len(columns) for row in rows), (columns, rows)
    made = [_Column(name, [row[i] for row in rows]) for i, name in enumerate(columns)]
    made[0].is_figure = False
    titles = tuple(line for part in title.split("\n") for line in wrapped(part, width) or [""])
    widths = _widths(made, width)
    if widths is None:
        return Layout(title=titles, num_header=0, lines=tuple(_paragraphs(made, width)))
    header = _line_up([column.name for column in made], made, widths)
    body = [
        line for row in zip(*(column.cells for column in made), strict=True)
        for line in _line_up(row, made, widths)
    ]  # fmt: skip
    return Layout(title=titles, num_header=len(header), lines=(*header, *body))


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The text in lines of at most `width`, broken between words; later lines begin with `indent`.
    Only a word that is longer than a line is broken itself."""
    halves = "".join(letter + _SECOND_HALF * (cell_len(letter) - 1) for letter in text)
    lines = textwrap.wrap(halves, max(width, len(indent) + 1), subsequent_indent=indent,
                          break_on_hyphens=False)  # fmt: skip
    return [line.replace(_SECOND_HALF, "") for line in lines]


def flowed(items: Sequence[str], width: int) -> list[str]:
    """The items one after another in indented lines, none broken that fits into a line."""
    indent = " " * GAP
    lines: list[str] = []
    for item in items:
        if lines and cell_len(lines[-1]) + GAP + cell_len(item) <= width:
            lines[-1] += indent + item
        else:
            lines += [indent + item] if GAP + cell_len(item) <= width else wrapped(
                indent + item, width, indent
            )  # fmt: skip
    return [line.rstrip() for line in lines]


class _Column:
    """A column's name and cells, and how narrow it can be."""

    def __init__(self, name: str, cells: Sequence[str]) -> None:
        self.name = name
        self.cells = [" ".join(cell.splitlines()) for cell in cells]
        self.is_figure = all(_FIGURE.match(cell) for cell in self.cells)
        widest = max(map(cell_len, self.cells), default=0)
        self.is_text = any(cell_len(cell) > MIN_TEXT and " " in cell.strip() for cell in self.cells)
        self.is_text &= not self.is_figure
        self.natural = max(widest, cell_len(name))
        word = max(map(cell_len, name.split()), default=0)
        self.least = max(word, min(widest, MIN_TEXT) if self.is_text else widest)


def _widths(columns: Sequence[_Column], width: int) -> list[int] | None:
    """The width of each column, or None if not even the least ones fit."""
    room = width - GAP * (len(columns) - 1)
    widths = [column.least for column in columns]
    if sum(widths) > room:
        return None
    for index in sorted(range(len(columns)), key=lambda i: columns[i].natural):
        more = min(columns[index].natural - widths[index], room - sum(widths))
        widths[index] += more
    return widths


def _line_up(cells: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]) -> list[str]:
    """One row as lines of the given column widths."""
    parts = [
        [cell] if cell_len(cell) <= width else wrapped(cell, width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for index in range(max(map(len, parts))):
        texts = [part[index] if index < len(part) else "" for part in parts]
        lines.append((" " * GAP).join(
            _filled(text, width, is_figure=column.is_figure)
            for text, column, width in zip(texts, columns, widths, strict=True)
        ).rstrip())  # fmt: skip
    return lines


def _filled(text: str, width: int, *, is_figure: bool = False) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if is_figure else text + blanks


def _paragraphs(columns: Sequence[_Column], width: int) -> Iterator[str]:
    """Every row as its first cell and, below it, the others with their headers; the same column
    stands at the same place in every row."""
    indent = " " * GAP
    first, *others = columns
    short = [c for c in others if not c.is_text and c.natural + len(c.name) + 2 * GAP <= width]
    long = [column for column in others if column not in short]
    sizes = [max(map(cell_len, column.cells), default=0) for column in short]
    for index, name in enumerate(first.cells):
        yield from wrapped(name, width)
        items = [
            f"{column.name} {_filled(column.cells[index], size)}"
            for column, size in zip(short, sizes, strict=True)
        ]
        yield from flowed(items, width)
        for column in long:
            if column.cells[index]:
                text = f"{indent}{column.name}: {column.cells[index]}"
                yield from wrapped(text, width, indent * 2)
