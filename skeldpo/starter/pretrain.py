"""Trains the starter policy: next-token prediction on statements and their known programs.

Each epoch shows every training problem twice, with one fast and one slow program, so the model
learns to write both. Rows of about equal length are padded on the right and attend causally, which
needs no mask. The prompt's tokens count in the loss with a lower weight: they teach the copying of
names and the wording of the statements.

Shapes: B rows, T tokens, H hidden size, V vocabulary, S supervised tokens.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from skeldpo.config import PolicyConfig, StarterConfig
from skeldpo.prompts import Prompts
from skeldpo.records import Problem
from skeldpo.starter.tokenizer import check_reload, train_tokenizer

_CHECKED_TEXTS = 256
_REPORT_EVERY_S = 5.0
_IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterResult:
    """What training made and what it took; `loss` is the completion loss, in nats a token."""

    folder: str
    num_parameters: int
    num_examples: int
    num_steps: int
    num_tokens: int
    first_loss: float
    last_loss: float
    training_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Example:
    """A prompt and one completion of it, as ids."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """One problem's examples by speed; a problem without one of the two shows the other twice."""

    fast: tuple[_Example, ...]
    slow: tuple[_Example, ...]


def train_starter(
    *,
    problems: Sequence[Problem],
    config: StarterConfig,
    policy: PolicyConfig,
    output_folder: str,
    seed: int,
    on_progress: Callable[[str], None],
) -> StarterResult:
    """Trains on the problems of split "train" and saves a folder for transformers and vLLM.

    Deterministic in (problems, configs, seed) for a fixed number of torch threads. Raises
    ValueError without a train problem that has known programs, or if a text is longer than
    policy.max_model_tokens; RuntimeError if the saved tokenizer comes back with other ids.
    """
    train = [p for p in problems if p.split == "train" and p.solutions]
    if not train:
        raise ValueError(
            "the starter policy needs problems of split 'train' with known programs, got none "
            f"among {len(problems)} problems; check problems.sources and problems.families"
        )
    started_s = time.monotonic()
    tokenizer = train_tokenizer(_texts(train, policy), config.vocab_size)
    studies = [_study(problem, Prompts(tokenizer, policy), policy) for problem in train]
    epochs = _Epochs(studies, config, seed)
    on_progress(
        f"starter: {len(train)} problems, {len(tokenizer)} token types, {epochs.num_steps} steps"
    )
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(_model_config(config, policy, tokenizer))
    losses, num_tokens = _fit(model, epochs, config, on_progress)
    _save(model, tokenizer, output_folder)
    sample = random.Random(seed).sample(
        texts := _texts(train, policy), min(_CHECKED_TEXTS, len(texts))
    )
    check_reload(tokenizer, output_folder, sample)
