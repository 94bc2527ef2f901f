"""The network in training: a Hugging Face causal LM, adapted (LoRA), sharded (FSDP2), saved.

`Network` wraps the language model so that its forward pass returns log-probabilities of answer
tokens and never a tensor of logits; FSDP2's root is the wrapper, so the output layer's weight is
whole while `answer_token_logps` reads it. What it saves is a plain folder of safetensors that
vLLM and transformers load; with LoRA the weights are merged and the adapter lies in `adapter/`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FSDPModule,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
)
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from skeldpo import durable
from skeldpo.scratch import scratch_folder
from skeldpo.train.adapters import (
    adapt,
    add_adapters,
    keep_4_bit_format,
    linear_view,
    quantization,
)
from skeldpo.train.attention import TreeMask, enable_tree_attention, row_multiple, tree_mask
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch, build_trees
from skeldpo.train.logps import answer_token_logps, sum_sequences

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from transformers import PreTrainedTokenizerBase

    from skeldpo.config_train import LoraConfig, TrainConfig

ADAPTER_FOLDER = "adapter"

_PROBE_TOKENS = 8
_PROBE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """This process among those that share a sharded network."""

    rank: int
    num_workers: int


class Network(nn.Module):
    """A causal LM whose forward pass gives log-probabilities (N,) of answer tokens."""

    def __init__(self, causal_lm: nn.Module, source_folder: str, lora: LoraConfig | None) -> None:
        super().__init__()
        self.causal_lm = causal_lm
        self.source_folder = source_folder
        self.lora = lora
        self.offloaded_from: torch.device | None = None

    @property
    def decoder(self) -> Any:
        """The layers between token ids and last hidden states."""
        return self.causal_lm.get_decoder()  # type: ignore[operator]

    def forward(
        self,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor,
        tree_mask: TreeMask,
        predictor_index: torch.Tensor,
        target_ids: torch.Tensor,
    ) -> torch.Tensor:
        """Log-probabilities (N,), fp32; arguments as in TreeBatch."""
        hidden = self.decoder(
            input_ids=input_ids,
            position_ids=position_ids,
            tree_mask=tree_mask,
            use_cache=False,
        ).last_hidden_state  # (1, T, D)
        predictors = hidden[0].index_select(0, predictor_index)  # (N, D)
        output_layer = self.causal_lm.get_output_embeddings()  # type: ignore[operator]
        return answer_token_logps(*linear_view(output_layer, predictors), target_ids)


def load_network(folder: str, config: TrainConfig, max_tokens: int, seed: int) -> Network:
    """The model of a folder, ready to train on the CPU of this process.

    Full training holds fp32 parameters; with LoRA the frozen ones have `config.dtype`, or 4 bits.
    Every worker holds the whole model until it is sharded. `seed` draws the adapters, so all
    workers agree.

    Raises:
        ValueError: the folder has no model, or one whose attention or output layer the tree
            cannot reproduce; bitsandbytes is asked for and not there.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"policy folder {folder} does not exist; expected a saved causal LM")
    frozen_dtype = getattr(torch, config.dtype)
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32 if config.lora is None else frozen_dtype,
        attn_implementation="sdpa",
        quantization_config=quantization(config),
    )
    keep_4_bit_format(model)
    return build_network(Network(model, folder, config.lora), config, max_tokens, seed)


def build_network(network: Network, config: TrainConfig, max_tokens: int, seed: int) -> Network:
    """Prepares a model that was loaded with SDPA attention; ValueError as in `load_network`."""
    model: Any = network.causal_lm
    _require_full_attention(model.config, network.source_folder, max_tokens)
    if getattr(model.config, "attention_dropout", 0.0):
        raise ValueError(
            f"{network.source_folder}: attention_dropout must be 0, got "
            f"{model.config.attention_dropout}; set it to 0 in its config.json"
        )
    _require_same_logps(network)
    if config.lora is not None:
        add_adapters(model, config.lora, network.source_folder, seed)
    if config.activation_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if config.compile_layers:
        _compile_layers(network)
    return network


