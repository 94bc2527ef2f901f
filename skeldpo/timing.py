"""Whether one program is faster than another beyond doubt: pure statistics on CPU times.

Times are positive nanoseconds of runs on one core in rounds: the i-th times of two programs are of
the same round, in which the programs took turns in random order. Programs are compared within
rounds, since the speed of a core moves between them (other tenants of the machine, its clock), by
half as much again on the machine this was measured on: there an unpaired test
found one in four of the programs that take 1.25 times as long, this one four in five (docs/LOG.md).
The rule is otherwise the protocol's: at least `min_speedup`, an exact one-sided test against times
discounted by 5 %, and a second estimate that agrees. Anything else is "no difference shown", never
"equal". Rounds spoilt by other processes are to be left out beforehand (`is_noisy`). No I/O and no
clock here.
"""

from __future__ import annotations

import functools
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

DISCOUNT = 1.05
"""The fast side's times are multiplied by this before the test: 5 % is not worth a preference."""
MIN_AGREEING_RATIO = 1.10
"""Least ratio of any second estimate (docs/SANDBOX.md, timing)."""
BOUND_ERROR = 0.05
"""Probability that a lower bound of a ratio is too high."""
MAX_RUN_DELAY_SHARE = 0.10
"""Largest time waiting for the core, over CPU time. 2 % is usual advice, with involuntary switches
counted too; measured, CPU time varies by 0.5 % at 1 to 2 % delay and 200 switches a second, so
that would throw good rounds away (docs/LOG.md)."""
STARTING_NS = 750_000
"""What one process may take longer than another for no reason of its own: pages that are copied
when they are first written, which what it imports may have done before its clock. The same program
with `List[int]` in a signature took 0.2 ms more, with longer types 0.7, where Python alone takes
0.03 and 0.13."""
RUN_DELAY_ALLOWANCE_NS = 250_000
"""Waiting that every run has: for its supervisor, which shares the core, to hand over and go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much slower the slow side is. All ratios are slow time / fast time.

    `speedup` is the Hodges-Lehmann estimate of the ratio within a round, `speedup_low` its lower
    95 % confidence bound (0 if there are too few rounds for one), `p_value` that of the one-sided
    exact test against the discounted times, `median_ratio` the ratio of the medians over all
    rounds. Bound and p-value are nominal: those of one look at these two programs. A session that
    is looked at several times, and whose best of several comparisons is taken, is wrong more often
    (`benchmarks.nominal_rates`).
    """

    speedup: float
    speedup_low: float
    p_value: float
    median_ratio: float


def estimate_ns(times_ns: Sequence[float]) -> float:
    """The time of a program from repeated runs: their median."""
    _check_times("times_ns", times_ns)
    return float(statistics.median(times_ns))


def compare(
    fast_ns: Sequence[float], slow_ns: Sequence[float], *, discount: float = DISCOUNT
) -> Comparison:
    """Estimates and tests that the `slow_ns` runs are slower than the `fast_ns` runs.

    Wilcoxon's signed-rank test on the logarithms of the rounds' ratios. Two equal programs in
    random order have ratios that are as likely above as below 1, however the core's speed moves
    from round to round, so the test is exact. The estimate is the median of the means of all pairs
    of logarithms, the bound the k-th smallest of these, with the largest k at which the exact
    distribution gives it at most 5 % error (Hollander, Wolfe & Chicken, sections 3.1 to 3.3); 5
    rounds are the least that have one. ValueError unless both sides have the same rounds.
    """
    _check_times("fast_ns", fast_ns)
    _check_times("slow_ns", slow_ns)
    if discount < 1:
        raise ValueError(f"compare: discount must be at least 1, got {discount}")
    if len(fast_ns) != len(slow_ns):
        raise ValueError(
            f"compare: expected times of the same rounds, got {len(fast_ns)} and {len(slow_ns)}"
        )
    logs = [math.log(slow / fast) for fast, slow in zip(fast_ns, slow_ns, strict=True)]
    means = _pairwise_means(logs)
    rank = _bound_rank(len(logs))
    return Comparison(
        speedup=math.exp(statistics.median(means)),
        speedup_low=math.exp(means[rank - 1]) if rank else 0.0,
        p_value=signed_rank_p_value(_won_ranks(fast_ns, slow_ns, discount), len(logs)),
        median_ratio=statistics.median(slow_ns) / statistics.median(fast_ns),
    )


def is_faster(comparison: Comparison, *, min_speedup: float, max_p_value: float) -> bool:
    """Whether the fast side is faster beyond doubt (docs/SANDBOX.md, timing).

    A bound above 1 is asked for as well; the test implies it for every `max_p_value` up to 0.05.
    """
    return (
        comparison.speedup >= min_speedup
        and comparison.p_value <= max_p_value
        and comparison.median_ratio >= MIN_AGREEING_RATIO
        and comparison.speedup_low > 1
    )


def is_slight(first_ns: Sequence[float], second_ns: Sequence[float], num_processes: int) -> bool:
    """Whether two programs differ by no more than the starting of their processes may."""
    return abs(estimate_ns(first_ns) - estimate_ns(second_ns)) <= STARTING_NS * num_processes


