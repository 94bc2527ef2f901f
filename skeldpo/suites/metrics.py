"""The formulas of evaluation, pure: correctness, efficiency and bootstrap intervals.

pass@k, KernelBench's fast_p, Mercury's Beyond, the percentile among known programs, ENAMEL's eff@k,
EvalPerf's DPS and EffiBench's overheads. A name that ends in `_released` computes what published
code computes where that differs from its paper; it is for comparison with published figures only.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skeldpo.timing import MIN_AGREEING_RATIO

LEVEL_WEIGHTS = (0.0, 3.0, 3.0, 4.0)
"""ENAMEL's hardness h of its four levels (arXiv 2406.06647, section 3)."""
TIMEOUT_FACTOR = 2.0
"""ENAMEL's alpha: a program may take this many times the reference's slowest test."""
DRAWS_AT_ONCE = 1 << 19
"""Problems drawn at a time for an interval (some 20 MB)."""


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


def fast_at_k(*, num_fast: int, num_slow: int, num_untimed: int, num_wrong: int, k: int) -> float:
    """KernelBench's fast_p (arXiv 2502.10517), of k samples: the estimate that at least one of them
    is right and at least p times as fast as the reference.

    `num_fast` of the right samples that were timed are, `num_slow` are not. 1 - C(n - f, k) /
    C(n, k) as `pass_at_k`; of a right sample without a time it is not known, and it counts as fast
    with the share of the others, so that for k = 1 it is the share of right samples times that of
    the fast among those that were timed. ValueError if right samples have no time, all of them.
    """
    num_timed = num_fast + num_slow
    if num_untimed and not num_timed:
        raise ValueError(f"fast@p needs the time of one right sample, {num_untimed} have none")
    share = num_fast / num_timed if num_timed else 0.0
    num_samples = num_timed + num_untimed + num_wrong
    return sum(
        math.comb(num_untimed, extra)
        * share**extra
        * (1 - share) ** (num_untimed - extra)
        * pass_at_k(num_samples, num_fast + extra, k)
        for extra in range(num_untimed + 1)
    )


def percentile(time_ns: float | None, reference_times_ns: Sequence[float]) -> float:
    """The share of the known programs that a sample is faster than; 0 for a failed one (None).

    Faster: the known program takes at least MIN_AGREEING_RATIO times as long, so that equals, which
    noise puts in some order, do not count. The fastest known program, written again, thus scores
    (n - 1) / n where all others are slower.
    """
    if not reference_times_ns:
        raise ValueError("a percentile needs the time of at least one passing known program")
    if time_ns is None:
        return 0.0
    slower = sum(time / time_ns >= MIN_AGREEING_RATIO for time in reference_times_ns)
    return slower / len(reference_times_ns)


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


def beyond_released(time_s: float | None, reference_times_s: Sequence[float]) -> float:
    """What Mercury's own evaluator computes, in seconds: for comparison with its figures only.

    max(min(max R - t, 1), 0) / (max R - min R). It clips a difference in seconds, not the time to
    the range, so a sample faster than all references scores above 1, and one 10 s faster than the
    slowest of references that lie 20 s apart scores 0.05. With a range of zero, where that
    evaluator divides by zero: 1 if t <= max R, else 0.
    """
    if not reference_times_s:
        raise ValueError("beyond_released needs the time of at least one passing reference program")
    if time_s is None:
        return 0.0
    low, high = min(reference_times_s), max(reference_times_s)
    if high == low:
        return 1.0 if time_s <= high else 0.0
    return max(min(high - time_s, 1.0), 0.0) / (high - low)


def mean_of_first(values: Sequence[float], k: int) -> float:
    """Mercury's "@k" of one problem: the mean, not the best, of the first k samples."""
    if not 1 <= k <= len(values):
        raise ValueError(f"@k needs 1 <= k <= n, got n={len(values)}, k={k}")
    return sum(values[:k]) / k


@dataclass(frozen=True, slots=True, kw_only=True)
class EnamelLimits:
    """What ENAMEL's reference program allows on one problem, times in any one unit.

    `slowest[j]` is B_j, the reference's slowest test of level j; `limit` is T, alpha times its
    slowest test over the levels that count.
    """

    slowest: tuple[float, ...]
    limit: float


