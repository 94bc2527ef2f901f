"""The pieces of an answer in a language: fenced blocks, transcripts, lines without a fence. Pure.

A block ends at the first fence at which it is a program: a fence inside a string of the program
ends nothing, as the program before it is none.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from skeldpo.languages.contract import Definition, Language

Kind = Literal["labelled", "plain", "unfenced", "transcript"]
_FENCE = re.compile(r"^(?P<before>.*?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_PLACE = re.compile(r"[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?\Z")
"""What may stand before an opening fence: blanks, marks of a quotation or of a list item."""
_LABEL = re.compile(r"[\w+#.-]+")
_FILE = re.compile(r"\A\s*(?:\w+=[\"']?)?(?:[\w.~-]*[/\\])*([\w-]+\.\w+)\b(?!:)")
"""The name of a file in the place of a label, as in `src/area.py` and `title="area.py"`."""
_PLAIN = frozenset({"", "code", "text", "txt", "plaintext", "plain", "solution", "none"})
_PROSE = frozenset({"markdown", "md"})
MAX_FENCES = 60
"""Fences that a block may hold in its strings."""
MAX_QUOTED = 20
"""Blocks before one of which it may be a part: models repeat themselves."""
MAX_TRIES = 1000
"""Further lines of one answer that are tried as parts of statements: models repeat themselves
without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of an answer; `first` and `end` are its lines [first, end) in the answer."""

    code: str
    kind: Kind
    first: int
    end: int
    is_closed: bool
    is_program: bool


def has_fence(text: str, language: Language) -> bool:
    """Whether a line of a text may open or close a block."""
    return any(
        _opening(line, language) or line.strip() in language.FENCES.tags
        for line in text.split("\n")
    )


def find_blocks(text: str, language: Language) -> list[Block]:
    """The pieces in their order; blocks of other languages are passed over."""
    lines = [language.FENCES.tags.get(line.strip(), line) for line in text.split("\n")]
    blocks: list[Block] = []
    at, tries = 0, MAX_TRIES

    def is_fence(line: str) -> bool:
        return _opening(line, language) is not None

    while at < len(lines):
        opening = _opening(lines[at], language)
        if opening is None or not opening.is_placed:
            block = None
            if tries > 0:
                statement = language.unfenced(lines, at, is_fence)
                tries -= statement.num_tried
                if statement.code:
                    block = _unfenced(statement.code, at, statement.end)
            block = block or _one_line(lines[at], at, language)
            if block is not None:
                blocks.append(block)
                at = block.end
                continue
        if opening is None:
            at += 1
            continue
        if not opening.label and _is_unopened(blocks, lines, at):
            at += 1
            continue
        block, at = _fenced(lines, at, opening, language)
        if block is not None:
            blocks.append(block)
    return _merged(blocks, lines, language)


def with_opening(text: str, entry_point: str, language: Language) -> str:
    """The text, behind the fence that its prompt ended with where it is a program up to a bare
    fence: with the function, or a script that writes."""
    lines = text.split("\n")
    openings = ((n, _opening(line, language)) for n, line in enumerate(lines))
    number, fence = next(((n, found) for n, found in openings if found), (0, None))
    program = language.parsed("\n".join(lines[:number])) if fence and not fence.label else None
    if fence is None or program is None:
        return text
    if entry_point:
        is_whole = program.definition(entry_point) >= Definition.PARTIAL
    else:
        is_whole = language.WRITES.search(program.executed) is not None
    return f"{fence.mark}{language.FENCES.label}\n{text}" if is_whole else text


def ends_alone(block: Block, text: str, language: Language) -> bool:
    """Whether nothing but a blank line, a fence, a closing tag or the end follows a piece without a
    fence: what follows at once may be a line of the same, broken, program."""
    lines = text.split("\n")
    follows = lines[block.end] if block.end < len(lines) else ""
    is_blank = not lines[block.end - 1].strip() or not follows.strip()
    return is_blank or follows.startswith("</") or _opening(follows, language) is not None


def program_blocks(text: str, entry_point: str, language: Language) -> list[Block]:
    """The blocks; one that is no program, as one that was cut or has prose in it, is given as the
    programs inside it if one of them defines the entry point as a whole; those that show a part of
    one before them again are passed over."""
    made: list[Block] = []
    for block in find_blocks(text, language):
        pieces = [block]
        if not block.is_program and block.kind in ("labelled", "plain") and entry_point:
            found = find_blocks(block.code, language)
            inside = [piece for piece in found if piece.kind == "unfenced"]
            if any(_defines(piece.code, entry_point, language) for piece in inside):
                pieces = [replace(block, code=piece.code, is_program=True) for piece in inside]
        made += pieces
    return _without_quotations(made, entry_point, language)


def _without_quotations(
    blocks: Sequence[Block], entry_point: str, language: Language
) -> list[Block]:
    """The blocks but those that show a part of one before them again, as explanations do, whatever
    their comments; `...` and `# ...` stand for any lines."""
    kept: list[tuple[Block, list[str]]] = []
    for block in blocks:
        shown = _token_lines(block.code, language)
        if not any(
            shown != held
            and _is_within(shown, held)
            and _is_less(block, whole, entry_point, language)
            for whole, held in kept[-MAX_QUOTED:]
        ):
            kept.append((block, shown))
    return [block for block, _ in kept]


def _is_less(part: Block, whole: Block, entry_point: str, language: Language) -> bool:
    """Whether a part of a block has less of what the entry point needs, or is of a script that
    reads more."""
    if not entry_point:
        shown = {*_token_lines(part.code, language)}
        left_out = (line for line in _token_lines(whole.code, language) if line not in shown)
        return language.READS.search("\n".join(left_out)) is not None
    mine, its = language.parsed(part.code), language.parsed(whole.code)
    if mine is None or its is None:
        return False
    root = frozenset({entry_point.partition(".")[0]})
    needed, all_needed = (language.tokens(p.needed(root, entry_point)) for p in (mine, its))
    return its.definition(entry_point) is Definition.WHOLE and needed != all_needed


def _token_lines(code: str, language: Language) -> list[str]:
    """The lines without comments and blanks; a comment that begins with dots is "..."."""
    comment = re.escape(language.LINE_COMMENT)
    marked = re.sub(rf"(?m)^[ \t]*{comment}[ \t]*(?:\.\.\.|\u2026).*", "...", code)
    return [" ".join(tokens) for tokens in map(language.tokens, marked.split("\n")) if tokens]


def _is_within(shown: Sequence[str], held: Sequence[str]) -> bool:
    """Whether lines follow each other among others; "..." stands for any."""
    text = "\n".join(("", *held, ""))
    place = 0
    for is_gap, piece in itertools.groupby(shown, "...".__eq__):
        if not is_gap:
            lines = "\n".join(("", *piece, ""))
            place = text.find(lines, place)
            if place < 0:
                return False
            place += len(lines) - 1
    return True


def _defines(code: str, entry_point: str, language: Language) -> bool:
    program = language.parsed(code)
    return program is not None and program.definition(entry_point) is Definition.WHOLE


def repaired(code: str, language: Language) -> str | None:
    """The program that a block's text is, as it stands or mended, or None."""
    return next((text for text in language.mended(code) if language.parsed(text) is not None), None)


