"""What a training starts from, and what it hands on beside the weights that are served.

A policy folder holds the weights that engines serve, in the dtype they came in. What was trained is
more exact and is kept beside them: `masters/` has the weights in fp32 if the served ones are
rounded, `adapter/` the fp32 adapter of LoRA. The next round starts from these, with LoRA on the
model that the run began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ADAPTER_FOLDER = "adapter"
MASTERS_FOLDER = "masters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Folders of a training's start.

    `policy` is what engines served; `model` has config.json and the weights as they are stored,
    which with LoRA are the run's base; `masters` and `adapter` hold what replaces or joins these
    (empty: nothing does).
    """

    policy: str
    model: str
    masters: str
    adapter: str

    def weights_id(self, model_id: str) -> str:
        """Digest of the weights that training starts from; `model_id` is that of the served."""
        # Needs pydantic, which a machine that only trains may lack.
        from skeldpo.checkpoints import weights_digest

        trained = self.masters or self.adapter
        return weights_digest(trained) if trained else model_id


def find_start(policy: str, base: str, *, lora: bool) -> Start:
    """The start from a policy folder; `base` is the model that the run's adapters are on.

    ValueError if a folder is missing, or a policy that is not the base has no adapter.
    """
    for folder in (policy, base):
        if not Path(folder).is_dir():
            raise ValueError(f"policy folder {folder} does not exist; expected a saved causal LM")
    if not lora:
        masters = Path(policy, MASTERS_FOLDER)
        kept = str(masters) if masters.is_dir() else ""
        return Start(policy=policy, model=policy, masters=kept, adapter="")
    if Path(policy).resolve() == Path(base).resolve():
        return Start(policy=policy, model=base, masters="", adapter="")
    adapter = Path(policy, ADAPTER_FOLDER)
    if not adapter.is_dir():
        raise ValueError(
            f"{policy} has no {ADAPTER_FOLDER}/, so the adapter of the rounds before is lost; "
            "expected a policy that was trained with [train.lora]: train it again, or start a new "
            "run from it (policy.model)"
        )
    return Start(policy=policy, model=base, masters="", adapter=str(adapter))
