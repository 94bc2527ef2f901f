"""The program in a text that a model wrote, or in a file of programs: docs/ANSWERS.md.

The one place that reads completions: of a round, of `skeldpo evaluate` and of `skeldpo measure`.
Pure: text in, text out, and nothing of the text is run.
"""

from __future__ import annotations

from skeldpo.answers.reading import Answer, Wanted, read_answer, read_program
from skeldpo.answers.text import plain_text

CUT_OFF = "length"
"""finish_reason of a completion that reached generate.max_tokens: it is never chosen."""

__all__ = ["CUT_OFF", "Answer", "Wanted", "plain_text", "read_answer", "read_program"]
