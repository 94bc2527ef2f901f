"""Marks of an editor, a tokenizer or a chat template in a text: told from what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think"
    "|longcat_think"
)
_OPENING = (
    rf"<(?:{_NAMES})>|\[THINK\]|\u25c1think\u25b7|<\|begin_of_thought\|>|<\|START_THINKING\|>"
    r"|<\|channel\|>(?:analysis|commentary)\b.*?<\|message\|>|<\|channel>thought\b"
)
_CLOSING = (
    rf"</(?:{_NAMES})>|\[/THINK\]|\u25c1/think\u25b7|<\|end_of_thought\|>|<\|END_THINKING\|>"
    r"|<\|channel\|>final\b.*?<\|message\|>|<channel\|>|\[BEGIN FINAL RESPONSE\]"
)
_REASONING = re.compile(rf"(?P<opening>{_OPENING})|(?P<closing>{_CLOSING})", re.I)
"""DeepSeek, Qwen, GLM, Phi and others write <think>; EXAONE <thought>; Seed-OSS <seed:think>;
Magistral [THINK]; Kimi with triangles; Sky-T1 and OpenThinker |begin_of_thought|; Command A
|START_THINKING|; Apriel begins its final response; gpt-oss and Gemma name channels. A template that
opens it leaves only the end."""
_BARE_CHANNELS = re.compile(r"\Aanalysis.*?assistantfinal", re.S)
"""gpt-oss, decoded without its special tokens."""
_MARK = (
    r"(?:<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|return|endofturn|eos)\|>|</s>"
    r"|<eos>|<end_of_turn>|<turn\|>|<\uff5cend\u2581of\u2581sentence\uff5c>|<\|end\u2581of\u2581sentence\|>"
    r"|<EOT>|\[END FINAL RESPONSE\]"
    r"|<\|EOT\|>|<\|file_separator\|>|<\|(?:fim_\w+|file_sep|repo_name)\|>"
    r"|<(?:fim_\w+|file_sep|reponame)>)"
)
_END = re.compile(rf"(?m:^){_MARK}|[ \t]*{_MARK}(?=\s*(?:\Z|\n|<[|\uff5c\w]))")
"""Tokens with which templates end a turn or a text, where they begin or end a line."""
_COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_START = re.compile(
    r"\A\s*(?:<s>|<bos>|<\|begin_of_text\|>|<\|python_tag\|>|<\|start\|>assistant)\s*"
)


def plain_text(text: str) -> str:
    """The text without a byte-order mark, and with LF as its only line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def without_colours(text: str) -> str:
    """The text without the escape sequences of a terminal, which some servers pass on."""
    return _COLOURS.sub("", text) if "\x1b" in text else text


def has_marks(text: str) -> bool:
    """Whether a text may hold reasoning, or the beginning or end of a turn."""
    return any(mark.search(text) for mark in (_REASONING, _START, _END))


def without_reasoning(text: str, is_code: Callable[[int], bool]) -> tuple[str, bool]:
    """(what is no reasoning, whether the text ends within reasoning).

    `is_code(position)` says that a mark there stands in a program, in a string of it. A closing
    mark with no opening one ends reasoning that began before the text. An opening mark has to begin
    a line, or to be closed again.
    """
    bare = _BARE_CHANNELS.match(text)
    if bare:
        return text[bare.end() :], False
    kept: list[str] = []
    start, opened_at, num_closed = 0, -1, 0
    marks = [
        mark
        for mark in _REASONING.finditer(text)
        if text[mark.start() - 1 : mark.start()] != "`" and not is_code(mark.start())
    ]
    for index, mark in enumerate(marks):
        if mark["opening"]:
            begins_line = not text[: mark.start()].rpartition("\n")[2].strip()
            is_closed = any(later["closing"] for later in marks[index + 1 :])
            if opened_at < 0 and (begins_line or is_closed):
                kept.append(text[start : mark.start()])
                opened_at = mark.start()
            continue
        if opened_at < 0:
            if num_closed and not text[mark.end() :].strip():
                kept.append(text[start : mark.start()])  # a second closing mark, at the very end
                return "".join(kept), False
            kept.clear()
        start, opened_at, num_closed = mark.end(), -1, num_closed + 1
    if opened_at >= 0:
        return "".join(kept), True
    return "".join([*kept, text[start:]]), False


def without_turn_marks(text: str, is_code: Callable[[int], bool]) -> str:
    """The text up to the end of its turn, from what is no mark on."""
    begins = _START.match(text)
    start = begins.end() if begins else 0
    for mark in _END.finditer(text, start):
        if not is_code(mark.start()):
            if text[start : mark.start()].strip():
                return text[start : mark.start()]
            start = mark.end()
    return text[start:]