def _shifted(line: str, width: int) -> str:
    """The line without its first `width` columns, as far as they are blanks."""
    at = 0
    while line[at : at + 1] in (" ", "\t") and _num_columns(line[:at]) < width:
        at += 1
    return line[at:]


def _num_columns(text: str) -> int:
    """Of a text of one line, with Markdown's tabs."""
    return len(text.expandtabs(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    mark: str
    label: str
    code: str
    kind: Kind | None
    is_placed: bool
    width: int
    quotes: int


def _opening(line: str, language: Language) -> _Opening | None:
    """The fence that a line opens, if it does; after prose, only with a label of the language."""
    match = _FENCE.match(line)
    if match is None:
        return None
    info = match["info"].lower()
    words = _FILE.findall(info) or _LABEL.findall(info)
    label = words[0].strip(".-") if words else ""
    kind: Kind | None = None
    fences = language.FENCES
    if fences.transcripts.fullmatch(label):
        kind = "transcript"
    elif fences.labels.fullmatch(label):
        kind = "labelled"
    elif label in _PLAIN:
        kind = "plain"
    before, quotes = match["before"], match["before"].count(">")
    is_placed = bool(_PLACE.match(before))
    in_comment = before.lstrip().startswith(language.LINE_COMMENT)
    if not is_placed and (kind != "labelled" or "`" in before or in_comment):
        return None
    return _Opening(
        mark=match["fence"],
        label=label,
        code=_code_of(match["info"], language),
        kind=kind,
        is_placed=is_placed,
        width=_num_columns(_unquoted(before, quotes)) if is_placed else 0,
        quotes=quotes if is_placed else 0,
    )


def _code_of(info: str, language: Language) -> str:
    """The first line of a block that stands in the line of its fence, or ""."""
    rest = info.strip().partition(" ")[2]
    return rest if language.FENCES.first_line.match(rest) else ""


def _fenced(
    lines: Sequence[str], at: int, opening: _Opening, language: Language
) -> tuple[Block | None, int]:
    """The block that opens at a line, None if it does not count, and the line after it."""
    if opening.label in _PROSE:
        return None, at + 1  # text around blocks: a fence of its own, and no program
    close = re.compile(rf"[ \t]*{opening.mark[0]}{{{len(opening.mark)},}}[ \t]*")
    glued = re.compile(rf"(.*\S){opening.mark[0]}{{{len(opening.mark)},}}[ \t]*")
    body = [opening.code] if opening.code else []
    in_string: list[tuple[int, int]] = []
    for number in range(at + 1, len(lines)):
        line = _unquoted(lines[number], opening.quotes)
        is_close = close.fullmatch(line) is not None
        other = None if is_close else _opening(lines[number], language)
        if opening.kind is None:
            if is_close or (other and other.kind == "labelled"):
                return None, number + is_close
            continue
        if is_close or (other and other.label and other.is_placed):
            is_end = _is_program(body, opening.kind, language) or not _ends_in_string(
                body, language
            )
            if is_end and other and opening.kind == "plain" and other.kind == "labelled":
                return None, at + 1  # around a block with a label: no program either
            if is_end:
                return _block(body, opening.kind, at, number, language), number + is_close
            in_string.append((number, len(body)))
            if len(in_string) > MAX_FENCES:
                break
        elif opening.kind == "labelled" and (end := glued.fullmatch(line)):
            whole = [*body, _shifted(end[1], opening.width)]
            if _is_program(whole, opening.kind, language):
                return _block(whole, opening.kind, at, number + 1, language), number + 1
        body.append(_shifted(line, opening.width))
    if opening.kind is None:
        return None, len(lines)
    if not in_string or _is_program(body, opening.kind, language):
        block = _block(body, opening.kind, at, len(lines), language)
        return block and replace(block, is_closed=False), len(lines)
    end_line, size = in_string[0]  # the string is what has no end
    return _block(body[:size], opening.kind, at, end_line, language), end_line + 1


def _ends_in_string(body: Sequence[str], language: Language) -> bool:
    """Whether a text stops within a string of several lines."""
    return any(map(language.ends_in_string, language.mended("\n".join(body) + "\n")))


@functools.cache
def _one_line_pattern(labels: str) -> re.Pattern[str]:
    return re.compile(rf"[ \t]*(`{{3,}})(?:(?:{labels})[ \t]+)?([^`\n]+)\1[ \t]*\Z")


def _one_line(line: str, at: int, language: Language) -> Block | None:
    """A block whose fences stand on one line with it."""
    match = _one_line_pattern(language.FENCES.short_labels).match(line)
    if match is None or language.parsed(match[2].strip()) is None:
        return None
    block = _unfenced(match[2].strip() + "\n", at, at + 1)
    return replace(block, kind="plain")


def _unquoted(line: str, quotes: int) -> str:
    """The line without so many marks of quotations."""
    return re.sub(rf"\A(?:[ \t]*>[ \t]?){{0,{quotes}}}", "", line) if quotes else line


def _block(
    body: Sequence[str], kind: Kind, first: int, end: int, language: Language
) -> Block | None:
    """A closed block of lines; None of blank ones."""
    text = "\n".join(body).rstrip() + "\n"
    if not text.strip():
        return None
    if kind != "transcript" and language.is_transcript(body):
        kind = "transcript"
    code = _program_of(body, kind, language)
    return Block(
        code=text if code is None else code.rstrip() + "\n",
        kind=kind,
        first=first,
        end=end,
        is_closed=True,
        is_program=code is not None,
    )


def _program_of(body: Sequence[str], kind: Kind, language: Language) -> str | None:
    if kind == "transcript" or language.is_transcript(body):
        return repaired(language.typed(body), language)
    return repaired("\n".join(body) + "\n", language)


def _is_program(body: Sequence[str], kind: Kind, language: Language) -> bool:
    return _program_of(body, kind, language) is not None


def _is_unopened(blocks: Sequence[Block], lines: Sequence[str], at: int) -> bool:
    """Whether a bare fence ends a program that began without one."""
    last = max((number for number in range(at) if lines[number].strip()), default=-1)
    return bool(blocks) and blocks[-1].kind == "unfenced" and blocks[-1].end > last


def _unfenced(code: str, first: int, end: int) -> Block:
    return Block(code=code, kind="unfenced", first=first, end=end, is_closed=True, is_program=True)


def _merged(blocks: Sequence[Block], lines: Sequence[str], language: Language) -> list[Block]:
    """Statements outside fences, each a block up to here, as programs: with nothing but blank
    lines and remarks in comments between them."""
    made: list[Block] = []
    for block in blocks:
        last = made[-1] if made else None
        if last is not None and last.kind == block.kind == "unfenced":
            between = lines[last.end : block.first]
            if all(not line.strip() or line.startswith(language.LINE_COMMENT) for line in between):
                text = "\n".join(lines[last.first : block.end]).rstrip() + "\n"
                shifted = "\n".join([last.code.rstrip(), *between, block.code])
                code = next((c for c in (text, shifted) if language.parsed(c) is not None), None)
                if code is not None:
                    made[-1] = replace(last, code=code, end=block.end)
                    continue
        made.append(block)
    return made
