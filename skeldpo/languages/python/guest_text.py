"""A program and its calls as the child in the sandbox takes them; texts that may be programs."""

from __future__ import annotations

import ast
import io
import marshal
import tokenize
import warnings
from collections.abc import Sequence
from typing import Any

from skeldpo.languages.contract import GuestProgram


def guest_program(code: str, entry_point: str, preamble: str) -> GuestProgram:
    """The child compiles `code` and runs it in its own process, behind the preamble in the same
    namespace; with an entry point it is a module, else `__main__`."""
    return GuestProgram(
        code=code.encode("utf-8", "surrogatepass"),
        entry_point=entry_point.encode(),
        preamble=preamble.encode(),
    )


def guest_calls(calls: Sequence[Sequence[Any]]) -> bytes:
    """Marshalled, not JSON, as that costs the program's timed window a fifth; the guest trusts the
    host. ValueError for a Fraction, Decimal, deque or range, and what is nested too deep."""
    return marshal.dumps([*calls], 4)


def syntax_error(text: str) -> str:
    """Why a text is no Python; empty if it parses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def file_text(data: bytes) -> str:
    """The text of a file as Python reads it: a coding line counts.

    UnicodeDecodeError for bytes that are no text in its coding.
    """
    try:
        coding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:  # an unknown coding, or bytes that are not UTF-8
        coding = "utf-8"
    return data.decode(coding)
