"""What the training benchmark trains on: models of real architecture with random weights, pairs of
random tokens with set lengths, and how much arithmetic one step needs, by counting.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from skeldpo.train.learners.preferences import PairTokens
from skeldpo.train.learners.preferences_loss import ANSWERS

OURS = "ours"
PLAIN = "plain"
TRL = "trl"
WITHOUT = ("no_tree", "no_packing", "whole_logits", "reference_in_step")
"""Ours with one technique switched off (benchmarks.train_variant)."""

TAG_TOKENS = 8
"""Of the code and of the skeleton instruction, after the shared statement."""

LORA_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
REAL_STATEMENTS = (100, 129, 160, 202, 283, 435, 577, 644, 759)
REAL_ANSWERS = (65, 88, 106, 124, 146, 179, 217, 273, 424)
"""Deciles of tokens of real statements and answers: `python -m benchmarks.train_lengths`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A model, the pairs of its optimizer steps and how they are run.

    Every variant computes `pairs_per_forward` pairs at a time; ours gets the budget of tokens that
    holds so many.
    """

    name: str
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_key_heads: int
    vocab_size: int
    tied: bool
    statement_tokens: int
    answer_tokens: int
    pairs_per_step: int
    pairs_per_forward: int
    num_steps: int
    lora_rank: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    activation_checkpointing: bool = False
    compile_layers: bool = False
    skeletons: bool = True
    real_lengths: bool = False
    num_threads: int = 0


_CPU_40M = Workload(
    name="cpu-40m",
    hidden_size=512,
    intermediate_size=1408,
    num_layers=8,
    num_heads=8,
    num_key_heads=2,
    vocab_size=32_000,
    tied=True,
    statement_tokens=512,
    answer_tokens=160,
    pairs_per_step=4,
    pairs_per_forward=4,
    num_steps=3,
)
_GPU_1_5B = Workload(
    name="gpu-1.5b",
    hidden_size=1536,
    intermediate_size=8960,
    num_layers=28,
    num_heads=12,
    num_key_heads=2,
    vocab_size=151_936,
    tied=True,
    statement_tokens=512,
    answer_tokens=160,
    pairs_per_step=20,
    pairs_per_forward=5,
    num_steps=8,
    device="cuda",
    dtype="bfloat16",
)
_TINY = dataclasses.replace(
    _CPU_40M,
    name="tiny-full",
    hidden_size=64,
    intermediate_size=128,
    num_layers=2,
    num_heads=2,
    num_key_heads=1,
    vocab_size=512,
    statement_tokens=40,
    answer_tokens=12,
    pairs_per_step=2,
    pairs_per_forward=2,
    num_steps=1,
)
WORKLOADS = {
    "cpu-1m": dataclasses.replace(
        _CPU_40M,
        name="cpu-1m",
        hidden_size=96,
        intermediate_size=256,
        num_layers=4,
        num_heads=3,
        num_key_heads=3,
        vocab_size=4096,
    ),
    "cpu-40m": _CPU_40M,
    "cpu-0.5b": dataclasses.replace(
        _CPU_40M,
        name="cpu-0.5b",
        hidden_size=896,
        intermediate_size=4864,
        num_layers=24,
        num_heads=14,
        vocab_size=151_936,
        pairs_per_step=1,
        pairs_per_forward=1,
        num_steps=2,
    ),
    "tiny-full": _TINY,
    "tiny-lora": dataclasses.replace(_TINY, name="tiny-lora", tied=False, lora_rank=2),
    "tiny-long": dataclasses.replace(
        _TINY,
        name="tiny-long",
        tied=False,
        lora_rank=2,
        statement_tokens=160,
        pairs_per_step=1,
        pairs_per_forward=1,
        activation_checkpointing=True,
    ),
    "gpu-1.5b": _GPU_1_5B,
    "gpu-7b-lora": dataclasses.replace(
        _GPU_1_5B,
        name="gpu-7b-lora",
        hidden_size=3584,
        intermediate_size=18_944,
        num_heads=28,
        num_key_heads=4,
        vocab_size=152_064,
        tied=False,
        lora_rank=8,
        pairs_per_step=12,
        pairs_per_forward=3,
        num_steps=5,
    ),
}
WORKLOADS["gpu-7b-long"] = dataclasses.replace(
    WORKLOADS["gpu-7b-lora"],
    name="gpu-7b-long",
    statement_tokens=32_768 - 2 * (TAG_TOKENS + 2 * 2048),
    answer_tokens=2048,
    pairs_per_step=1,
    pairs_per_forward=1,
    num_steps=1,
    activation_checkpointing=True,
)
"""Qwen2 shapes: those with 0.5, 1.5 and 7 B are Qwen2.5-Coder's; `tiny` ones show that a command
runs. The long one is a single tree of 32,768 tokens."""


def train_settings(work: Workload) -> Any:
    """The fields of config.TrainConfig that a step reads, without pydantic: the benchmark runs
    where only torch, transformers and peft are."""
    lora = SimpleNamespace(
        rank=work.lora_rank,
        alpha=32.0,
        dropout=0.0,
        target_modules=LORA_MODULES,
    )
    return SimpleNamespace(
        beta=0.1,
        skeleton_weight=0.7 if work.skeletons else 0.0,
        loss="sigmoid",
        learning_rate=1e-6,
        schedule="constant",
        weight_decay=0.05,
        warmup_ratio=0.05,
        max_grad_norm=1.0,
        correctness_epochs=0,
        efficiency_epochs=1,
        pairs_per_step=work.pairs_per_step,
        max_tokens_per_forward=work.pairs_per_forward * tree_length(work),
        reduction="sum",
        balance_terms=False,
        label_smoothing=0.0,
        sft_weight=0.0,
        max_chosen_drop_nats=0.0,
        lora=lora if work.lora_rank else None,
        dtype=work.dtype,
        activation_checkpointing=work.activation_checkpointing,
        offload_activations=False,
        compile_layers=work.compile_layers,
    )


def tree_length(work: Workload) -> int:
    """Tokens of a tree with the workload's fixed lengths."""
    num_branches = 2 if work.skeletons else 1
    return work.statement_tokens + num_branches * (TAG_TOKENS + 2 * work.answer_tokens)


