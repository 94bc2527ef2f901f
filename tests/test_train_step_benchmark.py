"""The training benchmark: what it counts, and that its variants compute the same thing."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from tiny_policy import tiny_config

from benchmarks.train_step import add_ratios, main
from benchmarks.train_variant import (
    RANDOM,
    WholeLogitsNetwork,
    logps_of,
    make_model,
    padded_logps,
    separate_rows,
    tree_logps,
)
from benchmarks.train_workload import (
    OURS,
    PLAIN,
    WORKLOADS,
    make_pairs,
    sequence_tokens,
    step_flops,
    train_settings,
    tree_tokens,
)
from skeldpo.config import TrainConfig
from skeldpo.train.loading import build_network
from skeldpo.train.network import Network

WORK = dataclasses.replace(
    WORKLOADS["cpu-1m"], statement_tokens=40, answer_tokens=12, pairs_per_step=2, num_steps=1
)
NOT_READ_BY_A_STEP = {
    "learner", "num_workers", "use_gpu", "cpus_per_worker", "checkpoint_every", "max_failures",
    "cpu_offload", "max_sampler_gap_nats", "policy_gradient",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_settings_are_those_of_the_configuration():
    settings = vars(train_settings(WORK))
    assert set(settings) == set(TrainConfig.model_fields) - NOT_READ_BY_A_STEP
    assert TrainConfig(**settings).model_dump(exclude=NOT_READ_BY_A_STEP) == settings
    lora = train_settings(WORKLOADS["gpu-7b-lora"]).lora
    assert tiny_config(lora=vars(lora)).train.lora is not None


def test_counts_of_a_step_equal_hand_derived_values():
    """A pair: statement 40, two tags of 8, four answers of 12: 104 tokens as a tree, and four
    sequences of 40 + 8 + 12 = 240. Attention, query by key, counted as areas: the code prompt
    48^2 / 2 = 1152, the skeleton tag (48^2 - 40^2) / 2 = 352, each answer 12 * 48 + 12^2 / 2 = 648;
    1152 + 352 + 4 * 648 = 4096. Matrices: 4 layers of 2 * 96 * (3 + 3) * 32 + 3 * 96 * 256 =
    110592, so 6 * 442368 * 104 + 6 * 4096 * 96 * 48 + 12 * 4 * 96 * 4096 = 408158208."""
    pairs = make_pairs(WORK, 1)
    assert (tree_tokens(pairs), sequence_tokens(pairs)) == (104, 240)
    assert step_flops(WORK, pairs) == 6 * 442368 * 104 + 6 * 4096 * 96 * 48 + 12 * 4 * 96 * 4096


@torch.no_grad()
@pytest.mark.parametrize("skeletons", [True, False])
def test_variants_give_the_same_log_probabilities(skeletons):
    work = dataclasses.replace(WORK, skeletons=skeletons)
    pairs, settings = make_pairs(work, 3), train_settings(work)
    pairs[1] = dataclasses.replace(pairs[1], code_chosen=pairs[1].code_chosen[:5])
    model = make_model(work)
    expected = padded_logps(model, pairs, torch.device("cpu"))
    network = build_network(Network(model, RANDOM, None, {}), settings, 8192, seed=0)
    whole = build_network(
        WholeLogitsNetwork(make_model(work), RANDOM, None, {}), settings, 8192, seed=0
    )
    whole.load_state_dict(network.state_dict())
    got = {
        "ours": tree_logps(pairs, network),
        "no_tree": logps_of(network, separate_rows(pairs, network)),
        "whole_logits": tree_logps(pairs, whole),
    }
    for name, logps in got.items():
        torch.testing.assert_close(logps, expected, atol=1e-3, rtol=1e-5, msg=name)


def test_ratios_are_of_ours_to_the_other():
    figures = {
        f"pairs_per_second_{OURS}": 6.0,
        f"pairs_per_second_{PLAIN}": 2.0,
        f"peak_memory_bytes_{OURS}": 1,
        f"peak_memory_bytes_{PLAIN}": 4,
        f"tree_tokens_per_step_{OURS}": 100,
        f"sequence_tokens_per_step_{OURS}": 240,
    }
    add_ratios(figures)
    assert figures["pairs_per_second_ratio_plain"] == 3.0
    assert figures["peak_memory_ratio_plain"] == 0.25
    assert figures["token_bound"] == 2.4
    assert figures["token_bound_share"] == 1.25


@pytest.mark.slow
def test_benchmark_writes_flat_keys(tmp_path):
    file = tmp_path / "figures.json"
    chosen = ["--workload", "cpu-1m", "--quick", "--pairs", "1", "--json", str(file)]
    assert main([*chosen, "--variants", "ours", "no_tree", "plain", "reference_in_step"]) == 0
    figures = json.loads(file.read_text())
    for name in ("ours", "no_tree", "plain", "reference_in_step"):
        assert figures[f"pairs_per_second_{name}"] > 0
        assert figures[f"peak_memory_bytes_{name}"] > 1e8
        assert 0 < figures[f"mfu_{name}"] < 1
        assert figures[f"first_step_seconds_{name}"] > 0
        share = figures[f"matmul_rate_share_{name}"]
        assert share == pytest.approx(
            figures[f"mfu_{name}"]
            * figures["peak_flops_per_second"]
            / figures[f"matmul_flops_per_second_{name}"]
        )
    assert figures["matmul_rate_share"] == figures["matmul_rate_share_ours"]
    assert figures["token_bound"] == pytest.approx(4 * 680 / 1168)
    assert not any(isinstance(value, dict | list) for value in figures.values())
