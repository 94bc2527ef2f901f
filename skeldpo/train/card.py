"""The model card of a trained policy: the README.md of its folder."""

from __future__ import annotations

from collections.abc import Mapping

_SHOWN = (
    "loss",
    "code/rewards/margins",
    "code/rewards/accuracies",
    "code/logps/chosen",
    "code/logps/rejected",
    "skeleton/rewards/margins",
    "skeleton/rewards/accuracies",
)


def model_card(
    *,
    policy: str,
    source_digest: str,
    num_pairs: int,
    settings: Mapping[str, object],
    metrics: Mapping[str, float],
) -> str:
    """Markdown with the front matter of the Hugging Face hub.

    Args:
        policy: the run's `policy.model`.
        source_digest: `weights_digest` of the weights that training started from.
        num_pairs: pairs trained on.
        settings: the [train] section.
        metrics: of the last optimizer step (see loss.step_metrics).
    """
    rows = [f"| {name} | {value} |" for name, value in settings.items()]
    last = [f"| {name} | {metrics[name]:.4f} |" for name in _SHOWN if name in metrics]
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "tags:",
        "- code",
        "- dpo",
        "- skeldpo",
        "---",
        "",
        "# A code model that was trained to write faster programs",
        "",
        f"Trained with skeldpo from `{policy}` (weights {source_digest[:16]}) on {num_pairs} "
        "preference pairs. Both programs of an efficiency pair are correct, and the preferred one "
        "was measured to take less CPU time.",
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