def is_settled(
    fast_ns: Sequence[float],
    slow_ns: Sequence[float],
    *,
    looks: Sequence[int],
    min_ratio: float,
    max_p_value: float,
) -> bool:
    """Whether more rounds could not, or need not, change what two programs' session shows.

    The test is looked at after each number of rounds in `looks`: settled if it is at `max_p_value`
    or below, or if the estimated ratio is below `min_ratio`. At any time: settled when even the
    last look, with all rounds to come in favour, could not bring the test to `max_p_value`. Each
    look is at the whole `max_p_value`, so over all of them the test errs more often than that.
    """
    done, last = len(fast_ns), looks[-1]
    if not done:
        return False
    lost_ranks = done * (done + 1) // 2 - _won_ranks(fast_ns, slow_ns, DISCOUNT)
    best_ranks = last * (last + 1) // 2 - lost_ranks
    if done >= last or signed_rank_p_value(best_ranks, last) > max_p_value:
        return True
    if done not in looks:
        return False
    shown = compare(fast_ns, slow_ns)
    return shown.p_value <= max_p_value or shown.speedup < min_ratio


def hodges_lehmann(values: Sequence[float]) -> float:
    """The one-sample Hodges-Lehmann estimate: the median of the means of all pairs (i <= j)."""
    if not values:
        raise ValueError("hodges_lehmann: needs at least one value, got none")
    return float(statistics.median(_pairwise_means(values)))


def lower_half_mean(times_ns: Sequence[float]) -> float:
    """The mean of the lower half of repeats, the middle one of an odd number among them: what
    disturbs CPU time, other work, cold caches and a page fault more, adds to it and takes nothing
    away."""
    _check_times("lower_half_mean", times_ns)
    return statistics.fmean(sorted(times_ns)[: (len(times_ns) + 1) // 2])


def signed_rank_p_value(won_ranks: int, num_rounds: int) -> float:
    """P(W >= won_ranks) if every round is as likely won as lost: exact, by counting sign patterns.

    W is the sum of the ranks, by size of the difference, of the rounds won (Wilcoxon 1945).
    """
    counts = _patterns_by_rank_sum(num_rounds)
    if not 0 <= won_ranks < len(counts):
        raise ValueError(
            f"signed_rank_p_value: won_ranks must be in 0..{len(counts) - 1} for {num_rounds} "
            f"rounds, got {won_ranks}"
        )
    return sum(counts[won_ranks:]) / sum(counts)


def is_noisy(*, cpu_time_ns: int, run_delay_ns: int, num_runs: int) -> bool:
    """Whether others disturbed `num_runs` runs (a process each), so that they must be repeated.

    Both times are sums over the runs; `run_delay_ns` is the time the processes were ready but had
    no core (/proc/PID/schedstat).
    """
    if cpu_time_ns <= 0:
        raise ValueError(f"is_noisy: cpu_time_ns must be positive, got {cpu_time_ns}")
    delay_ns = run_delay_ns - num_runs * RUN_DELAY_ALLOWANCE_NS
    return delay_ns > MAX_RUN_DELAY_SHARE * cpu_time_ns


def _won_ranks(fast_ns: Sequence[float], slow_ns: Sequence[float], discount: float) -> int:
    """The sum of ranks of the rounds in which the slow side took longer than the discounted fast.

    Differences of one size are ranked, and those of none counted, against the claim: any other
    order could only add to the sum, so the test stays valid.
    """
    margins = [slow / (discount * fast) for fast, slow in zip(fast_ns, slow_ns, strict=True)]
    ordered = sorted(margins, key=lambda margin: (abs(math.log(margin)), margin <= 1))
    return sum(rank for rank, margin in enumerate(ordered, 1) if margin > 1)


@functools.lru_cache(maxsize=64)
def _patterns_by_rank_sum(num_rounds: int) -> tuple[int, ...]:
    """counts[w] = sign patterns whose ranks of won rounds sum to w: subsets of 1..num_rounds."""
    if num_rounds < 1:
        raise ValueError(f"expected at least one round, got {num_rounds}")
    counts = [1]
    for rank in range(1, num_rounds + 1):
        counts += [0] * rank
        for total in range(len(counts) - 1, rank - 1, -1):
            counts[total] += counts[total - rank]
    return tuple(counts)


@functools.lru_cache(maxsize=64)
def _bound_rank(num_rounds: int) -> int:
    """The largest k with P(W <= k - 1) <= BOUND_ERROR; 0 if even k = 1 has a larger error."""
    counts = _patterns_by_rank_sum(num_rounds)
    total = sum(counts)
    cumulative = itertools.accumulate(counts)
    return sum(1 for count in cumulative if count <= BOUND_ERROR * total)


def _pairwise_means(values: Sequence[float]) -> list[float]:
    """(x_i + x_j) / 2 for all i <= j, rising (Walsh averages)."""
    pairs = itertools.combinations_with_replacement(values, 2)
    return sorted((first + second) / 2 for first, second in pairs)


def _check_times(name: str, times_ns: Sequence[float]) -> None:
    if not times_ns or not all(0 < time_ns < math.inf for time_ns in times_ns):
        raise ValueError(
            f"{name}: expected one or more positive finite times, got {list(times_ns)!r}; "
            "only ACCEPTED measurements have times"
        )
