"""The network in training: a Hugging Face causal LM, adapted (LoRA) and sharded (FSDP2).

`Network` wraps the language model so that its forward pass returns log-probabilities of answer
tokens and never a tensor of logits. FSDP2's root is the wrapper, which holds a tied output layer;
one with weights of its own is a part by itself. `loading` makes a network, `saving` writes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, nn
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FSDPModule,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from transformers import PreTrainedModel

from skeldpo.train.adapters import linear_view
from skeldpo.train.attention import TreeCalls, row_multiple, tree_mask
from skeldpo.train.batch import Tree, TreeBatch, build_trees
from skeldpo.train.kinds import Head, head_of
from skeldpo.train.logps import answer_token_logps, sum_sequences
from skeldpo.train.sequences import sequence_rows
from skeldpo.train.start import Start
from skeldpo.train.weights import StoredTensor, Workers

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from skeldpo.config import LoraConfig


_SCORE = "answer_logps"
"""A second forward pass of an output layer that FSDP2 holds by itself."""


class Network(nn.Module):
    """A causal LM whose forward pass gives log-probabilities (N,) of answer tokens."""

    def __init__(
        self,
        causal_lm: nn.Module,
        start: Start,
        lora: LoraConfig | None,
        stored: Mapping[str, StoredTensor],
    ) -> None:
        """`stored`: the model's own tensors in the files of start.model; none if these have others,
        so that only transformers can read and write them."""
        super().__init__()
        self.causal_lm = causal_lm
        self.start = start
        self.lora = lora
        self.stored = stored
        self.offloaded_from: torch.device | None = None
        self.offloads_activations = False
        self.against_trees = ""
        """Why it computes a sequence a row; empty: prefix trees."""
        self.head = head_of(causal_lm.config)

    @property
    def source_folder(self) -> str:
        """That of the model, for messages."""
        return self.start.model

    @property
    def decoder(self) -> Any:
        """The layers between token ids and last hidden states."""
        return decoder_of(self.causal_lm)

    @property
    def said(self) -> str:
        """How it computes, in a line."""
        if not self.against_trees:
            return "trains in prefix trees"
        return f"trains with a sequence a row, not in prefix trees: {self.against_trees}"

    @property
    def layers(self) -> nn.ModuleList:
        """Of the decoder."""
        return layers_of(self.decoder)

    def train(self, mode: bool = True) -> Network:
        """Puts what trains into training mode: adapters that drop parts, and layers that keep only
        their inputs. The rest computes as the reference does, without what models have of their own
        for training (dropout, experts that are drawn)."""
        super().train(False)
        for name, module in self.named_modules():
            if ".lora_dropout." in name or getattr(module, "gradient_checkpointing", False):
                module.training = mode
        return self

    def own_logits(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The model's own logits (B, L, V), for short rows."""
        logits: torch.Tensor = self.causal_lm(input_ids=input_ids, use_cache=False).logits
        return logits

    def forward(
        self,
        input_ids: torch.Tensor,
        predictor_index: torch.Tensor,
        target_ids: torch.Tensor,
        tree: Mapping[str, Any] | None = None,
    ) -> torch.Tensor:
        """Log-probabilities (N,), fp32, from input_ids (B, L) and places (N,) among the B * L
        hidden states; `tree` has what the model must know of a row that is a tree."""
        with _activations(self):
            hidden = self.decoder(
                input_ids=input_ids, use_cache=False, **(tree or {})
            ).last_hidden_state  # (B, L, D)
        predictors = hidden.flatten(0, 1).index_select(0, predictor_index)  # (N, D)
        output_layer = self.causal_lm.get_output_embeddings()  # type: ignore[operator]
        score = getattr(output_layer, _SCORE, None) or MethodType(_answer_logps, output_layer)
        logps: torch.Tensor = score(predictors, target_ids, self.head)
        return logps


def decoder_of(model: Any) -> Any:
    """What is below the output layer of a causal LM; transformers does not find it in all."""
    decoder = model.get_decoder()
    if decoder is model:
        (decoder,) = (each for each in model.children() if isinstance(each, PreTrainedModel))
    return decoder


def layers_of(decoder: Any) -> nn.ModuleList:
    """Most models call them so, in others they are the longest list."""
    lists = [each for each in decoder.children() if isinstance(each, nn.ModuleList)]
    layers: nn.ModuleList = getattr(decoder, "layers", None) or max(lists, key=len)
    return layers


def _answer_logps(
    layer: nn.Module, predictors: torch.Tensor, target_ids: torch.Tensor, head: Head
) -> torch.Tensor:
    """What stands for the forward pass of an output layer: (N, D), (N,) -> (N,)."""
    inputs, weight = linear_view(layer, predictors)
    # Models that add up their layers in fp32 (Mamba) end in it.
    inputs = inputs.to(weight.dtype)
    return answer_token_logps(inputs, weight, target_ids, scale=head.scale, cap=head.cap)


