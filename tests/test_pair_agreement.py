"""The table that compares measured pairs with EvalPerf's clusters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pair_rows import FAST, SLOW, build, candidate, measurement, timed

from benchmarks.pair_agreement import (
    Judgement,
    agreeing_share,
    agreement,
    spread,
    write_inputs,
)
from skeldpo.answers import Wanted
from skeldpo.problems.programs import read_programs
from skeldpo.problems.sources import load_problems
from skeldpo.records import Outcome


def judgement(chosen_cluster: int, rejected_cluster: int) -> Judgement:
    rows = [measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 2.0)]
    (pair,) = build([candidate("a", FAST[0]), candidate("b", SLOW[0])], rows).pairs
    return Judgement(pair=pair, chosen_cluster=chosen_cluster, rejected_cluster=rejected_cluster)


def test_pair_agrees_if_its_chosen_program_is_of_the_higher_cluster() -> None:
    judged = [judgement(3, 1), judgement(5, 1), judgement(1, 3), judgement(2, 1), judgement(4, 4)]
    judged = [replace(j, pair=replace(j.pair, pair_id=str(i))) for i, j in enumerate(judged)]
    reversed_pair = judgement(2, 6)
    assert agreement(judged, [*judged, reversed_pair]) == {
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
        "without_crosschecks_pairs": 4,
        "without_crosschecks_agree": 0.5,
        "reversed_on_other_input_pairs": 1,
        "reversed_on_other_input_agree": 0,
    }


def test_programs_that_disagree_on_a_grown_input_count_against_it() -> None:
    rows = [measurement(key) for key in "abcd"] + [timed("a", 1.0)]
    assert agreeing_share(rows) == 1
    rows.append(measurement("b", "screen", Outcome.WRONG_ANSWER))
    rows.append(measurement("c", "screen", Outcome.TIME_LIMIT))
    assert agreeing_share(rows) == 0.75
    assert agreeing_share([*rows, measurement("e", outcome=Outcome.TIME_LIMIT)]) == 0.6


def test_programs_are_spread_over_the_clusters() -> None:
    clusters = {f"p{cluster}{i}": cluster for cluster in range(-1, 9) for i in range(3)}
    found = [clusters[code] for code in spread(clusters, 4)]
    assert found == [-1, 2, 5, 8]
    assert len(spread({"a": 1, "b": 1, "c": 2}, 8)) == 3


def test_inputs_are_files_that_measuring_reads(real_data: Path, tmp_path: Path) -> None:
    clusters = write_inputs(real_data, tmp_path, 3)
    problems = load_problems([str(tmp_path / "problems.jsonl")])
    wanted = {
        problem.problem_id: Wanted(language="python", entry_point=problem.entry_point)
        for problem in problems
    }
    programs = read_programs(tmp_path / "programs.jsonl", wanted)
    assert len(problems) == len(programs) == 3
    for problem_id, codes in programs.items():
        found = [clusters[problem_id, code] for code in codes]
        assert max(found) - min(found) >= 2
    rows = (tmp_path / "programs.jsonl").read_text().splitlines()
    assert all(set(json.loads(row)) == {"problem_id", "code"} for row in rows)
