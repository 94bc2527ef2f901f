"""From the text of an answer to its program. Pure; docs/ANSWERS.md states the rules."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from skeldpo.answers.blocks import (
    Block,
    ends_alone,
    find_blocks,
    has_fence,
    program_blocks,
    with_opening,
)
from skeldpo.answers.text import (
    has_marks,
    plain_text,
    without_colours,
    without_reasoning,
    without_turn_marks,
)
from skeldpo.languages import language
from skeldpo.languages.contract import Definition, Language, NameKind, Program

NO_PROGRAM = "no program in the answer"
CUT_REASONING = "the answer ends within its reasoning"
CUT = "a code block has no end"
BODY = "goes on where the prompt ends"
SEVERAL = "several programs: the last that is whole"
JOINED = "joined from several blocks"
USAGE = "lines of usage are left out"
FAILED = frozenset({NO_PROGRAM, CUT_REASONING})
"""Notes of answers without a program."""
_TRIES = re.compile(
    r"_*(?:main|demo|examples?|usage|(?:run_)?tests?)(?:_|\Z)|Test[A-Z_]|\w+_tests?\Z"
)
"""What a function is called that shows or tests others."""
MAX_LENDERS = 20
"""Blocks before one, and behind it, that give what it lacks: models repeat themselves."""
BOTH = 3
_LENT_LATER: tuple[NameKind, ...] = ("functions", "imports")
_KINDS = ("labelled", "plain", "unfenced", "transcript")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the programs of a problem are: their language; the function or "Class.method" that they
    define, "" for those that are run as a whole; and the prompt that a completion may go on from,
    or ""."""

    language: str
    entry_point: str = ""
    prompt: str = ""

    @property
    def written_in(self) -> Language:
        """Their language; ValueError for an unknown name."""
        return language(self.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The program of a text, "" if it has none; `note` says what was unusual, or ""."""

    code: str
    note: str


def read_answer(text: str, wanted: Wanted) -> Answer:
    """The program that an answer of a model means."""
    text = plain_text(text)
    if "\0" in text:
        return Answer(code=text, note="")
    written_in = wanted.written_in
    label_line = _label_line(written_in.FENCES.short_labels)
    whole = _whole(text, wanted)
    if whole is not None and not label_line.match(text):
        return _without_usage(whole, wanted, [])
    answer, is_cut = without_colours(label_line.sub("", text)), False
    if has_marks(answer):
        answer, is_cut = without_reasoning(answer, _is_code(answer, written_in))
        answer = without_turn_marks(answer, _is_code(answer, written_in))
    whole = _whole(answer, wanted)
    if whole is not None:
        return _without_usage(whole, wanted, [])
    is_fenced = has_fence(answer, written_in)
    body = None if is_fenced else continued(wanted, answer)
    if body is not None:
        return _without_usage(body, wanted, [BODY])
    answer = with_opening(answer, wanted.entry_point, written_in)
    blocks = program_blocks(answer, wanted.entry_point, written_in)
    if not wanted.entry_point:
        blocks = [b for b in blocks if b.kind != "unfenced" or ends_alone(b, answer, written_in)]
    found = _unopened(answer, blocks, wanted) or _chosen(blocks, wanted)
    if found is not None:
        return found
    if is_cut:
        return Answer(code="", note=CUT_REASONING)
    if is_fenced or not answer.strip():
        return Answer(code="", note=NO_PROGRAM)
    return Answer(code=answer.rstrip() + "\n", note="")


def read_program(text: str, wanted: Wanted, *, goes_on: bool = False) -> Answer:
    """The program of a file or of a field for programs: as it is, if it is one.

    A text that is none is read as an answer if it has fences, reasoning or the end of a turn, or
    begins with prose; with `goes_on`, it may also go on where the prompt ends.
    """
    plain, written_in = plain_text(text), wanted.written_in
    program = written_in.parsed(plain)
    if program is not None and (
        not wanted.entry_point or program.definition(wanted.entry_point) or not goes_on
    ):
        return Answer(code=plain, note="")
    if "\0" in plain:
        return Answer(code=plain, note="")
    is_fenced = has_fence(plain, written_in)
    body = continued(wanted, plain) if goes_on and not is_fenced else None
    if body is not None:
        return Answer(code=body.code, note=BODY)
    if program is None and (is_fenced or has_marks(plain) or _begins_with_prose(plain, written_in)):
        answer = read_answer(plain, wanted if goes_on else replace(wanted, prompt=""))
        return Answer(code=plain, note=answer.note) if answer.note in FAILED else answer
    return Answer(code=plain, note="")


@functools.cache
def _label_line(short_labels: str) -> re.Pattern[str]:
    """What is left of a fence that a program copied from a page had."""
    return re.compile(rf"\A\s*(?:{short_labels})[ \t]*\n")


def continued(asked: Wanted, text: str) -> Program | None:
    """The program of a prompt and a text that goes on with it, or None."""
    if not asked.prompt or not text.strip():
        return None
    tried = (_whole(code, asked) for code in asked.written_in.continuations(asked.prompt, text))
    return next((program for program in tried if program is not None), None)


def _whole(text: str, asked: Wanted) -> Program | None:
    """The text as a program that defines the entry point, more than its head; of a script without
    lines that are a word of prose, such as "Solution"."""
    program, entry_point = asked.written_in.parsed(text), asked.entry_point
    if program is None:
        return None
    if entry_point:
        return program if program.definition(entry_point) >= Definition.PARTIAL else None
    lines = text.split("\n")
    words = program.free & {*lines}
    said = "\n".join(line for line in lines if line not in words)
    return asked.written_in.parsed(said) if words else program


def _begins_with_prose(text: str, written_in: Language) -> bool:
    first = next((n for n, line in enumerate(text.split("\n")) if line.strip()), 0)
    blocks = find_blocks(text, written_in)
    return bool(blocks) and blocks[0].first > first


def _is_code(text: str, written_in: Language) -> Callable[[int], bool]:
    """Whether a place in a text is in a program: a mark there is in a string of it."""
    lines = {line for block in find_blocks(text, written_in) if block.is_program
             for line in range(block.first + (block.kind != "unfenced"), block.end)}  # fmt: skip
    return lambda position: text.count("\n", 0, position) in lines


def _chosen(blocks: Sequence[Block], asked: Wanted) -> Answer | None:
    if not asked.entry_point:
        return _chosen_whole(blocks, asked.written_in)
    notes = []
    if any(not block.is_closed for block in blocks):
        notes.append(CUT)
    programs = _programs(blocks, asked.written_in)
    for least in reversed(list(Definition)[1:]):
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
                joined = _joined(program, index, programs, asked.written_in, root)
                notes += [JOINED] if joined is not program else []
                return _without_usage(joined, asked, notes)
        if least is Definition.PARTIAL:
            for block in sorted(reversed(blocks), key=lambda block: block.is_program):
                body = continued(asked, block.code) if block.kind in ("labelled", "plain") else None
                if body is not None:
                    return _without_usage(body, asked, [*notes, BODY])
    labelled = [block for block in blocks if block.kind == "labelled"]
    return Answer(code=labelled[-1].code, note="; ".join(notes)) if labelled else None


def _unopened(text: str, blocks: Sequence[Block], asked: Wanted) -> Answer | None:
    """A body that goes on where the prompt ends, up to a fence: one that the prompt opened ends
    there, or a block begins that shows how to call the function."""
    programs = [p for p in _programs(blocks, asked.written_in) if p is not None]
    if any(p.definition(asked.entry_point) >= Definition.PARTIAL for p in programs):
        return None
    lines = text.split("\n")
    fence = next((n for n, line in enumerate(lines) if has_fence(line, asked.written_in)), 0)
    before = "\n".join(lines[:fence]).strip("\n").rstrip()
    if before[:1].isspace():
        body = continued(asked, text) or continued(asked, before)
    elif asked.written_in.parsed(before) is None:  # "Sure" would do for a body
        body = continued(asked, before)
        if body is not None and not body.code.rstrip().endswith(before.rpartition("\n")[2].strip()):
            body = None
    else:
        return None
    return None if body is None else _without_usage(body, asked, [BODY])


def _programs(blocks: Sequence[Block], written_in: Language) -> list[Program | None]:
    return [written_in.parsed(block.code) if block.is_program else None for block in blocks]


def _joined(
    program: Program,
    index: int,
    programs: Sequence[Program | None],
    written_in: Language,
    entry: str = "",
) -> Program:
    """The program with what it lacks from other blocks, and with functions that later ones mend.

    A later block of the same program gives functions first, as a correction does, then the nearest
    before it anything, with what the blocks between do to it, then later ones functions and their
    imports; values in later blocks show how to call it.
    """
    later = [other for other in reversed(programs[index + 1 :][:MAX_LENDERS]) if other]
    before = programs[max(0, index - MAX_LENDERS) : index]
    own = _mended(program, later, written_in, entry) if entry else program
    program, first = own, len(before)
    wanted: dict[str, int] = {}
    tried: set[str] = set()
    corrected: set[str] = set()
    while program.free:
        missing = program.free - tried
        for other in later:
            lent = missing & other.names("functions")
            if lent and not _is_another(other, lent, written_in, entry):
                own, missing = _behind(other.needed(lent), own, written_in), missing - lent
                corrected |= lent
        lacked = program.free - corrected
        offers: dict[str, int] = {}
        for place in range(first - 1, -1, -1):
            giver = before[place]
            for name in lacked & giver.names("anything") if giver else ():
                offers.setdefault(name, place)
                first = place
            lacked -= giver.names("anything") - giver.free if giver else frozenset()
        wanted = offers | wanted
        missing -= wanted.keys()
        for other, kind in itertools.product(later, _LENT_LATER):
            lent = missing & other.names(kind)
            if lent:
                own, missing = _behind(other.needed(lent), own, written_in), missing - lent
        if not offers and program.free <= tried:
            break
        tried |= program.free
        part = _prepared(before, first, wanted, written_in, entry)
        program = _behind(part, own, written_in)
    starts = {start.code: start for start in before[::-1] if start and program.free}
    for start in starts.values():
        if "*" in start.names("imports") and not start.names("functions"):
            program = _behind(start.needed(frozenset()), program, written_in)
    return program


def _behind(part: str, program: Program, written_in: Language) -> Program:
    """The program behind a part that it needs."""
    return written_in.parsed(written_in.joined(part, program.code)) or program if part else program


def _prepared(
    programs: Sequence[Program | None],
    first: int,
    wanted: Mapping[str, int],
    written_in: Language,
    entry: str,
) -> str:
    """What blocks from the first on make of names, in their order; where a script wants values, all
    that those do that only read or compute, as what is read before a value comes before it in the
    input, and of others the names that are wanted of them."""

    def says(pattern: re.Pattern[str], other: Program | None) -> bool:
        return bool(other and pattern.search(_statements(other.code, written_in)))

    has_values = not entry and any(
        other and name in _values(other)
        for name, other in ((name, programs[place]) for name, place in wanted.items())
    )
    reading = [has_values and says(written_in.READS, other) for other in programs]
    while any(reading[:first]) and not says(written_in.WRITES, programs[first - 1]):
        first -= 1
    parts = [
        other.code
        if not (has_values and says(written_in.WRITES, other))
        else other.needed(frozenset(name for name in wanted if wanted[name] == place))
        for place, other in enumerate(programs)
        if other and place >= first and (place in wanted.values() or not _only_tries(other))
    ]
    text = functools.reduce(written_in.joined, parts) if parts else ""
    whole = None if has_values else written_in.parsed(text)
    return whole.needed(frozenset(wanted), entry) if whole else text


def _is_another(other: Program, names: frozenset[str], written_in: Language, entry: str) -> bool:
    """Whether a block with functions of these names is of another program than the entry point's:
    it has functions that those do not need, and not only to try them, and does not call it."""
    needed = written_in.parsed(other.needed(names))
    more = other.names("functions") - (needed.names("functions") if needed else frozenset())
    return bool(entry) and not all(map(_TRIES.match, more)) and entry not in other.free


def _only_tries(other: Program) -> bool:
    """Whether a block has functions, and they are tests."""
    functions = other.names("functions")
    return bool(functions) and all(map(_TRIES.match, functions))


def _mended(
    program: Program, later: Sequence[Program], written_in: Language, entry: str
) -> Program:
    """With the last of later versions of the functions that it defines beside the entry point."""
    own = program.names("functions") - {entry}
    for other in later:
        mends = own & other.names("functions")
        if mends and entry not in other.bound and not _is_another(other, mends, written_in, entry):
            both = written_in.joined(program.code, other.needed(mends))
            program = written_in.parsed(both) or program
            own -= mends
    return program


def _chosen_whole(blocks: Sequence[Block], written_in: Language) -> Answer | None:
    """Of a problem whose programs read and print: the last that does both, or does the most; last
    of all what tells of a script before it, by its values, or feeds itself."""
    programs = _programs(blocks, written_in)
    labelled = [block for block in blocks if block.kind == "labelled"]
    ranks: dict[int, tuple[bool, int, int]] = {}
    found: dict[int, Program] = {}
    scripts: list[Program] = []
    for index, (block, program) in enumerate(zip(blocks, programs, strict=True)):
        own = _statements(block.code, written_in)
        is_shown = block.kind != "labelled" and not written_in.WRITES.search(own)
        if program is None or is_shown:
            continue  # without a label, only one that prints is a program
        joined = _joined(program, index, programs, written_in)
        rank = _does(joined, written_in)
        is_part = any(program.free & _values(script) for script in scripts[-MAX_LENDERS:])
        rank = -1 if is_part or written_in.FEEDS.search(own) else rank
        scripts += [program] if _does(program, written_in) == BOTH else []
        found[index], ranks[index] = joined, (rank == BOTH, -_KINDS.index(block.kind), rank)
    if not found or (labelled and not any(block.is_program for block in labelled)):
        note = "" if not labelled or labelled[-1].is_closed else CUT
        return Answer(code=labelled[-1].code, note=note) if labelled else None
    best = max(found, key=lambda index: (ranks[index], index))
    notes = [SEVERAL] if list(ranks.values()).count(ranks[best]) > 1 else []
    notes += [JOINED] if found[best] is not programs[best] else []
    return Answer(code=found[best].code, note="; ".join(notes))


def _does(program: Program, written_in: Language) -> int:
    """BOTH if it reads and writes when it is run, 2 if it writes, else 0."""
    text = _statements(program.executed, written_in)
    writes = bool(written_in.WRITES.search(text))
    return 2 * writes + (writes and bool(written_in.READS.search(text)))


def _values(program: Program) -> frozenset[str]:
    """Names that it binds to what it computes."""
    return program.names("anything") - program.names("functions") - program.names("imports")


def _statements(code: str, written_in: Language) -> str:
    """The text without its comments."""
    kept = (lexeme for lexeme in written_in.lexemes(code) if lexeme.kind != "comment")
    return "".join(code[lexeme.start : lexeme.end] for lexeme in kept)


def _without_usage(program: Program, asked: Wanted, notes: Sequence[str]) -> Answer:
    code = program.code
    if asked.entry_point:
        root = asked.entry_point.partition(".")[0]
        code = program.needed(frozenset({root}), asked.entry_point)
        notes = [*notes, USAGE] if code.split() != program.code.split() else notes
    return Answer(code=code.strip("\n").rstrip() + "\n", note="; ".join(notes))
