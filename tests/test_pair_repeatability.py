"""The comparison of two measuring runs, on made measurements."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import FUNCTION_PROBLEM, LOOP, SAMPLED, measurement

from benchmarks.pair_repeatability import repeatability
from skeldpo.measure.folder import read_measured
from skeldpo.storage.by_problem import MeasuredProblem

MS = 1_000_000
FAST, SLOW = (tuple(ms * MS for ms in range(start, start + 8)) for start in (100, 200))


def measured(fast: tuple[int, ...], slow: tuple[int, ...], phase="confirm") -> MeasuredProblem:
    candidates = (SAMPLED, replace(SAMPLED, candidate_id="c1", code=LOOP))
    rows = [measurement(candidate.candidate_id) for candidate in candidates]
    rows += [measurement("c0", phase, times_ns=fast), measurement("c1", phase, times_ns=slow)]
    return MeasuredProblem(
        problem=FUNCTION_PROBLEM, candidates=candidates, measurements=tuple(rows)
    )


def test_runs_that_agree_repeat_every_pair() -> None:
    figures = repeatability([measured(FAST, SLOW)], [measured(FAST, SLOW)])
    assert figures == {
        "num_pairs": 2,
        "timed_in_both": 2,
        "same_direction": 1,
        "ratio_within_20_percent": 1,
    }


def test_run_that_contradicts_is_counted_from_both_sides(capsys: pytest.CaptureFixture) -> None:
    figures = repeatability([measured(FAST, SLOW)], [measured(SLOW, FAST)])
    assert (figures["num_pairs"], figures["same_direction"]) == (2, 0)
    assert "double: 1.97, the other run 0.51" in capsys.readouterr().out


def test_screening_session_of_the_other_run_counts_too() -> None:
    other = measured(FAST[:3], (260 * MS, 261 * MS, 262 * MS), phase="screen")
    figures = repeatability([measured(FAST, SLOW)], [other])
    assert (figures["num_pairs"], figures["timed_in_both"]) == (1, 1)
    assert (figures["same_direction"], figures["ratio_within_20_percent"]) == (1, 0)


def test_crosschecks_are_of_another_input_and_do_not_count() -> None:
    other = measured(FAST[:3], SLOW[:3], phase="screen")
    reversed_there = measured(SLOW, FAST, phase="crosscheck").measurements[2:]
    other = replace(other, measurements=other.measurements + reversed_there)
    figures = repeatability([measured(FAST, SLOW)], [other])
    assert (figures["num_pairs"], figures["same_direction"]) == (1, 1)


def test_runs_without_a_pair_in_common_are_an_error() -> None:
    with pytest.raises(ValueError, match="same programs"):
        repeatability([measured(FAST, SLOW)], [])


def test_folder_that_is_not_finished_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="no finished measurements"):
        read_measured(str(tmp_path))
