"""Python: everything that the rest of skeldpo knows of it (`skeldpo.languages.contract`)."""

from __future__ import annotations

from skeldpo.languages.python import guest_lines
from skeldpo.languages.python.fences import (
    FEEDS,
    FENCES,
    READS,
    WRITES,
    continuations,
    ends_in_string,
    is_transcript,
    joined,
    mended,
    typed,
    unfenced,
)
from skeldpo.languages.python.guest_text import (
    file_text,
    guest_calls,
    guest_program,
    syntax_error,
)
from skeldpo.languages.python.preamble import prompt_preamble
from skeldpo.languages.python.program import parsed
from skeldpo.languages.python.same import normalize_program, own_names
from skeldpo.languages.python.syntax import GRAMMAR, read_syntax
from skeldpo.languages.python.tokens import lexemes, tokens

NAME = "python"
TITLE = "Python"
FILE_SUFFIX = ".py"
LINE_COMMENT = "#"
LINE_PROFILER = guest_lines

__all__ = [
    "FEEDS", "FENCES", "FILE_SUFFIX", "GRAMMAR", "LINE_COMMENT", "LINE_PROFILER", "NAME", "READS",
    "TITLE", "WRITES", "continuations", "ends_in_string", "file_text", "guest_calls",
    "guest_program", "is_transcript", "joined", "lexemes", "mended", "normalize_program",
    "own_names", "parsed", "prompt_preamble", "read_syntax", "syntax_error", "tokens", "typed",
    "unfenced",
]  # fmt: skip
