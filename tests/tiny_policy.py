"""A random Qwen2 of 27,000 parameters with a byte tokenizer, and pairs for it (no downloads)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from skeldpo.config import Config
from skeldpo.config.toml_file import parse_config
from skeldpo.prompts import Prompts
from skeldpo.records import PairSide, PairStage, PreferencePair, Skeleton
from skeldpo.train.batch import TreeBatch, build_trees
from skeldpo.train.learners.preferences import DropReason, PairTokens, tokenize_pair
from skeldpo.train.learners.preferences_loss import ANSWERS
from skeldpo.train.network import Network, sequence_logps

EOS = "<|endoftext|>"
KEPT_CHECKPOINT = "*/checkpoint_manager_snapshot.json"
"""What Ray Train's controller writes below a folder when it has heard of a checkpoint."""


def byte_tokenizer() -> Qwen2Tokenizer:
    """One token a byte, and EOS."""
    vocab = {character: i for i, character in enumerate(sorted(ByteLevel.alphabet()))}
    vocab[EOS] = len(vocab)
    return Qwen2Tokenizer(vocab=vocab, merges=[], eos_token=EOS, pad_token=EOS, unk_token=None)


def keeps_checkpoint(folder: Path) -> bool:
    """Whether a checkpoint below a folder would be gone on from."""
    return any(folder.glob(KEPT_CHECKPOINT))


def save_tiny_policy(folder: Path, tied: bool = True, seed: int = 0) -> str:
    """Saves model and tokenizer; the weights are large, so log-probabilities are distinct."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=264,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.2,
        tie_word_embeddings=tied,
        max_position_embeddings=1024,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def tiny_config(**train: object) -> Config:
    """A run's configuration with short instructions and the given [train] values."""
    preferences = {"beta": 0.1, "skeleton_weight": 0.7}
    given = {} if train.get("learner") == "rewards" else preferences
    values = {**given, "learning_rate": 1e-2, **train}
    return parse_config(
        {
            "run": {"name": "tiny", "num_rounds": 1},
            "policy": {
                "model": "tiny",
                "max_model_tokens": 160,
                "code_instruction": "[CODE]",
                "skeleton_instruction": "[SKELETON] of it",
            },
            "problems": {"num_train": 1},
            "generate": {"max_tokens": 64},
            "pair": {"min_speedup": 1.2},
            "train": values,
        },
        "test",
    )


def side(code: str, skeleton: str, token_ids: tuple[int, ...] = ()) -> PairSide:
    """A side of a pair; no token ids: a dataset program."""
    text = Skeleton(text=skeleton, method="lexical", version=1, kept_spans=(), note="")
    return PairSide(
        candidate_id=code,
        code=code,
        origin="sampled" if token_ids else "dataset",
        completion_token_ids=token_ids,
        skeleton=text,
        time_ratio=1.0,
    )


def preference_pair(
    index: int, stage: PairStage = "efficiency", *, skeletons: bool = True, statement: str = ""
) -> PreferencePair:
    """Pair number `index`; statement and code lengths differ between pairs."""
    chosen = f"def f(x):\n    return x + {index}\n"
    rejected = "def f(x):\n" + "    x += 1\n" * (1 + index % 3) + "    return x\n"
    efficiency = stage == "efficiency"
    return PreferencePair(
        pair_id=f"{stage}-{index:02d}",
        problem_id=f"problem-{index}",
        language="python",
        round_index=0,
        stage=stage,
        statement=statement or "Add " + "one " * (1 + index % 4) + "to x.",
        starter_code="def f(x):",
        chosen=side(chosen, "def f(x):\n    return _\n" if skeletons else ""),
        rejected=side(rejected, "def f(x):\n    _ += _\n    return _\n" if skeletons else ""),
        speedup=2.0 if efficiency else 0.0,
        speedup_low=1.5 if efficiency else 0.0,
        p_value=0.001 if efficiency else 0.0,
    )


def tokens_of(pairs: list[PreferencePair], folder: str, config: Config) -> list[PairTokens]:
    """Token ids of pairs that all fit."""
    prompts = Prompts(AutoTokenizer.from_pretrained(folder), config.policy)
    rows = [tokenize_pair(pair, prompts, config.policy.max_model_tokens) for pair in pairs]
    kept = [row for row in rows if not isinstance(row, DropReason)]
    assert len(kept) == len(pairs)
    return kept


def trees_of(pairs: Sequence[PairTokens], row_multiple: int = 1) -> TreeBatch:
    """The pairs' trees in one row."""
    return build_trees([pair.tree for pair in pairs], row_multiple)


def answer_counts(trees: TreeBatch) -> torch.Tensor:
    """Tokens (B, 4) of the answers of a batch of pairs."""
    return trees.num_sequence_tokens.view(-1, len(ANSWERS))


def answer_logps(network: Network, trees: TreeBatch) -> torch.Tensor:
    """Summed log-probabilities (B, 4) of the answers of a batch of pairs."""
    return sequence_logps(network, trees).view(-1, len(ANSWERS))
