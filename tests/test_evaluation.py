"""Reports of evaluations: scores from samples, the file and back, and two reports compared."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from skeldpo.cli import main
from skeldpo.console import Display
from skeldpo.records import Outcome
from skeldpo.suites.compare import (
    COLUMNS,
    PLOT_CHARACTERS,
    compare_evaluations,
    comparison_rows,
    other_terms,
    terms_notes,
)
from skeldpo.suites.enamel_tests import efficiency_scores
from skeldpo.suites.evaluation import (
    MEAN_COLUMNS,
    Evaluation,
    LeftOut,
    ProblemResult,
    SampleResult,
    load_evaluation,
    mean_cells,
    mean_scores,
    save_evaluation,
)
from skeldpo.suites.evaluation_page import comparison_page, evaluation_page
from skeldpo.suites.scoring import beyond_scores
from skeldpo.suites.shown import compare_reports


def _sample(index: int, is_correct: bool, **values: float) -> SampleResult:
    return SampleResult(
        sample_index=index,
        code="pass",
        outcome=Outcome.ACCEPTED if is_correct else Outcome.WRONG_ANSWER,
        is_correct=is_correct,
        failure="",
        values=values,
        times_ns=(((3, 4), (5,)), ((6,),)) if is_correct else (),
    )


def _problem(name: str, difficulty: str, *beyonds: float | None) -> ProblemResult:
    samples = tuple(
        _sample(index, value is not None, beyond=value or 0.0)
        for index, value in enumerate(beyonds)
    )
    return ProblemResult(
        problem_id=name,
        difficulty=difficulty,
        samples=samples,
        relative_to={"reference_times_ns": [[1, 2]]},
        scores=beyond_scores(samples, (1, 2), ("beyond",)),
    )


EVALUATION = Evaluation(
    suite="mercury",
    protocol="cpu",
    provenance={"data": "mercury.jsonl"},
    problems=(
        _problem("a", "Easy", 0.5, None),
        _problem("b", "Easy", None, None),
        _problem("c", "Hard", 1.0),
    ),
    left_out=(LeftOut(place="line 4", problem_id="d", reason="no program given"),),
)


def test_efficiency_scores_of_a_problem() -> None:
    samples = [_sample(0, True, eff=0.2), _sample(1, False, eff=0.0), _sample(2, True, eff=0.9)]
    scores = efficiency_scores(samples, (1, 2, 5))
    assert scores == {
        "pass@1": pytest.approx(2 / 3),
        "pass@2": 1.0,
        "eff@1": pytest.approx(1.1 / 3),
        "eff@2": pytest.approx((2 * 0.9 + 0.2) / 3),
    }


def test_beyond_scores_are_means_of_the_first_k_and_of_the_correct() -> None:
    samples = [_sample(0, False, beyond=0.0), _sample(1, True, beyond=0.8)]
    assert beyond_scores(samples, (1, 2), ("beyond",)) == {
        "pass@1": 0.5, "pass@2": 1.0, "beyond@1": 0.0, "beyond@2": 0.4, "beyond_given_pass": 0.8,
    }  # fmt: skip
    assert beyond_scores(samples, (1,), ()) == {"pass@1": 0.5}  # no reference: Pass alone


def test_mean_scores_overall_and_by_difficulty() -> None:
    means = mean_scores(EVALUATION.problems)
    assert means["pass@1"].value == pytest.approx(0.5)
    assert means["beyond@1"].value == pytest.approx(0.5)
    assert means["Easy/beyond@1"].value == pytest.approx(0.25)
    assert means["Hard/beyond@1"].value == pytest.approx(1.0)
    assert means["beyond@2"].num_problems == 2  # "c" has one sample
    assert means["beyond_given_pass"].value == pytest.approx(0.75)
    assert means["pass@1"].low <= 0.5 <= means["pass@1"].high


def test_report_file_holds_scores_and_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "report.json"
    save_evaluation(EVALUATION, path)
    held = json.loads(path.read_text())
    assert held["scores"]["beyond@1"] == pytest.approx(0.5)
    assert held["scores"]["Easy/pass@1"] == pytest.approx(0.25)
    assert held["left_out"] == [
        {"place": "line 4", "problem_id": "d", "reason": "no program given"}
    ]
    read = load_evaluation(path)
    assert read == EVALUATION
    assert mean_scores(read.problems) == mean_scores(EVALUATION.problems)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99}', "[]"])
def test_file_that_is_no_report_is_value_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"report.json is no report of `skeldpo evaluate`"):
        load_evaluation(path)
    with pytest.raises(ValueError, match="no report at"):
        load_evaluation(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("scores", "twice", "said"),
    [
        ({"pass@1": 0.5}, True, "rows of one problem_id twice"),
        ({"pass@1": math.nan}, False, "a: its pass@1 is nan"),
        (["pass@1"], False, "ValueError"),
        ({"pass@1": "0.5"}, False, "TypeError"),
    ],
)
def test_report_with_rows_that_no_mean_can_be_of_is_named(
    tmp_path: Path, scores: Any, twice: bool, said: str
) -> None:
    """A second row counted once more in one report of a comparison, and alone in the other."""
    path = tmp_path / "report.json"
    save_evaluation(replace(EVALUATION, problems=EVALUATION.problems[:1]), path)
    held = json.loads(path.read_text())
    held["problems"][0]["scores"] = scores
    held["problems"] *= 1 + twice
    path.write_text(json.dumps(held))
    with pytest.raises(ValueError, match=rf"report.json is no report.*{said}"):
        load_evaluation(path)


@pytest.mark.parametrize(
    ("name", "value", "of_problem"),
    [("suite", None, False), ("provenance", None, False), ("provenance", [1], False),
     ("difficulty", None, True), ("relative_to", None, True), ("problem_id", 3, True),
     ("scores", {"pass@1": 10**400}, True)],
)  # fmt: skip
def test_report_with_a_field_of_another_kind_is_named(
    tmp_path: Path, name: str, value: Any, of_problem: bool
) -> None:
    path = tmp_path / "report.json"
    save_evaluation(EVALUATION, path)
    held = json.loads(path.read_text())
    (held["problems"][0] if of_problem else held)[name] = value
    path.write_text(json.dumps(held))
    with pytest.raises(ValueError, match=r"report.json is no report of `skeldpo evaluate`: "):
        load_evaluation(path)


def test_comparison_is_paired_by_problem() -> None:
    better = replace(
        EVALUATION,
        problems=(
            _problem("a", "Easy", 0.7, None),
            _problem("c", "Hard", 0.8),
            _problem("z", "Hard", 0.1),
        ),
    )
    by_name = {d.name: d for d in compare_evaluations(better, EVALUATION)}
    beyond = by_name["beyond@1"]
    assert (beyond.first, beyond.second, beyond.num_problems) == (0.75, 0.75, 2)
    assert beyond.value == pytest.approx(0.0)
    assert (beyond.low, beyond.high) == pytest.approx((-0.2, 0.2))
    assert beyond.apart == pytest.approx(0.2)
    assert by_name["Easy/beyond@1"].value == pytest.approx(0.2)
    assert "beyond@3" not in by_name


def test_variants_of_a_family_are_resampled_together_in_scores_and_comparisons() -> None:
    def evaluation(shift: float, family: str) -> Evaluation:
        problems = tuple(
            replace(
                _problem(f"{kind}-{index}", "Easy", 0.2 * kind + shift * kind),
                family=family and f"{family} {kind}",
            )
            for kind in range(4)
            for index in range(12)
        )
        return replace(EVALUATION, suite="heldout", problems=problems)

    before, after = evaluation(0.0, "task"), evaluation(0.1, "task")
    one = mean_scores(evaluation(0.0, "").problems)["beyond@1"]
    clustered = mean_scores(before.problems)["Easy/beyond@1"]
    assert (one.num_problems, one.num_families) == (48, 48)
    assert (clustered.num_problems, clustered.num_families) == (48, 4)
    assert clustered.value == one.value
    assert clustered.high - clustered.low > 2.5 * (one.high - one.low)
    by_name = {d.name: d for d in compare_evaluations(after, before)}
    plain = compare_evaluations(evaluation(0.1, ""), evaluation(0.0, ""))
    assert by_name["beyond@1"].value == pytest.approx(0.15)
    assert by_name["beyond@1"].low < min(d.low for d in plain if d.name == "beyond@1") - 0.05
    cells = dict(zip(COLUMNS, comparison_rows([by_name["beyond@1"]])[0], strict=True))
    assert cells["problems"] == "48 of 4 families"
    assert "48 of 4 families" in evaluation_page(before)
    # A report of before families were kept takes them from the other.
    assert compare_evaluations(after, evaluation(0.0, ""))[0].num_families == 4


def test_family_of_a_problem_survives_the_file(tmp_path: Path) -> None:
    problem = replace(EVALUATION.problems[0], family="pairs")
    save_evaluation(replace(EVALUATION, problems=(problem,)), tmp_path / "r.json")
    assert load_evaluation(tmp_path / "r.json").problems[0].family == "pairs"
    held = json.loads((tmp_path / "r.json").read_text())
    assert held["intervals"]["pass@1"]["num_families"] == 1
    del held["problems"][0]["family"]
    (tmp_path / "r.json").write_text(json.dumps(held))
    assert load_evaluation(tmp_path / "r.json").problems[0].family == ""


def test_right_sample_without_a_time_counts_as_the_other_right_ones() -> None:
    untimed = replace(_sample(2, True), values={})
    samples = [_sample(0, True, beyond=0.6), _sample(1, False, beyond=0.0), untimed]
    scores = beyond_scores(samples, (1, 3), ("beyond",))
    assert scores["pass@1"] == pytest.approx(2 / 3)
    assert scores["beyond@3"] == pytest.approx((0.6 + 0.0 + 0.6) / 3)
    assert scores["beyond_given_pass"] == 0.6
    only = beyond_scores([untimed, _sample(1, False, beyond=0.0)], (1,), ("beyond",))
    assert only == {"pass@1": 0.5}


def test_reports_of_other_data_or_limits_are_told_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = replace(EVALUATION, provenance={"data_sha256": "a", "measure": {"cpu_limit_s": 2}})
    assert other_terms(first, first) == ""
    measure = {"cpu_limit_s": 2, "num_cores": 3, "of_another_version": 1}
    alike = replace(first, provenance={"data_sha256": "", "measure": measure})
    assert other_terms(first, alike) == ""
    other = replace(first, provenance={"data_sha256": "b", "measure": {"cpu_limit_s": 9}})
    assert other_terms(first, other) == (
        "the reports are of different data, measure.cpu_limit_s (2 and 9)"
    )
    paths = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    for evaluation, path in zip((first, other), paths, strict=True):
        save_evaluation(evaluation, path)
    assert main(["compare", *paths]) == 0
    assert "different data, measure.cpu_limit_s (2 and 9)" in capsys.readouterr().err


def test_comparison_of_different_suites_is_value_error() -> None:
    with pytest.raises(ValueError, match="different protocols, 'cpu' and 'released'"):
        compare_evaluations(EVALUATION, replace(EVALUATION, protocol="released"))
    with pytest.raises(ValueError, match="no problem and score in common"):
        compare_evaluations(EVALUATION, replace(EVALUATION, problems=()))


def test_comparison_as_rows_and_page() -> None:
    differences = compare_evaluations(EVALUATION, replace(EVALUATION))
    rows = comparison_rows(differences)
    assert dict(zip(COLUMNS, rows[0], strict=True))["apart"] == "0"
    assert all(len(row) == len(COLUMNS) and len(row[-1]) == PLOT_CHARACTERS for row in rows)
    page = comparison_page(differences, title="a < b", first="x.json", second="y.json")
    assert "a &lt; b" in page
    assert page.count('class="track"') == len(rows)
    assert "<script" not in page


def _scored(problem_id: str, digest: str = "", **scores: float) -> ProblemResult:
    problem = replace(EVALUATION.problems[0], problem_id=problem_id, scores=scores)
    return replace(problem, relative_to={"input_digest": digest} if digest else {})


def test_each_score_is_drawn_on_a_scale_of_its_own() -> None:
    """DPS is in percent: beside it no difference in Pass was seen."""
    first = [_scored("a", pass1=1.0, dps=70.0), _scored("b", pass1=1.0, dps=80.0)]
    second = [_scored("a", pass1=0.6, dps=40.0), _scored("b", pass1=1.0, dps=80.0)]
    found = compare_evaluations(
        replace(EVALUATION, problems=tuple(first)), replace(EVALUATION, problems=tuple(second))
    )
    passed, dps = (
        dict(zip(COLUMNS, row, strict=True))["plot"] for row in comparison_rows(found)[:2]
    )
    assert passed == dps == "                |-------o--------"
    page = comparison_page(found, title="", first="", second="")
    assert page.count('<i style="left:50.00%;width:50.00%">') == len(found)


def test_small_figures_keep_three_digits_and_one_problem_has_no_interval() -> None:
    """EffiBench's times are thousandths of a second."""
    fast = replace(EVALUATION, problems=(_scored("a", et=0.00123), _scored("b", et=0.00133)))
    slow = replace(EVALUATION, problems=(_scored("a", et=0.00234), _scored("b", et=0.00244)))
    (row, *_) = comparison_rows(compare_evaluations(slow, fast))
    assert row[1:5] == ("0.00239", "0.00128", "+0.00111", "+0.00111 to +0.00111")
    one = replace(EVALUATION, problems=EVALUATION.problems[2:])
    (row, *_) = comparison_rows(compare_evaluations(one, EVALUATION))
    assert dict(zip(COLUMNS, row, strict=True))["95 % interval"] == "-"
    (cells, *_) = mean_cells(mean_scores(slow.problems))
    assert cells == ("et", "0.00239", "0.00234 to 0.00244", "2")
    assert dict(zip(MEAN_COLUMNS, mean_cells(mean_scores(one.problems))[0], strict=True)) == {
        "score": "pass@1", "mean": "1.0000", "95 % interval": "-", "problems": "1",
    }  # fmt: skip
    assert "et 0.00123" in evaluation_page(fast)


