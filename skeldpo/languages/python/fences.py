"""How Python stands in what models write: fences, transcripts, statements without a fence. Pure."""

from __future__ import annotations

import ast
import codeop
import html
import re
import warnings
from collections.abc import Callable, Iterator, Sequence

from skeldpo.languages.contract import Fences, Unfenced
from skeldpo.languages.python.program import parsed

FENCES = Fences(
    label="python",
    labels=re.compile(
        r"(?:language-|lang-|x-)?(?:i?python|py|pypy|cpython|micropython|gpython|sage)[\d._-]*"
        r"(?:code|_code)?"
        r"|[\w.-]+\.py|tool_code"
    ),
    transcripts=re.compile(
        r"pycon[\d.]*|python-?(?:repl|console)[\d.]*|pyrepl|doctest|i?python-session"
    ),
    short_labels="(?:python|py)3?",
    tags={"[PYTHON]": "```python", "[/PYTHON]": "```"},  # Code Llama's
    first_line=re.compile(r"(?:async[ \t]+)?(?:def|class|import|from)[ \t]"),
)
WRITES = re.compile(r"\bprint\b|\bstdout\b|\bwrite\b")
READS = re.compile(
    r"\binput\b(?!\s*=)|\bstdin\b|\bos\.read\b|\bfileinput\b"
    r"|\bopen\b(?!\(\s*[rf]?['\"](?!/dev/|/proc/))"
)
FEEDS = re.compile(
    r"\bstdin\s*=\s*(?:io\.)?StringIO\((?!.*(?:read|stdin|open))|\bsubprocess\b"
    r"|(?m:^)(?:sys\.)?stdin\s*=\s*open\(\s*['\"](?!/dev/)"  # in an `if` it is for another machine
    r"|\bpatch(?:\.object)?\(.*\b(?:input|stdin)\b|\bmonkeypatch\b"
    r"|\binput\s*=\s*(?:lambda\b(?!.*(?:read|stdin|open|next)).*|(?:mock\.)?(?:Magic)?Mock\b)"
)
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.:?|In \[\d+\]:)(?: (.*))?\Z")
_BLANKS = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_NOTHING = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u2212", "''\"\"-")
_NUMBER = re.compile(r"[ \t]*(\d{1,6})(?:[.:)]?[ \t]*\||[.:)])?(?=[ \t]|\Z)")
"""What stands before a line whose number is shown."""
_SHELL = re.compile(r"^[!%].*\n?", re.M)
_GOES_ON = re.compile(r"(?:else|elif|except|finally)\b")
_MAX_CHUNKS = 80
"""Lines without indentation that one statement outside a fence may have."""
_MAX_CUTS = 40


def mended(text: str) -> list[str]:
    """The text as it stands, with other alphabets' blanks read as blanks, without the numbers of
    its lines, without its common indentation, without a shell's lines, and each with a page's
    `&lt;` read as `<`, its quotes and escaped underscores as those of programs."""
    tried = [text, _NOTHING.sub("", _BLANKS.sub(" ", text))]
    tried += [_unnumbered(each) for each in tried]
    tried += [_dedented(each) for each in tried]
    tried += [_SHELL.sub("", each) for each in tried]
    tried += [html.unescape(each) for each in tried]
    tried += [each.translate(_QUOTES).replace("\\_", "_") for each in tried]
    return list(dict.fromkeys(tried))


def _unnumbered(text: str) -> str:
    """The text without what numbers its lines, if all of them have their number."""
    lines = text.rstrip().split("\n")
    found = [match for match in map(_NUMBER.match, lines) if match]
    first = int(found[0][1]) if len(found) == len(lines) else 0
    if not found or [int(match[1]) for match in found] != [*range(first, first + len(lines))]:
        return text
    return "\n".join(match.string[match.end() :] for match in found) + "\n"


def _dedented(code: str) -> str:
    """The text without the indentation of its first line, as far as lines have it."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    width = len(first) - len(first.lstrip())
    return "\n".join(line[min(width, len(line) - len(line.lstrip(" \t"))) :] for line in lines)


def ends_in_string(text: str) -> bool:
    """Whether a text stops within a string of several lines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return "unterminated triple-quoted" in str(error.msg)
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


