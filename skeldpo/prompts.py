"""Token ids of prompts and completions.

The one place that turns text into ids, for generation and for training alike: a prompt is the
statement, the starter code and then the instruction (code or skeleton), so that the prompts of one
problem share their beginning (docs/METHOD.md, section 4). Completions are tokenised apart from
prompts and the ids are joined, so no token spans the border. An answer ends with the token that the
chat template puts behind one, and the template's clock stands still (policy.prompt_date): a problem
has one prompt, whenever it is rendered. The fence before a chat model's program belongs to the
prompt (policy.prefill), so what it would say first is neither sampled nor trained. What a thinking
model writes before its answer is told from the answer here as well.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Literal

from jinja2 import TemplateError

from skeldpo.answers import Wanted, read_answer
from skeldpo.config import PolicyConfig
from skeldpo.languages import DEFAULT, language
from skeldpo.special_tokens import TokenText

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Asked = Literal["code", "skeleton"]

# Asked for the fastest program, a small model writes the shortest: 10 points of HumanEval less, and
# what is right is no faster (docs/LOG.md). Speed is learnt from pairs.
_CHAT_INSTRUCTIONS: dict[Asked, str] = {
    "code": "Write a self-contained {language} program that solves this problem. {signature}Answer "
    "with one markdown code block.",
    "skeleton": "Write the skeleton of an efficient {language} program: the program with _ for its "
    "details. Answer with the skeleton alone, in one code block.",
}
_SIGNATURE = "Keep the name and the parameters of the function as they are given. "
"""Where starter code gives them; without it a program may have to read its input."""
_PLAIN_INSTRUCTIONS: dict[Asked, str] = {
    "code": "[GEN_CODE] Write an efficient and correct program.",
    "skeleton": "[GEN_CODESKELETON] Write the skeleton of an efficient program.",
}
"""The tags of SkelDPO (arXiv 2606.06826), which mean nothing to a model that was not trained on
them; they tell two tasks apart for one that continues texts."""
_THOUGHTS = re.compile(r"think|thought|reasoning|channel", re.I)
"""What templates of models that think have in the names of marks and switches."""


def instruction(
    config: PolicyConfig, asked: Asked, language_name: str, *, starter_code: str, is_chat: bool
) -> str:
    """What follows the statement and the starter code in a prompt."""
    set_by_user = config.code_instruction if asked == "code" else config.skeleton_instruction
    text = set_by_user or (_CHAT_INSTRUCTIONS if is_chat else _PLAIN_INSTRUCTIONS)[asked]
    text = text.replace("{signature}", _SIGNATURE if starter_code.strip() else "")
    return text.replace("{language}", language(language_name).TITLE).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What a chat template puts around an answer: the text between the prompt and it, which the
    model writes (a blank, an empty thought), and the token that ends the turn."""

    lead: str
    end_token_id: int