def shard_network(
    network: Network, mesh: DeviceMesh, dtype: torch.dtype, cpu_offload: bool = False
) -> None:
    """Shards the parameters over a 1-D mesh in place: each decoder layer, then the rest (FSDP2).

    Computes in `dtype`; gradients are reduced and parameters kept in fp32. With `cpu_offload` the
    shards, their gradients and the optimizer's moments lie in host memory, and the process group
    needs a CPU backend too. Every worker keeps all of the 4-bit weights of QLoRA: FSDP would part
    them from their scales.
    """
    precision = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    on_gpu = mesh.device_type != "cpu"
    offload = CPUOffloadPolicy(pin_memory=on_gpu) if cpu_offload else OffloadPolicy()
    whole = {weight for weight in network.parameters() if not weight.is_floating_point()}
    for module in (*network.decoder.layers, network):
        fully_shard(
            module, mesh=mesh, mp_policy=precision, offload_policy=offload, ignored_params=whole
        )
    if cpu_offload:
        network.offloaded_from = torch.device(mesh.device_type)
        for buffer in network.buffers():
            buffer.data = buffer.data.to(network.offloaded_from)
    else:
        network.to(mesh.device_type)


def workers_of(network: Network) -> Workers:
    """Rank and number of the workers a sharded network spans; an unsharded one has one worker."""
    if not isinstance(network, FSDPModule):
        return Workers(rank=0, num_workers=1)
    return Workers(rank=distributed.get_rank(), num_workers=distributed.get_world_size())


def device_of(network: Network) -> torch.device:
    """Where the network computes, which is not where its parameters lie if they are offloaded."""
    return network.offloaded_from or next(network.parameters()).device


def token_logps(network: Network, trees: TreeBatch) -> torch.Tensor:
    """Log-probabilities (N,) of the scored tokens of a batch that lies on the network's device."""
    logps: torch.Tensor = network(
        trees.input_ids,
        trees.position_ids,
        tree_mask(trees),
        trees.predictor_index,
        trees.target_ids,
    )
    return logps


def sequence_logps(network: Network, trees: TreeBatch) -> torch.Tensor:
    """Their sums (S,) over sequences."""
    return sum_sequences(token_logps(network, trees), trees)


def save_network(
    network: Network, tokenizer: PreTrainedTokenizerBase, folder: str, card: str
) -> None:
    """Writes a Hugging Face folder with a model card, in the dtype of the one it came from.

    Every worker calls it; rank 0 writes beside the folder, then renames, replacing what was there.
    Rank 0 needs host memory for two copies of the model.
    """
    options = StateDictOptions(
        full_state_dict=True, cpu_offload=True, ignore_frozen_params=network.lora is not None
    )
    state = get_model_state_dict(network, options=options)
    if workers_of(network).rank == 0:
        target = Path(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        _write_model(network, state, aside)
        tokenizer.save_pretrained(aside)
        Path(aside, "README.md").write_text(card, encoding="utf-8")
        aside.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        durable.replace(aside, target)
    if distributed.is_initialized():
        distributed.barrier()


def check_tokenizer(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], model_folder: str = ""
) -> None:
    """ValueError if the tokenizer gives other ids once it is saved and loaded by AutoTokenizer.

    `model_folder`, if given, is the folder whose config.json will lie beside it: transformers
    picks the tokenizer's class by it.
    """
    with scratch_folder() as folder:
        if model_folder:
            AutoConfig.from_pretrained(model_folder).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        loaded = AutoTokenizer.from_pretrained(folder)
    for text in texts:
        before, after = (t.encode(text, add_special_tokens=False) for t in (tokenizer, loaded))
        if before != after:
            raise ValueError(
                f"the tokenizer ({type(tokenizer).__name__}) gives other ids after it is saved and "
                f"loaded (as {type(loaded).__name__}): {before[:8]}... became {after[:8]}... for "
                f"{text[:40]!r}; use the tokenizer class that belongs to the model's architecture"
            )


