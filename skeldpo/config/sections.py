"""The configuration of a run: one frozen model a stage. Every value a user can set is here, but
those of training and rewards, which have modules of their own.

`toml_file` reads them. Fields without a default have no safe one and must be given.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from skeldpo.config.base import Section
from skeldpo.config.measure_section import MeasureConfig
from skeldpo.config.rewards_section import RewardsConfig
from skeldpo.config.train_section import TrainConfig
from skeldpo.node_watch import MAX_NODE_WAIT_S

STARTER = "starter"


class RunConfig(Section):
    """[run] Which run this is and where it is kept."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the run and of its folder."""
    storage: str = "runs"
    """Folder or URL (s3://..., gs://...) of all runs; shared by all nodes of a cluster. A
    relative folder is taken from the folder the command was started in, or from $SKELDPO_HOME."""
    num_rounds: int = Field(ge=1)
    """Rounds of generate, measure, pair, train."""
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    """Every random choice of the run derives from it."""
    max_quarantined: float = Field(default=0.25, ge=0, le=1)
    """Share of a round's problems that may be given up, each with its reason in the round's
    quarantine table, before the run stops."""
    max_node_wait_s: float = Field(default=MAX_NODE_WAIT_S, ge=0)
    """Seconds that a stage waits for another node when none is left that it could go on with (for
    training: when there is no room for all its workers), before the run stops."""
    memory_check: Literal["refuse", "warn", "off"] = "refuse"
    """Whether workers that cannot fit in the memory of the nodes there are (docs/SIZING.md) end a
    run before it starts, or are only told."""


class PolicyConfig(Section):
    """[policy] The model that is trained."""

    model: str
    """Hugging Face id or folder; "starter" trains a small one from scratch ([starter])."""
    max_model_tokens: int = Field(default=2048, ge=64)
    """Longest prompt plus completion, in tokens."""
    prompt_format: Literal["auto", "chat", "plain"] = "auto"
    """chat: the tokenizer's chat template; auto: chat if the tokenizer has one."""
    code_instruction: str = ""
    """Follows the statement when code is wanted; {language} stands for the problem's, {signature}
    for keeping a given function's. Empty: words for a chat model, else the paper's tag."""
    skeleton_instruction: str = ""
    """Follows the statement when a skeleton is wanted (training only); as code_instruction."""
    prefill: Literal["auto", "on", "off"] = "auto"
    """Whether a chat model's prompt ends with the fence that opens its answer, so that it writes
    the program at once. auto: unless its vocabulary or template knows of thoughts before that."""
    chat_template_kwargs: dict[str, bool | int | float | str] = {}
    """Switches of the chat template, such as {enable_thinking = false} of Qwen3."""
    reasoning_marks: tuple[
        Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]
    ] = ("<think>", "</think>")
    """What begins and ends the thoughts of a thinking model, which come before its answer."""
    reasoning: Literal["masked", "trained"] = "masked"
    """Thoughts before an answer. masked: read by the model and not scored; trained: scored like the
    answer."""
    prompt_date: date = date(2024, 7, 26)
    """What chat templates that print today's date are told, so that a problem has the same prompt
    on every day. The default is the date that Llama 3's template has where there is no clock."""


class StarterConfig(Section):
    """[starter] The small policy trained from scratch when policy.model = "starter"."""

    hidden_size: int = Field(default=96, ge=16)
    """Width; a multiple of twice num_heads."""
    num_layers: int = Field(default=3, ge=1)
    num_heads: int = Field(default=3, ge=1)
    vocab_size: int = Field(default=1536, ge=300)
    """Size of the byte-pair vocabulary learnt from the train split."""
    num_epochs: float = Field(default=7.5, gt=0)
    """Passes over the train split; each shows a problem with one fast and one slow program."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Of Adam, for embedding, norms and biases."""
    matrix_learning_rate: float = Field(default=0.02, gt=0)
    """Of Muon, for all other matrices."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Of the matrices, times their learning rate."""
    prompt_weight: float = Field(default=0.05, ge=0)
    """Weight in the loss of a prompt's token; a completion's has 1."""
    batch_tokens: int = Field(default=2048, ge=256)
    """Tokens an optimizer step, padding included."""

    @model_validator(mode="after")
    def _heads_fit(self) -> StarterConfig:
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(
                f"starter.hidden_size ({self.hidden_size}) must be a multiple of twice "
                f"starter.num_heads ({self.num_heads})"
            )
        return self


