"""Formulas of evaluation against values worked out by hand."""

from __future__ import annotations

import itertools

import pytest

from skeldpo.evaluate.metrics import beyond, bootstrap_interval, paired_interval, pass_at_k


@pytest.mark.parametrize(
    ("num_samples", "num_correct", "k", "expected"),
    [
        (1, 0, 1, 0.0),
        (1, 1, 1, 1.0),
        (4, 1, 1, 0.25),
        (4, 2, 2, 1 - 1 / 6),  # C(2, 2) / C(4, 2)
        (5, 2, 3, 1 - 1 / 10),  # C(3, 3) / C(5, 3)
        (5, 3, 3, 1.0),
        (10, 3, 10, 1.0),
        (200, 0, 100, 0.0),
        (200, 1, 100, 0.5),
    ],
)
def test_pass_at_k(num_samples: int, num_correct: int, k: int, expected: float) -> None:
    assert pass_at_k(num_samples, num_correct, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample() -> None:
    right = [True, True, False, False, False, False]
    subsets = list(itertools.combinations(right, 3))
    share = sum(any(subset) for subset in subsets) / len(subsets)
    assert pass_at_k(6, 2, 3) == pytest.approx(share)


@pytest.mark.parametrize("values", [(4, 2, 0), (4, 2, 5), (4, 5, 1), (4, -1, 1), (0, 0, 1)])
def test_pass_at_k_out_of_range_is_value_error(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"n={values[0]}, c={values[1]}, k={values[2]}"):
        pass_at_k(*values)


@pytest.mark.parametrize(
    ("time_ns", "reference_times_ns", "expected"),
    [
        (25.0, [10, 20, 30], 0.25),
        (10.0, [10, 20, 30], 1.0),
        (30.0, [10, 20, 30], 0.0),
        (5.0, [10, 20, 30], 1.0),  # faster than all
        (90.0, [10, 20, 30], 0.0),  # slower than all
        (float("inf"), [10, 20, 30], 0.0),
        (None, [10, 20, 30], 0.0),  # failed
        (10.0, [10], 1.0),  # a range of zero
        (9.0, [10, 10], 1.0),
        (10.5, [10, 10], 0.0),
        (None, [10], 0.0),
        (float("inf"), [10], 0.0),
    ],
)
def test_beyond(time_ns: float | None, reference_times_ns: list[int], expected: float) -> None:
    assert beyond(time_ns, reference_times_ns) == pytest.approx(expected)


def test_beyond_without_references_is_value_error() -> None:
    with pytest.raises(ValueError, match="at least one passing reference"):
        beyond(1.0, [])


def test_bootstrap_interval_golden_and_seeded() -> None:
    values = [0.0, 0.25, 0.5, 1.0, 1.0, 0.75]
    low, high = bootstrap_interval(values, num_resamples=2000, seed=1)
    assert (low, high) == bootstrap_interval(values, num_resamples=2000, seed=1)
    assert (low, high) != bootstrap_interval(values, num_resamples=2000, seed=2)
    assert min(values) <= low < sum(values) / len(values) < high <= max(values)
    # Normal theory: 0.583 +- 1.96 * 0.373 / sqrt(6) = 0.285 to 0.882.
    assert low == pytest.approx(0.285, abs=0.05)
    assert high == pytest.approx(0.882, abs=0.05)


def test_bootstrap_interval_of_equal_values_is_a_point_and_of_none_an_error() -> None:
    assert bootstrap_interval([0.5] * 3, num_resamples=100, seed=0) == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([], num_resamples=100, seed=0)


def test_paired_interval_is_of_the_differences() -> None:
    before = [0.0, 0.2, 0.9, 0.4]
    after = [value + 0.1 for value in before]
    mean, low, high = paired_interval(after, before, num_resamples=500, seed=0)
    assert (mean, low, high) == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="differ in number: 1 and 2"):
        paired_interval([1.0], [1.0, 2.0], num_resamples=100, seed=0)