def enamel_limits(reference_times: Sequence[Sequence[float]]) -> EnamelLimits:
    """B and T of a problem from the reference's time of every test, by level."""
    if len(reference_times) != len(LEVEL_WEIGHTS) or not all(reference_times):
        raise ValueError(
            f"expected reference times of {len(LEVEL_WEIGHTS)} levels, each with a test, got "
            f"{[len(times) for times in reference_times]}"
        )
    slowest = tuple(max(times) for times in reference_times)
    counted = [time for time, weight in zip(slowest, LEVEL_WEIGHTS, strict=True) if weight]
    if not counted or min(counted) <= 0:
        raise ValueError(
            f"times of counted levels must be positive, got {slowest} for {LEVEL_WEIGHTS}"
        )
    return EnamelLimits(slowest=slowest, limit=TIMEOUT_FACTOR * max(counted))


def enamel_efficiency(level_times: Sequence[Sequence[float]], limits: EnamelLimits) -> float:
    """ENAMEL's e of one correct program (arXiv 2406.06647, equations 1 and 2).

    f_j = max(0, T - max t) / (T - B_j), e = sum(h f) / sum(h). `level_times` ends before the first
    level that broke a limit: that level and the later ones count 0. There is no upper clip.
    """
    total = 0.0
    levels = zip(level_times, limits.slowest, LEVEL_WEIGHTS, strict=False)
    for times, slowest, weight in levels:
        if weight:
            total += weight * max(0.0, limits.limit - max(times)) / (limits.limit - slowest)
    return total / sum(LEVEL_WEIGHTS)


def eff_at_k(efficiencies: Sequence[float], k: int) -> float:
    """ENAMEL's eff@k: the expected best e of k samples drawn from n (its algorithm 1).

    sum over r = k..n of C(r - 1, k - 1) / C(n, k) e_(r), ascending, in the stable form
    lambda_n = k / n, lambda_r = lambda_{r+1} (1 - (k - 1) / r).
    """
    num_samples = len(efficiencies)
    if not 1 <= k <= num_samples:
        raise ValueError(f"eff@k needs 1 <= k <= n, got n={num_samples}, k={k}")
    ascending = sorted(efficiencies)
    share = k / num_samples
    total = share * ascending[-1]
    for rank in range(num_samples - 1, k - 1, -1):
        share *= 1 - (k - 1) / rank
        total += share * ascending[rank - 1]
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentialScore:
    """EvalPerf's two scores of one correct program, 0 to 100."""

    dps: float
    dps_norm: float