def make_pairs(work: Workload, num_pairs: int, seed: int = 0) -> list[PairTokens]:
    """Pairs of random token ids; ids below 8 are left to the tokenizer's special tokens."""
    draw = random.Random(seed)

    def ids(num_tokens: int) -> tuple[int, ...]:
        return tuple(draw.randrange(8, work.vocab_size) for _ in range(num_tokens))

    def length(fixed: int, deciles: tuple[int, ...]) -> int:
        return draw.choice(deciles) if work.real_lengths else fixed

    code_tag, skeleton_tag = ids(TAG_TOKENS), ids(TAG_TOKENS)
    pairs = []
    for index in range(num_pairs):
        statement = ids(length(work.statement_tokens, REAL_STATEMENTS))
        answers = [ids(length(work.answer_tokens, REAL_ANSWERS)) for _ in ANSWERS]
        pair = PairTokens(
            pair_id=f"pair-{index:05d}",
            stage="efficiency",
            code_prompt=statement + code_tag,
            skeleton_prompt=statement + skeleton_tag,
            code_chosen=answers[0],
            code_rejected=answers[1],
            skeleton_chosen=answers[2],
            skeleton_rejected=answers[3],
        )
        pairs.append(pair if work.skeletons else pair.without_skeleton())
    return pairs


def sequences(pair: PairTokens) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The (prompt, answer) ids of a pair's two or four sequences, as a plain trainer sees them."""
    return [
        (pair.code_prompt if name.startswith("code") else pair.skeleton_prompt, getattr(pair, name))
        for name in ANSWERS
        if getattr(pair, name)
    ]


def tree_tokens(pairs: list[PairTokens]) -> int:
    """Tokens that must be computed when the pairs' prompts are computed once."""
    return sum(pair.num_tokens for pair in pairs)


def sequence_tokens(pairs: list[PairTokens]) -> int:
    """Tokens that must be computed when every answer has a sequence of its own (no padding)."""
    return sum(len(prompt) + len(answer) for pair in pairs for prompt, answer in sequences(pair))


def num_matrix_parameters(work: Workload) -> int:
    """Parameters of the layers' matrices (no embedding, no output layer)."""
    head_size = work.hidden_size // work.num_heads
    attention = 2 * work.hidden_size * (work.num_heads + work.num_key_heads) * head_size
    return work.num_layers * (attention + 3 * work.hidden_size * work.intermediate_size)


def step_flops(work: Workload, pairs: list[PairTokens]) -> float:
    """Floating point operations that one step over the pairs cannot avoid.

    2 a parameter and token forward and 4 backward (2 with frozen matrices: their gradient is not
    needed); the output layer on answer tokens only; attention from each token to those it sees.
    """
    factor = 4 if work.lora_rank else 6
    answers = sum(len(answer) for pair in pairs for _, answer in sequences(pair))
    seen = sum(_seen(pair) for pair in pairs)
    return (
        factor * num_matrix_parameters(work) * tree_tokens(pairs)
        + factor * work.vocab_size * work.hidden_size * answers
        + 3 * 4 * work.num_layers * work.hidden_size * seen
    )


def _seen(pair: PairTokens) -> float:
    """Pairs of tokens (query, key) of the tree's attention."""
    total = 0.0
    prompts: dict[tuple[int, ...], int] = {}
    for prompt, answer in sequences(pair):
        if prompt not in prompts:
            shared = 0 if not prompts else len(prompt) - TAG_TOKENS
            prompts[prompt] = shared
            total += (len(prompt) ** 2 - shared**2) / 2
        total += len(answer) * len(prompt) + len(answer) ** 2 / 2
    return total
