"""Attention over packed trees: chain by chain and by FlexAttention against a dense mask."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_policy import preference_pair, save_tiny_policy, tiny_config, tokens_of, trees_of
from torch.nn.functional import scaled_dot_product_attention
from transformers import Qwen2ForCausalLM

from skeldpo.train.attention import (
    BLOCK_TOKENS,
    block_mask,
    enable_tree_attention,
    tree_attention,
)
from skeldpo.train.batch import TreeBatch
from skeldpo.train.learners.preferences import PairTokens
from skeldpo.train.loading import load_network

pytestmark = pytest.mark.slow


def pair(sizes: tuple[int, int, int, int], shared: int = 150, name: str = "p") -> PairTokens:
    """A pair with a shared statement and answers of the given lengths; 0 0: no skeletons."""
    answers = [tuple(range(1, size + 1)) for size in sizes]
    return PairTokens(
        pair_id=name,
        stage="efficiency",
        code_prompt=(*range(shared), 7, 8),
        skeleton_prompt=(*range(shared), 9, 9, 9),
        code_chosen=answers[0],
        code_rejected=answers[1],
        skeleton_chosen=answers[2],
        skeleton_rejected=answers[3],
    )


PAIRS = [
    pair((40, 61, 17, 1)),
    pair((5, 200, 0, 0), shared=3),
    replace(pair((9, 9, 30, 30)), code_prompt=(5,), skeleton_prompt=(6,)),
    pair((33, 1, 64, 128), shared=260),
]


def dense_mask(trees: TreeBatch) -> torch.Tensor:
    """(T, T), True where the query (row) sees the key (column), straight from the definition."""
    places = torch.arange(len(trees.subtree_end))
    query, key = places.unsqueeze(1), places.unsqueeze(0)
    return (key <= query) & (query < trees.subtree_end.unsqueeze(0))


def heads(num_tokens: int, *, requires_grad: bool = False) -> list[torch.Tensor]:
    """Queries of 4 heads, keys and values of 2, as a model's attention makes them."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 4, num_tokens, 16), (1, 2, num_tokens, 16), (1, 2, num_tokens, 16)]
    tensors = [torch.randn(shape, generator=generator) for shape in shapes]
    return [tensor.requires_grad_(requires_grad) for tensor in tensors]


def dense_attention(query, key, value, mask, scaling):
    key, value = (tensor.repeat_interleave(2, dim=1) for tensor in (key, value))
    found = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
    return found.transpose(1, 2)


@pytest.mark.parametrize("row_multiple", [1, 100])
def test_chains_equal_the_dense_mask_with_gradients(row_multiple):
    trees = trees_of(PAIRS, row_multiple)
    tensors = heads(trees.input_ids.shape[1], requires_grad=True)
    expected = dense_attention(*tensors, dense_mask(trees), 0.3)
    mask = (trees.node_lengths, trees.chains)
    got, _ = tree_attention(torch.nn.Module(), *tensors, None, tree_mask=mask, scaling=0.3)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    slopes = torch.randn(got.shape, generator=torch.Generator().manual_seed(1))
    gradients = [torch.autograd.grad((out * slopes).sum(), tensors) for out in (got, expected)]
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_flex_attention_equals_the_dense_mask():
    """On a CPU FlexAttention is plain arithmetic without a backward pass: this tests the mask."""
    trees = trees_of(PAIRS, BLOCK_TOKENS)
    tensors = heads(trees.input_ids.shape[1])
    expected = dense_attention(*tensors, dense_mask(trees), 0.3)
    mask = block_mask(trees.subtree_end)
    got, _ = tree_attention(torch.nn.Module(), *tensors, None, tree_mask=mask, scaling=0.3)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_block_mask_names_the_blocks_that_are_seen_and_those_seen_whole():
    trees = trees_of([*PAIRS, *PAIRS], BLOCK_TOKENS)
    dense, mask = dense_mask(trees), block_mask(trees.subtree_end)
    num_blocks = len(dense) // BLOCK_TOKENS
    tiles = dense.view(num_blocks, BLOCK_TOKENS, num_blocks, BLOCK_TOKENS).transpose(1, 2)
    seen, whole = tiles.flatten(2).any(dim=2), tiles.flatten(2).all(dim=2)
    assert torch.equal(mask.to_dense()[0, 0].bool(), seen)
    for row in range(num_blocks):
        full = mask.full_kv_indices[0, 0, row, : int(mask.full_kv_num_blocks[0, 0, row])]
        assert full.tolist() == whole[row].nonzero().flatten().tolist()
    assert int(whole.sum()) > 0
    assert int(seen.sum()) < num_blocks * (num_blocks + 1) // 2


@torch.no_grad()
def test_model_takes_a_block_mask_as_it_takes_chains(tmp_path):
    folder = save_tiny_policy(tmp_path / "policy")
    config = tiny_config()
    network = load_network(folder, config.train, 160, seed=0)
    tokens = tokens_of([preference_pair(i) for i in range(4)], folder, config)
    trees = trees_of(tokens, BLOCK_TOKENS)
    places = (trees.input_ids, trees.position_ids)
    targets = (trees.predictor_index, trees.target_ids)
    by_block = network(*places, block_mask(trees.subtree_end), *targets)
    by_chain = network(*places, (trees.node_lengths, trees.chains), *targets)
    torch.testing.assert_close(by_block, by_chain, atol=1e-5, rtol=1e-5)


@pytest.mark.gpu
def test_flex_attention_equals_chains_on_a_gpu_with_gradients():
    trees = trees_of(PAIRS, BLOCK_TOKENS).to(torch.device("cuda"))
    results = []
    for mask in (block_mask(trees.subtree_end), (trees.node_lengths, trees.chains)):
        tensors = [t.detach().cuda().requires_grad_() for t in heads(trees.input_ids.shape[1])]
        got, _ = tree_attention(torch.nn.Module(), *tensors, None, tree_mask=mask, scaling=0.3)
        slopes = torch.randn(got.shape, generator=torch.Generator().manual_seed(1)).cuda()
        gradients = torch.autograd.grad((got * slopes).sum(), tensors)
        results.append((got.detach(), *gradients))
    torch.testing.assert_close(*results, atol=5e-3, rtol=5e-3)


def test_model_without_an_attention_interface_is_refused(tmp_path):
    class OwnAttention(Qwen2ForCausalLM):
        @classmethod
        def _can_set_attn_implementation(cls) -> bool:
            return False

    folder = save_tiny_policy(tmp_path / "policy")
    with pytest.raises(ValueError, match="OwnAttention does not take its attention"):
        enable_tree_attention(OwnAttention.from_pretrained(folder))


def test_tree_costs_the_tokens_it_has(tmp_path):
    """No padding, and a shared statement counts once."""
    folder = save_tiny_policy(tmp_path / "policy")
    tokens = tokens_of([preference_pair(i) for i in range(4)], folder, tiny_config())
    assert trees_of(tokens).input_ids.shape == (1, sum(pair.num_tokens for pair in tokens))
