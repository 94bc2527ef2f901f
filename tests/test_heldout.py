"""Scores of held-out problems from rows whose scores can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo.evaluate.heldout import Bootstrap, compare_reports, evaluate_heldout
from skeldpo.records import Candidate, Measurement, Outcome, Problem, ProblemScore, SuiteReport

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
) -> SuiteReport:
    return evaluate_heldout(
        problems=problems,
        candidates=candidates,
        measurements=rows,
        model_id="m0",
        round_index=2,
        bootstrap=BOOTSTRAP,
    )


def _score(report: SuiteReport, name: str) -> float:
    (score,) = [score for score in report.scores if score.name == name]
    return score.value


def _problem_score(
    problem_id: str, split: str, source: str = "tests", **values: float
) -> ProblemScore:
    return ProblemScore(
        problem_id=problem_id,
        source=source,
        split=split,
        difficulty="easy",
        num_samples=4,
        has_reference=bool(values.get("has_reference", True)),
        pass_at_1=values.get("pass_at_1", 0.5),
        beyond_at_1=values.get("beyond_at_1", 0.25),
        fast_share=values.get("fast_share", 0.5),
    )


def _report(*scores: ProblemScore) -> SuiteReport:
    return SuiteReport(
        suite="heldout",
        model_id="m",
        round_index=0,
        host_id="host",
        num_samples=4,
        scores=(),
        per_problem=scores,
        unscored=(),
    )


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
    (score,) = report.per_problem
    assert (score.problem_id, score.split, score.num_samples) == ("double", "heldout_variant", 4)
    assert score.pass_at_1 == 0.75
    assert score.beyond_at_1 == pytest.approx(0.75 / 4)
    assert score.fast_share == pytest.approx(1 / 3)
    assert (report.suite, report.model_id, report.round_index) == ("heldout", "m0", 2)
    assert (report.host_id, report.num_samples, report.unscored) == ("host", 4, ())
    for name in ("pass@1", "heldout_variant/pass@1"):
        assert _score(report, name) == 0.75


@pytest.mark.parametrize(("time_ns", "share"), [(199, 1.0), (201, 0.0)])
def test_fast_share_splits_at_the_geometric_mean_of_the_references(
    time_ns: int, share: float
) -> None:
    rows = [*REFERENCE_ROWS, measurement("s0"), measurement("s0", "screen", times_ns=(time_ns,))]
    assert _evaluate([*REFERENCES, *_samples(1)], rows).per_problem[0].fast_share == share


def test_beyond_of_the_fastest_reference_written_again_is_one() -> None:
    rows = [*REFERENCE_ROWS, measurement("s0", equal_to="fast")]
    score = _evaluate([*REFERENCES, *_samples(1)], rows).per_problem[0]
    assert (score.beyond_at_1, score.fast_share) == (1.0, 1.0)


def test_sample_whose_sandbox_failed_is_left_out() -> None:
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        measurement("s1", outcome=Outcome.SANDBOX_FAILED),
    ]
    (score,) = _evaluate([*REFERENCES, *_samples(2)], rows).per_problem
    assert (score.num_samples, score.pass_at_1, score.beyond_at_1) == (1, 1.0, 1.0)


def test_problem_without_a_verdict_is_listed_not_scored() -> None:
    other = replace(HELD_OUT, problem_id="other")
    rows = [*REFERENCE_ROWS, measurement("s0", outcome=Outcome.SANDBOX_FAILED)]
    report = _evaluate([*REFERENCES, *_samples(1)], rows, [HELD_OUT, other])
    assert report.unscored == ("double", "other")
    assert report.per_problem == () and report.scores == ()
    assert report.num_samples == 0


def test_problem_without_timed_references_counts_in_pass_only() -> None:
    bare = replace(HELD_OUT, problem_id="bare")
    sample = replace(SAMPLED, candidate_id="b0", problem_id="bare")
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        replace(measurement("b0"), problem_id="bare"),
    ]
    report = _evaluate([*REFERENCES, *_samples(1), sample], rows, [HELD_OUT, bare])
    assert [score.has_reference for score in report.per_problem] == [True, False]
    assert report.per_problem[1].beyond_at_1 == 0.0
    assert _score(report, "pass@1") == 1.0
    assert _score(report, "beyond@1") == 1.0
    counts = {score.name: score.num_problems for score in report.scores}
    assert (counts["pass@1"], counts["beyond@1"], counts["fast_share"]) == (2, 1, 1)


def test_problem_without_a_right_sample_has_no_fast_share() -> None:
    rows = [*REFERENCE_ROWS, measurement("s0", outcome=Outcome.TIME_LIMIT)]
    report = _evaluate([*REFERENCES, *_samples(1)], rows)
    assert _score(report, "pass@1") == _score(report, "beyond@1") == 0.0
    assert "fast_share" not in {score.name for score in report.scores}


def test_rows_of_training_problems_are_ignored() -> None:
    stranger = replace(SAMPLED, candidate_id="t0", problem_id="trained")
    rows = [
        *REFERENCE_ROWS,
        measurement("s0", equal_to="fast"),
        replace(measurement("t0", outcome=Outcome.WRONG_ANSWER), problem_id="trained"),
    ]
    report = _evaluate([stranger, *REFERENCES, *_samples(1)], rows)
    assert [score.pass_at_1 for score in report.per_problem] == [1.0]


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
    (overall,) = [score for score in report.scores if score.name == "pass@1"]
    assert 0.5 <= overall.low <= 0.75 <= overall.high <= 1.0


def test_compare_reports_pairs_by_problem_and_leaves_out_the_rest() -> None:
    after = _report(
        _problem_score("a", "heldout_variant", pass_at_1=0.75, beyond_at_1=0.5),
        _problem_score("b", "heldout_family", pass_at_1=1.0, beyond_at_1=0.5),
        _problem_score("new", "heldout_family", pass_at_1=0.0),
    )
    before = _report(
        _problem_score("b", "heldout_family", pass_at_1=0.75, has_reference=False),
        _problem_score("a", "heldout_variant", pass_at_1=0.5, beyond_at_1=0.25),
        _problem_score("old", "heldout_variant", pass_at_1=1.0),
    )
    compared = compare_reports(after, before, BOOTSTRAP)
    by_name = {score.name: score for score in compared}
    overall = by_name["pass@1"]
    assert (overall.value, overall.low, overall.high) == pytest.approx((0.25, 0.25, 0.25))
    assert overall.num_problems == 2
    assert by_name["beyond@1"].num_problems == 1
    assert by_name["beyond@1"].value == 0.25
    assert by_name["heldout_family/pass@1"].value == 0.25
    assert "heldout_family/beyond@1" not in by_name


def test_compare_reports_fast_share_needs_right_samples_on_both_sides() -> None:
    after = _report(_problem_score("a", "heldout_variant", pass_at_1=0.5, fast_share=1.0))
    before = _report(_problem_score("a", "heldout_variant", pass_at_1=0.0, fast_share=0.0))
    names = {score.name for score in compare_reports(after, before, BOOTSTRAP)}
    assert "beyond@1" in names and "fast_share" not in names


def test_compare_reports_without_a_common_problem_is_empty() -> None:
    left, right = _problem_score("a", "heldout_variant"), _problem_score("b", "heldout_variant")
    assert compare_reports(_report(left), _report(right), BOOTSTRAP) == ()


def test_problems_of_a_built_in_family_are_resampled_together() -> None:
    def report(source: str) -> SuiteReport:
        return _report(
            *(
                _problem_score(
                    f"{kind}-{index}", "heldout_variant", source and f"{source}{kind}",
                    pass_at_1=kind / 4,
                )
                for kind in range(5)
                for index in range(9)
            )
        )  # fmt: skip

    nothing = replace(
        report("families/"),
        per_problem=tuple(replace(s, pass_at_1=0.0) for s in report("families/").per_problem),
    )
    clustered = compare_reports(report("families/"), nothing, BOOTSTRAP)[0]
    of_file = compare_reports(report("problems.jsonl"), nothing, BOOTSTRAP)[0]
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
        score = _evaluate(samples, rows, problems).scores[0]
        assert (score.name, score.value) == ("pass@1", 0.5)
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
    (score,) = _evaluate([*REFERENCES, *_samples(3)], rows).per_problem
    assert score.pass_at_1 == pytest.approx(2 / 3)
    assert score.beyond_at_1 == pytest.approx(0.75 * 2 / 3)
    assert (score.fast_share, score.has_reference) == (1.0, True)
    untimed = [*REFERENCE_ROWS, measurement("s0"), measurement("s1", outcome=Outcome.WRONG_ANSWER)]
    (score,) = _evaluate([*REFERENCES, *_samples(2)], untimed).per_problem
    assert (score.pass_at_1, score.has_reference) == (0.5, False)


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
    assert [score.name for score in report.scores] == ["pass@1", "heldout_variant/pass@1"]


def test_reference_that_is_wrong_is_no_part_of_the_range() -> None:
    rows = [
        measurement("s0"),
        measurement("s0", "screen", times_ns=(95,)),
        measurement("fast"),
        measurement("fast", "screen", times_ns=(100,)),
        measurement("slow", outcome=Outcome.RUNTIME_ERROR),
    ]
    assert _score(_evaluate([*REFERENCES, *_samples(1)], rows), "beyond@1") == 1.0
