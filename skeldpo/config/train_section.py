"""The [train] section: the losses, the optimizer, and where training runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from skeldpo.config.base import Section
from skeldpo.config.rewards_section import PolicyGradientConfig

OF_PREFERENCES = {
    "beta", "skeleton_weight", "loss", "correctness_epochs", "efficiency_epochs", "pairs_per_step",
    "reduction", "label_smoothing", "sft_weight", "max_chosen_drop_nats",
}  # fmt: skip
"""Settings that only the learner of preferences reads."""


class LoraConfig(Section):
    """[train.lora] Low-rank adapters instead of full training."""

    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] = ()
    """Names of layers, or ends of them; lm_head and embed_tokens too, if their weights are two.
    Empty: all linear layers between embedding and output layer, and experts where PEFT can."""
    load_in_4bit: bool = False
    """QLoRA: frozen linear layers as NF4 with double quantization (bitsandbytes), whole on every
    worker. The trained policy is served as the adapter merged into the weights as they were."""


class TrainConfig(Section):
    """[train] Correctness DPO, then joint code and skeleton DPO; or a policy gradient."""

    learner: Literal["preferences", "rewards"] = "preferences"
    """What a round's samples teach. preferences: that one program is better than another, by DPO.
    rewards: what each program of a problem earns beside the others ([rewards]), by a policy
    gradient."""
    beta: float = Field(default=1.0, gt=0)
    """DPO temperature (arXiv 2305.18290, equation 7); preferences must give it."""
    skeleton_weight: float = Field(default=0.0, ge=0)
    """lambda of L = L(code) + lambda L(skeleton); 0: code preferences only. Preferences must give
    it."""
    balance_terms: bool = False
    """The skeleton term of a pair is scaled down where its gradient would be larger than that of
    the code term, by the ratio of their norms at the output layer (docs/METHOD.md, section 3).
    Nothing is scaled with loss "sft"."""
    loss: Literal["sigmoid", "ipo", "sft"] = "sigmoid"
    """sigmoid: DPO. ipo: squared distance of the margin to 1 / (2 beta) (arXiv 2310.12036). sft: no
    preference, the chosen side's mean negative log-likelihood (a baseline)."""
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Of the learning rate after that; linear and cosine fall towards 0 at the last step."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    correctness_epochs: int = Field(default=1, ge=0)
    """Passes over the correctness pairs, before the efficiency pairs."""
    efficiency_epochs: int = Field(default=1, ge=0)
    pairs_per_step: int = Field(default=8, ge=1)
    """Pairs of one optimizer step, over all workers."""
    max_tokens_per_forward: int = Field(default=4096, ge=64)
    """Tokens a worker packs into one forward pass: of prefix trees, or of padded rows for models
    that trees are not exact for. What bounds its memory: a longer example is computed in pieces, at
    one more forward pass, a longer sequence alone. Does not change the result beyond rounding."""
    reduction: Literal["sum", "mean"] = "sum"
    """Over the tokens of a completion."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Conservative DPO's probability that a label is flipped."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Weight of the chosen code's mean negative log-likelihood (RPO)."""
    max_chosen_drop_nats: float = Field(default=0.0, ge=0)
    """Training ends early once the chosen code's log-probability (a token's, with reduction "mean")
    lies this far below the reference's, as a mean over five steps; 0: never."""
    policy_gradient: PolicyGradientConfig = PolicyGradientConfig()
    max_sampler_gap_nats: float = Field(default=0.1, ge=0)
    """Mean difference, a token, of the engine's and the trainer's log-probabilities of what the
    policy wrote above which a round is not trained on; 0: only reported."""
    lora: LoraConfig | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the computation; parameters of the optimizer are float32."""
    activation_checkpointing: bool = False
    """Of a layer only its inputs are kept for the backward pass, which computes the rest again."""
    offload_activations: bool = False
    """The inputs of layers, which activation_checkpointing keeps, lie in host memory until the
    backward pass."""
    cpu_offload: bool = False
    """Parameters, gradients and optimizer in host memory; a layer computes on the GPU."""
    compile_layers: bool = False
    """torch.compile of the norms and MLPs: on a GPU fewer passes over memory, for a minute more at
    the start. Does not change the result beyond rounding."""
    num_workers: int = Field(default=1, ge=1)
    """Ray Train workers; the model is sharded over them."""
    use_gpu: bool = False
    cpus_per_worker: int = Field(default=1, ge=1)
    checkpoint_every: int = Field(default=50, ge=1)
    """Optimizer steps between checkpoints."""
    max_failures: int = Field(default=2, ge=0)
    """Times a dead worker group is started again from the last checkpoint."""

    @model_validator(mode="before")
    @classmethod
    def _preferences_have_no_safe_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("learner", "preferences") == "preferences":
            missing = [name for name in ("beta", "skeleton_weight") if name not in values]
            if missing:
                told = (f"train.{name} is missing and has no default" for name in missing)
                raise ValueError("; ".join(told))
        return values

    @model_validator(mode="after")
    def _settings_are_read(self) -> TrainConfig:
        others = OF_PREFERENCES if self.learner == "rewards" else {"policy_gradient"}
        fields = type(self).model_fields
        unread = [
            f"train.{name}"
            for name in sorted(others)
            if getattr(self, name) != fields[name].get_default()
        ]
        if unread:
            raise ValueError(
                f'train.learner = "{self.learner}" does not read {", ".join(unread)}; take '
                f"{'it' if len(unread) == 1 else 'them'} out"
            )
        return self

    @model_validator(mode="after")
    def _smoothing_is_read(self) -> TrainConfig:
        if self.label_smoothing and self.loss != "sigmoid":
            raise ValueError(
                f"train.label_smoothing ({self.label_smoothing}) is read only with train.loss = "
                f"sigmoid, got {self.loss}; take one of them out"
            )
        return self

    @model_validator(mode="after")
    def _offloads_inputs_of_layers(self) -> TrainConfig:
        if self.offload_activations and not self.activation_checkpointing:
            raise ValueError(
                "train.offload_activations moves what train.activation_checkpointing keeps; "
                "without it all weights would go to the host too. Set both, or neither"
            )
        return self

    @model_validator(mode="after")
    def _offloads_what_can_be(self) -> TrainConfig:
        if self.cpu_offload and self.lora is not None and self.lora.load_in_4bit:
            raise ValueError(
                "train.cpu_offload cannot move the 4-bit weights of train.lora.load_in_4bit, and "
                "the adapters alone are small; take one of them out"
            )
        return self
