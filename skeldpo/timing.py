"""Whether one program is faster than another beyond doubt: pure statistics on CPU times.

Times are positive nanoseconds of runs that took turns on one core. The rule is that of SANDBOX 3.2:
medians apart by `min_speedup`, an exact one-sided Mann-Whitney test against times discounted by
5 %, and two further estimates (Hodges-Lehmann, ratio of minima) that agree. Anything else is "no
difference shown", never "equal". Rounds spoilt by other processes are to be left out beforehand
(`is_noisy`, `valid_rounds`). No I/O and no clock here.
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
"""Least Hodges-Lehmann ratio and least ratio of minima (SANDBOX 3.2, rule 4)."""
BOUND_ERROR = 0.05
"""Probability that a lower bound of a ratio is too high."""
MAX_RUN_DELAY_SHARE = 0.10
"""Largest time waiting for the core, over CPU time. SANDBOX 3.2 says 2 % and counts involuntary
switches too; measured, CPU time varies by 0.5 % at 1 to 2 % delay and 200 switches a second, so
that would throw good rounds away (docs/LOG.md)."""
RUN_DELAY_ALLOWANCE_NS = 250_000
"""Waiting that every run has: for its supervisor, which shares the core, to hand over and go."""
MAX_DRIFT = 0.10
"""Largest distance of a round's time from the rolling median of rounds, over that median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much slower the slow side is. All ratios are slow time / fast time.

    `speedup` is the ratio of medians, `speedup_low` its lower 95 % confidence bound (0 if there are
    too few runs for one), `p_value` that of the one-sided exact test against the discounted times,
    `hodges_lehmann` the median of all pairwise ratios, `min_ratio` the ratio of the minima.
    """

    speedup: float
    speedup_low: float
    p_value: float
    hodges_lehmann: float
    min_ratio: float


def estimate_ns(times_ns: Sequence[float]) -> float:
    """The time of a program from repeated runs: their median."""
    _check_times("times_ns", times_ns)
    return float(statistics.median(times_ns))


def compare(
    fast_ns: Sequence[float], slow_ns: Sequence[float], *, discount: float = DISCOUNT
) -> Comparison:
    """Estimates and tests that the `slow_ns` runs are slower than the `fast_ns` runs.

    The bound is the k-th smallest pairwise ratio, with the largest k at which the exact
    Mann-Whitney distribution gives it at most 5 % error (Hollander, Wolfe & Chicken, section 4.3),
    and never above `speedup`. Both sides need at least 3 runs to have a bound.
    """
    _check_times("fast_ns", fast_ns)
    _check_times("slow_ns", slow_ns)
    if discount < 1:
        raise ValueError(f"compare: discount must be at least 1, got {discount}")
    ratios = _pairwise_ratios(fast_ns, slow_ns)
    speedup = statistics.median(slow_ns) / statistics.median(fast_ns)
    wins = sum(slow > discount * fast for fast in fast_ns for slow in slow_ns)
    rank = _bound_rank(len(fast_ns), len(slow_ns))
    return Comparison(
        speedup=speedup,
        speedup_low=min(ratios[rank - 1], speedup) if rank else 0.0,
        p_value=mann_whitney_p_value(wins, len(fast_ns), len(slow_ns)),
        hodges_lehmann=_geometric_median(ratios),
        min_ratio=min(slow_ns) / min(fast_ns),
    )


def is_faster(comparison: Comparison, *, min_speedup: float, max_p_value: float) -> bool:
    """Whether the fast side is faster beyond doubt (SANDBOX 3.2, rules 2 to 4).

    A bound above 1 is asked for as well; rule 3 implies it for every `max_p_value` up to 0.05.
    """
    return (
        comparison.speedup >= min_speedup
        and comparison.p_value <= max_p_value
        and comparison.hodges_lehmann >= MIN_AGREEING_RATIO
        and comparison.min_ratio >= MIN_AGREEING_RATIO
        and comparison.speedup_low > 1
    )


def is_settled(
    fast_ns: Sequence[float],
    slow_ns: Sequence[float],
    *,
    looks: tuple[int, int],
    min_ratio: float,
    max_p_value: float,
) -> bool:
    """Whether more rounds could not, or need not, change what two programs' session shows.

    The i-th times are of the same round. The test is looked at after `looks[0]` rounds, and once
    more after `looks[1]` if it was above `max_p_value` although the medians differ by `min_ratio`
    (SANDBOX 3.2). At any time: settled when even `looks[1]` rounds whose further runs were all
    in favour could not bring the test to `max_p_value`.
    """
    done, (first, last) = len(fast_ns), looks
    if not done:
        return False
    losses = sum(slow <= DISCOUNT * fast for fast in fast_ns for slow in slow_ns)
    hoped_for = last * last - losses
    if done >= last or mann_whitney_p_value(max(0, hoped_for), last, last) > max_p_value:
        return True
    if done != first:
        return False
    is_shown = mann_whitney_p_value(done * done - losses, done, done) <= max_p_value
    return is_shown or statistics.median(slow_ns) < min_ratio * statistics.median(fast_ns)


def hodges_lehmann(values: Sequence[float]) -> float:
    """The one-sample Hodges-Lehmann estimate: the median of the means of all pairs (i <= j)."""
    if not values:
        raise ValueError("hodges_lehmann: needs at least one value, got none")
    pairs = itertools.combinations_with_replacement(values, 2)
    return float(statistics.median((first + second) / 2 for first, second in pairs))


def hodges_lehmann_ratio(fast_ns: Sequence[float], slow_ns: Sequence[float]) -> float:
    """The two-sample Hodges-Lehmann estimate of log times, as a ratio slow / fast.

    The median of all pairwise ratios; of an even number, the geometric mean of the middle two, so
    that swapping the sides gives the reciprocal.
    """
    _check_times("fast_ns", fast_ns)
    _check_times("slow_ns", slow_ns)
    return _geometric_median(_pairwise_ratios(fast_ns, slow_ns))


def mann_whitney_p_value(wins: int, num_fast: int, num_slow: int) -> float:
    """P(U >= wins) if both sides have one distribution: exact, by counting orderings.

    `wins` is the number of (fast, slow) pairs in which the slow run took strictly longer. Ties
    count against the claim: breaking them at random could only add wins, so the test is valid.
    """
    counts = _orderings_by_wins(num_fast, num_slow)
    if not 0 <= wins < len(counts):
        raise ValueError(
            f"mann_whitney_p_value: wins must be in 0..{len(counts) - 1} "
            f"for {num_fast} and {num_slow} runs, got {wins}"
        )
    return sum(counts[wins:]) / sum(counts)


def is_noisy(*, cpu_time_ns: int, run_delay_ns: int, num_runs: int) -> bool:
    """Whether others disturbed `num_runs` runs (a process each), so that they must be repeated.

    Both times are sums over the runs; `run_delay_ns` is the time the processes were ready but had
    no core (/proc/PID/schedstat).
    """
    if cpu_time_ns <= 0:
        raise ValueError(f"is_noisy: cpu_time_ns must be positive, got {cpu_time_ns}")
    delay_ns = run_delay_ns - num_runs * RUN_DELAY_ALLOWANCE_NS
    return delay_ns > MAX_RUN_DELAY_SHARE * cpu_time_ns


def valid_rounds(
    round_times_ns: Sequence[float],
    *,
    max_drift: float = MAX_DRIFT,
    num_window_rounds: int = 5,
) -> tuple[int, ...]:
    """Indices of the rounds whose time is within `max_drift` of the rolling median.

    The median is over the `num_window_rounds` rounds around each (at the ends: the first or last
    ones), so a slow drift passes and a spike does not. With fewer rounds it is over all of them.
    """
    if not round_times_ns:
        return ()
    _check_times("round_times_ns", round_times_ns)
    num_rounds = len(round_times_ns)
    window = min(num_window_rounds, num_rounds)
    valid = []
    for index, time_ns in enumerate(round_times_ns):
        start = min(max(index - window // 2, 0), num_rounds - window)
        median = statistics.median(round_times_ns[start : start + window])
        if abs(time_ns - median) <= max_drift * median:
            valid.append(index)
    return tuple(valid)


@functools.lru_cache(maxsize=64)
def _orderings_by_wins(num_fast: int, num_slow: int) -> tuple[int, ...]:
    """counts[u] = orderings of both sides' runs with u wins.

    These are the coefficients of the Gaussian binomial: the product over i = 1..num_slow of
    (1 - q^(num_fast + i)) / (1 - q^i), cut off at degree num_fast * num_slow.
    """
    if num_fast < 1 or num_slow < 1:
        raise ValueError(f"both sides need at least one run, got {num_fast} and {num_slow}")
    counts = [1] + [0] * (num_fast * num_slow)
    for i in range(1, num_slow + 1):
        for wins in range(len(counts) - 1, num_fast + i - 1, -1):
            counts[wins] -= counts[wins - num_fast - i]
        for wins in range(i, len(counts)):
            counts[wins] += counts[wins - i]
    return tuple(counts)


@functools.lru_cache(maxsize=64)
def _bound_rank(num_fast: int, num_slow: int) -> int:
    """The largest k with P(U <= k - 1) <= BOUND_ERROR; 0 if even k = 1 has a larger error."""
    counts = _orderings_by_wins(num_fast, num_slow)
    total = sum(counts)
    cumulative = itertools.accumulate(counts)
    return sum(1 for count in cumulative if count <= BOUND_ERROR * total)


def _pairwise_ratios(fast_ns: Sequence[float], slow_ns: Sequence[float]) -> list[float]:
    return sorted(slow / fast for fast in fast_ns for slow in slow_ns)


def _geometric_median(ordered: Sequence[float]) -> float:
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else math.sqrt(low) * math.sqrt(high)


def _check_times(name: str, times_ns: Sequence[float]) -> None:
    if not times_ns or not all(0 < time_ns < math.inf for time_ns in times_ns):
        raise ValueError(
            f"{name}: expected one or more positive finite times, got {list(times_ns)!r}; "
            "only ACCEPTED measurements have times"
        )
