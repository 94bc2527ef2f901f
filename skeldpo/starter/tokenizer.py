"""A byte-level BPE tokenizer learnt from the training texts, of class Qwen2Tokenizer.

The class matters: AutoTokenizer picks it for every Qwen2 model folder and then uses its own
pre-tokenisation, whatever the folder's tokenizer.json says. So merges are learnt under that
pre-tokenisation, and `check_reload` proves that a saved tokenizer gives the same ids again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer

from skeldpo.special_tokens import read_tokenizer

EOS = "<|endoftext|>"
PAD = "<|pad|>"
_BEFORE_WORD = Regex(r"[^\p{L}\p{N}_](?=[A-Za-z])")


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """Learns at most `vocab_size` tokens, the two special ones included.

    While merges are learnt, punctuation is cut off the word that follows it, so that a name is one
    token (two with the spaced form) whether it follows a bracket, a backtick or nothing: copying
    names from a statement into code is the first thing a small model has to learn.
    """
    base = Qwen2Tokenizer(pad_token=PAD)
    learner = Tokenizer(models.BPE())
    learner.normalizer = base.backend_tokenizer.normalizer
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            base.backend_tokenizer.pre_tokenizer,
            pre_tokenizers.Split(_BEFORE_WORD, behavior="isolated"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return Qwen2Tokenizer(vocab=model["vocab"], merges=merges, pad_token=PAD)


def check_reload(tokenizer: PreTrainedTokenizerBase, folder: str, texts: Sequence[str]) -> None:
    """Raises RuntimeError unless AutoTokenizer reads from `folder` a tokenizer equal on `texts`."""
    reloaded = read_tokenizer(folder)
    if reloaded.eos_token_id != tokenizer.eos_token_id:
        raise RuntimeError(
            f"the tokenizer saved in {folder} came back with eos_token_id "
            f"{reloaded.eos_token_id}, expected {tokenizer.eos_token_id}; "
            "use the transformers version of the lock file"
        )
    for text in texts:
        expected = tokenizer.encode(text, add_special_tokens=False)
        got = reloaded.encode(text, add_special_tokens=False)
        if got != expected or reloaded.decode(got) != text:
            raise RuntimeError(
                f"the tokenizer saved in {folder} came back as {type(reloaded).__name__} with "
                f"other ids: expected {expected[:20]}, got {got[:20]} for {text[:80]!r}; "
                "use the transformers version of the lock file"
            )