def _activations(network: Network) -> contextlib.AbstractContextManager[Any]:
    """Where autograd keeps what the backward pass of the layers needs."""
    if not network.offloads_activations:
        return contextlib.nullcontext()
    return torch.autograd.graph.save_on_cpu(pin_memory=device_of(network).type == "cuda")


def shard_network(
    network: Network, mesh: DeviceMesh, dtype: torch.dtype, cpu_offload: bool = False
) -> None:
    """Shards the parameters over a 1-D mesh in place: embedding and output layer if they have two
    weights, each decoder layer, then the rest (FSDP2).

    Computes in `dtype`; gradients are reduced and parameters kept in fp32. With `cpu_offload` the
    shards, their gradients and the optimizer's moments lie in host memory, and the process group
    needs a CPU backend too. Every worker keeps all of the 4-bit weights of QLoRA: FSDP would part
    them from their scales.
    """
    precision = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    on_gpu = mesh.device_type != "cpu"
    offload = CPUOffloadPolicy(pin_memory=on_gpu) if cpu_offload else OffloadPolicy()
    whole = {weight for weight in network.parameters() if not weight.is_floating_point()}
    model: Any = network.causal_lm
    ends = model.get_input_embeddings(), model.get_output_embeddings()
    # In one group with the rest they would be whole at the same time, all the time.
    alone = ends if ends[0].weight is not ends[1].weight else ()
    for module in (*alone, *network.layers, network):
        fully_shard(
            module, mesh=mesh, mp_policy=precision, offload_policy=offload, ignored_params=whole
        )
    if alone:
        setattr(ends[1], _SCORE, MethodType(_answer_logps, ends[1]))
        register_fsdp_forward_method(ends[1], _SCORE)
    register_fsdp_forward_method(network, "own_logits")
    place = torch.device("cpu" if cpu_offload else mesh.device_type)
    if any(weight.is_meta for weight in network.parameters()):
        make_real(network, place)
    if cpu_offload:
        network.offloaded_from = torch.device(mesh.device_type)
        for buffer in network.buffers():
            buffer.data = buffer.data.to(network.offloaded_from)
    else:
        network.to(place)


def workers_of(network: Network) -> Workers:
    """Rank and number of the workers a sharded network spans; an unsharded one has one worker."""
    if not isinstance(network, FSDPModule):
        return Workers(rank=0, num_workers=1)
    return Workers(rank=distributed.get_rank(), num_workers=distributed.get_world_size())


def add_up(network: Network, values: torch.Tensor) -> None:
    """Sums over the workers that the network spans, in place; all of them call it."""
    if workers_of(network).num_workers > 1:
        distributed.all_reduce(values)


def rest(network: Network) -> None:
    """Frees what a forward pass without a backward one has left gathered of a sharded network."""
    if isinstance(network, FSDPModule):
        network.reshard()


def device_of(network: Network) -> torch.device:
    """Where the network computes, which is not where its parameters lie if they are offloaded."""
    return network.offloaded_from or next(network.parameters()).device


def lay_out(network: Network, trees: Sequence[Tree]) -> TreeBatch:
    """Trees as the network reads them, on its device."""
    device = device_of(network)
    return build_trees(trees, 1 if network.against_trees else row_multiple(device)).to(device)


def token_logps(network: Network, trees: TreeBatch, calls: TreeCalls | None = None) -> torch.Tensor:
    """Log-probabilities (N,) of the scored tokens of a batch that lies on the network's device, in
    one forward pass; `calls` notes those of the attention over trees."""
    if network.against_trees:
        rows = sequence_rows(trees)
        found: torch.Tensor = network(rows.input_ids, rows.predictor_index, trees.target_ids)
        return found
    tree = {"position_ids": trees.position_ids, "tree_mask": tree_mask(trees)}
    noted = {"tree_calls": calls} if calls is not None else {}
    logps: torch.Tensor = network(
        trees.input_ids, trees.predictor_index, trees.target_ids, tree | noted
    )
    return logps


def sequence_logps(network: Network, trees: TreeBatch) -> torch.Tensor:
    """Their sums (S,) over sequences."""
    return sum_sequences(token_logps(network, trees), trees)


def make_real(network: Network, device: torch.device) -> None:
    """Gives a model without values its memory, what is tied, and the buffers that no file has."""
    network.to_empty(device=device)
    model: Any = network.causal_lm
    model.tie_weights()
    for name, module in model.named_modules():
        if module._non_persistent_buffers_set:
            initialise(model, name)


def initialise(model: Any, name: str) -> None:
    """Fills the buffers of one module as transformers does itself, since it builds models without
    values too: by the innermost of its models that holds it. Its parameters are filled as well."""
    owners = [
        each
        for place, each in model.named_modules()
        if isinstance(each, PreTrainedModel) and f"{name}.".startswith(f"{place}." if place else "")
    ]
    owners[-1]._init_weights(model.get_submodule(name))