def test_reports_of_other_data_or_inputs_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = []
    for name, digests in (("x", ("i", "i", "")), ("y", ("i", "j", "k"))):
        problems = [_scored(f"p{i}", digest, pass1=1.0) for i, digest in enumerate(digests)]
        provenance = {"data_sha256": name}
        reports.append(replace(EVALUATION, problems=tuple(problems), provenance=provenance))
        save_evaluation(reports[-1], tmp_path / f"{name}.json")
    assert terms_notes(reports[0], reports[0]) == []
    page = tmp_path / "page.html"
    compare_reports(
        str(tmp_path / "x.json"), str(tmp_path / "y.json"), str(page), Display(Console())
    )
    told = capsys.readouterr().err
    for note in (
        "the reports are of different data",
        "1 of the 3 problems of both were timed on other inputs: their speed is compared on "
        "unequal terms",
    ):
        assert note in told and note in page.read_text()


def test_page_of_a_report_shows_scores_problems_and_what_was_left_out() -> None:
    hostile = replace(EVALUATION.problems[0], problem_id="<script>alert(1)</script>")
    page = evaluation_page(replace(EVALUATION, problems=(hostile, *EVALUATION.problems[1:])))
    for text in ("beyond_given_pass", "Hard/beyond@1", "no program given", "mercury.jsonl"):
        assert text in page
    assert "<script" not in page
    assert page.index("Easy") < page.index("Hard")


