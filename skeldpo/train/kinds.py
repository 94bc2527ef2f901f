"""Which models can be computed in prefix trees, from what they are, not from what they are called.

A tree is exact where tokens meet in attention alone, and each sees all that came before. A window
that is no shorter than the longest sequence is no window. Everything else (shorter windows, chunks,
linear attention, state-space layers, convolutions over tokens, attention of a kind that is not
known here) is computed with a sequence a row, padded behind: a causal model does not see padding
that comes later, whatever its layers are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from skeldpo.train.attention import TreeCalls

_WHOLE, _WINDOW = "full_attention", "sliding_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a model does to its logits behind the output layer: cap * tanh(scale * logits / cap),
    without a cap scale * logits."""

    scale: float = 1.0
    cap: float = 0.0


def head_of(config: Any) -> Head:
    """From the settings by which transformers' models name it. `loading` tries whether that is all
    the model does, but small logits hardly show a cap: any setting that is called one counts."""
    text = config.get_text_config()

    def setting(name: str, default: float) -> float:
        value = getattr(text, name, None)
        return float(value) if isinstance(value, int | float) and value else default

    caps = {
        setting(name, 0.0)
        for name in text.to_dict()
        if "logit" in name and "cap" in name and "attn" not in name
    }
    scale = setting("logit_scale", 1.0) * setting("lm_head_multiplier", 1.0)
    return Head(scale=scale / setting("logits_scaling", 1.0), cap=max(caps, default=0.0))


def attention_function(config: Any) -> str | None:
    """Which of transformers' attention functions computes the model itself; None: its own choice.
    SDPA leaves out a cap on attention scores without a word."""
    return "eager" if getattr(config.get_text_config(), "attn_logit_softcapping", None) else None


def hold_rotations(model: nn.Module, max_tokens: int, folder: str) -> None:
    """Makes rotary positions that transformers chooses by the longest sequence of a pass those of
    sequences of up to `max_tokens`, in place: what is packed together must not matter. For two sets
    of frequencies ("longrope") that is what vLLM does.

    ValueError for frequencies that go on changing with the length.
    """
    for module in model.modules():
        kinds: Any = getattr(module, "rope_type", "")
        # Gemma 3 and others have one for each kind of layer.
        by_layer = dict(kinds) if isinstance(kinds, dict) else {"": kinds}
        for layer, kind in by_layer.items():
            if kind == "longrope":
                frequencies: Any = getattr(module, f"{layer}_inv_freq" if layer else "inv_freq")
                of_layer = {"layer_type": layer} if layer else {}
                found, _ = ROPE_INIT_FUNCTIONS[kind](
                    module.config, frequencies.device, seq_len=max_tokens, **of_layer
                )
                frequencies.copy_(found)
                by_layer[layer] = "default"
            elif kind == "dynamic" and max_tokens > (limit := int(module.original_max_seq_len)):  # type: ignore[arg-type]
                raise ValueError(
                    f"{folder}: its positions (rope_type dynamic) change with the length of a "
                    f"sequence beyond {limit} tokens, got policy.max_model_tokens={max_tokens}; "
                    f"lower it to {limit}"
                )
        if kinds:
            module.rope_type = by_layer if isinstance(kinds, dict) else by_layer[""]  # type: ignore[assignment]


def reason_against_trees(config: Any, decoder: nn.Module, max_tokens: int) -> str:
    """Why sequences of up to `max_tokens` need a row each, as far as the model's configuration and
    modules say; empty if they may be in a tree."""
    config = config.get_text_config()
    layers: list[str] = list(getattr(config, "layer_types", None) or [])
    others = sorted(set(layers) - {_WHOLE, _WINDOW})
    if others:
        num_others = sum(layer in others for layer in layers)
        return f"{num_others} of its {len(layers)} layers are {', '.join(others)}"
    mixers = sorted(
        {type(module).__name__ for module in decoder.modules() if isinstance(module, nn.Conv1d)}
    )
    if mixers:
        return f"its layers have convolutions over tokens ({', '.join(mixers)})"
    window: int | None = getattr(config, "sliding_window", None)
    has_windows = _WINDOW in layers if layers else getattr(config, "use_sliding_window", True)
    if has_windows and window is not None and window < max_tokens:
        return (
            f"its attention has a window of {window} tokens, shorter than "
            f"policy.max_model_tokens={max_tokens}"
        )
    return ""


def reason_from_calls(calls: TreeCalls, num_layers: int) -> str:
    """Why not, as far as one forward pass over a tree says."""
    unread = sorted(set().union(*calls.unread))
    if unread:
        return f"its attention asks for {', '.join(unread)}"
    if len(calls.unread) != num_layers:
        return f"{len(calls.unread)} calls of an attention function in {num_layers} layers"
    return ""