def is_transcript(lines: Sequence[str]) -> bool:
    """Whether the first line that is not blank has an interpreter's prompt."""
    return next((line for line in lines if line.strip()), "").lstrip().startswith((">>>", "In ["))


def typed(lines: Sequence[str]) -> str:
    """What was typed in an interpreter's transcript, without what it answered."""
    return "\n".join(match[1] or "" for match in map(_PROMPT.match, lines) if match) + "\n"


def unfenced(lines: Sequence[str], at: int, is_fence: Callable[[str], bool]) -> Unfenced:
    """The statement that begins at a line outside a fence, or the indented program there."""
    if not lines[at].strip():
        return _nothing(at, 0)
    if lines[at][0] in " \t":
        if at and lines[at - 1][:1] in (" ", "\t"):
            return _nothing(at, 0)  # within what was no program as a whole
        end = _next_margin(lines, at)
        code = _dedented("\n".join(lines[at:end]).rstrip() + "\n")
        if any(is_fence(line) for line in lines[at:end]) or _is_remark(code):
            return _nothing(at, 0)
        return Unfenced(code=code, end=end, num_tried=0)
    end = at
    for num_tried in range(_MAX_CHUNKS):
        end = _next_margin(lines, end)
        code = "\n".join(lines[at:end]).rstrip() + "\n"
        state = _completeness(code)
        if state and not (end < len(lines) and _GOES_ON.match(lines[end])):
            if _is_remark(code):
                return _nothing(at, num_tried)
            return Unfenced(code=code, end=end, num_tried=num_tried)
        if state is None or end == len(lines):
            return _nothing(at, num_tried)
    return _nothing(at, _MAX_CHUNKS)


def _nothing(at: int, num_tried: int) -> Unfenced:
    return Unfenced(code="", end=at, num_tried=num_tried)


def _next_margin(lines: Sequence[str], at: int) -> int:
    """The next line without indentation."""
    return next(
        (n for n in range(at + 1, len(lines)) if lines[n] and not lines[n][0].isspace()), len(lines)
    )


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


def continuations(prompt: str, text: str) -> Iterator[str]:
    """The prompt with the text behind it as a body, indented, indented but for the first blank,
    which some tokenizers drop, or not; each whole, and up to lines without indentation, as an
    answer that was cut has nothing whole but its beginning."""
    lines = text.rstrip().split("\n")
    while not lines[0].strip():
        lines.pop(0)
    margin = next(
        (n for n, line in enumerate(lines) if n and line.strip() and not line[0].isspace()),
        len(lines),
    )
    shapes = [lines, [" " + lines[0], *lines[1:]]]
    if not lines[0][0].isspace():
        shapes = [["    " + lines[0], *lines[1:]], ["    " * bool(x) + x for x in lines]]
    start = prompt.rstrip(" \t")
    start += "" if start.endswith("\n") else "\n"
    for end in dict.fromkeys((len(lines), *_margins(lines), margin)):
        for shape in shapes:
            yield start + "\n".join(shape[:end]) + "\n"


def _margins(lines: Sequence[str]) -> list[int]:
    """Numbers of lines without indentation, from the last to the first."""
    found = [n for n, line in enumerate(lines) if n and line[:1].strip()]
    return found[::-1][:_MAX_CUTS]


def joined(first: str, second: str) -> str:
    """Both programs as one text; the lines of `from __future__` imports come first."""
    if "__future__" not in first + second:
        return f"{first.rstrip()}\n{second}"
    future: list[str] = []
    rest: list[str] = []
    for code in (first.rstrip(), second):
        lines = code.split("\n")
        program = parsed(code)
        moved: set[int] = set()
        for statement in program.statements if program else ():
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                future.append("\n".join(lines[statement.first - 1 : statement.last]))
                moved.update(range(statement.first - 1, statement.last))
        rest += [line for number, line in enumerate(lines) if number not in moved]
    return "\n".join([*dict.fromkeys(future), *rest])
