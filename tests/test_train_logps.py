"""Chunked log-probabilities against whole logits, and their sums over sequences."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from skeldpo.train.batch import Answer, Prompt, Tree, build_trees
from skeldpo.train.logps import answer_token_logps, sum_sequences


@pytest.mark.parametrize(("scale", "cap"), [(1.0, 0.0), (0.25, 0.0), (1.0, 2.0), (0.25, 2.0)])
@pytest.mark.parametrize("chunk_tokens", [0, 1, 3, 7, 100])
def test_chunked_logps_and_gradients_equal_whole_logits(chunk_tokens, scale, cap):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=True)
    targets = torch.randint(0, 50, (7,), generator=generator)
    slopes = torch.randn(7, generator=generator)

    logits = scale * (hidden @ weight.T)
    logits = cap * (logits / cap).tanh() if cap else logits
    whole = logits.log_softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
    expected = torch.autograd.grad((whole * slopes).sum(), (hidden, weight))
    chunked = answer_token_logps(hidden, weight, targets, chunk_tokens, scale=scale, cap=cap)
    loss = (chunked * slopes).sum()
    got = torch.autograd.grad(loss, (hidden, weight), retain_graph=True)
    again = torch.autograd.grad(loss, (hidden, weight))

    torch.testing.assert_close(again, got, atol=0, rtol=0)
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        sizes = [each.nbytes for each in tree_leaves(made) if isinstance(each, torch.Tensor)]
        self.num_bytes = max(self.num_bytes, *sizes, 0)
        return made


def test_logits_of_a_long_sequence_never_exist():
    """32,768 tokens of a 7 B model: whole logits would be 20 GB. Tensors without values; the
    largest is the gradient of the output layer's weight in fp32, or that weight, in bf16."""
    num_tokens, vocab_size, size = 32_768, 152_064, 3584
    options = {"device": "meta", "dtype": torch.bfloat16}
    hidden = torch.empty(num_tokens, size, **options, requires_grad=True)
    targets = torch.empty(num_tokens, dtype=torch.int64, device="meta")
    for trained, most in ((True, 4 * vocab_size * size), (False, 2 * vocab_size * size)):
        weight = torch.empty(vocab_size, size, **options, requires_grad=trained)
        with Largest() as largest:
            answer_token_logps(hidden, weight, targets, cap=30.0).sum().backward()
        assert 2**29 * 0.9 < largest.num_bytes <= most < num_tokens * vocab_size * 4 / 9


def test_bfloat16_gradient_of_the_weight_does_not_decay_with_the_number_of_chunks():
    """256 equal slopes: summed in bf16 one by one they stall, in fp32 they do not."""
    hidden = torch.ones(256, 4, dtype=torch.bfloat16)
    weight = torch.zeros(3, 4, dtype=torch.bfloat16, requires_grad=True)
    targets = torch.zeros(256, dtype=torch.int64)
    answer_token_logps(hidden, weight, targets, 1).sum().backward()
    assert weight.grad is not None
    assert float(weight.grad[0, 0]) == pytest.approx(256 * 2 / 3, rel=0.01)


def test_frozen_weight_gets_no_gradient():
    hidden = torch.randn(2, 4, requires_grad=True)
    weight = torch.randn(5, 4)
    answer_token_logps(hidden, weight, torch.tensor([0, 1])).sum().backward()
    assert hidden.grad is not None
    assert weight.grad is None


def test_answers_without_tokens_sum_to_zero():
    """Two trees of four sequences; of the first only 0 is there, of the second only 1."""
    first, second = Answer(token_ids=(5, 6), sequence=0), Answer(token_ids=(7,), sequence=1)
    trees = build_trees(
        [
            Tree(trunk=Prompt(token_ids=(1,), below=(answer,)), num_sequences=4)
            for answer in (first, second)
        ]
    )
    sums = sum_sequences(torch.tensor([-1.0, -2.0, -4.0]), trees)
    assert sums.tolist() == [-3.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0]
