"""Muon for the matrices of a small transformer, in float32 and batched by shape.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) steps along the momentum's
nearest orthogonal matrix. torch.optim.Muon runs the same iteration in bfloat16 and one matrix at a
time, which most CPUs do slowly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_MOMENTUM = 0.95
_ITERATIONS = 5


class Muon:
    """Keeps one momentum per matrix; `step` applies the gradients that are there."""

    def __init__(self, matrices: Iterable[Parameter], *, weight_decay: float) -> None:
        self._groups: dict[tuple[int, int], list[Parameter]] = defaultdict(list)
        for matrix in matrices:
            self._groups[min(matrix.shape), max(matrix.shape)].append(matrix)
        self._momenta = {
            shape: [torch.zeros_like(matrix) for matrix in group]
            for shape, group in self._groups.items()
        }
        self._weight_decay = weight_decay

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One update; every matrix needs a gradient."""
        for shape, group in self._groups.items():
            directions = []
            for matrix, momentum in zip(group, self._momenta[shape], strict=True):
                gradient = matrix.grad
                assert gradient is not None
                momentum.lerp_(gradient, 1 - _MOMENTUM)
                direction = gradient.lerp(momentum, _MOMENTUM)
                directions.append(direction.T if _is_tall(matrix) else direction)
            for matrix, wide in zip(group, _orthogonalized(torch.stack(directions)), strict=True):
                direction = wide.T if _is_tall(matrix) else wide
                rows, columns = matrix.shape
                scale = max(1.0, rows / columns) ** 0.5
                matrix.mul_(1 - learning_rate * self._weight_decay)
                matrix.add_(direction, alpha=-learning_rate * scale)


def _is_tall(matrix: Tensor) -> bool:
    return matrix.shape[0] > matrix.shape[1]


def _orthogonalized(matrices: Tensor) -> Tensor:
    """Newton-Schulz: singular values of `matrices` (N, rows <= columns) become about 1."""
    a, b, c = _COEFFICIENTS
    result: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = result @ result.mT  # (N, rows, rows)
        result = torch.baddbmm(result, b * gram + c * gram @ gram, result, beta=a)
    return result
