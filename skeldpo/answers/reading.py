"""From the text of an answer to its program. Pure; docs/ANSWERS.md states the rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skeldpo.answers.blocks import Block, ends_alone, find_blocks, has_fence, program_blocks
from skeldpo.answers.names import Definition, Program, parsed
from skeldpo.answers.needed import needed_code
from skeldpo.answers.text import (
    has_marks,
    plain_text,
    without_colours,
    without_reasoning,
    without_turn_marks,
)

NO_PROGRAM = "no program in the answer"
CUT_REASONING = "the answer ends within its reasoning"
CUT = "a code block has no end"
BODY = "goes on where the prompt ends"
SEVERAL = "several programs: the last that is whole"
JOINED = "joined from several blocks"
USAGE = "lines of usage are left out"
FAILED = frozenset({NO_PROGRAM, CUT_REASONING})
"""Notes of answers without a program."""
_WRITES = re.compile(r"\bprint\b|\bstdout\b|\bwrite\b")
_READS = re.compile(r"\binput\b|\bstdin\b|\bopen\b")
_Kinds = tuple[type[ast.stmt], ...]
_FUNCTIONS: _Kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS: _Kinds = (ast.Import, ast.ImportFrom)
_ANYTHING: _Kinds = (ast.stmt,)
_KINDS = ("python", "plain", "unfenced", "transcript")
_LABEL_LINE = re.compile(r"\A\s*(?:python3?|py)[ \t]*\n")
"""What is left of a fence that a program copied from a page had."""
_MAX_CUTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the programs of a problem are: the function or "Class.method" that they define, "" for
    those that are run as a whole; and the prompt that a completion may go on from, or ""."""

    entry_point: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The program of a text, "" if it has none; `note` says what was unusual, or ""."""

    code: str
    note: str


def read_answer(text: str, wanted: Wanted | None = None) -> Answer:
    """The program that an answer of a model means."""
    asked = wanted or Wanted()
    text = plain_text(text)
    if "\0" in text:
        return Answer(code=text, note="")
    whole = _whole(text, asked.entry_point)
    if whole is not None and not _LABEL_LINE.match(text):
        return _without_usage(whole, asked, [])
    answer, is_cut = without_colours(_LABEL_LINE.sub("", text)), False
    if has_marks(answer):
        answer, is_cut = without_reasoning(answer, _is_code(answer))
        answer = without_turn_marks(answer, _is_code(answer))
    whole = _whole(answer, asked.entry_point)
    if whole is not None:
        return _without_usage(whole, asked, [])
    is_fenced = has_fence(answer)
    body = None if is_fenced else continued(asked, answer)
    if body is not None:
        return _without_usage(body, asked, [BODY])
    blocks = program_blocks(answer, asked.entry_point)
    if not asked.entry_point:
        blocks = [b for b in blocks if b.kind != "unfenced" or ends_alone(b, answer)]
    found = _chosen(blocks, asked)
    if found is not None:
        return found
    if is_cut:
        return Answer(code="", note=CUT_REASONING)
    if is_fenced or not answer.strip():
        return Answer(code="", note=NO_PROGRAM)
    return Answer(code=answer.rstrip() + "\n", note="")


def read_program(text: str, wanted: Wanted | None = None, *, goes_on: bool = False) -> Answer:
    """The program of a file or of a field for programs: as it is, if it is one.

    A text that is none is read as an answer if it has fences, reasoning or the end of a turn, or
    begins with prose; with `goes_on`, it may also go on where the prompt ends.
    """
    asked = wanted or Wanted()
    plain = plain_text(text)
    program = parsed(plain)
    if program is not None and (
        not asked.entry_point or program.definition(asked.entry_point) or not goes_on
    ):
        return Answer(code=plain, note="")
    if "\0" in plain:
        return Answer(code=plain, note="")
    body = continued(asked, plain) if goes_on and not has_fence(plain) else None
    if body is not None:
        return Answer(code=body.code, note=BODY)
    if program is None and (has_fence(plain) or has_marks(plain) or _begins_with_prose(plain)):
        answer = read_answer(plain, asked if goes_on else Wanted(entry_point=asked.entry_point))
        return Answer(code=plain, note=answer.note) if answer.note in FAILED else answer
    return Answer(code=plain, note="")


def continued(asked: Wanted, text: str) -> Program | None:
    """The program of a prompt and a text that goes on with it, or None.

    Where the whole is none, as an answer that was cut is, it is taken up to the last line without
    indentation at which it is one.
    """
    if not asked.prompt or not text.strip():
        return None
    lines = text.rstrip().split("\n")
    while not lines[0].strip():
        lines.pop(0)
    margin = next(
        (n for n, line in enumerate(lines) if n and line.strip() and not line[0].isspace()),
        len(lines),
    )
    shapes = [lines]
    if not lines[0][0].isspace():
        shapes = [["    " + lines[0], *lines[1:]], ["    " * bool(x) + x for x in lines]]
    start = asked.prompt.rstrip(" \t")
    start += "" if start.endswith("\n") else "\n"
    for shape in shapes:
        for end in dict.fromkeys((len(shape), *_margins(shape), margin)):
            program = _whole(start + "\n".join(shape[:end]) + "\n", asked.entry_point)
            if program is not None:
                return program
    return None


def _margins(lines: Sequence[str]) -> list[int]:
    """Numbers of lines without indentation, from the last to the first."""
    found = [n for n, line in enumerate(lines) if n and line[:1].strip()]
    return found[::-1][:_MAX_CUTS]


def _whole(text: str, entry_point: str) -> Program | None:
    """The text as a program that defines the entry point, more than its head."""
    program = parsed(text)
    if program is None or (entry_point and program.definition(entry_point) < Definition.WHOLE):
        return None
    return program


def _begins_with_prose(text: str) -> bool:
    first = next((n for n, line in enumerate(text.split("\n")) if line.strip()), 0)
    blocks = find_blocks(text)
    return bool(blocks) and blocks[0].first > first


def _is_code(text: str) -> Callable[[int], bool]:
    """Whether a place in a text is in a program: a mark there is in a string of it."""
    lines = {line for block in find_blocks(text) if block.is_program
             for line in range(block.first + (block.kind != "unfenced"), block.end)}  # fmt: skip
    return lambda position: text.count("\n", 0, position) in lines


def _chosen(blocks: Sequence[Block], asked: Wanted) -> Answer | None:
    if not asked.entry_point:
        return _chosen_whole(blocks)
    notes = []
    if any(not block.is_closed for block in blocks):
        notes.append(CUT)
    programs = [parsed(block.code) if block.is_program else None for block in blocks]
    for least in (Definition.WHOLE, Definition.IMPORTED, Definition.STUB):
        for kind in _KINDS:
            found = [
                (index, program)
                for index, (block, program) in enumerate(zip(blocks, programs, strict=True))
                if block.kind == kind
                and program is not None
                and program.definition(asked.entry_point) >= least
            ]
            if found:
                index, program = found[-1]
                notes += [SEVERAL] if len(found) > 1 else []
                root = asked.entry_point.partition(".")[0]
                joined = _joined(program, index, programs, root)
                notes += [JOINED] if joined is not program else []
                return _without_usage(joined, asked, notes)
        if least is Definition.WHOLE:
            for block in reversed(blocks):
                body = continued(asked, block.code) if block.kind in ("python", "plain") else None
                if body is not None:
                    return _without_usage(body, asked, [*notes, BODY])
    python = [block for block in blocks if block.kind == "python"]
    return Answer(code=python[-1].code, note="; ".join(notes)) if python else None


def _joined(
    program: Program, index: int, programs: Sequence[Program | None], entry: str = ""
) -> Program:
    """The program with what it lacks from other blocks, and with functions that later ones mend.

    A later block gives functions first, as a correction does, then the nearest before it anything,
    then later ones their imports; values in later blocks show how to call it.
    """
    later, before = range(len(programs) - 1, index, -1), range(index - 1, -1, -1)
    if entry:
        program = _mended(program, [programs[place] for place in later], entry)
    order: list[tuple[int, _Kinds]] = [(place, _FUNCTIONS) for place in later]
    order += [(place, _ANYTHING) for place in before] + [(place, _IMPORTS) for place in later]
    tried: set[str] = set()
    while missing := program.free - tried:
        tried |= missing
        for place, kinds in order:
            other = programs[place]
            lent = missing & _bound(other, kinds) if other else frozenset()
            if other and lent:
                program = _one(needed_code(other, lent), program.code) or program
                missing -= lent
    return program


def _mended(program: Program, later: Sequence[Program | None], entry: str) -> Program:
    """With the last of later versions of the functions that it defines beside the entry point."""
    own = _bound(program, _FUNCTIONS) - {entry}
    for other in later:
        mends = own & _bound(other, _FUNCTIONS) if other else frozenset()
        if other and mends and entry not in other.bound:
            program = _one(program.code, needed_code(other, mends)) or program
            own -= mends
    return program


def _bound(program: Program, kinds: _Kinds) -> frozenset[str]:
    """Names that top-level statements of some kinds bind."""
    return frozenset().union(
        *(s.bound for s in program.statements if isinstance(s.node, kinds) and not s.is_stub)
    )


def _one(first: str, second: str) -> Program | None:
    """Both as one program; `from __future__` imports come first."""
    lines = [*first.rstrip().split("\n"), *second.split("\n")]
    future = [line for line in lines if line.startswith("from __future__ ")]
    rest = [line for line in lines if not line.startswith("from __future__ ")]
    return parsed("\n".join([*dict.fromkeys(future), *rest]))


def _chosen_whole(blocks: Sequence[Block]) -> Answer | None:
    """Of a problem whose programs read and print: the last that does both, or does the most."""
    programs = [parsed(block.code) if block.is_program else None for block in blocks]
    best: tuple[int, Program, bool] | None = None
    num_best = 0
    kinds = {block.kind for block in blocks}
    kind = next((kind for kind in _KINDS if kind in kinds and _may_run(blocks, kind)), None)
    for index, (block, program) in enumerate(zip(blocks, programs, strict=True)):
        if block.kind != kind or program is None:
            continue
        joined = _joined(program, index, programs)
        writes = bool(_WRITES.search(joined.code))
        rank = 2 * writes + (writes and bool(_READS.search(joined.code)))
        num_best = num_best + 1 if best and rank == best[0] else 1
        if best is None or rank >= best[0]:
            best = (rank, joined, joined is not program)
    if best is None:
        python = [block for block in blocks if block.kind == "python"]
        note = "" if not python or python[-1].is_closed else CUT
        return Answer(code=python[-1].code, note=note) if python else None
    notes = ([SEVERAL] if num_best > 1 else []) + ([JOINED] if best[2] else [])
    return Answer(code=best[1].code, note="; ".join(notes))


def _may_run(blocks: Sequence[Block], kind: str) -> bool:
    """Whether a kind of block has a program: without a label, only one that prints."""
    return kind == "python" or any(
        block.kind == kind and block.is_program and _WRITES.search(block.code) for block in blocks
    )


def _without_usage(program: Program, asked: Wanted, notes: Sequence[str]) -> Answer:
    code = program.code
    if asked.entry_point:
        root = asked.entry_point.partition(".")[0]
        code = needed_code(program, frozenset({root}), root)
        notes = [*notes, USAGE] if code.split() != program.code.split() else notes
    return Answer(code=code.strip("\n").rstrip() + "\n", note="; ".join(notes))
