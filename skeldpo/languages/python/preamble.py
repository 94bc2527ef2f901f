"""What a prompt that is code promises beside the function that it asks for."""

from __future__ import annotations

import typing

from skeldpo.languages.python.program import parsed


def prompt_preamble(prompt: str, entry_point: str) -> str:
    """The imports and helpers of a prompt, without the entry point that it leaves open.

    Names of `typing` that it annotates with and does not import are promised too. Empty for a
    prompt that is no Python, or that has nothing but the entry point.
    """
    root = entry_point.partition(".")[0]
    for body in ("", "\n    pass\n", "\n        pass\n"):
        program = parsed(prompt.rstrip() + body)
        if program is not None:
            kept = [
                statement.text
                for statement in program.statements
                if root not in statement.bound and not statement.is_constant
            ]
            hints = sorted(program.free & frozenset(typing.__all__))
            if hints:
                kept.append(f"from typing import {', '.join(hints)}")
            return "\n".join(kept) + "\n" if kept else ""
    return ""