class ProblemsConfig(Section):
    """[problems] What the policy practises on, and what it is evaluated on."""

    sources: tuple[str, ...] = ("families",)
    """"families" (built in), files or folders of problems, or Hugging Face data sets with a split
    ("Elfsong/Mercury:train"); docs/PROBLEMS.md."""
    families: tuple[str, ...] = ()
    """Only these built-in families; empty: all."""
    num_train: int = Field(ge=1)
    """Training problems a round, of each source its share; none again until all were used."""
    num_heldout_variants: int = Field(default=48, ge=0)
    """Evaluation problems: unseen variants of trained families."""
    num_heldout_families: int = Field(default=16, ge=0)
    """Evaluation problems from families that are never trained on."""


class KeepOutConfig(Section):
    """[keep_out] Evaluation sets that nothing may be trained on."""

    files: tuple[str, ...] = ()
    """Names, one a line (.txt), ENAMEL's table (.csv), or what problems.sources takes."""
    max_overlap: float = Field(default=0.5, gt=0, le=1)
    """A training problem goes if this share of the runs of five words of the shorter statement is
    in the other (or if its id is that of an evaluation problem)."""


def _require_samples_that_differ(section: str, temperature: float, num_samples: int) -> None:
    if temperature == 0 and num_samples > 1:
        raise ValueError(
            f"{section}.temperature = 0 is greedy: all {num_samples} samples of "
            f"{section}.num_samples would be the same program; set {section}.num_samples = 1, or a "
            "temperature above 0"
        )


class GenerateConfig(Section):
    """[generate] Sampling with vLLM, and the programs that training problems bring."""

    programs: Literal["policy", "data", "both"] = "both"
    """Whose programs of a training problem are compared. policy: samples; data: the known programs
    that it brings, and nothing is sampled for training; both: both, in the same session."""
    max_known: int = Field(default=8, ge=2)
    """Known programs that a training problem brings at most: a seeded choice with as many fast,
    slow, unrated and wrong ones as there are."""
    num_samples: int = Field(default=8, ge=1)
    """Candidates per training problem that the policy writes."""
    temperature: float = Field(default=0.8, ge=0, le=2)
    """0 is greedy: one sample only. vLLM takes no more than 2."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    max_tokens: int = Field(default=512, ge=1)
    """Longest completion, in tokens; longer ones end with finish_reason "length"."""
    max_reasoning_tokens: int = Field(default=0, ge=0)
    """Longest thoughts (policy.reasoning_marks) before it, in tokens; `stop` does not end them, and
    max_tokens are for the answer alone. 0: thoughts are part of the completion like any text."""
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Texts at which a completion ends too, though its last token is not the end of a turn; they
    are part of it."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the engine's weights and computation. auto: on a GPU vLLM's choice; on a CPU bfloat16 if
    the weights are stored so and the CPU computes with it (AVX512-BF16, AMX), else float32."""
    num_engines: int = Field(default=1, ge=1)
    """vLLM actors."""
    gpus_per_engine: int = Field(default=0, ge=0)
    """0: the CPU build of vLLM; more than 1: tensor parallel."""
    cpus_per_engine: int = Field(default=1, ge=1)
    """Cores of one engine actor (on CPU: the cores vLLM computes on)."""
    max_num_seqs: int = Field(default=128, ge=1)
    """Sequences an engine works on at the same time."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    kv_cache_gib: int = Field(default=1, ge=1)
    """Memory of the key-value cache on CPU, in GiB."""
    enforce_eager: bool = False
    """Skip vLLM's compilation: quicker to start, slower to run."""
    keep_engines: bool | Literal["auto"] = "auto"
    """Engines stay from round to round, and each policy's weights are read in place of the last
    one's. false: each round starts its own; auto: they stay if the nodes hold them and the training
    workers at the same time, by CPUs, GPUs and memory."""
    max_retries: int = Field(default=2, ge=0)
    """Further attempts at problems that an engine died of, first fewer together, then each alone;
    a problem that it still dies of alone is quarantined (after one such try at least)."""

    @model_validator(mode="after")
    def _samples_differ(self) -> GenerateConfig:
        _require_samples_that_differ("generate", self.temperature, self.num_samples)
        return self


