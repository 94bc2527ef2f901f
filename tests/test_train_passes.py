"""Examples above the budget of a pass: pieces, their gradients, and the memory they save."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_kinds import IN_ROWS, save_kind
from tiny_policy import preference_pair, save_tiny_policy, tiny_config, tokens_of
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM, Qwen2Config

from skeldpo.train.attention import ChainMask, enable_tree_attention
from skeldpo.train.batch import Answer, Chain, Prompt, Tree, build_trees
from skeldpo.train.learners.preferences import PairTokens, Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.network import Network
from skeldpo.train.passes import (
    cut_tree,
    learn_from,
    num_tree_tokens,
    plan_passes,
    score,
    sequence_lengths,
)
from skeldpo.train.reference import reference_logps
from skeldpo.train.sequences import sequence_rows

pytestmark = pytest.mark.slow

DEEP = Tree(
    trunk=Prompt(
        token_ids=tuple(range(20)),
        below=(
            Answer(token_ids=(1,) * 30, sequence=3),
            Prompt(
                token_ids=(2,) * 10,
                below=tuple(Answer(token_ids=(3,) * n, sequence=i) for i, n in enumerate((5, 50))),
            ),
            Answer(token_ids=(4,) * 8, sequence=2),
        ),
    ),
    num_sequences=5,
)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return save_tiny_policy(tmp_path_factory.mktemp("start") / "policy")


@pytest.fixture(scope="module")
def kind(tmp_path_factory) -> str:
    """Of a model that computes a sequence a row."""
    found, settings, _ = IN_ROWS["delta rule"]
    return save_kind(found, settings, Path(tmp_path_factory.mktemp("kind")))


def pairs(folder: str) -> list[PairTokens]:
    return tokens_of([preference_pair(i, skeletons=i != 1) for i in range(3)], folder, CONFIG)


CONFIG = tiny_config()


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("budget", [1, 60, 64, 90, 160, 100_000])
def test_pieces_have_all_sequences_in_order_within_the_budget(budget, by_row):
    pieces = cut_tree(DEEP, budget, by_row)
    assert {piece.num_sequences for piece in pieces} == {5}
    whole, parts = build_trees([DEEP]), [build_trees([piece]) for piece in pieces]
    for name in ("target_ids", "sequence_index"):
        joined = torch.cat([getattr(part, name) for part in parts])
        if name == "sequence_index":
            joined = joined % 5
        assert torch.equal(joined, getattr(whole, name))
    rows = [row for part in parts for row in sequence_rows(part).input_ids.tolist()]
    assert len(rows) == 4
    for piece in pieces:
        lengths = sequence_lengths(piece.trunk)
        cost = len(lengths) * max(lengths) if by_row else num_tree_tokens(piece.trunk)
        assert cost <= budget or len(lengths) == 1
    assert (len(pieces) == 1) == (budget == 100_000 or (not by_row and budget == 160))


def gradients(network: Network, trees: Sequence[Tree], budget: int) -> list[torch.Tensor]:
    """Of a loss that couples all answers of an example."""
    network.train()
    network.zero_grad()
    for work in plan_passes(network, trees, budget):
        scores = score(network, work)
        losses = scores.token_logps.new_zeros(len(scores.trees.num_sequence_tokens))
        losses = losses.index_add(0, scores.trees.sequence_index, scores.token_logps)
        learn_from(network, work, scores, (0.01 * losses.view(len(work.given), -1)).prod(1).sum())
    return [each.grad for each in network.parameters() if each.grad is not None]


def require_close(got: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> None:
    """To 1e-5 of a parameter's largest slope."""
    for left, right in zip(got, expected, strict=True):
        size = max(1.0, float(right.abs().max()))
        torch.testing.assert_close(left / size, right / size, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["folder", "kind"])
def test_gradients_of_pieces_are_those_of_the_whole(request, name):
    network = load_network(request.getfixturevalue(name), CONFIG.train, 160, seed=0)
    assert bool(network.against_trees) == (name == "kind")
    trees = [DEEP, DEEP]
    expected = gradients(network, trees, 10_000)
    assert [work.num_pieces for work in plan_passes(network, trees, 10_000)] == [1]
    num_pieces = 4 if network.against_trees else 3
    assert [work.num_pieces for work in plan_passes(network, trees, 70)] == [num_pieces] * 2
    for budget in (70, 160):
        require_close(gradients(network, trees, budget), expected)


def test_piece_drops_the_same_parts_when_it_is_computed_again(folder):
    lora = {"rank": 4, "alpha": 8.0, "dropout": 0.5}
    network = load_network(folder, tiny_config(lora=lora).train, 160, seed=0)
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1
    network.train()
    found = []
    network.register_forward_hook(lambda module, given, logps: found.append(logps.detach()))
    (work,) = plan_passes(network, [DEEP], 90)
    scores = score(network, work)
    learn_from(network, work, scores, scores.token_logps.sum())
    first, again = found[: work.num_pieces], found[work.num_pieces :]
    assert work.num_pieces > 1
    torch.testing.assert_close(again, first, atol=0, rtol=0)
    other = score(network, work).token_logps
    assert float((other - scores.token_logps).abs().max()) > 0.01, "dropout is on"


