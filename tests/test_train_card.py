"""The model card of a trained policy."""

from __future__ import annotations

import yaml
from tiny_policy import tiny_config

from skeldpo.train.card import model_card
from skeldpo.train.learners.preferences import Preferences


def test_card_says_what_was_trained_on_what_and_how():
    card = model_card(
        policy="org/model",
        source_digest="0123456789abcdef" * 4,
        wording=Preferences.wording,
        num_examples=12,
        settings=tiny_config(beta=0.25).train.model_dump(mode="json"),
        metrics={"step": 7.0, "loss": 0.5, "code/rewards/margins": 1.25},
    )
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front)["library_name"] == "transformers"
    assert "from `org/model` (weights 0123456789abcdef) on 12 preference pairs" in body
    assert "Last of 8 steps:" in body
    assert "| code/rewards/margins | 1.2500 |" in body
    assert "| beta | 0.25 |" in body
    assert "skeleton/" not in body
