"""Tokenizers of the kinds that models come with, made here: small vocabularies, real classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tiny_policy import EOS, byte_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    GemmaTokenizer,
    LlamaTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content.strip() "
    "+ ' [/INST]' }}{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)
LLAMA3 = (
    "{{ bos_token }}{% if not date_string is defined %}"
    "{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "<|start_header_id|>system<|end_header_id|>\n\nToday Date: {{ date_string }}<|eot_id|>"
    "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>"
    "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
PHI3 = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)
DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<|User|>{{ m.content }}"
    "{% else %}<|Assistant|>{{ m.content }}<|end_of_answer|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|>{% endif %}"
)
WORDS = ("def", "return", "self", "Remove", "from", "<s>x", "```", "python", "\n\n", "▁▁", "▁▁▁▁")


def _merges(words: Sequence[str], vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Builds each word from the left, and the word after a blank."""
    merges: list[tuple[str, str]] = []
    for word in words:
        for text in (word, "▁" + word):
            for end in range(2, len(text) + 1):
                merge = (text[: end - 1], text[end - 1])
                if merge not in merges:
                    merges.append(merge)
                    vocabulary.setdefault(text[:end], len(vocabulary))
    return merges


def _pieces(special: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Special tokens first, as in SentencePiece models; then bytes, characters and words."""
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    pieces += [chr(code) for code in range(33, 127)] + ["\n"]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    return vocabulary, _merges(WORDS, vocabulary)


def qwen2(template: str | None = CHATML) -> PreTrainedTokenizerBase:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = template
    return tokenizer


def llama2(template: str | None = LLAMA2) -> PreTrainedTokenizerBase:
    """A blank before a text, but not after a special token."""
    vocabulary, merges = _pieces(("<unk>", "<s>", "</s>"))
    tokenizer = LlamaTokenizer(vocab=vocabulary, merges=merges, add_bos_token=True)
    tokenizer.chat_template = template
    return tokenizer


def legacy_llama(template: str | None = LLAMA2) -> PreTrainedTokenizerBase:
    """A blank before each part between special tokens, by a normalizer."""
    vocabulary, merges = _pieces(("<unk>", "<s>", "</s>"))
    backend = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = template
    return tokenizer


def llama3(template: str | None = LLAMA3) -> PreTrainedTokenizerBase:
    """Adds BOS in a post-processor and does not say so; its template prints the date."""
    vocabulary = {character: i for i, character in enumerate(sorted(ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    names = ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")
    names += ("<|start_header_id|>", "<|end_header_id|>")
    backend.add_special_tokens(list(names))
    backend.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A",
        special_tokens=[(names[0], backend.token_to_id(names[0]))],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=names[0], eos_token=names[1]
    )
    tokenizer.chat_template = template
    return tokenizer


def gemma(template: str | None = GEMMA) -> PreTrainedTokenizerBase:
    names = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
    vocabulary, merges = _pieces(names)
    tokenizer = GemmaTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.add_tokens(list(names[-2:]), special_tokens=True)
    tokenizer.chat_template = template
    return tokenizer


def phi3(template: str | None = PHI3) -> PreTrainedTokenizerBase:
    """Tokens of turns swallow the blanks behind them."""
    vocabulary, merges = _pieces(("<unk>", "<s>", "</s>"))
    tokenizer = LlamaTokenizer(vocab=vocabulary, merges=merges)
    names = ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>")
    tokens = [AddedToken(name, rstrip=True, normalized=False, special=True) for name in names]
    tokenizer.add_tokens(tokens, special_tokens=True)
    tokenizer.eos_token = names[0]
    tokenizer.chat_template = template
    return tokenizer


def deepseek(template: str | None = DEEPSEEK) -> PreTrainedTokenizerBase:
    """Tokens of turns that are not called special."""
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<|User|>", "<|Assistant|>", "<|end_of_answer|>"])
    tokenizer.bos_token = EOS
    tokenizer.chat_template = template
    return tokenizer


TOKENIZERS: tuple[Callable[..., PreTrainedTokenizerBase], ...] = (
    qwen2, llama2, legacy_llama, llama3, gemma, phi3, deepseek,
)  # fmt: skip
END_OF_TURN = {
    "qwen2": "<|im_end|>",
    "llama2": "</s>",
    "legacy_llama": "</s>",
    "llama3": "<|eot_id|>",
    "gemma": "<end_of_turn>",
    "phi3": "<|end|>",
    "deepseek": "<|end_of_answer|>",
}