class PairConfig(Section):
    """[pair] Which measured differences become preferences."""

    min_speedup: float = Field(gt=1)
    """Least ratio of CPU times, rejected over chosen."""
    max_p_value: float = Field(default=0.005, gt=0, lt=0.5)
    """One-sided exact signed-rank test against times discounted by 5 %; no less than
    measure.max_p_value, at which a session ends. Nominal: it is not corrected for the looks at a
    session, nor for its number of comparisons (docs/PAIRS.md)."""
    max_efficiency_pairs: int = Field(default=2, ge=0)
    """Efficiency pairs per problem."""
    choice: Literal["largest", "nearest", "diverse"] = "largest"
    """Which come first if there are more. largest: by lower bound of the speedup; nearest: the two
    programs most alike in text; diverse: largest first, then the pair least like those taken."""
    max_correctness_pairs: int = Field(default=1, ge=0)
    """Correctness pairs per problem, nearest in text first."""
    origins: Literal["any", "same"] = "any"
    """same: both sides of a pair were sampled, or both given. A pair of a given program over a
    sampled one also tells who wrote it, and style is learnt before speed (docs/PAIRS.md)."""
    balance_lengths: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of the pairs of a stage that may be left out so that chosen and rejected
    programs are equally long on average (the most unequal go first); 0: all are kept."""
    weighting: Literal["equal", "tier", "certainty"] = "equal"
    """Weight of an efficiency pair. equal: 1; tier: its speedup tier (from 1) over their number;
    certainty: log speedup_low / log speedup."""
    tier_edges: tuple[float, ...] = (1.5, 2.0, 4.0)
    """Where a speedup tier ends and the next begins, rising; by lower bound of the speedup."""

    @model_validator(mode="after")
    def _edges_rise(self) -> PairConfig:
        if list(self.tier_edges) != sorted({edge for edge in self.tier_edges if edge > 1}):
            raise ValueError(f"pair.tier_edges must rise from above 1, got {self.tier_edges}")
        return self


class SkeletonConfig(Section):
    """[skeleton] The masked form of both sides (docs/METHOD.md, section 2)."""

    method: Literal["lexical", "syntactic", "dynamic"] = "lexical"
    """What stays. lexical: tokens of all programs of the group; syntactic: syntax half share;
    dynamic: as lexical, and what half share of the lines that take the time, which needs
    measure.profile_lines."""
    contrast: bool = False
    """Keep only what the other side's group does not share as well."""
    min_similarity: float = Field(default=0.3, ge=0, le=1)
    """Least similarity in structure of any two programs of a group (0: a side is one group)."""
    min_group: int = Field(default=2, ge=1)
    """Distinct programs a group needs, the same ones with other names included; for smaller ones
    see `alone`."""
    alone: Literal["none", "names", "nearest"] = "nearest"
    """Where a group is too small. none: no skeletons; names: mask what the program could rename;
    nearest: the most similar programs of its side join it, however unlike they are, and where the
    side has no other, as names."""
    max_group: int = Field(default=5, ge=1)
    """Programs of a group that are used: the program itself, then the fastest (or slowest)."""

    @model_validator(mode="after")
    def _groups_are_enough(self) -> SkeletonConfig:
        if self.max_group < self.min_group:
            raise ValueError(
                f"skeleton.max_group ({self.max_group}) is below skeleton.min_group "
                f"({self.min_group}), so that every group would be too small"
            )
        return self


class EvaluateConfig(Section):
    """[evaluate] Pass@1 and Beyond@1 on held-out problems."""

    num_samples: int = Field(default=4, ge=1)
    """Samples per problem; the scores are means over them."""
    temperature: float = Field(default=0.8, ge=0, le=2)
    """0 is greedy: one sample only. vLLM takes no more than 2."""
    num_repeats: int = Field(default=3, ge=1)
    """Timed rounds of all references and candidates together."""
    repeat_for_s: float = Field(default=5.0, ge=0)
    """CPU seconds of a problem's further rounds, of its candidates and the references that are the
    fastest and slowest by then, up to 30 rounds in all; 0: none."""
    num_bootstrap: int = Field(default=10_000, ge=100)
    """Resamples over problems for the 95 % intervals."""
    suites: dict[str, str] = {}
    """Suites (docs/SUITES.md) that the run scores its first and its last policy on, one greedy
    sample a problem, each with the file of its data ("": its Hugging Face data set). Name their
    data in keep_out.files too, so that nothing of it is trained on."""
    max_tokens: int = Field(default=768, ge=1)
    """Of an answer on a suite, in place of generate.max_tokens. EvalPlus's: what is published of a
    model is of answers of this length, and a completed prompt of HumanEval is often longer than the
    programs that a run trains on."""

    @model_validator(mode="after")
    def _samples_differ(self) -> EvaluateConfig:
        _require_samples_that_differ("evaluate", self.temperature, self.num_samples)
        return self


