"""The table that compares measured pairs with EvalPerf's clusters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pair_rows import FAST, SLOW, build, candidate, measurement, timed
from scripted_runs import PROBLEM, linear, make_report, make_script

from benchmarks.input_order import reversed_pairs
from benchmarks.pair_agreement import Judgement, agreement, spread, write_inputs
from skeldpo.measure.folder import MeasuredProblem
from skeldpo.problems.formats import read_problem_file
from skeldpo.problems.programs import read_programs
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest


def judgement(chosen_cluster: int, rejected_cluster: int) -> Judgement:
    rows = [measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 2.0)]
    (pair,) = build([candidate("a", FAST[0]), candidate("b", SLOW[0])], rows).pairs
    return Judgement(pair=pair, chosen_cluster=chosen_cluster, rejected_cluster=rejected_cluster)


def test_pair_agrees_if_its_chosen_program_is_of_the_higher_cluster() -> None:
    judged = [judgement(3, 1), judgement(5, 1), judgement(1, 3), judgement(2, 1), judgement(4, 4)]
    judged = [replace(j, pair=replace(j.pair, pair_id=str(i))) for i, j in enumerate(judged)]
    assert agreement(judged, {"2": 1.5, "3": 2.0}) == {
        "distance_0_pairs": 1,
        "distance_0_agree": 0,
        "distance_1_pairs": 1,
        "distance_1_agree": 1,
        "distance_2_pairs": 2,
        "distance_2_agree": 0.5,
        "distance_4_pairs": 1,
        "distance_4_agree": 1,
        "distance_2_or_more_pairs": 3,
        "distance_2_or_more_agree": 2 / 3,
        "same_order_on_all_inputs_pairs": 2,
        "same_order_on_all_inputs_agree": 1.0,
    }


def test_pairs_whose_order_another_input_reverses_are_found() -> None:
    def by_parity(request: RunRequest) -> RunReport:
        (size,) = json.loads(request.input_texts[0])
        return linear(10 if size % 2 else 1000)(request)

    def odd(request: RunRequest) -> RunReport:
        size, _ = json.loads(request.input_texts[0])
        return make_report(answer_texts=(json.dumps([size + 1]),), cpu_time_ns=1)

    script = make_script(a=linear(100), b=linear(300), odd=odd, parity=by_parity)
    script.programs["fails"] = lambda request: make_report(Outcome.RUNTIME_ERROR)
    measured = MeasuredProblem(
        problem=replace(PROBLEM, generators=("gen", "odd", "fails")), candidates=(), measurements=()
    )
    pair = judgement(1, 0).pair
    made = {
        name: replace(
            pair, pair_id=name, chosen=replace(pair.chosen, code="a"),
            rejected=replace(pair.rejected, code=name),
        )
        for name in ("b", "parity")
    }  # fmt: skip
    assert reversed_pairs(measured, list(made.values()), script.run) == {"parity": 10.0}


def test_programs_are_spread_over_the_clusters() -> None:
    clusters = {f"p{cluster}{i}": cluster for cluster in range(-1, 9) for i in range(3)}
    found = [clusters[code] for code in spread(clusters, 4)]
    assert found == [-1, 2, 5, 8]
    assert len(spread({"a": 1, "b": 1, "c": 2}, 8)) == 3


def test_inputs_are_files_that_measuring_reads(real_data: Path, tmp_path: Path) -> None:
    clusters = write_inputs(real_data, tmp_path, 3)
    problems = read_problem_file(tmp_path / "problems.jsonl")
    programs = read_programs(
        tmp_path / "programs.jsonl", {problem.problem_id for problem in problems}
    )
    assert len(problems) == len(programs) == 3
    for problem_id, codes in programs.items():
        found = [clusters[problem_id, code] for code in codes]
        assert max(found) - min(found) >= 2
    rows = (tmp_path / "programs.jsonl").read_text().splitlines()
    assert all(set(json.loads(row)) == {"problem_id", "code"} for row in rows)
