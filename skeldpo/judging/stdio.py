"""Text of standard input and output as judges of the field hand it over, whoever made the file."""

from __future__ import annotations

_BYTE_ORDER_MARK = "\ufeff"


def input_text(text: str) -> str:
    """The text as a program reads it: no byte-order mark, LF after every line, also the last.

    CRLF and a lone CR are line ends, as DMOJ has it for all test data (judge-server,
    `normalized_file_copy`) and Python on a Windows judge. On Linux Python does not translate them
    in standard input: programs that compare lines, or cut off the last character of each, would be
    wrong on data made on Windows.
    """
    text = line_ends(text.removeprefix(_BYTE_ORDER_MARK))
    return text if not text or text.endswith("\n") else f"{text}\n"


def expected_text(text: str) -> str:
    """The text that a program should print: no byte-order mark, LF as its only line end."""
    return line_ends(text.removeprefix(_BYTE_ORDER_MARK))


def line_ends(text: str) -> str:
    """The text with LF as its only line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
