"""Scores of held-out problems from rows whose scores can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo.records import Candidate, Measurement, Outcome, Problem
from skeldpo.storage.by_problem import measured_problems
from skeldpo.suites.compare import Difference, differences
from skeldpo.suites.evaluation import Bootstrap, Evaluation, Interval, ProblemResult, mean_scores
from skeldpo.suites.round_scores import Author, evaluate_heldout

BOOTSTRAP = Bootstrap(num_resamples=200, seed=0)
HELD_OUT = replace(FUNCTION_PROBLEM, split="heldout_variant")
REFERENCES = [
    replace(SAMPLED, candidate_id="fast", origin="dataset"),
    replace(SAMPLED, candidate_id="slow", origin="dataset"),
]
REFERENCE_ROWS = [
    measurement("fast"),
    measurement("slow"),
    measurement("fast", "screen", times_ns=(90, 100, 110)),
    measurement("slow", "screen", times_ns=(400, 420, 380)),
]


def _samples(count: int) -> list[Candidate]:
    return [replace(SAMPLED, candidate_id=f"s{i}", sample_index=i) for i in range(count)]


def _evaluate(
    candidates: Sequence[Candidate],
    rows: Sequence[Measurement],
    problems: Sequence[Problem] = (HELD_OUT,),
) -> Evaluation:
    return evaluate_heldout(
        measured_problems(problems, candidates, rows),
        Author(model_id="m0", round_index=2),
    )


def _intervals(report: Evaluation) -> dict[str, Interval]:
    return mean_scores(report.problems, BOOTSTRAP)


def _score(report: Evaluation, name: str) -> float:
    return _intervals(report)[name].value


def _problem_result(
    problem_id: str, split: str, family: str = "", **scores: float | None
) -> ProblemResult:
    named = {"pass_at_1": 0.5, "beyond_at_1": 0.25, "fast_share": 0.5, **scores}
    return ProblemResult(
        problem_id=problem_id,
        difficulty="easy",
        samples=(),
        relative_to={},
        scores={
            name.replace("_at_", "@"): value for name, value in named.items() if value is not None
        },
        family=family,
        split=split,
    )


def _report(*results: ProblemResult) -> Evaluation:
    return Evaluation(suite="heldout", protocol="cpu", provenance={}, problems=results, left_out=())


def compare_reports(report: Evaluation, against: Evaluation) -> dict[str, Difference]:
    return {each.name: each for each in differences(report, against, BOOTSTRAP)}


def test_evaluate_heldout_scores_one_problem_by_hand() -> None:
    rows = [
        *REFERENCE_ROWS,
        measurement("s0"),
        measurement("s0", "screen", times_ns=(100, 175, 180)),  # (400 - 175) / 300 = 0.75
        measurement("s1", outcome=Outcome.WRONG_ANSWER),
        measurement("s2", equal_to="slow"),  # 0
        measurement("s3"),  # right, but too slow for the session: 0
        replace(measurement("s3", "screen", outcome=Outcome.TIME_LIMIT), input_digest="i0"),
    ]
    report = _evaluate([*REFERENCES, *_samples(4)], rows)
    (result,) = report.problems
    assert (result.problem_id, result.split) == ("double", "heldout_variant")
    assert len(result.samples) == 4
    assert result.scores["pass@1"] == 0.75
    assert result.scores["beyond@1"] == pytest.approx(0.75 / 4)
    assert result.scores["fast_share"] == pytest.approx(1 / 3)
    assert (report.suite, report.unscored) == ("held-out problems of a run", ())
    assert report.provenance == {
        "model_id": "m0", "round_index": 2, "host_id": "host", "num_samples": 4
    }  # fmt: skip
    for name in ("pass@1", "heldout_variant/pass@1"):
        assert _score(report, name) == 0.75


@pytest.mark.parametrize(("time_ns", "share"), [(199, 1.0), (201, 0.0)])
def test_fast_share_splits_at_the_geometric_mean_of_the_references(
    time_ns: int, share: float
) -> None:
    rows = [*REFERENCE_ROWS, measurement("s0"), measurement("s0", "screen", times_ns=(time_ns,))]
    assert _evaluate([*REFERENCES, *_samples(1)], rows).problems[0].scores["fast_share"] == share


@pytest.mark.parametrize("time_ns", [99, 100, 101])
def test_beside_one_known_program_no_sample_is_nearer_to_the_fastest(time_ns: int) -> None:
    """It is the slowest, too: whichever of two equal programs is ahead is noise."""
    rows = [measurement("fast"), measurement("fast", "screen", times_ns=(100,)),
            measurement("s0"), measurement("s0", "screen", times_ns=(time_ns,))]  # fmt: skip
    (result,) = _evaluate([*REFERENCES[:1], *_samples(1)], rows).problems
    assert set(result.scores) == {"pass@1", "beyond@1"}


def test_beyond_of_the_fastest_reference_written_again_is_one() -> None:
    rows = [*REFERENCE_ROWS, measurement("s0", equal_to="fast")]
    score = _evaluate([*REFERENCES, *_samples(1)], rows).problems[0].scores
    assert (score["beyond@1"], score["fast_share"]) == (1.0, 1.0)


def test_sample_whose_sandbox_failed_is_left_out() -> None:
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        measurement("s1", outcome=Outcome.SANDBOX_FAILED),
    ]
    (score,) = _evaluate([*REFERENCES, *_samples(2)], rows).problems
    assert len(score.samples) == 1
    assert (score.scores["pass@1"], score.scores["beyond@1"]) == (1.0, 1.0)


def test_problem_without_a_verdict_is_listed_not_scored() -> None:
    other = replace(HELD_OUT, problem_id="other")
    rows = [*REFERENCE_ROWS, measurement("s0", outcome=Outcome.SANDBOX_FAILED)]
    report = _evaluate([*REFERENCES, *_samples(1)], rows, [HELD_OUT, other])
    assert report.unscored == ("double", "other")
    assert report.problems == () and _intervals(report) == {}
    assert report.provenance["num_samples"] == 0


def test_problem_without_timed_references_counts_in_pass_only() -> None:
    bare = replace(HELD_OUT, problem_id="bare")
    sample = replace(SAMPLED, candidate_id="b0", problem_id="bare")
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        replace(measurement("b0"), problem_id="bare"),
    ]
    report = _evaluate([*REFERENCES, *_samples(1), sample], rows, [HELD_OUT, bare])
    assert ["beyond@1" in result.scores for result in report.problems] == [True, False]
    assert _score(report, "pass@1") == 1.0
    assert _score(report, "beyond@1") == 1.0
    counts = {name: score.num_problems for name, score in _intervals(report).items()}
    assert (counts["pass@1"], counts["beyond@1"], counts["fast_share"]) == (2, 1, 1)


def test_problem_without_a_right_sample_has_no_fast_share() -> None:
    rows = [*REFERENCE_ROWS, measurement("s0", outcome=Outcome.TIME_LIMIT)]
    report = _evaluate([*REFERENCES, *_samples(1)], rows)
    assert _score(report, "pass@1") == _score(report, "beyond@1") == 0.0
    assert "fast_share" not in _intervals(report)


def test_rows_of_training_problems_are_ignored() -> None:
    stranger = replace(SAMPLED, candidate_id="t0", problem_id="trained")
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        replace(measurement("t0", outcome=Outcome.WRONG_ANSWER), problem_id="trained"),
    ]
    report = _evaluate([stranger, *REFERENCES, *_samples(1)], rows)
    assert [result.scores["pass@1"] for result in report.problems] == [1.0]


def test_scores_are_means_over_problems_of_a_split_and_of_all() -> None:
    family = replace(HELD_OUT, problem_id="family", split="heldout_family")
    samples = [*_samples(2), replace(SAMPLED, candidate_id="f0", problem_id="family")]
    rows = [
        measurement("s0"),
        measurement("s1", outcome=Outcome.RUNTIME_ERROR),
        replace(measurement("f0"), problem_id="family"),
    ]
    report = _evaluate(samples, rows, [HELD_OUT, family])
    assert _score(report, "heldout_variant/pass@1") == 0.5
    assert _score(report, "heldout_family/pass@1") == 1.0
    assert _score(report, "pass@1") == 0.75
    overall = _intervals(report)["pass@1"]
    assert 0.5 <= overall.low <= 0.75 <= overall.high <= 1.0


def test_compare_reports_pairs_by_problem_and_leaves_out_the_rest() -> None:
    after = _report(
        _problem_result("a", "heldout_variant", pass_at_1=0.75, beyond_at_1=0.5),
        _problem_result("b", "heldout_family", pass_at_1=1.0, beyond_at_1=0.5),
        _problem_result("new", "heldout_family", pass_at_1=0.0),
    )
    before = _report(
        _problem_result("b", "heldout_family", pass_at_1=0.75, beyond_at_1=None, fast_share=None),
        _problem_result("a", "heldout_variant", pass_at_1=0.5, beyond_at_1=0.25),
        _problem_result("old", "heldout_variant", pass_at_1=1.0),
    )
    by_name = compare_reports(after, before)
    overall = by_name["pass@1"]
    assert (overall.value, overall.low, overall.high) == pytest.approx((0.25, 0.25, 0.25))
    assert overall.num_problems == 2
    assert by_name["beyond@1"].num_problems == 1
    assert by_name["beyond@1"].value == 0.25
    assert by_name["heldout_family/pass@1"].value == 0.25
    assert "heldout_family/beyond@1" not in by_name


def test_compare_reports_fast_share_needs_right_samples_on_both_sides() -> None:
    after = _report(_problem_result("a", "heldout_variant", pass_at_1=0.5, fast_share=1.0))
    before = _report(_problem_result("a", "heldout_variant", pass_at_1=0.0, fast_share=None))
    names = compare_reports(after, before)
    assert "beyond@1" in names and "fast_share" not in names


def test_compare_reports_without_a_common_problem_is_empty() -> None:
    left, right = _problem_result("a", "heldout_variant"), _problem_result("b", "heldout_variant")
    assert compare_reports(_report(left), _report(right)) == {}


def test_problems_of_a_built_in_family_are_resampled_together() -> None:
    def report(family: str, share: float) -> Evaluation:
        return _report(
            *(
                _problem_result(
                    f"{kind}-{index}", "heldout_variant", family and f"{family}{kind}",
                    pass_at_1=share * kind / 4,
                )
                for kind in range(5)
                for index in range(9)
            )
        )  # fmt: skip

    clustered = compare_reports(report("f", 1), report("f", 0))["pass@1"]
    of_file = compare_reports(report("", 1), report("", 0))["pass@1"]
    assert clustered.value == of_file.value == 0.5
    assert clustered.high - clustered.low > 2 * (of_file.high - of_file.low)


def test_scores_of_a_report_resample_families() -> None:
    def widths(source: str) -> float:
        problems, samples, rows = [], [], []
        for kind in range(4):
            for index in range(8):
                key = f"{kind}-{index}"
                problems.append(replace(HELD_OUT, problem_id=key, source=f"{source}{kind}"))
                samples.append(replace(SAMPLED, candidate_id=key, problem_id=key))
                outcome = Outcome.ACCEPTED if kind % 2 else Outcome.WRONG_ANSWER
                rows.append(replace(measurement(key, outcome=outcome), problem_id=key))
        score = _intervals(_evaluate(samples, rows, problems))["pass@1"]
        assert score.value == 0.5
        return score.high - score.low

    assert widths("families/f") > 2 * widths("f")


def test_right_sample_without_a_time_is_no_slow_sample() -> None:
    rows = [
        *REFERENCE_ROWS,
        measurement("s0"),
        measurement("s0", "screen", times_ns=(175,)),  # 0.75
        measurement("s1", outcome=Outcome.WRONG_ANSWER),
        measurement("s2"),  # right, and no row says that it was slow
    ]
    (score,) = _evaluate([*REFERENCES, *_samples(3)], rows).problems
    assert score.scores == pytest.approx(
        {"pass@1": 2 / 3, "beyond@1": 0.5, "percentile@1": 1 / 3, "fast_share": 1.0}
    )
    untimed = [*REFERENCE_ROWS, measurement("s0"), measurement("s1", outcome=Outcome.WRONG_ANSWER)]
    (score,) = _evaluate([*REFERENCES, *_samples(2)], untimed).problems
    assert score.scores == {"pass@1": 0.5}


@pytest.mark.parametrize("lost", ["verdict", "sandbox", "times"])
def test_problem_whose_reference_was_lost_counts_in_pass_only(lost: str) -> None:
    rows = [measurement("s0"), measurement("s0", "screen", times_ns=(175,)), *REFERENCE_ROWS]
    slow = {
        "verdict": [],
        "sandbox": [measurement("slow", outcome=Outcome.SANDBOX_FAILED)],
        "times": [measurement("slow")],
    }
    rows = [row for row in rows if row.candidate_id != "slow"] + slow[lost]
    report = _evaluate([*REFERENCES, *_samples(1)], rows)
    assert list(_intervals(report)) == ["pass@1", "heldout_variant/pass@1"]


def test_reference_that_is_wrong_is_no_part_of_the_range() -> None:
    rows = [
        measurement("s0"),
        measurement("s0", "screen", times_ns=(95,)),
        measurement("fast"),
        measurement("fast", "screen", times_ns=(100,)),
        measurement("slow", outcome=Outcome.RUNTIME_ERROR),
    ]
    assert _score(_evaluate([*REFERENCES, *_samples(1)], rows), "beyond@1") == 1.0
