"""Token ids of prompts and completions.

The one place that turns text into ids, for generation and for training alike: a prompt is the
statement, the starter code and then the instruction (code or skeleton), so that the prompts of one
problem share their beginning (METHOD, section 4). Completions are tokenised apart from prompts and
the ids are joined, so no token spans the border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skeldpo.config import PolicyConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
        self._chat = has_template and config.prompt_format != "plain"
        # Not every tokenizer that adds BOS says so in `add_bos_token` (Llama 3 does not).
        bos = tokenizer.bos_token_id
        self._starts_with_bos = bos is not None and tokenizer.encode("a")[:1] == [bos]

    @property
    def eos_token_id(self) -> int:
        """The id that ends a completion."""
        return int(self._tokenizer.eos_token_id)

    def code_prompt_ids(self, statement: str, starter_code: str) -> list[int]:
        """Ids of the prompt that asks for a program."""
        return self._prompt_ids(statement, starter_code, self._config.code_instruction)

    def skeleton_prompt_ids(self, statement: str, starter_code: str) -> list[int]:
        """Ids of the prompt that asks for a skeleton."""
        return self._prompt_ids(statement, starter_code, self._config.skeleton_instruction)

    def completion_ids(self, text: str) -> list[int]:
        """Ids of a whole answer: the text (fenced for a chat model) and EOS."""
        body = f"```python\n{text.rstrip()}\n```" if self._chat else text.rstrip() + "\n"
        return [*self._encode(body), self.eos_token_id]

    def decode(self, token_ids: list[int]) -> str:
        """Text of generated ids, special tokens left out."""
        return str(self._tokenizer.decode(token_ids, skip_special_tokens=True))

    def _prompt_ids(self, statement: str, starter_code: str, instruction: str) -> list[int]:
        parts = [statement.strip(), starter_code.strip(), instruction.strip()]
        text = "\n".join(part for part in parts if part)
        if not self._chat:
            ids = self._encode(text + "\n")
            return [int(self._tokenizer.bos_token_id), *ids] if self._starts_with_bos else ids
        messages = [{"role": "user", "content": text}]
        rendered = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return self._encode(str(rendered))

    def _encode(self, text: str) -> list[int]:
        return [int(i) for i in self._tokenizer.encode(text, add_special_tokens=False)]