class Prompts:
    """Renders the prompts and completions of one policy with its own tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: PolicyConfig) -> None:
        if tokenizer.eos_token_id is None:
            raise ValueError(
                f"the tokenizer of {config.model} has no EOS token, so no completion could end; "
                "set eos_token in its tokenizer_config.json"
            )
        has_template = bool(tokenizer.chat_template)
        if config.prompt_format == "chat" and not has_template:
            raise ValueError(
                f'policy.prompt_format is "chat" but the tokenizer of {config.model} has no chat '
                'template; use "plain" or "auto"'
            )
        self._tokenizer = tokenizer
        self._config = config
        self._text = TokenText(tokenizer)
        self._chat = has_template and config.prompt_format != "plain"
        # Not every tokenizer that adds BOS says so in `add_bos_token` (Llama 3 does not).
        bos = tokenizer.bos_token_id
        self._starts_with_bos = bos is not None and tokenizer.encode("a")[:1] == [bos]
        self._opens_reasoning = False
        self._turn = self._answer_turn()
        self._prefills = self._chat and (
            config.prefill == "on" or (config.prefill == "auto" and not self._thinks())
        )

    @property
    def eos_token_id(self) -> int:
        """The id that ends a text."""
        return int(self._tokenizer.eos_token_id)

    @property
    def end_token_id(self) -> int:
        """The id that ends an answer: of the chat template's end of turn, else EOS."""
        return self._turn.end_token_id

    @property
    def stop_token_ids(self) -> list[int]:
        """The ids at which sampling ends."""
        return sorted({self.end_token_id, self.eos_token_id})

    def code_prompt_ids(
        self, statement: str, starter_code: str, language_name: str = DEFAULT
    ) -> list[int]:
        """Ids of the prompt that asks for a program."""
        return self._prompt_ids(statement, starter_code, "code", language_name)

    def skeleton_prompt_ids(
        self, statement: str, starter_code: str, language_name: str = DEFAULT
    ) -> list[int]:
        """Ids of the prompt that asks for a skeleton."""
        return self._prompt_ids(statement, starter_code, "skeleton", language_name)

    def answer_ids(self, text: str, language_name: str = DEFAULT) -> list[int]:
        """Ids of an answer as an engine gives it: the text (fenced for a chat model, without what
        the prompt has of the answer) and the end of the turn."""
        body = text.rstrip() + "\n" + "```" * self._chat
        before = "" if self._prefills else self._before_program(language_name)
        ids = self._text.encode_after_text(before + self._text.quote(body))
        return [*ids, self.end_token_id]

    def completion_ids(self, text: str, language_name: str = DEFAULT) -> list[int]:
        """Ids of an answer and EOS, as a text ends that a model is trained on from scratch.

        Preferences are of `answer_ids`: sampling stops at the end of the turn, so what comes after
        it is never written, and would draw the gradient.
        """
        ids = self.answer_ids(text, language_name)
        return ids if ids[-1] == self.eos_token_id else [*ids, self.eos_token_id]

    def decode(self, token_ids: Sequence[int], language_name: str = DEFAULT) -> str:
        """Text of an answer's ids, with what the prompt has of the answer and without the special
        tokens at its end.

        One in the middle stays: what is judged is what was written.
        """
        ends = {*self._text.special_ids, *self.stop_token_ids}
        length = len(token_ids)
        while length and token_ids[length - 1] in ends:
            length -= 1
        text = self._text.decode(token_ids[:length])
        if self._prefills:
            return _opening(language_name) + text
        return text.removeprefix(self._turn.lead)

    def num_reasoning_tokens(self, completion_ids: Sequence[int]) -> int:
        """How many of a completion's tokens, from its first on, are thoughts, their marks included;
        all of them if the thoughts have no end."""
        opening, closing = self._config.reasoning_marks
        text = self._text.decode(completion_ids)
        if not (self._opens_reasoning or text.lstrip().startswith(opening)):
            return 0
        border = text.find(closing)
        if border < 0:
            return len(completion_ids)
        return bisect.bisect_left(
            range(len(completion_ids)),
            border + len(closing),
            key=lambda count: len(self._text.decode(completion_ids[:count])),
        )

    def read_before_answer(self, completion_ids: Sequence[int]) -> int:
        """How many of a completion's tokens are read and not scored in training."""
        if self._config.reasoning == "trained":
            return 0
        return self.num_reasoning_tokens(completion_ids)

    def _prompt_ids(
        self, statement: str, starter_code: str, asked: Asked, language_name: str
    ) -> list[int]:
        asking = instruction(
            self._config, asked, language_name, starter_code=starter_code, is_chat=self._chat
        )
        text = self._text.quote(
            question(statement, starter_code, asking, language_name, is_chat=self._chat)
        )
        if not self._chat:
            ids = self._text.encode(text + "\n")
            return [int(self._tokenizer.bos_token_id), *ids] if self._starts_with_bos else ids
        begun = self._before_program(language_name) if self._prefills else ""
        return self._text.encode(self._render(text) + begun)

    def _before_program(self, language_name: str) -> str:
        """What stands between a prompt's template and the program of its answer."""
        return self._turn.lead + _opening(language_name) if self._chat else ""

    def _thinks(self) -> bool:
        """Whether the model has tokens, or its template words, for thoughts before an answer."""
        template = str(self._tokenizer.chat_template)
        known = [template, *self._tokenizer.get_added_vocab()]
        has_marks = any(mark in text for text in known for mark in self._config.reasoning_marks)
        return has_marks or bool(_THOUGHTS.search(template))

    def _answer_turn(self) -> _Turn:
        """Found by rendering an answer; EOS ends it if the template puts no token there."""
        plain = _Turn(lead="", end_token_id=self.eos_token_id)
        if not self._chat:
            return plain
        question, answer = (self._text.stand_in(name) for name in ("question", "answer"))
        prompt = self._checked_prompt(question)
        try:
            whole = self._render(question, answer)
        except TemplateError:  # a template for one turn
            return plain
        before, found, after = whole.partition(answer)
        end = self._text.first_control(self._text.encode(after))
        opening, closing = self._config.reasoning_marks
        self._opens_reasoning = prompt.rstrip().endswith(opening)
        lead = before.removeprefix(prompt) if found and before.startswith(prompt) else ""
        if self._opens_reasoning and closing not in lead:
            lead = f"\n{closing}\n\n"  # the template of an earlier turn leaves its thoughts out
        return _Turn(
            lead=lead,
            end_token_id=self.eos_token_id if end is None else end,
        )

    def _checked_prompt(self, question: str) -> str:
        """The prompt of one turn; ValueError of a template that refuses it, or leaves it out as
        those do that want a list of texts and images."""
        try:
            prompt = self._render(question)
            reason = "" if question in prompt else "it leaves the text of the turn out"
        except (TemplateError, TypeError) as error:
            reason = str(error)
        if reason:
            raise ValueError(
                f"the chat template of {self._config.model} does not take a conversation of one "
                f"user's turn: {reason}; correct the template in the model's folder, or set "
                'policy.prompt_format to "plain"'
            )
        return prompt

    def _render(self, *turns: str) -> str:
        """The chat template around a user's turn, and around an answer if one is given."""
        roles = ("user", "assistant")
        now = datetime.combine(self._config.prompt_date, time.min)
        rendered = self._tokenizer.apply_chat_template(
            [{"role": role, "content": text} for role, text in zip(roles, turns, strict=False)],
            add_generation_prompt=len(turns) == 1,
            tokenize=False,
            strftime_now=now.strftime,
            **self._config.chat_template_kwargs,
        )
        return str(rendered)


def question(
    statement: str, starter_code: str, asking: str, language_name: str = DEFAULT, *, is_chat: bool
) -> str:
    """What is asked: a problem, what its answer begins with (fenced for a chat model), and the
    `instruction`."""
    starter = starter_code.strip()
    if starter and is_chat:
        starter = _fenced(starter, language_name)
    return "\n".join(part for part in (statement.strip(), starter, asking) if part)


def _opening(language_name: str) -> str:
    """The line that opens a block of code."""
    return f"```{language(language_name).FENCES.label}\n"


def _fenced(code: str, language_name: str) -> str:
    """A block of code; its fence is longer than any in the code (a docstring may show one)."""
    inner = re.findall(r"^\s*(`{3,})", code, re.MULTILINE)
    more = "`" * (max(map(len, inner), default=2) - 2)
    return f"{more}{_opening(language_name)}{code}\n{more}```"


def extract_code(text: str, language_name: str = DEFAULT) -> str:
    """The program in a model's answer where no problem says what it defines; `skeldpo.answers` has
    the rules, and takes a problem's entry point into account."""
    return read_answer(text, Wanted(language=language_name)).code