def differential_score(
    cost: float | None, reference_costs: Sequence[float], cluster_scores: Sequence[float]
) -> DifferentialScore:
    """DPS and DPS_norm (arXiv 2408.06450) of a program by its cost on the profiling input.

    References stand from the slowest cluster to the fastest. The program takes the score of the
    fastest reference that it does not exceed: DPS is that cluster's cumulative share of programs
    (`cluster_scores`, in percent), DPS_norm its rank as 100 (j + 1) / n. 0 for a program slower
    than all, or that broke a limit (`cost` None).
    """
    if not reference_costs or len(reference_costs) != len(cluster_scores):
        raise ValueError(
            f"DPS needs a score for each of at least one reference, got {len(reference_costs)} "
            f"references and {len(cluster_scores)} scores"
        )
    if cost is not None:
        for index in range(len(reference_costs) - 1, -1, -1):
            if cost <= reference_costs[index]:
                return DifferentialScore(
                    dps=cluster_scores[index], dps_norm=100 * (index + 1) / len(reference_costs)
                )
    return DifferentialScore(dps=0.0, dps_norm=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one program used: run time, peak memory, and memory integrated over the run time."""

    time_s: float
    memory_mb: float
    memory_mb_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overheads:
    """EffiBench's six figures (arXiv 2402.02037): means in s, MB and MB*s, and over canonical ones.

    The paper normalises by the mean of ratios (`net`, `nmu`, `ntmu`), the shipped code by the ratio
    of sums (`*_released`).
    """

    et_s: float
    mu_mb: float
    tmu_mb_s: float
    net: float
    nmu: float
    ntmu: float
    net_released: float
    nmu_released: float
    ntmu_released: float


def effibench_overheads(usages: Sequence[Usage], canonical: Sequence[Usage]) -> Overheads:
    """The figures of correct programs; the i-th entries are of the same problem."""
    if not usages or len(usages) != len(canonical):
        raise ValueError(
            f"expected one canonical usage for each of at least one program, got {len(usages)} "
            f"programs and {len(canonical)} canonical ones"
        )
    means, ratios, released = [], [], []
    for name in ("time_s", "memory_mb", "memory_mb_s"):
        own = [float(getattr(usage, name)) for usage in usages]
        base = [float(getattr(usage, name)) for usage in canonical]
        if min(base) <= 0:
            raise ValueError(f"{name} of canonical programs must be positive, got {min(base)}")
        means.append(statistics.fmean(own))
        ratios.append(statistics.fmean(mine / its for mine, its in zip(own, base, strict=True)))
        released.append(sum(own) / sum(base))
    return Overheads(
        et_s=means[0], mu_mb=means[1], tmu_mb_s=means[2],
        net=ratios[0], nmu=ratios[1], ntmu=ratios[2],
        net_released=released[0], nmu_released=released[1], ntmu_released=released[2],
    )  # fmt: skip


def family_draws(
    families: Sequence[str], *, num_resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """How often each problem is drawn in each resample, (some resamples, problems) at a time.

    `families` names each problem's family, "" for a problem of its own. Variants of one task are no
    independent problems, so as many families as there are are drawn, with replacement, and then
    from each as many problems as it has (the two-stage bootstrap: Davison & Hinkley, Bootstrap
    Methods and their Application, 3.8). Where every problem is of its own this is the ordinary
    bootstrap. DRAWS_AT_ONCE bounds the memory.
    """
    members: dict[str | int, list[int]] = {}
    for index, name in enumerate(families):
        members.setdefault(name or index, []).append(index)
    order = np.concatenate([np.asarray(own) for own in members.values()])  # (P,)
    sizes = np.array([len(own) for own in members.values()])  # (F,)
    starts = np.cumsum(sizes) - sizes  # (F,)
    num_rows = max(1, DRAWS_AT_ONCE // len(order))
    for first in range(0, num_resamples, num_rows):
        rows = min(num_rows, num_resamples - first)
        drawn = rng.integers(len(sizes), size=(rows, len(sizes)))  # (R, F)
        lengths = sizes[drawn]  # (R, F)
        row = np.repeat(np.arange(rows), lengths.sum(axis=1))  # (all problems drawn,)
        place = drawn.ravel()
        if len(sizes) < len(order):
            each = np.repeat(lengths.ravel(), lengths.ravel())
            place = np.repeat(starts[drawn].ravel(), lengths.ravel()) + rng.integers(each)
        cells = np.bincount(row * len(order) + order[place], minlength=rows * len(order))
        yield cells.reshape(rows, len(order))


def bootstrap_interval(
    values: Sequence[float], *, num_resamples: int, seed: int, families: Sequence[str] = ()
) -> tuple[float, float]:
    """95 % percentile interval of the mean of values (one per problem) by `family_draws`.

    Without `families` every problem is of its own. ValueError without values, or if there are
    families for another number of them.
    """
    if not values:
        raise ValueError("a bootstrap interval needs at least one value")
    if families and len(families) != len(values):
        raise ValueError(f"expected a family for each of {len(values)} values, got {len(families)}")
    sample = np.asarray(values, dtype=np.float64)  # (P,)
    means = [
        (counts * sample).sum(axis=1) / counts.sum(axis=1)
        for counts in family_draws(
            families or [""] * len(values),
            num_resamples=num_resamples,
            rng=np.random.default_rng(seed),
        )
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def paired_interval(
    values: Sequence[float],
    against: Sequence[float],
    *,
    num_resamples: int,
    seed: int,
    families: Sequence[str] = (),
) -> tuple[float, float, float]:
    """Mean of values - against with its 95 % interval; the i-th entries are of one problem."""
    if len(values) != len(against):
        raise ValueError(f"paired values differ in number: {len(values)} and {len(against)}")
    differences = [left - right for left, right in zip(values, against, strict=True)]
    low, high = bootstrap_interval(
        differences, num_resamples=num_resamples, seed=seed, families=families
    )
    return sum(differences) / len(differences), low, high


def num_families(families: Sequence[str]) -> int:
    """Independent tasks among problems: families, and problems of their own."""
    return len(set(families) - {""}) + sum(not name for name in families)