class Kept:
    """Bytes that autograd keeps for the backward pass, parameters left out: now, and at most."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.bytes = self.most_bytes = 0
        self._storages: dict[int, int] = {}
        self._left_out = {p.untyped_storage()._cdata for p in network.parameters()}
        self.hooks = saved_tensors_hooks(self._pack, lambda held: held.tensor)

    def _pack(self, tensor: torch.Tensor) -> Any:
        storage = tensor.untyped_storage()
        place = storage._cdata
        held = _Held(tensor)
        if place not in self._left_out:
            if not self._storages.get(place):
                self.bytes += storage.nbytes()
                self.most_bytes = max(self.most_bytes, self.bytes)
            self._storages[place] = self._storages.get(place, 0) + 1
            weakref.finalize(held, self._drop, place, storage.nbytes())
        return held

    def _drop(self, place: int, num_bytes: int) -> None:
        self._storages[place] -= 1
        if not self._storages[place]:
            self.bytes -= num_bytes


class _Held:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


def step_memory(folder: str, budget: int, **train: Any) -> tuple[int, list[torch.Tensor]]:
    """Most bytes kept, and gradients, of the loss on one group of four answers of 200 tokens."""
    network = load_network(folder, tiny_config(**train).train, 1000, seed=0)
    answers = [Answer(token_ids=(7 + i,) * 200, sequence=i) for i in range(4)]
    tree = Tree(trunk=Prompt(token_ids=(5,) * 20, below=tuple(answers)), num_sequences=4)
    kept = Kept(network)
    with kept.hooks:
        found = gradients(network, [tree], budget)
    assert kept.bytes == 0
    return kept.most_bytes, found


def test_memory_falls_with_pieces_checkpoints_and_offloading_and_gradients_do_not_change(folder):
    """Two layers of width 32 in fp32: with checkpoints a token's layer keeps its input alone, and
    what the host takes over is not counted here."""
    pieces = {"budget": 230}
    saving = {"activation_checkpointing": True}
    most, expected = step_memory(folder, 4096)
    found = {
        "pieces": step_memory(folder, **pieces),
        "checkpoints": step_memory(folder, 4096, **saving),
        "both": step_memory(folder, **pieces, **saving),
        "host": step_memory(folder, **pieces, **saving, offload_activations=True),
    }
    print({"whole": most} | {name: each for name, (each, _) in found.items()})
    for _, got in found.values():
        require_close(got, expected)
    assert found["pieces"][0] < 0.3 * most
    assert found["checkpoints"][0] < 0.3 * most
    assert found["both"][0] < 0.3 * found["checkpoints"][0]
    layers = 2 * 220 * 32 * 4  # inputs of two layers, of a piece's tokens
    assert found["both"][0] - found["host"][0] >= layers


def kept_bytes(num_layers: int, num_tokens: int, *, saving: bool) -> int:
    """Of a forward pass over a row of a 7 B model's shape in bf16, without values."""
    config = Qwen2Config(
        vocab_size=152064, hidden_size=3584, intermediate_size=18944,
        num_hidden_layers=num_layers, num_attention_heads=28, num_key_value_heads=4,
    )  # fmt: skip
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    if saving:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    assert enable_tree_attention(model)
    ids = torch.zeros(1, num_tokens, dtype=torch.int64, device="meta")
    mask = ChainMask([num_tokens], [Chain(context=(), own=(0,))])
    kept = Kept(model)
    with kept.hooks:
        last = model.model(input_ids=ids, position_ids=ids, tree_mask=mask, use_cache=False)
    assert last.last_hidden_state.shape == (1, num_tokens, 3584)
    return kept.most_bytes


def test_bytes_of_a_token_in_a_layer_of_a_7b_model_are_as_documented():
    """docs/METHOD.md, section 4. What grows with the square of the tokens is left out: kernels do
    not keep scores of attention, the plain arithmetic that stands for them here does."""
    found = {}
    for saving in (False, True):
        by_length = [
            kept_bytes(2, length, saving=saving) - kept_bytes(1, length, saving=saving)
            for length in (256, 512)
        ]
        a_token = [
            num_bytes / length for num_bytes, length in zip(by_length, (256, 512), strict=True)
        ]
        found[saving] = 2 * a_token[0] - a_token[1]
    print(found)
    assert found[True] == 2 * 3584
    assert found[False] == pytest.approx(259_000, rel=0.05)
    text = (Path(__file__).parents[1] / "docs" / "METHOD.md").read_text()
    assert "259,000 bytes" in text
    assert "7,168 bytes" in text


def test_loop_gives_the_same_metrics_in_rows_whatever_the_budget(kind, folder):
    """Rectangles and pieces, the learner's own loss and the reference's values."""
    curves = []
    for budget in (64, 10_000):
        config = tiny_config(pairs_per_step=3, max_tokens_per_forward=budget).train
        learner, network = Preferences(config), load_network(kind, config, 160, seed=0)
        examples = pairs(folder)
        rows = reference_logps(network, learner, examples, budget, "m")
        history: list[dict[str, float]] = []
        run_steps(
            network,
            build_optimizer(network, config),
            plan_steps(examples, learner, seed=0),
            {row.example_id: row for row in rows},
            learner,
            lambda _, metrics, history=history: history.append(metrics) is not None,
        )
        names = ("loss", "code/rewards/margins", "grad_norm")
        curves.append(torch.tensor([[row[name] for name in names] for row in history]))
    torch.testing.assert_close(curves[0], curves[1], atol=1e-4, rtol=1e-4)


def test_offloading_without_checkpoints_is_refused():
    with pytest.raises(ValueError, match=r"train\.offload_activations moves what"):
        tiny_config(offload_activations=True)