def test_page_opens_with_the_hardest_problem_and_has_each_failing_program_once() -> None:
    failing = [
        replace(_sample(i, False), code=f"x = {i // 2}", failure=f"test 3: {i // 2}" + "y" * 300)
        for i in range(4)
    ]
    hard = replace(
        EVALUATION.problems[1], problem_id="hard", samples=(_sample(9, True), *failing, *failing)
    )
    page = evaluation_page(replace(EVALUATION, problems=(*EVALUATION.problems, hard)))
    shown = page[page.index("Problems, hardest first") :]
    # "b" has two wrong samples, of "hard" one of nine is right, of "a" one of two.
    places = [shown.index(f"<b>{name}</b>") for name in ("b", "hard", "a", "c")]
    assert places == sorted(places)
    own = shown[places[1] : places[2]]
    assert own.count('<details class="sample') == 3
    assert own.index("WRONG_ANSWER</span> samples 0, 1, 0, 1: test 3: 0y") < own.index("ACCEPTED<")
    assert "y" * 300 in own and "y" * 161 not in own.partition("</summary>")[0]
    for rule in ("only-WRONG_ANSWER", "only-ACCEPTED"):
        assert f'id="{rule}"' in shown and f":has(#{rule}:checked)" in page


def test_failing_programs_are_in_colours_and_escaped() -> None:
    code = "def f(a):\n    return '</pre><script>' + a\n"
    wrong = replace(_sample(0, False), code=code)
    page = evaluation_page(
        replace(EVALUATION, problems=(replace(EVALUATION.problems[0], samples=(wrong,)),))
    )
    assert '<span class="k">def</span> <span class="f">f</span>(a):' in page
    assert "&lt;/pre&gt;&lt;script&gt;" in page and "<script" not in page