class TrackingConfig(Section):
    """[tracking] Where metric lines go beside metrics.jsonl."""

    backends: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ()
    """MLflow takes no "@" in a name: pass@1 is pass_at_1 there."""
    project: str = "skeldpo"
    """Of W&B, or the experiment of MLflow."""


class Config(Section):
    """A whole run."""

    run: RunConfig
    policy: PolicyConfig
    starter: StarterConfig = StarterConfig()
    problems: ProblemsConfig
    keep_out: KeepOutConfig = KeepOutConfig()
    generate: GenerateConfig = GenerateConfig()
    measure: MeasureConfig = MeasureConfig()
    pair: PairConfig
    skeleton: SkeletonConfig = SkeletonConfig()
    rewards: RewardsConfig = RewardsConfig()
    train: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _sections_agree(self) -> Config:
        budget = self.generate.max_reasoning_tokens + self.generate.max_tokens
        if budget >= self.policy.max_model_tokens:
            raise ValueError(
                f"generate.max_reasoning_tokens and max_tokens ({budget} together) must be below "
                f"policy.max_model_tokens ({self.policy.max_model_tokens}), the prompt included"
            )
        if self.policy.prefill == "on" and self.generate.max_reasoning_tokens:
            raise ValueError(
                'policy.prefill = "on" begins the answer, so there is no room for the thoughts of '
                f"generate.max_reasoning_tokens ({self.generate.max_reasoning_tokens}); use "
                '"auto" or "off"'
            )
        ranks = self.train.learner == "rewards" and self.rewards.speed == "beyond"
        if ranks and self.generate.programs == "policy":
            raise ValueError(
                'rewards.speed = "beyond" ranks among known programs: generate.programs must be '
                '"both", got "policy"'
            )
        shown_at = {"preferences": "pair", "rewards": "rewards"}[self.train.learner]
        self.measure.require_reach(f"{shown_at}.max_p_value", getattr(self, shown_at).max_p_value)
        if self.skeleton.method == "dynamic" and not self.measure.profile_lines:
            raise ValueError(
                'skeleton.method = "dynamic" needs measure.profile_lines = true, got false'
            )
        self._require_training()
        return self

    def _require_training(self) -> None:
        """ValueError for settings with which no round could have anything to train on."""
        programs, num_samples = self.generate.programs, self.generate.num_samples
        is_compared = self.train.learner == "preferences" and programs != "policy"
        if num_samples < 2 and not is_compared:
            raise ValueError(
                f"generate.num_samples = {num_samples}: with train.learner = "
                f'"{self.train.learner}" and generate.programs = "{programs}" programs are '
                "compared that the policy writes for one problem; ask for 2 or more"
            )
        if self.train.learner == "rewards" and programs == "data":
            raise ValueError(
                'train.learner = "rewards" learns from what the policy writes, and '
                'generate.programs = "data" lets it write nothing; use "policy" or "both"'
            )
        used = {
            "efficiency": self.pair.max_efficiency_pairs and self.train.efficiency_epochs,
            "correctness": self.pair.max_correctness_pairs and self.train.correctness_epochs,
        }
        if self.train.learner == "preferences" and not any(used.values()):
            told = (f"pair.max_{kind}_pairs and train.{kind}_epochs" for kind in used)
            raise ValueError(
                f"no pair would be trained on: {', or '.join(told)}, must both be above 0"
            )

    def result_values(self) -> dict[str, Any]:
        """By section, every value that can change a result (name and place cannot)."""
        values = self.model_dump(mode="json", exclude={"tracking": True})
        for key in (
            "name",
            "storage",
            "num_rounds",
            "max_quarantined",
            "max_node_wait_s",
            "memory_check",
        ):
            del values["run"][key]
        del values["evaluate"]["suites"], values["evaluate"]["max_tokens"]
        del values["generate"]["keep_engines"]
        return values

    def digest(self) -> str:
        """12 hex digits over `result_values`."""
        values = json.dumps(self.result_values(), sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()[:12]
