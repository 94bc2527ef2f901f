"""The model card of a trained policy: the README.md of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skeldpo.train.learners.contract import Wording


def model_card(
    *,
    policy: str,
    source_digest: str,
    wording: Wording,
    num_examples: int,
    settings: Mapping[str, object],
    metrics: Mapping[str, float],
) -> str:
    """Markdown with the front matter of the Hugging Face hub.

    Args:
        policy: the run's `policy.model`.
        source_digest: `weights_digest` of the weights that training started from.
        wording: of the learner.
        num_examples: examples trained on.
        settings: the [train] section.
        metrics: of the last optimizer step (see Learner.metrics).
    """
    rows = [f"| {name} | {value} |" for name, value in settings.items()]
    last = [f"| {name} | {metrics[name]:.4f} |" for name in wording.card_metrics if name in metrics]
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "tags:",
        "- code",
        f"- {wording.tag}",
        "- skeldpo",
        "---",
        "",
        "# A code model that was trained to write faster programs",
        "",
        f"Trained with skeldpo from `{policy}` (weights {source_digest[:16]}) on "
        f"{num_examples} {wording.trained_on}",
        "",
        "Programs it writes may be wrong; run them in a sandbox.",
        "",
        f"Last of {int(metrics['step']) + 1} steps:",
        "",
        "| metric | value |",
        "|---|---|",
        *last,
        "",
        "| setting | value |",
        "|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"
