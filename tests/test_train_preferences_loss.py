"""The joint loss against arithmetic by hand."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_policy import tiny_config

from skeldpo.train.learners.preferences_loss import (
    STATISTICS,
    joint_losses,
    step_metrics,
    term_scales,
)

POLICY = torch.tensor([[-10.0, -20.0, -4.0, -8.0]])
REFERENCE = torch.tensor([[-12.0, -17.0, -5.0, -8.5]])
TOKENS = torch.tensor([[4, 5, 2, 4]])


def loss_of(skeleton_weight: float = 0.7, **train: object) -> float:
    config = tiny_config(**train).train
    return float(joint_losses(POLICY, REFERENCE, TOKENS, config, skeleton_weight).loss)


def test_joint_loss_equals_hand_derived_value():
    """beta 0.1, lambda 0.7, sums.

    code:     h = (-10 + 12) - (-20 + 17) = 5,   -log sigmoid(0.5)  = log(1 + e^-0.5)  = 0.474077
    skeleton: h = (-4 + 5) - (-8 + 8.5)   = 0.5, -log sigmoid(0.05) = log(1 + e^-0.05) = 0.668460
    L = 0.474077 + 0.7 * 0.668460 = 0.941999
    """
    assert loss_of() == pytest.approx(0.941999, abs=1e-6)


def test_mean_reduction_equals_hand_derived_value():
    """code: h = 2/4 - (-3)/5 = 1.1, log(1 + e^-0.11) = 0.639659; skeleton: h = 1/2 - 0.5/4 = 0.375,
    log(1 + e^-0.0375) = 0.674573; L = 0.639659 + 0.7 * 0.674573 = 1.111860"""
    assert loss_of(reduction="mean") == pytest.approx(1.111860, abs=1e-6)


def test_label_smoothing_equals_hand_derived_value():
    """e = 0.2, code only: 0.8 * 0.474077 + 0.2 * log(1 + e^0.5) = 0.379262 + 0.2 * 0.974077
    = 0.574077"""
    assert loss_of(0.0, label_smoothing=0.2) == pytest.approx(0.574077, abs=1e-6)


def test_sft_term_adds_mean_negative_log_likelihood_of_chosen_code():
    """0.474077 + 0.5 * 10 / 4 = 1.724077"""
    assert loss_of(0.0, sft_weight=0.5) == pytest.approx(1.724077, abs=1e-6)


def test_ipo_equals_hand_derived_value():
    """beta 0.1: the margin is to be 1 / 0.2 = 5. code: (5 - 5)^2 = 0;
    skeleton: (0.5 - 5)^2 = 20.25; L = 0 + 0.7 * 20.25 = 14.175"""
    assert loss_of(loss="ipo") == pytest.approx(14.175, abs=1e-4)


def test_sft_equals_hand_derived_value():
    """Mean NLL of the chosen sides: 10 / 4 + 0.7 * 4 / 2 = 3.9"""
    assert loss_of(loss="sft") == pytest.approx(3.9, abs=1e-6)


def test_term_scale_equals_hand_derived_value():
    """Probabilities of the tokens: chosen code .5 .5, rejected code .8; skeletons .1 and
    .2 .9.

    sum:  code .25 + .25 + .04 = .54; skeleton .81 + .64 + .01 = 1.46; sqrt(.54 / 1.46) = .608164
    mean: code .5 / 4 + .04 = .165; skeleton .81 + .65 / 4 = .9725; sqrt(.165 / .9725) = .411905
    The other way round nothing is scaled up.
    """
    squares = torch.tensor([[0.5, 0.04, 0.81, 0.65], [0.81, 0.65, 0.5, 0.04]])
    tokens = torch.tensor([[2, 1, 1, 2], [1, 2, 2, 1]])
    for reduction, expected in (("sum", 0.608164), ("mean", 0.411905)):
        found = term_scales(squares, tokens, reduction)
        assert found.tolist() == pytest.approx([expected, 1.0], abs=1e-6)


def test_skeleton_weight_of_a_pair_is_its_own():
    """0.474077 + 0.7 * 0.608164 * 0.668460 = 0.758650"""
    config = tiny_config().train
    losses = joint_losses(POLICY, REFERENCE, TOKENS, config, torch.tensor([0.7 * 0.608164]))
    assert float(losses.loss) == pytest.approx(0.758650, abs=1e-6)
    metrics = step_metrics(losses.statistics)
    assert metrics["skeleton/weight"] == pytest.approx(0.7 * 0.608164)


def test_label_smoothing_without_the_sigmoid_loss_is_refused():
    with pytest.raises(ValueError, match="label_smoothing .0.1. is read only with"):
        tiny_config(loss="ipo", label_smoothing=0.1)


def test_policy_equal_to_reference_gives_ln_2_for_each_term():
    config = tiny_config().train
    losses = joint_losses(POLICY, POLICY, TOKENS, config, 0.7)
    assert float(losses.loss) == pytest.approx(1.7 * math.log(2), abs=1e-6)
    metrics = step_metrics(losses.statistics)
    assert metrics["code/loss"] == pytest.approx(0.693147, abs=1e-6)
    assert metrics["skeleton/loss"] == pytest.approx(0.693147, abs=1e-6)


@pytest.mark.parametrize(("weight", "num_tokens"), [(0.0, 2), (0.7, 0)])
def test_skeleton_changes_nothing_without_weight_or_without_skeletons(weight, num_tokens):
    policy = POLICY.clone().requires_grad_()
    tokens = torch.tensor([[4, 5, num_tokens, num_tokens]])
    losses = joint_losses(policy, REFERENCE, tokens, tiny_config().train, weight)
    assert float(losses.loss.detach()) == pytest.approx(0.474077, abs=1e-6)
    losses.loss.sum().backward()
    assert policy.grad is not None
    assert policy.grad[0, 2:].tolist() == [0.0, 0.0]
    assert policy.grad[0, 0] < 0 < policy.grad[0, 1]
    assert "skeleton/loss" not in step_metrics(losses.statistics)


def test_metrics_average_skeletons_over_the_pairs_that_have_them():
    config = tiny_config().train
    tokens = torch.tensor([[4, 5, 2, 4], [4, 5, 0, 0]])
    policy = torch.stack([POLICY[0], torch.tensor([-13.0, -17.0, 0.0, 0.0])])
    reference = torch.stack([REFERENCE[0], torch.tensor([-12.0, -17.0, 0.0, 0.0])])
    metrics = step_metrics(joint_losses(policy, reference, tokens, config, 0.7).statistics)
    assert metrics["num_pairs"] == 2
    assert metrics["num_skeleton_pairs"] == 1
    assert metrics["code/rewards/chosen"] == pytest.approx((0.2 - 0.1) / 2)
    assert metrics["code/rewards/rejected"] == pytest.approx(-0.3 / 2)
    assert metrics["code/rewards/margins"] == pytest.approx((0.5 - 0.1) / 2)
    assert metrics["code/rewards/accuracies"] == 0.5
    assert metrics["code/logps/chosen"] == pytest.approx(-11.5)
    assert metrics["skeleton/rewards/margins"] == pytest.approx(0.05)
    assert metrics["skeleton/logps/rejected"] == pytest.approx(-8.0)


def test_statistics_have_one_column_a_name():
    losses = joint_losses(POLICY, REFERENCE, TOKENS, tiny_config().train, 0.7)
    assert losses.statistics.shape == (1, len(STATISTICS))
    assert not losses.statistics.requires_grad
