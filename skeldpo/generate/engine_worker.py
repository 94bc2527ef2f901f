"""What vLLM's workers learn (`worker_extension_cls`): to take other weights and leave nothing old.

On a CPU vLLM packs a layer's weights into a kernel of its own, `cpu_linear`. Its `reload_weights`
(0.32) packs those of layers that are in the files anew; a head that is tied to the embedding is
not, and went on with the weights before: in float32 half of what it wrote was another policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

KNOWN_LAYERS = frozenset({"UnquantizedLinearMethod", "UnquantizedEmbeddingMethod"})
"""Layers (by vLLM's names of how they compute) that are seen to be whole after a reload. Others,
such as quantised ones and mixtures of experts, keep more than their parameters."""


class PolicyReload:
    """Methods of a worker; vLLM calls them by name (`collective_rpc`)."""

    model_runner: Any
    reload_weights: Callable[..., None]

    def reload_policy(self, folder: str) -> None:
        """Reads a folder's weights in place; RuntimeError if a layer may have old ones."""
        model = self.model_runner.get_model()
        others = {_kind(layer) for _, layer in _layers(model)} - KNOWN_LAYERS
        if others:
            raise RuntimeError(f"it has layers that are not reloaded: {', '.join(sorted(others))}")
        packed = {name: kernel for name, kernel in _kernels(model)}
        self.reload_weights(weights_path=folder)
        layers = dict(_layers(model))
        for name, kernel in _kernels(model):
            if kernel is packed[name]:
                layers[name].quant_method.process_weights_after_loading(layers[name])
        stale = [name for name, kernel in _kernels(model) if kernel is packed[name]]
        if stale:
            raise RuntimeError(f"layers still have the weights before: {', '.join(stale)}")


def _layers(model: Any) -> Iterator[tuple[str, Any]]:
    for name, layer in model.named_modules():
        if getattr(layer, "quant_method", None) is not None:
            yield name, layer


def _kind(layer: Any) -> str:
    return type(layer.quant_method).__name__


def _kernels(model: Any) -> Iterator[tuple[str, Any]]:
    """The packed weights of layers that have some, by the layer's name; a plain function of torch
    is given the weights with each call."""
    for name, layer in _layers(model):
        kernel = getattr(layer, "cpu_linear", None)
        if kernel is not None and not getattr(kernel, "__module__", "").startswith("torch"):
            yield name, kernel
