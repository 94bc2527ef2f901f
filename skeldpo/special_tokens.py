"""Text to ids and back, where a special token is one only where a template wrote it.

A tokenizer reads `<|im_end|>` in a statement, a program or a skeleton as the token that ends a
turn, and leaves it out when it decodes. Here such text is `quote`d before a template is rendered
around it, and what is quoted becomes ordinary tokens. Text without it, which is nearly all, goes
through the tokenizer as it is, so its ids are those that the model was trained on.
"""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ANCHORS = ("\n", "a", ":")
"""Texts that rarely share a token with what follows them."""


def read_tokenizer(folder: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder, by its tokenizer.json wherever there is one.

    ValueError if the folder has none: for many kinds transformers then makes one without words.
    """
    from transformers import AutoTokenizer  # takes seconds to import

    # Beside a tekken.json it would be that of mistral-common, which vLLM brings along: it has no
    # chat template and takes no text apart.
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, mistral_format=False)
    if tokenizer.encode("a", add_special_tokens=False) in ([], [tokenizer.unk_token_id]):
        raise ValueError(
            f"{folder} has no tokenizer, or one that knows no text; put the files of the model's "
            "tokenizer there (tokenizer.json, tokenizer_config.json)"
        )
    return tokenizer


class TokenText:
    """The ids of texts by one tokenizer, and the texts of ids."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        template = str(tokenizer.chat_template or "")
        special = set(tokenizer.all_special_tokens) - {tokenizer.unk_token}
        added = {
            str(token.content): (token_id, token)
            for token_id, token in tokenizer.added_tokens_decoder.items()
        }
        special_ids = {token_id for token_id, token in added.values() if token.special}
        special_ids |= set(tokenizer.convert_tokens_to_ids(sorted(special)))
        self.special_ids = special_ids - {tokenizer.unk_token_id}
        """Of tokens that stand for no text."""
        # DeepSeek's tokenizers do not call the tokens special that begin a turn.
        self._controls = {
            text: token_id
            for text, (token_id, token) in added.items()
            if text.strip() and (token.special or text in template)
        }
        self._control_ids = set(self._controls.values())
        self._flags = {text: token for text, (_, token) in added.items()}
        names = sorted(self._controls, key=len, reverse=True)
        self._in_text = re.compile("|".join(map(re.escape, names)) or r"(?!)")
        # Drawn anew for each object, so no text that exists already can contain it.
        self._nonce = f"quoted{secrets.token_hex(8)}"
        self._names = names
        self._anchor = [int(i) for i in tokenizer.encode("a", add_special_tokens=False)]
        self._anchor_text = self._decode(self._anchor)
        self._puts_blank = self.decode(self._anchor) != self._anchor_text

    def quote(self, text: str) -> str:
        """The text with a word in the place of each text of a special token; `encode` undoes it."""
        return self._in_text.sub(
            lambda found: f"{self._nonce}x{self._names.index(found.group())}x", text
        )

    def stand_in(self, name: str) -> str:
        """A word to render in the place of a text, found again by itself."""
        return f"{self._nonce}x{name}x"

    def encode(self, text: str) -> list[int]:
        """Ids of a rendered text: as the tokenizer gives them, but for what was quoted."""
        if self._nonce not in text:
            return [int(i) for i in self._tokenizer.encode(text, add_special_tokens=False)]
        marked = self._in_text.sub(lambda found: self._mark(found.group()), text)
        stand_in = re.compile(rf"{self._nonce}x(\d+)x")
        whole = stand_in.sub(lambda found: self._names[int(found.group(1))], marked)
        backend, real_ids = self._backend
        ids: list[int] = []
        for token_id in backend.encode(whole, add_special_tokens=False).ids:
            if token_id in real_ids:
                ids.append(real_ids[token_id])
            elif token_id in self._spelled:
                ids += self._spelled[token_id]
            else:
                ids.append(token_id)
        return ids

    def encode_after_text(self, text: str) -> list[int]:
        """Ids of a text that goes on after other text.

        Tokenizers of the SentencePiece kind put a blank before a text, which `decode` of it alone
        takes away again; after a prompt it would be one that nobody wrote.
        """
        if not self._puts_blank:
            return self.encode(text)
        for anchor in _ANCHORS:
            before, ids = self.encode(anchor), self.encode(anchor + text)
            if ids[: len(before)] == before:
                return ids[len(before) :]
        return self.encode(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of ids that follow others, special tokens and leading blanks included."""
        return self._decode([*self._anchor, *token_ids]).removeprefix(self._anchor_text)

    def first_control(self, token_ids: Iterable[int]) -> int | None:
        """The first id of a token that is for templates alone (BOS, which opens, is none)."""
        controls = self._control_ids | self.special_ids
        if self._tokenizer.bos_token_id != self._tokenizer.eos_token_id:
            controls.discard(self._tokenizer.bos_token_id)
        return next((token_id for token_id in token_ids if token_id in controls), None)

    def _decode(self, token_ids: list[int]) -> str:
        text = self._tokenizer.decode(
            token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(text)

    def _mark(self, name: str) -> str:
        return f"{self._nonce}m{self._names.index(name)}m"

    @functools.cached_property
    def _spelled(self) -> dict[int, list[int]]:
        """Ids of the characters of a special token: merges of models that were converted from
        SentencePiece can lead to the token itself."""
        return {
            token_id: [i for character in name for i in self.encode_after_text(character)]
            for name, token_id in self._controls.items()
            if token_id != self._tokenizer.unk_token_id  # also what no other token is there for
        }

    @functools.cached_property
    def _backend(self) -> tuple[Tokenizer, dict[int, int]]:
        """A copy that knows each special token by its mark instead of its text, and what the ids of
        the marks stand for."""
        if getattr(self._tokenizer, "backend_tokenizer", None) is None:
            raise ValueError(
                f"a text contains that of a special token, and {type(self._tokenizer).__name__} "
                "cannot tell them apart; use a model that has a tokenizer.json"
            )
        backend = Tokenizer.from_str(self._tokenizer.backend_tokenizer.to_str())
        backend.no_padding()
        backend.no_truncation()
        backend.add_special_tokens(self._names)
        backend.encode_special_tokens = True  # as text, that is
        flags = [self._flags[name] for name in self._names]
        backend.add_tokens(
            [
                AddedToken(
                    self._mark(name),
                    lstrip=flag.lstrip,
                    rstrip=flag.rstrip,
                    single_word=flag.single_word,
                    normalized=flag.normalized,
                    special=False,
                )
                for name, flag in zip(self._names, flags, strict=True)
            ]
        )
        vocabulary = backend.get_vocab(with_added_tokens=True)
        return backend, {vocabulary[self._mark(n)]: self._controls[n] for n in self._names}
