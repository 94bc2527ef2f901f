"""The engine's log-probabilities against the trainer's: sample, figures, limit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sample_records import SAMPLED
from tiny_policy import save_tiny_policy, tiny_config

from skeldpo.records import Candidate, Float32
from skeldpo.train.agreement import (
    NUM_COMPARED,
    choose_sampled,
    compare_logps,
    reason_to_refuse,
)
from skeldpo.train.attention import ChainMask
from skeldpo.train.batch import Chain
from skeldpo.train.loading import load_network

pytestmark = pytest.mark.slow


def written(index: int, logps: tuple[float, ...], model_id: str = "weights") -> Candidate:
    return replace(
        SAMPLED,
        candidate_id=f"{index:03d}",
        model_id=model_id,
        prompt_token_ids=(1, 2, 3 + index),
        completion_token_ids=tuple(range(10, 10 + len(logps))),
        completion_logps=tuple(map(Float32, logps)),
    )


def test_sample_is_of_these_weights_with_log_probabilities_and_short_enough():
    rows = [written(i, (-1.0, -2.0)) for i in range(NUM_COMPARED + 6)]
    chosen = choose_sampled(rows, "weights", 160, seed=0)
    assert len(set(chosen)) == NUM_COMPARED
    assert choose_sampled(rows[::-1], "weights", 160, seed=0) == chosen
    assert choose_sampled(rows, "weights", 160, seed=1) != chosen
    others = [written(0, (-1.0,), "other"), replace(rows[0], completion_logps=())]
    others.append(written(1, (-1.0,) * 158))
    assert choose_sampled(others, "weights", 160, seed=0) == ()


def test_gaps_are_those_that_were_put_in(tmp_path):
    """Log-probabilities of the model's own logits, moved by .25, 0 and -.5 nats: mean .25."""
    network = load_network(save_tiny_policy(tmp_path / "p"), tiny_config().train, 160, seed=0)
    plain = load_network(str(tmp_path / "p"), tiny_config().train, 160, seed=0)
    moves = torch.tensor([0.25, 0.0, -0.5])
    rows = []
    for index in range(5):
        row = written(index, (-1.0, -1.0, -1.0))
        ids = torch.tensor([row.prompt_token_ids + row.completion_token_ids])
        with torch.no_grad():
            logits = plain.causal_lm.lm_head(states(plain, ids))
        own = logits.log_softmax(dim=1)[2:5].gather(1, ids[0, 3:, None]).squeeze(1)
        rows.append(written(index, tuple((own - moves.abs()).tolist())))
    chosen = choose_sampled(rows, "weights", 160, seed=0)
    for budget in (64, 6):
        found = compare_logps(network, chosen, budget)
        assert found.num_tokens == 15
        assert found.mean_gap_nats == pytest.approx(0.25, abs=1e-4)
        assert found.max_gap_nats == pytest.approx(0.5, abs=1e-4)
    assert compare_logps(network, (), 64) is None
    assert reason_to_refuse(None, 0.1) == reason_to_refuse(found, 0.0) == ""
    assert reason_to_refuse(found, 0.3) == ""
    assert "differ by 0.250 nats a token on average (at most 0.500; 15 tokens)" in reason_to_refuse(
        found, 0.2
    )


def states(network, ids: torch.Tensor) -> torch.Tensor:
    """Last hidden states (L, D) of one row, which is a tree of one node."""
    mask = ChainMask([ids.shape[1]], [Chain(context=(), own=(0,))])
    return network.decoder(input_ids=ids, tree_mask=mask, use_cache=False).last_hidden_state[0]
