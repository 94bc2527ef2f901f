"""fast@p and percentiles against values worked out by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo.records import Measurement, Outcome
from skeldpo.storage.by_problem import measured_problems
from skeldpo.suites.compare import differences
from skeldpo.suites.evaluation import Bootstrap, Evaluation, mean_scores
from skeldpo.suites.metrics import fast_at_k, pass_at_k, percentile
from skeldpo.suites.round_scores import Author, evaluate_heldout
from skeldpo.suites.speed import LEAST_ROUNDS, fast_note, speed_values

FAST = ("fast_1@1", "fast_1.2@1", "fast_2@1")
BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)


def _timed(key: str, own_ns: Sequence[int], reference_ns: Sequence[int]) -> list[Measurement]:
    row = measurement(key, "screen", times_ns=tuple(own_ns))
    return [measurement(key), replace(row, baseline_times_ns=tuple(reference_ns))]


def _report(rows: Sequence[Measurement], num_samples: int) -> Evaluation:
    known = [replace(SAMPLED, candidate_id=key, origin="dataset") for key in ("fast", "slow")]
    samples = [replace(SAMPLED, candidate_id=f"s{i}", sample_index=i) for i in range(num_samples)]
    problem = replace(FUNCTION_PROBLEM, split="heldout_variant")
    return evaluate_heldout(
        measured_problems([problem], [*known, *samples], rows),
        Author(model_id="m0", round_index=1),
    )


def _rows(num_rounds: int) -> list[Measurement]:
    """The reference takes 300; known programs 300 and 900, samples 270, 220, 140, one is wrong."""
    base = [300] * num_rounds
    times = {"fast": 300, "slow": 900, "s0": 270, "s1": 220, "s2": 140}
    rows = [row for key, ns in times.items() for row in _timed(key, [ns] * num_rounds, base)]
    return [*rows, measurement("s3", outcome=Outcome.WRONG_ANSWER)]


def test_fast_at_k_is_the_share_of_subsets_with_a_fast_sample() -> None:
    is_fast = [True, True, False, False, False]
    shares = {
        k: fmean(any(subset) for subset in itertools.combinations(is_fast, k)) for k in (1, 2, 4)
    }
    for k, share in shares.items():
        found = fast_at_k(num_fast=2, num_slow=1, num_untimed=0, num_wrong=2, k=k)
        assert found == pytest.approx(share)
    assert fast_at_k(num_fast=0, num_slow=0, num_untimed=0, num_wrong=3, k=2) == 0.0


def test_right_samples_without_a_time_are_fast_as_often_as_the_others() -> None:
    found = fast_at_k(num_fast=1, num_slow=3, num_untimed=2, num_wrong=2, k=1)
    assert found == pytest.approx(6 / 8 * 1 / 4)
    # None, one or both of them: 9/16, 6/16, 1/16.
    both = sum(w * pass_at_k(8, 1 + i, 2) for i, w in enumerate((9 / 16, 6 / 16, 1 / 16)))
    found = fast_at_k(num_fast=1, num_slow=3, num_untimed=2, num_wrong=2, k=2)
    assert found == pytest.approx(both)
    with pytest.raises(ValueError, match="needs the time of one right sample, 2 have none"):
        fast_at_k(num_fast=0, num_slow=0, num_untimed=2, num_wrong=0, k=1)


def test_percentile_does_not_count_equals() -> None:
    known = [90.0, 100.0, 109.0, 111.0, 400.0]
    assert percentile(100, known) == 2 / 5  # at least 110
    assert percentile(1, known) == 1.0
    assert percentile(100, [110]) == 1.0  # 1.1 * 100 is a last bit more than 110
    assert percentile(None, known) == 0.0
    with pytest.raises(ValueError, match="at least one passing known program"):
        percentile(1.0, [])


def test_equals_are_hardly_ever_told_apart_by_noise() -> None:
    """30 rounds of one program against itself, each time off by a fifth or so; half of them look
    faster. Without noise 1.25 times is told apart from 5 rounds on."""
    rng = random.Random(0)
    noisy = [
        speed_values(*([round(1e6 * rng.lognormvariate(0, 0.2)) for _ in range(30)] for _ in "ab"))
        for _ in range(300)
    ]
    assert sum(each["speedup"] > 1 for each in noisy) > 100
    assert sum(each["is_faster"] for each in noisy) <= 3
    steady = speed_values([80, 81, 79, 80, 80], [100] * LEAST_ROUNDS)
    assert steady == {"speedup": pytest.approx(1.25, abs=0.01), "is_faster": 1.0}
    assert speed_values([80] * 4, [100] * 4) == {}


def test_fast_at_p_of_a_problem_by_hand() -> None:
    report = _report(_rows(LEAST_ROUNDS), num_samples=4)
    (result,) = report.problems
    assert [sample.values.get("speedup") for sample in result.samples] == pytest.approx(
        [300 / 270, 300 / 220, 300 / 140, None]
    )
    assert [result.scores[name] for name in FAST] == [3 / 4, 2 / 4, 1 / 4]
    # 270 is no 1.1 times as fast as 300 by more than a rounding: 297.
    assert result.scores["percentile@1"] == fmean([1, 1, 1, 0])
    assert result.relative_to["baseline_times_ns"] == [300] * LEAST_ROUNDS
    assert fast_note(report.problems) == ""
    means = mean_scores(report.problems, BOOTSTRAP)
    assert means["heldout_variant/fast_1.2@1"].value == 0.5


def test_sample_that_was_stopped_is_not_fast_and_one_without_a_time_is_unknown() -> None:
    rows = [row for row in _rows(6) if row.candidate_id not in ("s0", "s1")]
    rows += [measurement("s0"), measurement("s1")]
    stopped = replace(measurement("s0", "screen", outcome=Outcome.TIME_LIMIT), input_digest="i0")
    (result,) = _report([*rows, stopped], num_samples=4).problems
    assert result.scores["fast_2@1"] == pytest.approx(3 / 4 * 1 / 2)


def test_problem_timed_in_too_few_rounds_counts_in_no_fast_at_p_and_that_is_said() -> None:
    few = _report(_rows(LEAST_ROUNDS - 1), num_samples=4)
    assert not set(FAST) & set(few.problems[0].scores)
    assert fast_note(few.problems) == (
        "1 of 1 problems do not count in fast@p: 0 have no reference that passes and was timed, "
        "1 no right sample that was, or fewer than 5 rounds (evaluate.num_repeats, "
        "evaluate.repeat_for_s)"
    )
    # Nor does one whose samples are all wrong: which of them are right must not decide it.
    wrong = [measurement(f"s{i}", outcome=Outcome.WRONG_ANSWER) for i in range(4)]
    known = [row for row in _rows(LEAST_ROUNDS - 1) if not row.candidate_id.startswith("s")]
    slow = [*known, *(row for row in _rows(4) if row.candidate_id == "slow"), *wrong]
    assert not set(FAST) & set(_report(slow, num_samples=4).problems[0].scores)


def test_problem_without_a_reference_counts_in_no_fast_at_p() -> None:
    rows = [row for row in _rows(6) if row.candidate_id not in ("fast", "slow")]
    failed = [measurement(key, outcome=Outcome.RUNTIME_ERROR) for key in ("fast", "slow")]
    lost, whole = _report([*rows, *failed], num_samples=4), _report(_rows(6), num_samples=4)
    assert set(lost.problems[0].scores) == {"pass@1"}
    assert "1 of 2 problems do not count in fast@p: 1 have no reference that passes" in (
        fast_note([*lost.problems, *whole.problems])
    )


def test_suite_that_has_no_fast_at_p_is_not_said_to_lack_it() -> None:
    """EvalPerf, and ENAMEL by its authors' rules, time right samples in rounds enough."""
    (timed,) = _report(_rows(6), num_samples=4).problems
    known = [row for row in _rows(6) if row.candidate_id in ("fast", "slow")]
    (wrong,) = _report([*known, measurement("s0", outcome=Outcome.WRONG_ANSWER)], 1).problems
    scored = [replace(each, scores={"pass@1": 0.75, "dps": 60.0}) for each in (timed, wrong)]
    assert fast_note(scored) == ""


def test_policies_are_compared_by_fast_at_p_problem_by_problem() -> None:
    slower = [row for row in _rows(6) if row.candidate_id != "s2"]
    slower += _timed("s2", [600] * 6, [300] * 6)
    compared = differences(_report(_rows(6), 4), _report(slower, 4), BOOTSTRAP)
    found = {each.name: each.value for each in compared}
    assert [found[name] for name in FAST] == pytest.approx([0.25, 0.25, 0.25])
