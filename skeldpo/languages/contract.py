"""What differs between programming languages: `Language` is what a module of this package has.

A second language is one module beside `python` with every name of `Language`, an entry in
`skeldpo.languages.LANGUAGES`, and an image whose guest starts its programs. Of a guest only the
child that PID 1 forks knows a language: it takes the bytes of `guest_program`, makes the program
ready and runs the preamble before it says START, and answers the calls of `guest_calls` with one
line each, as `skeldpo.values` writes them; PID 1, frames, clock and limits are the same for all.
Generators and checkers of problems are Python whatever the programs are.

Text in, text out, and nothing is run but in the sandbox. A function that is given text of any kind
answers, and raises only what it says.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple, Protocol

Span = tuple[int, int]
LexemeKind = Literal["word", "operator", "layout", "comment"]
NameKind = Literal["functions", "imports", "anything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestProgram:
    """What PID 1 is told of a program, as bytes that the child of the image understands."""

    code: bytes
    entry_point: bytes
    preamble: bytes

    @property
    def num_bytes(self) -> int:
        """Of all three; PID 1 takes `PROGRAM_LIMIT_BYTES`."""
        return len(self.code) + len(self.entry_point) + len(self.preamble)


class Lexeme(NamedTuple):
    """A piece [start, end) of a text: words are what a skeleton may mask. A tuple, as a program has
    thousands."""

    start: int
    end: int
    kind: LexemeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a program's syntax; `node_types` has a bit for each type of node in it."""

    node_types: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """A program that parses. `fixed_spans` are the words without which it would not (keywords,
    patterns); `joined` the starts of strings that are joined to the one before; `edges` the
    (outer, inner) node types that follow each other, and the names of what is called or imported;
    `line_starts` where each line begins."""

    parts: tuple[Part, ...]
    fixed_spans: tuple[Span, ...]
    joined: frozenset[int]
    edges: frozenset[str]
    line_starts: tuple[int, ...]


class Definition(IntEnum):
    """How far a program defines a name; a stub has a head and nothing in its body, and what is
    partial leaves something out, as `# ... as before` says."""

    NONE = 0
    STUB = 1
    IMPORTED = 2
    PARTIAL = 3
    WHOLE = 4


class Program(Protocol):
    """A text that compiles."""

    @property
    def code(self) -> str:
        """The text."""

    @property
    def bound(self) -> frozenset[str]:
        """Names that it gives to what follows it."""

    @property
    def free(self) -> frozenset[str]:
        """Names that it looks up, and neither has from the language nor binds, unless to what it
        makes of them (`x = x + 1`)."""

    @property
    def executed(self) -> str:
        """The text of what runs when it is run as a whole: not of functions that nothing calls."""

    def definition(self, entry_point: str) -> Definition:
        """How far it defines a function, or with "Class.method" a method."""

    def names(self, kind: NameKind) -> frozenset[str]:
        """Names that its top level binds by definitions that are no stubs, by imports, at all; "*"
        for imports that do not say what they bind."""

    def needed(self, wanted: frozenset[str], entry_point: str = "") -> str:
        """The text without what the names in `wanted` do not need, such as lines of usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fences:
    """How models mark code of the language.

    `label` is written in prompts' answers; `labels` is a label that is read, in lower case, and
    `transcripts` one of an interpreter's session; `short_labels` a pattern of those that stand on a
    line alone or before code in one line; `tags` other marks, with the fence that each is; and
    `first_line` what code begins with where it stands in the line of its fence.
    """

    label: str
    labels: re.Pattern[str]
    transcripts: re.Pattern[str]
    short_labels: str
    tags: Mapping[str, str]
    first_line: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfenced:
    """A statement outside fences, "" for none, the line after it, and how many further lines were
    tried for it."""

    code: str
    end: int
    num_tried: int


class Language(Protocol):
    """A module of this package."""

    NAME: str
    """In records and problem files."""
    TITLE: str
    """In messages."""
    FILE_SUFFIX: str
    LINE_COMMENT: str
    """What begins a comment that ends with its line."""

    # In the sandbox
    LINE_PROFILER: types.ModuleType | None
    """A Python program that takes a program of the language as data and tells where its time goes:
    `line_times(code, entry_point, inputs, limit_ns, preamble)`. None: its lines are not profiled,
    and dynamic skeletons are lexical ones."""

    def guest_program(self, code: str, entry_point: str, preamble: str) -> GuestProgram:
        """The frame of a program: without an entry point it reads standard input."""

    def guest_calls(self, calls: Sequence[Sequence[Any]]) -> bytes:
        """The arguments of each call; ValueError for values that a program cannot be given."""

    def syntax_error(self, text: str) -> str:
        """Why a text is no program; empty if it parses."""

    # Same program?
    def normalize_program(self, code: str) -> str:
        """A key: equal keys are programs that answer and cost alike. Any text has one."""

    def own_names(self, code: str) -> frozenset[str]:
        """Names that the program could change without anyone who calls it noticing."""

    # Skeletons
    GRAMMAR: str
    """What `read_syntax` reads, with its version."""

    def lexemes(self, code: str) -> Iterator[Lexeme]:
        """Any text in pieces that follow each other without a gap."""

    def tokens(self, code: str) -> tuple[str, ...]:
        """Its words and operators in order, without comments and blanks."""

    def read_syntax(self, code: str) -> Syntax | None:
        """None of a text that is not of GRAMMAR."""

    # Answers of models (docs/ANSWERS.md)
    FENCES: Fences
    WRITES: re.Pattern[str]
    READS: re.Pattern[str]
    """What a program says that writes to standard output, that reads standard input."""
    FEEDS: re.Pattern[str]
    """What a test of such a program says, which gives it its input."""

    def parsed(self, code: str) -> Program | None:
        """The program in a text, or None if it does not compile."""

    def mended(self, text: str) -> Sequence[str]:
        """The text, and what it may have been before a model or a page spoilt it."""

    def ends_in_string(self, text: str) -> bool:
        """Whether a text stops within a string of several lines."""

    def is_transcript(self, lines: Sequence[str]) -> bool:
        """Whether lines look like an interpreter's session."""

    def typed(self, lines: Sequence[str]) -> str:
        """What was typed in a session, without what it answered."""

    def unfenced(self, lines: Sequence[str], at: int, is_fence: Callable[[str], bool]) -> Unfenced:
        """The code that begins at a line of prose; lines that are a fence end it."""

    def continuations(self, prompt: str, text: str) -> Iterator[str]:
        """The programs that a text that goes on where the prompt ends may mean, likeliest first."""

    def joined(self, first: str, second: str) -> str:
        """The text of two programs as one."""

    # Prompts
    def prompt_preamble(self, prompt: str, entry_point: str) -> str:
        """The imports and helpers that a prompt that is code promises beside the entry point."""

    def file_text(self, data: bytes) -> str:
        """The text of a program's file; UnicodeDecodeError for bytes that are none."""