def _write_model(network: Network, state: dict[str, Any], folder: Path) -> None:
    """Loads the source again, puts the trained values in and saves it."""
    source = network.source_folder
    stored = AutoConfig.from_pretrained(source).dtype or torch.float32
    dtype = torch.float32 if network.lora is not None else stored
    model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    prefix = "causal_lm."
    if network.lora is None:
        model.load_state_dict({name.removeprefix(prefix): value for name, value in state.items()})
    else:
        # Frozen values are left in the state where they are tied or quantised.
        names = [name for name, weight in network.named_parameters() if weight.requires_grad]
        values = {name.removeprefix(prefix): state[name] for name in names}
        adapted = adapt(model, network.lora, values, source)
        adapted.save_pretrained(str(folder / ADAPTER_FOLDER), save_embedding_layers=False)
        model = adapted.merge_and_unload().to(stored)
    model.save_pretrained(folder)


def _compile_layers(network: Network) -> None:
    """Compiles, in place, what a layer has beside its attention, which has a kernel of its own.

    Not whole layers: FSDP2 gathers parameters in hooks of theirs.
    """
    for layer in network.decoder.layers:
        for name, module in layer.named_children():
            if "attn" not in name:
                module.compile()


def _require_full_attention(config: Any, folder: str, max_tokens: int) -> None:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window: int | None = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        window = None
    short = window is not None and window < max_tokens
    if short or kinds - {"full_attention", "sliding_attention"}:
        raise ValueError(
            f"{folder}: the prefix tree needs full attention in every layer, got layers "
            f"{sorted(kinds)} with sliding_window={window} below policy.max_model_tokens="
            f"{max_tokens}; lower that or choose another model"
        )


@torch.no_grad()
def _require_same_logps(network: Network) -> None:
    """Switches the model to tree attention; ValueError if its own log-probabilities, one sequence
    at a time, are not those of the tree.

    They differ if the model does more to its logits than one linear layer (bias, cap, scale), or
    more in its attention than a softmax over what came before (cap, sinks, bias).
    """
    model: Any = network.causal_lm
    vocab_size = model.get_input_embeddings().weight.shape[0]
    device = device_of(network)
    token_ids = torch.arange(5 * _PROBE_TOKENS).remainder(vocab_size).tolist()
    parts = [tuple(token_ids[i * _PROBE_TOKENS : (i + 1) * _PROBE_TOKENS]) for i in range(5)]
    stem, ends = parts[0], parts[1][:2]
    answers = [Answer(token_ids=parts[1 + number], sequence=number) for number in range(4)]
    tags = (
        Prompt(token_ids=stem[2:], below=tuple(answers[:2])),
        Prompt(token_ids=ends, below=tuple(answers[2:])),
    )
    probe = Tree(trunk=Prompt(token_ids=stem[:2], below=tags), num_sequences=4)
    network.eval()
    expected = []
    for answer in answers:
        prompt = stem if answer.sequence < 2 else stem[:2] + ends
        sequence = torch.tensor([prompt + answer.token_ids], device=device)  # (1, L)
        logps = model(input_ids=sequence, use_cache=False).logits[0, :-1].float().log_softmax(dim=1)
        of_targets = logps.gather(1, sequence[0, 1:, None]).squeeze(1)
        expected.append(of_targets[len(prompt) - 1 :].mean())
    enable_tree_attention(model)
    trees = build_trees([probe], row_multiple(device)).to(device)
    got = sequence_logps(network, trees) / _PROBE_TOKENS  # (4,)
    if not torch.allclose(got, torch.stack(expected), atol=_PROBE_TOLERANCE, rtol=_PROBE_TOLERANCE):
        raise ValueError(
            f"{network.source_folder}: the model's own log-probabilities {expected} are not those "
            f"of its output layer over the prefix tree {got.tolist()}; models that cap, scale or "
            "bias their logits or their attention (Gemma 2, Cohere, Granite, GPT-OSS) cannot be "
            "trained here"
        )
