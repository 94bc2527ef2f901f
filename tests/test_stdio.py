"""Text of standard input as judges hand it over."""

from __future__ import annotations

import pytest

from skeldpo.judging.stdio import expected_text, input_text, line_ends


@pytest.mark.parametrize(
    ("given", "read"),
    [("", ""), ("\n", "\n"), ("1\n2\n", "1\n2\n"), ("1\n2", "1\n2\n"), ("1\r\n2\r\n", "1\n2\n"),
     ("1\r2\r", "1\n2\n"), ("1\r\n\r\n2", "1\n\n2\n"), ("\ufeff1\n", "1\n"), ("\ufeff", ""),
     ("a\ufeffb\n", "a\ufeffb\n"), (" 1 \t\r\n", " 1 \t\n"), ("1\r\r\n2", "1\n\n2\n")],
)  # fmt: skip
def test_input_text_ends_every_line_with_a_line_feed(given: str, read: str) -> None:
    assert input_text(given) == read
    assert input_text(read) == read


@pytest.mark.parametrize("text", ["\ufeffa b\r\n3\r\n", "a b\n3\n", "a b\r3\r"])
def test_expected_text_is_what_a_program_prints(text: str) -> None:
    assert expected_text(text) == "a b\n3\n"


def test_line_ends_leave_everything_else() -> None:
    assert line_ends("a\r\nb\rc") == "a\nb\nc"
    assert line_ends("\ufeffa") == "\ufeffa"
