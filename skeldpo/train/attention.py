"""Attention over packed prefix trees: the one place that knows how a device computes it.

On a GPU, FlexAttention with a block mask: blocks of 128 x 128 that nobody sees are skipped, blocks
that are seen whole need no mask. Elsewhere, one SDPA call for each chain of nodes, over the keys it
sees. Neither builds a mask of T x T, and both cost what the trees cost one by one: packing more of
them adds nothing. `enable_tree_attention` makes a transformers model use it; `kinds` says which
models can.

Shapes: T tokens of the row, H query heads, K key heads, E head size.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from skeldpo.train.batch import Chain, TreeBatch

BLOCK_TOKENS = 128
"""Side of FlexAttention's blocks: on a GPU a row is padded to a multiple of it."""

_NAME = "skeldpo_tree"

_PLAIN = {
    "dropout", "is_causal", "sliding_window", "position_ids", "use_cache", "cache_position",
    "output_attentions", "output_hidden_states", "return_dict", "output_router_logits",
}  # fmt: skip
"""What an attention function may be given and need not read: kinds compares windows, and a model in
training has no other."""


class TreeCalls:
    """What each call of `tree_attention` in a forward pass was asked for and did not compute.

    No dataclass: FSDP2 passes copies of those, and of the lists in them, to a module.
    """

    def __init__(self) -> None:
        self.unread: list[set[str]] = []


class ChainMask:
    """Who sees whom in a row, by its nodes and chains (see TreeBatch)."""

    def __init__(self, node_lengths: Sequence[int], chains: Sequence[Chain]) -> None:
        self.node_lengths = list(node_lengths)
        self.chains = chains
        self._biases: dict[tuple[int, int, torch.dtype], torch.Tensor] = {}

    def bias(self, query: torch.Tensor, num_context: int) -> torch.Tensor:
        """What is added to the scores of a chain's n queries, (1, H, n, E), that follow so many
        tokens: (n, num_context + n) of 0 and -inf. All layers take the same."""
        num_own = query.shape[2]
        key = num_own, num_context, query.dtype
        if key not in self._biases:
            hidden = query.new_full((num_own, num_context + num_own), -torch.inf)
            self._biases[key] = hidden.triu_(num_context + 1)
        return self._biases[key]


TreeMask = BlockMask | ChainMask
"""Who sees whom in a row, as a device computes it."""


def enable_tree_attention(model: PreTrainedModel) -> bool:
    """Makes every forward pass of the model expect `tree_mask`; False, and no change, if its
    attention does not come from transformers' AttentionInterface."""
    AttentionInterface.register(_NAME, tree_attention)
    model.set_attn_implementation(_NAME)
    return bool(model.config._attn_implementation == _NAME)


def row_multiple(device: torch.device) -> int:
    """What the length of a row must be a multiple of, in tokens."""
    return BLOCK_TOKENS if device.type == "cuda" else 1


def tree_mask(trees: TreeBatch) -> TreeMask:
    """The mask of a batch for the device it lies on."""
    if trees.subtree_end.is_cuda:
        return block_mask(trees.subtree_end)
    return ChainMask(trees.node_lengths, trees.chains)


def block_mask(subtree_end: torch.Tensor) -> BlockMask:
    """FlexAttention's mask from (T,), exact to the block, in T / 128 squared steps and memory.

    Of a key block, query blocks after it see some token if they start before the last of its
    subtrees ends, and all tokens if they end before the first of them ends.
    """
    ends = subtree_end.view(-1, BLOCK_TOKENS)  # (T / 128, 128)
    starts = torch.arange(len(ends), device=ends.device) * BLOCK_TOKENS
    after = starts.unsqueeze(1) > starts.unsqueeze(0)  # (query block, key block)
    same = starts.unsqueeze(1) == starts.unsqueeze(0)
    full = after & (starts.unsqueeze(1) + BLOCK_TOKENS <= ends.amin(dim=1))
    some = same | (after & (starts.unsqueeze(1) < ends.amax(dim=1)))

    def sees(
        batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        return (key <= query) & (query < subtree_end[key])

    return BlockMask.from_kv_blocks(
        *_ordered(some & ~full), *_ordered(full), BLOCK_SIZE=BLOCK_TOKENS, mask_mod=sees
    )


def tree_attention(  # noqa: PLR0913
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    tree_mask: TreeMask | None = None,
    scaling: float | None = None,
    tree_calls: TreeCalls | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function of transformers: (1, H, T, E), (1, K, T, E) twice -> (1, T, H, E).

    `tree_calls` notes what the model asks for beside that (a cap, sinks, a mask of its own) and
    does not get. Some models hand nothing on to their attention: it is not noted then, and is no
    tree's.
    """
    if tree_calls is not None:
        asked = {name for name, value in others.items() if value is not None}
        own_mask = {"attention_mask"} if attention_mask is not None else set()
        tree_calls.unread.append((asked - _PLAIN) | own_mask)
    if tree_mask is None:
        tree_mask = ChainMask([query.shape[2]], [Chain(context=(), own=(0,))])
    if isinstance(tree_mask, BlockMask):
        # Compiled where its kernels are; elsewhere it is plain arithmetic.
        attend = compiled_flex() if query.is_cuda else flex_attention
        found = attend(query, key, value, block_mask=tree_mask, scale=scaling, enable_gqa=True)
    else:
        found = _attend_by_chain(query, key, value, tree_mask, scaling)
    return found.transpose(1, 2).contiguous(), None


def _attend_by_chain(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    tree: ChainMask,
    scaling: float | None,
) -> torch.Tensor:
    """(1, H, T, E), chain by chain. The tensors are split once: the gradient of a split is one
    concatenation, that of a slice is a whole row of zeros each."""
    lengths = tree.node_lengths
    keys = torch.split(key, lengths, dim=2)
    values = torch.split(value, lengths, dim=2)
    own_lengths = [sum(lengths[node] for node in chain.own) for chain in tree.chains]
    parts = []
    for chain, own in zip(tree.chains, torch.split(query, own_lengths, dim=2), strict=True):
        seen = chain.context + chain.own
        num_context = sum(lengths[node] for node in chain.context)
        parts.append(
            scaled_dot_product_attention(
                own,  # (1, H, n, E)
                _joined(keys, seen),
                _joined(values, seen),
                attn_mask=tree.bias(own, num_context) if num_context else None,
                is_causal=not num_context,
                scale=scaling,
                enable_gqa=True,
            )
        )
    return torch.cat(parts, dim=2)


def _joined(parts: Sequence[torch.Tensor], nodes: tuple[int, ...]) -> torch.Tensor:
    return torch.cat([parts[node] for node in nodes], dim=2) if nodes[1:] else parts[nodes[0]]


@functools.cache
def compiled_flex() -> Any:
    """FlexAttention as a kernel; on a CPU it has no backward pass."""
    return torch.compile(flex_attention)


def _ordered(blocks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Number (1, 1, Q) and numbers (1, 1, Q, K) of the key blocks, from a (Q, K) table."""
    counts = blocks.sum(dim=1, dtype=torch.int32)
    order = blocks.to(torch.int8).argsort(dim=1, descending=True, stable=True)
    return counts[None, None], order.to(torch.int32)[None, None]
