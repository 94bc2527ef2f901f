"""Trains the starter policy: next-token prediction on statements and their known programs.

Each epoch shows every training problem twice, with one fast and one slow program, so the model
learns to write both. Rows of about equal length are padded on the right and attend causally, which
needs no mask. The prompt's tokens count in the loss too, with a lower weight: they teach to copy
names.

Shapes: B rows, T tokens, S supervised tokens.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter, functional
from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from skeldpo.config import PolicyConfig, StarterConfig
from skeldpo.prompts import Prompts, instruction
from skeldpo.records import Problem
from skeldpo.starter.batches import Batch, Studies
from skeldpo.starter.muon import Muon
from skeldpo.starter.tokenizer import check_reload, train_tokenizer

_WARMUP = 0.05
_MLP_RATIO = 8  # of hidden size, in thirds
_ROPE_THETA = 1000.0  # prompts and programs are short
_PREVIOUS_STRENGTH = 6.0
_CHECKED_TEXTS = 256
_REPORT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterResult:
    """What training made and took. Losses are of completions, in nats a token: of the first step,
    and a running mean at the end."""

    folder: str
    num_parameters: int
    num_problems: int
    num_steps: int
    num_tokens: int
    first_loss: float
    last_loss: float
    training_s: float


def train_starter(
    *,
    problems: Sequence[Problem],
    config: StarterConfig,
    policy: PolicyConfig,
    output_folder: str,
    seed: int,
    on_progress: Callable[[str], None],
) -> StarterResult:
    """Trains on the problems of split "train" and saves a folder that transformers and vLLM load.

    The same arguments give the same weights for a fixed number of torch threads. Raises ValueError
    if no train problem has known programs or a text is longer than policy.max_model_tokens;
    RuntimeError if the loss stops being finite or the saved tokenizer comes back with other ids.
    """
    train = [problem for problem in problems if problem.split == "train" and problem.solutions]
    if not train:
        raise ValueError(
            "the starter policy needs problems of split 'train' with known programs, got none "
            f"among {len(problems)} problems; check problems.sources and problems.families"
        )
    started_s = time.monotonic()
    texts = _texts(train, policy)
    tokenizer = train_tokenizer(texts, config.vocab_size)
    studies = Studies(train, Prompts(tokenizer, policy), policy.max_model_tokens)
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(_model_config(config, policy, tokenizer))
    _attend_to_previous(model, num_heads=min(2, config.num_heads - 1))
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    on_progress(
        f"starter: {len(train)} problems, {len(tokenizer)} token types, "
        f"{num_parameters / 1e6:.2f} M parameters"
    )
    curve = _fit(model, studies, config, seed, on_progress)
    _save(model, tokenizer, output_folder)
    random.Random(seed).shuffle(texts)
    check_reload(tokenizer, output_folder, texts[:_CHECKED_TEXTS])
    return StarterResult(
        folder=output_folder,
        num_parameters=num_parameters,
        num_problems=len(train),
        num_steps=curve.num_steps,
        num_tokens=curve.num_tokens,
        first_loss=curve.first_loss,
        last_loss=curve.mean_loss,
        training_s=time.monotonic() - started_s,
    )


def _texts(problems: Sequence[Problem], policy: PolicyConfig) -> list[str]:
    texts = []
    for problem in problems:
        wanted = instruction(
            policy, "code", problem.language, starter_code=problem.starter_code, is_chat=False
        )
        parts = (problem.statement, problem.starter_code, wanted)
        texts.append("\n".join(parts) + "\n")
        texts.extend(program.code for program in problem.solutions)
    return texts


def _model_config(
    config: StarterConfig, policy: PolicyConfig, tokenizer: PreTrainedTokenizerBase
) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        intermediate_size=_MLP_RATIO * config.hidden_size // 3,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_heads,
        max_position_embeddings=policy.max_model_tokens,
        rope_parameters={"rope_type": "default", "rope_theta": _ROPE_THETA},
        tie_word_embeddings=True,
        attention_dropout=0.0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


@torch.no_grad()
def _attend_to_previous(model: Qwen2ForCausalLM, num_heads: int) -> None:
    """Lets head h of the first layer attend h + 1 tokens back from the start.

    Copying names needs such a head, and a model finds it only after many steps. The biases of query
    and key are set to (cos, sin) of angles that differ by what the rotary embedding turns in h + 1
    positions, so their product is largest at that distance whatever the tokens are.
    """
    attention = model.model.layers[0].self_attn
    half = attention.head_dim // 2
    turn = model.model.rotary_emb.inv_freq  # (half,), radians a position
    for head in range(num_heads):
        start, middle, end = (attention.head_dim * head + part * half for part in range(3))
        attention.q_proj.bias[start:middle] = _PREVIOUS_STRENGTH * torch.cos(turn * (head + 1))
        attention.q_proj.bias[middle:end] = -_PREVIOUS_STRENGTH * torch.sin(turn * (head + 1))
        attention.k_proj.bias[start:middle] = _PREVIOUS_STRENGTH


class _Curve:
    """Follows the loss of completions over the steps."""

    def __init__(self) -> None:
        self.num_steps = 0
        self.num_tokens = 0
        self.first_loss = 0.0
        self.mean_loss = 0.0

    def add(self, loss: float, num_tokens: int) -> None:
        if not loss < float("inf"):
            raise RuntimeError(
                f"the starter's loss became {loss} at step {self.num_steps + 1}; "
                "lower starter.learning_rate and starter.matrix_learning_rate"
            )
        if self.num_steps == 0:
            self.first_loss = self.mean_loss = loss
        self.mean_loss = 0.9 * self.mean_loss + 0.1 * loss
        self.num_steps += 1
        self.num_tokens += num_tokens


def _fit(
    model: Qwen2ForCausalLM,
    studies: Studies,
    config: StarterConfig,
    seed: int,
    on_progress: Callable[[str], None],
) -> _Curve:
    """Muon for the matrices, Adam for embedding, norms and biases; linear decay to zero."""
    matrices, others = _split_parameters(model)
    muon = Muon(matrices, weight_decay=config.weight_decay)
    adam = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    curve = _Curve()
    started_s = reported_s = time.monotonic()
    batches = studies.batches(config.num_epochs, config.batch_tokens, seed)
    model.train()
    for batch in batches:
        loss, completion_loss = _losses(model, batch, config.prompt_weight)
        curve.add(completion_loss, batch.num_tokens)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate = _rate(curve.num_steps, len(batches))
        for group in adam.param_groups:
            group["lr"] = rate * config.learning_rate
        adam.step()
        muon.step(rate * config.matrix_learning_rate)
        model.zero_grad()
        now_s = time.monotonic()
        if now_s - reported_s > _REPORT_EVERY_S or curve.num_steps == len(batches):
            reported_s = now_s
            on_progress(
                f"starter: step {curve.num_steps}/{len(batches)}, loss {curve.mean_loss:.3f}, "
                f"{curve.num_tokens / (now_s - started_s):.0f} tokens/s"
            )
    return curve


def _split_parameters(model: Qwen2ForCausalLM) -> tuple[list[Parameter], list[Parameter]]:
    matrices: list[Parameter] = []
    others: list[Parameter] = []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.ndim == 2 and "embed_tokens" not in name
        (matrices if is_matrix else others).append(parameter)
    return matrices, others


def _losses(model: Qwen2ForCausalLM, batch: Batch, prompt_weight: float) -> tuple[Tensor, float]:
    """The weighted loss to descend, and the plain mean over the completions' tokens."""
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state  # (B, T, H)
    weights = batch.is_completion + prompt_weight * batch.is_prompt  # (B, T)
    chosen = weights[:, 1:] > 0
    weight = weights[:, 1:][chosen]  # (S,)
    logits = model.lm_head(hidden[:, :-1][chosen])  # (S, V)
    losses = functional.cross_entropy(logits, batch.ids[:, 1:][chosen], reduction="none")
    of_completion = losses.detach()[batch.is_completion[:, 1:][chosen] > 0]
    return (losses * weight).sum() / weight.sum(), float(of_completion.mean())


def _rate(step: int, num_steps: int) -> float:
    """Share of the full learning rate at `step` (from 1): a short rise, then a line to zero."""
    rise = max(1, round(_WARMUP * num_steps))
    return min(step / rise, (num_steps + 1 - step) / (num_steps + 1 - rise))


def _save(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase, folder: str) -> None:
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
