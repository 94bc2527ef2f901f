"""Whether a device computes what the CPU does: attention over trees, and a policy's gradients.

Reads {"device", "head_size", "statement_tokens"} from standard input and writes largest errors,
relative to the largest value. On the CPU itself FlexAttention runs uncompiled, which shows the
block mask.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Any

import torch
from torch.nn.attention.flex_attention import BlockMask

from benchmarks.train_variant import RANDOM, make_model, tree_logps
from benchmarks.train_workload import WORKLOADS, make_pairs, train_settings
from skeldpo.train.attention import BLOCK_TOKENS, ChainMask, block_mask, tree_attention
from skeldpo.train.batch import TreeBatch, build_trees
from skeldpo.train.loading import build_network
from skeldpo.train.network import Network


def main() -> None:
    """Checks the device of standard input."""
    request = json.load(sys.stdin)
    device = torch.device(request["device"])
    torch.manual_seed(0)
    work = dataclasses.replace(
        WORKLOADS["tiny-full"],
        statement_tokens=request["statement_tokens"],
        hidden_size=4 * request["head_size"],
        num_heads=4,
        num_key_heads=2,
        answer_tokens=max(12, request["statement_tokens"] // 4),
    )
    pairs = make_pairs(work, 4)
    trees = build_trees([pair.tree for pair in pairs], BLOCK_TOKENS)
    figures = attention_errors(trees, request["head_size"], device)
    figures |= gradient_errors(work, pairs, device)
    sys.stdout.write(json.dumps(figures) + "\n")


def attention_errors(trees: TreeBatch, head_size: int, device: torch.device) -> dict[str, Any]:
    """FlexAttention with the block mask, compiled on a GPU, against chains of nodes on the CPU:
    output and gradients (it has none on a CPU) of queries, keys and values in fp32, and seconds of
    its second call."""
    length = trees.input_ids.shape[1]
    shapes = [(1, 4, length, head_size), (1, 2, length, head_size), (1, 2, length, head_size)]
    values = [torch.randn(shape) for shape in shapes]
    slopes = torch.randn(1, length, 4, head_size)
    placed = trees.subtree_end.to(device)
    chains = ChainMask(trees.node_lengths, trees.chains)
    expected = _attend(values, slopes, chains, torch.device("cpu"))
    _attend(values, slopes, block_mask(placed), device)
    started = time.perf_counter()
    got = _attend(values, slopes, block_mask(placed), device)
    seconds = time.perf_counter() - started
    names = ("output", "query_gradient", "key_gradient", "value_gradient")
    found = {
        f"attention_{name}_error": _error(ours, theirs)
        for name, ours, theirs in zip(names, got, expected, strict=False)
    }
    return found | {"attention_seconds": seconds, "attention_tokens": length}


def _attend(
    values: list[torch.Tensor], slopes: torch.Tensor, mask: Any, device: torch.device
) -> list[torch.Tensor]:
    """Output and gradients, on the CPU; FlexAttention has no gradients there."""
    learns = device.type != "cpu" or not isinstance(mask, BlockMask)
    tensors = [value.detach().to(device).requires_grad_(learns) for value in values]
    query, key, value = tensors
    output, _ = tree_attention(torch.nn.Module(), query, key, value, None, tree_mask=mask)
    loss = (output * slopes.to(device)).sum()
    gradients = torch.autograd.grad(loss, tensors) if learns else ()
    return [each.detach().cpu() for each in (output, *gradients)]


def gradient_errors(work: Any, pairs: Any, device: torch.device) -> dict[str, float]:
    """Log-probabilities and gradients of a small policy, device against CPU, fp32."""
    results = []
    for place in (torch.device("cpu"), device):
        torch.manual_seed(1)
        model = make_model(work)
        network: Any = build_network(
            Network(model, RANDOM, None, {}), train_settings(work), 8192, 0
        )
        network = network.to(place)
        logps = tree_logps(pairs, network)
        torch.autograd.backward(logps.sum())
        gradients = torch.cat([p.grad.detach().cpu().flatten() for p in network.parameters()])
        results.append((logps.detach().cpu(), gradients))
    (logps_here, here), (logps_there, there) = results
    return {
        "policy_logps_error": _error(logps_there, logps_here),
        "policy_gradient_error": float((there - here).norm() / here.norm()),
    }


def _error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max())


if __name__ == "__main__":
    main()
