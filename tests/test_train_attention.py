"""Attention over packed trees: chain by chain and by FlexAttention against a dense mask."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from tiny_policy import preference_pair, save_tiny_policy, tiny_config, tokens_of, trees_of
from torch._dynamo.utils import counters
from torch.nn.functional import scaled_dot_product_attention
from transformers import Qwen2ForCausalLM

from skeldpo.train.attention import (
    BLOCK_TOKENS,
    ChainMask,
    block_mask,
    compiled_flex,
    enable_tree_attention,
    tree_attention,
)
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch, build_trees
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
    mask = ChainMask(trees.node_lengths, trees.chains)
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


class Grower:
    """Draws trees that fit a row: up to four levels of prompts, up to five nodes below each, of 0
    (prompts above prompts) to 150 tokens."""

    def __init__(self, seed: int, num_tokens: int) -> None:
        self.draw = random.Random(seed)
        self.left = num_tokens
        self.num_answers = 0

    def tokens(self, num_kept: int = 0) -> tuple[int, ...]:
        """Some of what is left of the row, but for so many."""
        size = min(self.draw.choice((1, 2, 17, 60, 127, 128, 129, 150)), self.left - num_kept)
        self.left -= size
        return tuple(range(size))

    def answer(self) -> Answer:
        self.num_answers += 1
        return Answer(token_ids=self.tokens(), sequence=self.num_answers - 1)

    def prompt(self, depth: int) -> Prompt:
        own = self.tokens(num_kept=1)
        below: list[Prompt | Answer] = [self.answer()]
        for _ in range(self.draw.randint(0, 4)):
            if self.left > 2:
                deeper = depth and self.draw.random() < 0.5
                below.append(self.prompt(depth - 1) if deeper else self.answer())
        self.draw.shuffle(below)
        return Prompt(token_ids=own, below=tuple(below))

    def trees(self) -> list[Tree]:
        grown = []
        while self.left > 2 and len(grown) < 6:
            self.num_answers = 0
            trunk = self.prompt(self.draw.randint(0, 3))
            if self.draw.random() < 0.3:
                trunk = Prompt(token_ids=(), below=(trunk,))
            grown.append(Tree(trunk=trunk, num_sequences=self.num_answers))
        return grown


@torch.no_grad()
def test_compiled_flex_attention_equals_the_dense_mask_for_trees_of_every_shape():
    """The kernel that reads the block mask, which a CPU has without its backward pass: blocks that
    the mask leaves out are not computed, so a wrong one shows. One compilation for all."""
    num_tokens = 6 * BLOCK_TOKENS
    torch._dynamo.reset()
    counters.clear()
    rows = [trees_of(PAIRS[:1], num_tokens)]
    rows += [build_trees(Grower(seed, num_tokens).trees(), num_tokens) for seed in range(40)]
    assert len({row.chains for row in rows}) == len(rows)
    assert max(len(chain.context) for row in rows for chain in row.chains) >= 4
    tensors = heads(num_tokens)
    worst = 0.0
    for row in rows:
        mask = block_mask(row.subtree_end)
        got = compiled_flex()(*tensors, block_mask=mask, scale=0.3, enable_gqa=True)
        expected = dense_attention(*tensors, dense_mask(row), 0.3).transpose(1, 2)
        worst = max(worst, float((got - expected).abs().max()))
    print(f"{len(rows)} rows, largest difference {worst:.1e}")
    assert worst < 1e-5
    assert counters["stats"]["unique_graphs"] == 1
    other = block_mask(rows[1].subtree_end)
    wrong = compiled_flex()(*tensors, block_mask=other, scale=0.3, enable_gqa=True)
    right = dense_attention(*tensors, dense_mask(rows[0]), 0.3).transpose(1, 2)
    assert float((wrong - right).abs().max()) > 0.1, "the mask decides"


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
    row = (trees.input_ids, trees.predictor_index, trees.target_ids)
    masks = block_mask(trees.subtree_end), ChainMask(trees.node_lengths, trees.chains)
    by_block, by_chain = (
        network(*row, {"position_ids": trees.position_ids, "tree_mask": mask}) for mask in masks
    )
    torch.testing.assert_close(by_block, by_chain, atol=1e-5, rtol=1e-5)


@pytest.mark.gpu
def test_flex_attention_equals_chains_on_a_gpu_with_gradients():
    trees = trees_of(PAIRS, BLOCK_TOKENS).to(torch.device("cuda"))
    results = []
    for mask in (block_mask(trees.subtree_end), ChainMask(trees.node_lengths, trees.chains)):
        tensors = [t.detach().cuda().requires_grad_() for t in heads(trees.input_ids.shape[1])]
        got, _ = tree_attention(torch.nn.Module(), *tensors, None, tree_mask=mask, scaling=0.3)
        slopes = torch.randn(got.shape, generator=torch.Generator().manual_seed(1)).cuda()
        gradients = torch.autograd.grad((got * slopes).sum(), tensors)
        results.append((got.detach(), *gradients))
    torch.testing.assert_close(*results, atol=5e-3, rtol=5e-3)


def test_model_without_an_attention_interface_is_left_as_it_is(tmp_path):
    class OwnAttention(Qwen2ForCausalLM):
        @classmethod
        def _can_set_attn_implementation(cls) -> bool:
            return False

    model = OwnAttention.from_pretrained(save_tiny_policy(tmp_path / "policy"))
    before = model.config._attn_implementation
    assert not enable_tree_attention(model)
    assert model.config._attn_implementation == before


def test_tree_costs_the_tokens_it_has(tmp_path):
    """No padding, and a shared statement counts once."""
    folder = save_tiny_policy(tmp_path / "policy")
    tokens = tokens_of([preference_pair(i) for i in range(4)], folder, tiny_config())
    assert trees_of(tokens).input_ids.shape == (1, sum(pair.num_tokens for pair in tokens))
