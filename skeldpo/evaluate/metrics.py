"""The formulas of evaluation, pure: pass@k, Beyond@k and bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Unbiased estimate that at least one of k samples is right (Chen et al., arXiv 2107.03374).

    1 - C(n - c, k) / C(n, k); ValueError unless 1 <= k <= n and 0 <= c <= n.
    """
    if not (1 <= k <= num_samples and 0 <= num_correct <= num_samples):
        raise ValueError(
            f"pass@k needs 1 <= k <= n and 0 <= c <= n, got n={num_samples}, c={num_correct}, k={k}"
        )
    if num_samples - num_correct < k:
        return 1.0
    return 1.0 - math.comb(num_samples - num_correct, k) / math.comb(num_samples, k)


def beyond(time_ns: float | None, reference_times_ns: Sequence[float]) -> float:
    """Mercury's Beyond of one sample (arXiv 2402.07844): its place in the range of the references.

    (max R - clip(t, min R, max R)) / (max R - min R), 0 for a failed sample (`time_ns` None). With
    a range of zero: 1 if t <= max R, else 0. R is measured with the sample, on one core.
    """
    if not reference_times_ns:
        raise ValueError("beyond needs the time of at least one passing reference program")
    if time_ns is None:
        return 0.0
    low, high = min(reference_times_ns), max(reference_times_ns)
    if high == low:
        return 1.0 if time_ns <= high else 0.0
    return (high - min(max(time_ns, low), high)) / (high - low)


def bootstrap_interval(
    values: Sequence[float], *, num_resamples: int, seed: int
) -> tuple[float, float]:
    """95 % percentile interval of the mean, resampling the values (one per problem)."""
    if not values:
        raise ValueError("a bootstrap interval needs at least one value")
    sample = np.asarray(values, dtype=np.float64)  # (P,)
    draws = np.random.default_rng(seed).integers(len(sample), size=(num_resamples, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def paired_interval(
    values: Sequence[float], against: Sequence[float], *, num_resamples: int, seed: int
) -> tuple[float, float, float]:
    """Mean of values - against with its 95 % interval; the i-th entries are of one problem."""
    if len(values) != len(against):
        raise ValueError(f"paired values differ in number: {len(values)} and {len(against)}")
    differences = [left - right for left, right in zip(values, against, strict=True)]
    low, high = bootstrap_interval(differences, num_resamples=num_resamples, seed=seed)
    return sum(differences) / len(differences), low, high
