"""The ablation's choices and statistics, on made results; training itself is tested elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from sample_records import SAMPLED, measurement

from skeldpo.problems.family import family_of
from skeldpo.suites.compare import compare_evaluations
from skeldpo.suites.evaluation import ProblemResult, load_evaluation, save_evaluation
from skeldpo.train.learners.preferences import PairTokens
from studies import ablation
from studies.ablation_page import Findings, frontier_plot, results_page
from studies.ablation_rounds import own_programs
from studies.ablation_statistics import (
    Effect,
    Written,
    arm_evaluation,
    chosen_policies,
    effect,
    fast_share,
    holm,
    operating_points,
    operating_points_at_right,
    outcome_values,
)
from studies.ablation_study import (
    Arm,
    arm_id,
    load_study,
    make_world,
    with_skeletons,
    world_id,
)
from studies.learners_page import learners_section
from studies.measured_rows import MeasuredRows
from studies.ranking_page import ranking_section, read_figures

STUDY = Path(__file__).parents[1] / "studies" / "ablation.toml"
NAMES = ["a", "b"]


def row(arm: str, seed: int, rate: float, *points: tuple[float, float]) -> dict:
    """A training whose points have these (fast, slow) masses in both problems."""
    return {
        "key": f"{arm}/{rate}/{seed}",
        "arm": arm,
        "seed": seed,
        "learning_rate": rate,
        "num_pairs": 10,
        "num_skeletons": 8,
        "num_steps": 20,
        "seconds": 3.0,
        "metrics": {"code/logps/chosen": -5.0, "code/logps/rejected": -9.0},
        "points": [
            {
                "step": place,
                "masses": {name: list(point) for name in (*NAMES, "c")},
                "policy": f"{arm}/{rate}/{seed}/{place}",
            }
            for place, point in enumerate(points)
        ],
    }


def test_study_file_loads_and_its_arms_differ_where_they_say() -> None:
    study, arms = load_study(STUDY, quick=False)
    named = {arm.name: arm for arm in arms}
    assert study.seeds >= 5 and len(named) >= 10
    assert named["code"].config.train.skeleton_weight == 0
    assert named["skeldpo"].config.train.skeleton_weight == 0.7
    assert named["syntactic"].config.skeleton.method == "syntactic"
    assert named["contrast"].config.skeleton.contrast
    assert (named["shuffled"].skeletons, named["skeldpo"].skeletons) == ("shuffled", "own")
    quick, few = load_study(STUDY, quick=True)
    assert (quick.seeds, {arm.name for arm in few}) == (2, set(study.main))


def test_pair_choice_is_a_study_without_a_control() -> None:
    """Its verdict compares the two primary arms only; it takes over the world of the first."""
    study, arms = load_study(STUDY.with_name("pair_choice.toml"), quick=False)
    first, others = load_study(STUDY, quick=False)
    assert world_id(study, arms[0].config) == world_id(first, others[0].config)
    assert len({arm_id(arm, study) for arm in arms}) == len(arms) == 5
    rows = [row(arm, seed, 1e-4, (right, 0.02)) for seed in (0, 1)
            for arm, right in (("largest", 0.5), ("nearest", 0.6))]  # fmt: skip
    start = {"masses": {name: [0.3, 0.3] for name in (*NAMES, "c")}}
    groups = {"with": NAMES, "without": ["c"]}
    found = Findings(study=study, rows=rows, start=start, groups=groups, written={})
    page = results_page(found, "c", "plot.svg")
    assert "`nearest` keeps more right programs than `largest`: +0.100" in page
    assert "what skeletons say" not in page and "which pair of a problem" in page


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds = 5", "sedes = 5", "missing \\['seeds'\\], unknown \\['sedes'\\]"),
        ('skeletons = "shuffled"', 'skeletons = "mixed"', "arms.shuffled.*'mixed'"),
        ('"skeldpo", "code"]', '"skeldpo", "none"]', "'none'.*no arms"),
        ('"skeleton.method"', '"skeleton.methods"', "methods"),
        ('"skeleton.contrast"', '"measure.max_tests"', "arms.contrast.*measure.max_tests"),
    ],
)
def test_mistakes_in_a_study_file_are_named(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    text = STUDY.read_text()
    assert before in text
    path = tmp_path / "study.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ValueError, match=message):
        load_study(path, quick=False)


def test_resume_of_a_study_that_never_began_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["ablation", "--config", str(STUDY), "--resume",
                                     "--runs", str(tmp_path)])  # fmt: skip
    with pytest.raises(SystemExit):
        ablation.main()
    assert "there is no study of this configuration" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_world_keeps_seeds_apart_and_pairs_off_the_other_families() -> None:
    study, arms = load_study(STUDY, quick=True)
    world = make_world(study, arms[0].config)
    first, second = ({problem.problem_id for problem in seed} for seed in world.train)
    assert len(first) == len(second) == study.num_train and not first & second
    trained = {family_of(problem.source) for seed in world.train for problem in seed}
    assert not trained & set(study.families_without_pairs)
    assert {family_of(p.source) for p in world.heldout} >= trained | set(
        study.families_without_pairs
    )


def tokens(pair_id: str, skeleton: int) -> PairTokens:
    has_one = bool(skeleton)
    return PairTokens(
        pair_id=pair_id,
        stage="efficiency" if has_one else "correctness",
        code_prompt=(1, 2),
        skeleton_prompt=(1, 3),
        code_chosen=(4,),
        code_rejected=(5,),
        skeleton_chosen=(skeleton, 8) if has_one else (),
        skeleton_rejected=(skeleton, 9) if has_one else (),
    )


def test_shuffled_skeletons_are_those_of_other_pairs() -> None:
    _, arms = load_study(STUDY, quick=False)
    named: dict[str, Arm] = {arm.name: arm for arm in arms}
    pairs = [tokens(str(n), 10 + n) for n in range(5)] + [tokens("plain", 0)]
    shuffled = with_skeletons(named["shuffled"], pairs, seed=3)
    before = [pair.skeleton_chosen for pair in pairs]
    after = [pair.skeleton_chosen for pair in shuffled]
    assert sorted(before) == sorted(after)
    assert all(left != right for left, right in zip(before[:5], after[:5], strict=True))
    assert all(p.skeleton_chosen[:1] == p.skeleton_rejected[:1] for p in shuffled)
    assert with_skeletons(named["code"], pairs, seed=3) == pairs


def test_skeleton_only_trains_skeletons_as_if_they_were_code() -> None:
    _, arms = load_study(STUDY, quick=False)
    only = next(arm for arm in arms if arm.name == "skeleton_only")
    plain, swapped = with_skeletons(only, [tokens("a", 10), tokens("plain", 0)], seed=0)
    assert plain.pair_id == "plain" and plain.code_chosen == (4,)
    assert swapped.code_prompt == (1, 3)
    assert (swapped.code_chosen, swapped.code_rejected) == ((10, 8), (10, 9))
    assert not swapped.has_skeleton


def test_operating_point_is_the_best_one_that_is_fast_enough() -> None:
    rows = [
        row("code", 0, 1e-5, (0.4, 0.4), (0.6, 0.1)),
        row("code", 0, 1e-4, (0.7, 0.05), (0.5, 0.0)),
    ]
    found = operating_points(rows, NAMES, share=0.85)
    assert found is not None
    assert found.learning_rates == (1e-4,)
    assert found.masses[0].tolist() == [[0.7, 0.05]] * 2
    assert found.policies == ("code/0.0001/0/0",)
    assert operating_points(rows, NAMES, share=1.01) is None
    never = [*rows, row("code", 1, 1e-5, (0.4, 0.4))]
    assert operating_points(never, NAMES, share=0.85) is None


def test_operating_points_at_equal_correctness_have_the_largest_share() -> None:
    rows = [
        row("code", 0, 1e-5, (0.4, 0.4), (0.6, 0.1)),
        row("code", 0, 1e-4, (0.7, 0.05), (0.5, 0.0)),
    ]
    for right_left, masses in ((0.45, [0.5, 0.0]), (0.74, [0.7, 0.05]), (0.79, [0.4, 0.4])):
        found = operating_points_at_right(rows, NAMES, right_left)
        assert found is not None and found.masses[0].tolist() == [masses] * 2
    assert operating_points_at_right(rows, NAMES, 0.81) is None


def test_effect_is_paired_by_problem_and_seed() -> None:
    draw = np.random.default_rng(1)
    theirs = [draw.normal(size=40) for _ in range(5)]
    ours = [values + 0.2 + 0.01 * draw.normal(size=40) for values in theirs]
    found = effect("skeldpo", ours, theirs)
    assert found.low < 0.2 < found.high and found.high - found.low < 0.02
    assert found.p_value < 0.001
    assert effect("same", theirs, theirs).p_value == 1.0


def test_effect_resamples_families_and_leaves_out_what_has_no_figure() -> None:
    families = [str(index // 10) for index in range(40)]
    ours = [np.repeat([0.0, 0.2, 0.4, 0.6], 10) for _ in range(3)]
    theirs = [np.zeros(40)] * 3
    by_family = effect("a", ours, theirs, families)
    alone = effect("a", ours, theirs)
    assert by_family.mean == alone.mean == pytest.approx(0.3)
    assert by_family.high - by_family.low > 2 * (alone.high - alone.low)
    assert by_family.p_value > alone.p_value
    ours[1][35] = np.nan
    assert effect("a", ours, theirs, families).mean == pytest.approx((0.3 * 40 - 0.6) / 39)
    with pytest.raises(ValueError, match="no problem has a figure"):
        effect("a", [np.array([np.nan])], [np.array([0.0])])


def test_holm_multiplies_by_the_comparisons_left() -> None:
    effects = [Effect(arm=name, mean=0, low=0, high=0, p_value=p)
               for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.03))]  # fmt: skip
    assert holm(effects) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def written(share_right: float, share_fast: float) -> Written:
    scores = tuple(
        ProblemResult(
            problem_id=name, split="heldout_variant", difficulty="easy", samples=(), relative_to={},
            scores={
                "pass@1": share_right, "beyond@1": share_right * share_fast,
                "fast_share": share_fast,
            },
        )
        for name in NAMES
    )  # fmt: skip
    return Written(per_problem=scores, distinct_share=0.5, mean_tokens=40.0)


def test_page_says_what_the_data_carries() -> None:
    study, _ = load_study(STUDY, quick=True)
    rows = [row("code", seed, 1e-4, (0.50, 0.02)) for seed in (0, 1)]
    rows += [row("skeldpo", seed, 1e-4, (0.60, 0.02)) for seed in (0, 1)]
    rows += [row("shuffled", seed, 1e-4, (0.3, 0.3)) for seed in (0, 1)]
    start = {"masses": {name: [0.3, 0.3] for name in (*NAMES, "c")}}
    groups = {"with": NAMES, "without": ["c"]}
    wrote = {"start": [written(0.5, 0.5)], "code": [written(0.5, 0.8)] * 2}
    wrote["skeldpo"] = [written(0.75, 0.8)] * 2
    found = Findings(study=study, rows=rows, start=start, groups=groups, written=wrote)
    page = results_page(found, "the command", "plot.svg")
    assert "| skeldpo | 0.750 | +0.250 [+0.250, +0.250] | 0.600 | +0.200 [" in page
    assert "| start | 0.500 |  | 0.250 |  | 0.50 | 0.50 | 40 | - | - |" in page
    assert "| code | 0.500, 0.400 |" in page, "by difficulty"
    assert "| code | 10 | 8 | 20 | 3 | -5.0 | -9.0 |" in page
    assert chosen_policies(study, rows, NAMES)["code"] == ("code/0.0001/0/0", "code/0.0001/1/0")
    assert "shuffled" not in chosen_policies(study, rows, NAMES)
    assert "`skeldpo` keeps more right programs than `code`: +0.100 [+0.100, +0.100]" in page
    assert "| shuffled | never reached |" in page
    assert "Against `shuffled`" not in page, "it never got there"
    assert "| skeldpo | 0.620 | 0.97 | +0.100 [+0.100, +0.100] | < 0.001 |" in page
    worse = [r | {"arm": {"code": "skeldpo", "skeldpo": "code"}.get(r["arm"], r["arm"])}
             for r in rows]  # fmt: skip
    found = Findings(study=study, rows=worse, start=start, groups=groups, written={})
    assert "keeps fewer right programs than" in results_page(found, "c", "plot.svg")


@pytest.mark.parametrize(
    ("control", "verdict"),
    [(0.60, "is not shown to matter"), (0.50, "helps beyond that loss"), (0.70, "does harm")],
)
def test_verdict_holds_the_primary_arm_against_the_control(control: float, verdict: str) -> None:
    study, _ = load_study(STUDY, quick=True)
    rights = {"code": 0.50, "skeldpo": 0.60, "shuffled": control}
    rows = [row(arm, seed, 1e-4, (right, 0.02)) for arm, right in rights.items() for seed in (0, 1)]
    groups = {"with": NAMES, "without": ["c"]}
    start = {"masses": {name: [0.3, 0.3] for name in (*NAMES, "c")}}
    found = Findings(study=study, rows=rows, start=start, groups=groups, written={})
    assert f"what skeletons say {verdict}" in results_page(found, "c", "plot.svg")


def test_page_shows_rankings_of_real_programs(tmp_path: Path) -> None:
    figures = {
        "num_tasks": 7,
        "before": [0.5, 0.4, 0.6],
        "length": [0.45, 0.4, 0.5],
        "code/5e-05": {"reward": [0.6, 0.5, 0.7], "difference": [0.0, 0.0, 0.0]},
        "skeldpo/5e-05": {"reward": [0.58, 0.5, 0.7], "difference": [-0.02, -0.05, 0.01]},
    }
    (tmp_path / "real.json").write_text(json.dumps(figures))
    lines = ranking_section(read_figures([str(tmp_path / "real.json")]))
    assert any(line.startswith("real, 7 unseen tasks") for line in lines)
    assert "| code | 5e-05 | 0.600 [0.500, 0.700] |  |" in lines
    assert "| skeldpo | 5e-05 | 0.580 [0.500, 0.700] | -0.020 [-0.050, +0.010] |" in lines
    assert ranking_section({}) == []


def test_page_shows_whether_rewards_were_better_than_preferences() -> None:
    scores = {"pass@1": [0.5, 0.4, 0.6], "beyond@1": [0.25, 0.2, 0.3]}
    differences = {"pass@1": [0.05, -0.01, 0.1], "beyond@1": [0.1, 0.02, 0.2]}
    figures = {
        "command": "python -m studies.learners", "seeds": 5, "num_rounds": 3, "num_train": 32,
        "steps_per_round": 40, "num_heldout": 96, "num_samples": 8,
        "arms": {
            "start": scores | {"by_seed": {"beyond@1": [0.2]}, "differences": {}},
            "preferences": scores | {"by_seed": {"beyond@1": [0.2, 0.3]}, "differences": {}},
            "rewards": scores | {"by_seed": {"beyond@1": [0.4, 0.3]}, "differences": differences},
        },
    }  # fmt: skip
    page = "\n".join(learners_section({"quickstart": figures}))
    assert (
        "**Rewards against preferences: Pass@1 +0.050 [-0.010, +0.100]: not shown to differ; "
        "Beyond@1 +0.100 [+0.020, +0.200]: more.**"
    ) in page
    row = "| rewards | 0.500 [0.400, 0.600] | 0.250 [0.200, 0.300] "
    assert row + "| +0.050 [-0.010, +0.100] | +0.100 [+0.020, +0.200] | 1 of 2 |" in page
    assert "| preferences | 0.500 [0.400, 0.600] | 0.250 [0.200, 0.300] |  |  |  |" in page
    differences["pass@1"] = [-0.05, -0.1, -0.01]
    assert "Pass@1 -0.050 [-0.100, -0.010]: less;" in "\n".join(learners_section({"q": figures}))
    assert learners_section({}) == []


def test_plot_is_an_svg_file_with_the_arms_that_got_there() -> None:
    study, _ = load_study(STUDY, quick=True)
    rows = [row("code", seed, 1e-4, (0.50, 0.02)) for seed in (0, 1)]
    rows += [row("sft", seed, 1e-4, (0.30, 0.30)) for seed in (0, 1)]
    groups = {"with": NAMES, "without": ["c"]}
    found = Findings(study=study, rows=rows, start={}, groups=groups, written={})
    drawn = ElementTree.fromstring(frontier_plot(found))
    texts = [element.text for element in drawn.iter() if element.text]
    assert {"code", "sft"} <= set(texts) and "skeldpo" not in texts, "it has no rows"
    tips = [text for text in texts if text.startswith("code: ")]
    assert tips == ["code: 0.52"] * 6, "one point a share, as all are reached"


def test_reports_of_arms_are_compared_by_problem(tmp_path: Path) -> None:
    for arm, right in (("code", 0.5), ("skeldpo", 0.75)):
        own = [written(right, 0.8), written(right - 0.25, 0.8)]
        save_evaluation(arm_evaluation(arm, own, "c"), tmp_path / f"{arm}.json")
    ours, theirs = (load_evaluation(tmp_path / f"{arm}.json") for arm in ("skeldpo", "code"))
    found = {each.name: each for each in compare_evaluations(ours, theirs)}
    assert found["pass@1"].value == pytest.approx(0.25)
    assert found["pass@1"].first == pytest.approx(0.625)
    assert found["easy/pass@1"].num_problems == 2


def test_problem_without_references_has_no_beyond_in_an_arm() -> None:
    own = written(0.5, 0.8)
    first, *others = own.per_problem
    bare = replace(first, scores={"pass@1": first.scores["pass@1"]})
    own = replace(own, per_problem=(bare, *others))
    assert np.isnan(outcome_values(own, NAMES, "beyond@1")[0])
    assert outcome_values(own, NAMES, "pass@1").tolist() == [0.5, 0.5]
    assert fast_share(own, NAMES) == pytest.approx(0.8)
    assert "beyond@1" not in arm_evaluation("code", [own], "c").problems[0].scores


def test_a_policy_keeps_the_measurements_of_what_others_wrote_too() -> None:
    known = replace(SAMPLED, candidate_id="known", origin="dataset", model_id="", seed=0)
    wrote = [
        replace(SAMPLED, candidate_id=name, model_id=name[0])
        for name in ("a0", "a1", "b0", "b1", "b2")
    ]
    run_as = {"known": "known", "a0": "a0", "a1": "known", "b0": "a0", "b1": "a0", "b2": "b2"}
    checks = [measurement(key, equal_to=of) for key, of in run_as.items()]
    timed = measurement("a0", "confirm", times_ns=(5,))
    sampled = MeasuredRows(candidates=(known, *wrote), measurements=(*checks, timed))
    own = own_programs("b", sampled)
    assert [c.candidate_id for c in own.candidates] == ["known", "b0", "b1", "b2"]
    found = [(row.candidate_id, row.equal_to, row.phase) for row in own.measurements]
    assert found == [
        ("known", "known", "check"),
        ("b0", "b0", "check"),
        ("b0", "b0", "confirm"),
        ("b1", "b0", "check"),
        ("b2", "b2", "check"),
    ]
    first = [(row.candidate_id, row.equal_to) for row in own_programs("a", sampled).measurements]
    assert first == [("known", "known"), ("a0", "a0"), ("a0", "a0"), ("a1", "known")]
