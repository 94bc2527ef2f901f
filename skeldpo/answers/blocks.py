"""The pieces of an answer that are Python: fenced blocks, transcripts, lines without a fence. Pure.

A block ends at the first fence at which it is a program: a fence inside a string of the program
ends nothing, as the program before it is none.
"""

from __future__ import annotations

import ast
import codeop
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from skeldpo.answers.names import Definition, parsed

Kind = Literal["python", "plain", "unfenced", "transcript"]
_FENCE = re.compile(r"^(?P<before>.*?)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_PLACE = re.compile(r"[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?\Z")
"""What may stand before an opening fence: blanks, marks of a quotation or of a list item."""
_LABEL = re.compile(r"[\w+#.-]+")
_PYTHON = re.compile(
    r"(?:language-|lang-)?(?:i?python|py|pypy|cpython|gpython|sage)[\d._]*(?:code|_code)?"
    r"|[\w.-]+\.py|tool_code"
)
_TRANSCRIPT = re.compile(
    r"pycon[\d.]*|python-?(?:repl|console)[\d.]*|pyrepl|doctest|i?python-session"
)
_ONE_LINE = re.compile(r"[ \t]*(`{3,})(?:(?:python|py)3?[ \t]+)?([^`\n]+)\1[ \t]*\Z")
_PLAIN = frozenset({"", "code", "text", "txt", "plaintext", "plain", "solution", "none"})
_PROSE = frozenset({"markdown", "md"})
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.:?|In \[\d+\]:)(?: (.*))?\Z")
_CODE = re.compile(r"(?:async[ \t]+)?(?:def|class|import|from)[ \t]")
_TAGS = {"[PYTHON]": "```python", "[/PYTHON]": "```"}
"""Code Llama's fences."""
_BLANKS = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SHELL = re.compile(r"^[!%].*\n?", re.M)
_NOTHING = re.compile(r"[\u200b-\u200d\u2060\ufeff]")
MAX_CHUNKS = 80
"""Lines without indentation that one statement outside a fence may have."""
MAX_FENCES = 60
"""Fences that a block may hold in its strings."""
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


def has_fence(text: str) -> bool:
    """Whether a line of a text may open or close a block."""
    return any(_opening(line) or line.strip() in _TAGS for line in text.split("\n"))


def find_blocks(text: str) -> list[Block]:
    """The pieces in their order; blocks of other languages are passed over."""
    lines = [_TAGS.get(line.strip(), line) for line in text.split("\n")]
    blocks: list[Block] = []
    at, tries = 0, MAX_TRIES
    while at < len(lines):
        opening = _opening(lines[at])
        if opening is None or not opening.is_placed:
            found, num_lines = _statement_at(lines, at) if tries > 0 else (None, 0)
            found, tries = found or _one_line(lines[at], at), tries - num_lines
            if found is not None:
                blocks.append(found)
                at = found.end
                continue
        if opening is None:
            at += 1
            continue
        if not opening.label and _is_unopened(blocks, lines, at):
            at += 1
            continue
        block, at = _fenced(lines, at, opening)
        if block is not None:
            blocks.append(block)
    return _merged(blocks, lines)


def ends_alone(block: Block, text: str) -> bool:
    """Whether nothing but a blank line, a fence or the end follows a piece without a fence: what
    follows at once may be a line of the same, broken, program."""
    lines = text.split("\n")
    follows = lines[block.end] if block.end < len(lines) else ""
    return not lines[block.end - 1].strip() or not follows.strip() or _opening(follows) is not None


def program_blocks(text: str, entry_point: str) -> list[Block]:
    """The blocks; one that is no program, as one that was cut or has prose in it, is given as the
    programs inside it if one of them defines the entry point as a whole."""
    made: list[Block] = []
    for block in find_blocks(text):
        pieces = [block]
        if not block.is_program and block.kind in ("python", "plain") and entry_point:
            inside = [piece for piece in find_blocks(block.code) if piece.kind == "unfenced"]
            if any(_defines(piece.code, entry_point) for piece in inside):
                pieces = [replace(block, code=piece.code, is_program=True) for piece in inside]
        made += pieces
    return made


def _defines(code: str, entry_point: str) -> bool:
    program = parsed(code)
    return program is not None and program.definition(entry_point) is Definition.WHOLE


def repaired(code: str) -> str | None:
    """The program that a block's text is, as it stands or mended, or None."""
    return next((text for text in _mended(code) if parsed(text) is not None), None)


def _mended(code: str) -> list[str]:
    """The text as it stands, with other alphabets' blanks read as blanks, without its common
    indentation, without a shell's lines."""
    tried = [code, _NOTHING.sub("", _BLANKS.sub(" ", code))]
    tried += [_dedented(text) for text in tried]
    tried += [_SHELL.sub("", text) for text in tried]
    return list(dict.fromkeys(tried))


def _dedented(code: str) -> str:
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    return "\n".join(_shifted(line, len(first) - len(first.lstrip())) for line in lines)


def _shifted(line: str, width: int) -> str:
    """The line without its first `width` characters, as far as they are blanks."""
    return line[min(width, len(line) - len(line.lstrip(" \t"))) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    mark: str
    label: str
    code: str
    kind: Kind | None
    is_placed: bool
    width: int
    quotes: int


def _opening(line: str) -> _Opening | None:
    """The fence that a line opens, if it does; after prose, only with a label that says Python."""
    match = _FENCE.match(line)
    if match is None:
        return None
    words = _LABEL.findall(match["info"].lower())
    label = words[0].strip(".-") if words else ""
    kind: Kind | None = None
    if _TRANSCRIPT.fullmatch(label):
        kind = "transcript"
    elif _PYTHON.fullmatch(label):
        kind = "python"
    elif label in _PLAIN:
        kind = "plain"
    before = match["before"]
    is_placed = bool(_PLACE.match(before))
    if not is_placed and (kind != "python" or "`" in before or before.lstrip().startswith("#")):
        return None
    return _Opening(
        mark=match["fence"],
        label=label,
        code=_code_of(match["info"]),
        kind=kind,
        is_placed=is_placed,
        width=len(before) - before.count(">") * 2 if is_placed else 0,
        quotes=before.count(">") if is_placed else 0,
    )


def _code_of(info: str) -> str:
    """The first line of a block that stands in the line of its fence, or ""."""
    rest = info.strip().partition(" ")[2]
    return rest if _CODE.match(rest) else ""


def _fenced(lines: Sequence[str], at: int, opening: _Opening) -> tuple[Block | None, int]:
    """The block that opens at a line, None if it does not count, and the line after it."""
    if opening.label in _PROSE:
        return None, at + 1  # text around blocks: a fence of its own, and no program
    close = re.compile(rf"[ \t]*{opening.mark[0]}{{{len(opening.mark)},}}[ \t]*")
    glued = re.compile(rf"(.*\S){opening.mark[0]}{{{len(opening.mark)},}}[ \t]*")
    body = [opening.code] if opening.code else []
    in_string: list[tuple[int, int]] = []
    for number in range(at + 1, len(lines)):
        line = _unquoted(lines[number], opening)
        is_close = close.fullmatch(line) is not None
        other = None if is_close else _opening(lines[number])
        if opening.kind is None:
            if is_close or (other and other.kind == "python"):
                return None, number + is_close
            continue
        if is_close or (other and other.label and other.is_placed):
            is_end = _program_of(body, opening.kind) is not None or not _ends_in_string(body)
            if is_end and other and opening.kind == "plain" and other.kind == "python":
                return None, at + 1  # around a block with a label: no program either
            if is_end:
                return _block(body, opening.kind, at, number, True), number + is_close
            in_string.append((number, len(body)))
            if len(in_string) > MAX_FENCES:
                break
        elif opening.kind == "python" and (end := glued.fullmatch(line)):
            whole = [*body, _shifted(end[1], opening.width)]
            if _program_of(whole, opening.kind) is not None:
                return _block(whole, opening.kind, at, number + 1, True), number + 1
        body.append(_shifted(line, opening.width))
    if opening.kind is None:
        return None, len(lines)
    if not in_string or _program_of(body, opening.kind) is not None:
        return _block(body, opening.kind, at, len(lines), False), len(lines)
    end_line, size = in_string[0]  # the string is what has no end
    return _block(body[:size], opening.kind, at, end_line, True), end_line + 1


def _ends_in_string(body: Sequence[str]) -> bool:
    """Whether a text stops within a string of several lines."""
    for text in _mended("\n".join(body) + "\n"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(text)
        except SyntaxError as error:
            if "unterminated triple-quoted" in str(error.msg):
                return True
        except (ValueError, RecursionError, MemoryError):
            continue
    return False


def _one_line(line: str, at: int) -> Block | None:
    """A block whose fences stand on one line with it."""
    match = _ONE_LINE.match(line)
    if match is None or parsed(match[2].strip()) is None:
        return None
    block = _unfenced(match[2].strip() + "\n", at, at + 1)
    return replace(block, kind="plain")


def _unquoted(line: str, opening: _Opening) -> str:
    return (
        re.sub(rf"\A(?:[ \t]*>[ \t]?){{0,{opening.quotes}}}", "", line) if opening.quotes else line
    )


def _block(body: Sequence[str], kind: Kind, first: int, end: int, is_closed: bool) -> Block | None:
    text = "\n".join(body).rstrip() + "\n"
    if not text.strip():
        return None
    if kind != "transcript" and _is_transcript(body):
        kind = "transcript"
    code = _program_of(body, kind)
    return Block(
        code=text if code is None else code.rstrip() + "\n",
        kind=kind,
        first=first,
        end=end,
        is_closed=is_closed,
        is_program=code is not None,
    )


def _program_of(body: Sequence[str], kind: Kind) -> str | None:
    text = "\n".join(body) + "\n"
    if kind == "transcript" or _is_transcript(body):
        return repaired(_typed(body))
    return repaired(text)


def _is_transcript(body: Sequence[str]) -> bool:
    return next((line for line in body if line.strip()), "").lstrip().startswith((">>>", "In ["))


def _typed(body: Sequence[str]) -> str:
    """What was typed in an interpreter's transcript, without what it answered."""
    return "\n".join(match[1] or "" for match in map(_PROMPT.match, body) if match) + "\n"


def _is_unopened(blocks: Sequence[Block], lines: Sequence[str], at: int) -> bool:
    """Whether a bare fence ends a program that began without one."""
    last = max((number for number in range(at) if lines[number].strip()), default=-1)
    return bool(blocks) and blocks[-1].kind == "unfenced" and blocks[-1].end > last


def _statement_at(lines: Sequence[str], at: int) -> tuple[Block | None, int]:
    """The statement that begins at a line outside a fence, or the indented program there, and how
    many further lines were tried for it."""
    if not lines[at].strip():
        return None, 0
    if lines[at][0] in " \t":
        if at and lines[at - 1][:1] in (" ", "\t"):
            return None, 0  # within what was no program as a whole
        end = _next_margin(lines, at)
        code = _dedented("\n".join(lines[at:end]).rstrip() + "\n")
        is_code = not any(_opening(line) for line in lines[at:end]) and not _is_remark(code)
        return (_unfenced(code, at, end) if is_code else None), 0
    end = at
    for num_lines in range(MAX_CHUNKS):
        end = _next_margin(lines, end)
        code = "\n".join(lines[at:end]).rstrip() + "\n"
        state = _completeness(code)
        if state and not (end < len(lines) and _goes_on(lines[end])):
            return (None if _is_remark(code) else _unfenced(code, at, end)), num_lines
        if state is None or end == len(lines):
            return None, num_lines
    return None, MAX_CHUNKS


def _next_margin(lines: Sequence[str], at: int) -> int:
    """The next line without indentation."""
    return next(
        (n for n in range(at + 1, len(lines)) if lines[n] and not lines[n][0].isspace()), len(lines)
    )


def _goes_on(line: str) -> bool:
    return re.match(r"(?:else|elif|except|finally)\b", line) is not None


def _completeness(code: str) -> bool | None:
    """True for a whole statement, False for the beginning of one, None for neither."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return codeop.compile_command(code, "<answer>", "exec") is not None
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _is_remark(code: str) -> bool:
    """What is no program, and prose that happens to be one ("Note: this"), comments, headings."""
    program = parsed(code)  # codeop takes some comments that the compiler refuses
    match [statement.node for statement in program.statements] if program else []:
        case []:
            return True
        case [ast.Expr(value=value)]:
            return not any(isinstance(n, ast.Call | ast.NamedExpr) for n in ast.walk(value))
        case [ast.AnnAssign(value=None)]:
            return True
    return False


def _unfenced(code: str, first: int, end: int) -> Block:
    return Block(code=code, kind="unfenced", first=first, end=end, is_closed=True, is_program=True)


def _merged(blocks: Sequence[Block], lines: Sequence[str]) -> list[Block]:
    """Statements outside fences, each a block up to here, as programs: with nothing but blank
    lines and remarks in comments between them."""
    made: list[Block] = []
    for block in blocks:
        last = made[-1] if made else None
        if last is not None and last.kind == block.kind == "unfenced":
            between = lines[last.end : block.first]
            if all(not line.strip() or line.startswith("#") for line in between):
                code = "\n".join(lines[last.first : block.end]).rstrip() + "\n"
                if parsed(code) is not None:
                    made[-1] = replace(last, code=code, end=block.end)
                    continue
        made.append(block)
    return made
