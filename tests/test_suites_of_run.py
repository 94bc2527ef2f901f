"""evaluate.suites: the first and the last policy of a run on suites, and what the report says."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from datasets import Dataset
from made_run import make_config
from mercury_rows import write_rows
from sample_records import FUNCTION_PROBLEM

from skeldpo.checkpoints import Checkpoint
from skeldpo.config.toml_file import load_config
from skeldpo.records import Outcome
from skeldpo.report.summary import summarize_run
from skeldpo.report.tables import speed_notes, suite_tables
from skeldpo.rounds.run_start import open_run
from skeldpo.storage.store import Store
from skeldpo.suites import of_run, runner, samples
from skeldpo.suites.all import SUITES
from skeldpo.suites.evaluation import Evaluation, ProblemResult, SampleResult, save_evaluation
from skeldpo.suites.of_run import (
    SCORES,
    check_suites,
    evaluate_suites,
    read_suite_scores,
    suite_folder,
    trained_on,
)

PROBLEMS = [
    {
        "problem_id": name,
        "statement": "Twice n.",
        "entry_point": "double",
        "tests": [{"input": [3], "expected": 6}],
        "solutions": ["def double(n):\n    return 2 * n\n"],
    }
    for name in ("one", "two")
]


def config_with(storage: str, **suites: str):
    config = make_config(storage)
    return config.model_copy(
        update={"evaluate": config.evaluate.model_copy(update={"suites": suites})}
    )


def result(problem_id: str, passed: bool) -> ProblemResult:
    sample = SampleResult(
        sample_index=0,
        code="x = 1\n",
        outcome=Outcome.ACCEPTED if passed else Outcome.WRONG_ANSWER,
        is_correct=passed,
        failure="",
        values={},
        times_ns=(),
    )
    return ProblemResult(
        problem_id=problem_id,
        difficulty="unknown",
        samples=(sample,),
        relative_to={},
        scores={"pass@1": float(passed)},
    )


def test_training_problems_that_are_in_a_suite_are_told(tmp_path):
    data = tmp_path / "suite.jsonl"
    statement = "Return the number of ways to climb n steps, one or two of them at a time."
    data.write_text(json.dumps({**PROBLEMS[0], "statement": statement}) + "\n")
    config = config_with(str(tmp_path), problems=str(data), heldout="")
    training = dataclasses.replace(FUNCTION_PROBLEM, problem_id="stairs", statement=statement)
    assert list(trained_on(config, [training])) == [
        "evaluate.suites: 1 training problems are in problems, such as stairs; name "
        f"{data} in keep_out.files, so that they go"
    ]
    held_out = dataclasses.replace(training, split="heldout_variant")
    assert list(trained_on(config, [held_out, FUNCTION_PROBLEM])) == []


def test_training_problems_that_are_held_out_too_are_told(tmp_path):
    config = config_with(str(tmp_path))
    again = dataclasses.replace(
        FUNCTION_PROBLEM,
        problem_id="again",
        split="heldout_variant",
        statement="Return \n twice x.",
    )
    assert list(trained_on(config, [FUNCTION_PROBLEM, again])) == [
        "1 training problems ask what a held-out problem asks, word for word, such as double; take "
        "one of each out of problems.sources"
    ]
    other = dataclasses.replace(again, starter_code="def other(x):")
    assert list(trained_on(config, [FUNCTION_PROBLEM, other])) == []


def test_report_pairs_the_policies_of_a_suite_by_problem(tmp_path):
    config = config_with(str(tmp_path), problems="data.jsonl")
    store = open_run(config)
    passed_by = {0: [True, False, False, False], 2: [True, True, True, False]}
    for policy, passed in passed_by.items():
        first, *others = (result(f"p{i}", each) for i, each in enumerate(passed))
        first = dataclasses.replace(first, relative_to={"input_digest": f"of {policy}"})
        save_evaluation(
            Evaluation(
                suite="problems",
                protocol="cpu",
                provenance={},
                problems=(first, *others),
                left_out=(),
            ),
            store.location(f"{suite_folder(policy)}/problems.json"),
        )
    summary = summarize_run(store)
    (table,) = suite_tables(summary)
    assert speed_notes(summary) == [
        "Suite problems, policy 2: beside policy 0, 1 of the 4 problems of both were timed on "
        "other inputs: their speed is compared on unequal terms."
    ]
    assert "problems: 4 problems" in table.title
    assert [row[0] for row in table.rows] == ["policy 0", "policy 2", "  2 - 0"]
    assert [row[1].split()[0] for row in table.rows] == ["25.0", "75.0", "+50.0"]


def test_a_suite_that_is_added_later_leaves_the_run_what_it_is(tmp_path):
    assert config_with(str(tmp_path)).digest() == config_with(str(tmp_path), problems="x").digest()
    config = config_with(str(tmp_path))
    longer = config.evaluate.model_copy(update={"max_tokens": 900})
    assert config.model_copy(update={"evaluate": longer}).digest() == config.digest()


def test_unknown_suites_and_missing_data_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match=r"enamle.*did you mean|unknown.*enamle|enamle"):
        check_suites(config_with(str(tmp_path), enamle="x.csv"))
    with pytest.raises(ValueError, match=r"no file at .*gone\.csv for enamel"):
        check_suites(config_with(str(tmp_path), enamel=str(tmp_path / "gone.csv")))
    for gone in (
        "gone.jsonl",
        "data/gone.jsonl",
    ):  # not a Hugging Face id, though the suite has one
        with pytest.raises(ValueError, match=rf"no file at {gone} for mercury"):
            check_suites(config_with(str(tmp_path), mercury=gone))
    check_suites(config_with(str(tmp_path), mercury="Elfsong/Mercury:eval"))
    twice = {"heldout": "", "skeldpo.suites.heldout": ""}  # the reports would be one file
    with pytest.raises(ValueError, match=r"heldout and skeldpo\.suites\.heldout are one suite"):
        check_suites(config_with(str(tmp_path), **twice))


def test_report_shows_dps_which_is_in_percent_and_of_some_problems(tmp_path):
    config = config_with(str(tmp_path), evalperf="data.jsonl")
    store = open_run(config)
    for policy, dps in ((0, 65.0), (2, 80.5)):
        solved = result("p", True)
        solved = dataclasses.replace(solved, scores={**solved.scores, "dps": dps})
        save_evaluation(
            Evaluation(
                suite="evalperf",
                protocol="cpu",
                provenance={},
                problems=(solved, result("q", False)),
                left_out=(),
            ),
            store.location(f"{suite_folder(policy)}/evalperf.json"),
        )
    (table,) = suite_tables(summarize_run(store))
    assert table.columns == ("", "pass@1, %", "dps, %")
    assert [row[2] for row in table.rows] == [
        "65.0 of 1",
        "80.5 of 1",
        "+15.5 of 1",
    ]


def test_scores_shown_of_a_run_are_scores_that_suites_have():
    """By their names in docs/SUITES.md, where k stands for 1 and p for a ratio."""
    names = {
        part.replace("@k", "@1").replace("fast_p", "fast_1")
        for suite in SUITES
        for part in re.split(r"[,; ]+", suite.scores)
    }
    assert set(SCORES) <= names


def test_report_of_other_answers_data_or_weights_is_made_again(tmp_path, monkeypatch):
    data = tmp_path / "problems.jsonl"
    data.write_text("one\n")
    monkeypatch.setattr(of_run.SuiteRequest, "load", lambda *_: None)
    monkeypatch.setattr(of_run, "write_samples", lambda *_: None)
    made = Evaluation(
        suite="problems", protocol="cpu", provenance={"ks": [1]},
        problems=(result("one", True),), left_out=(),
    )  # fmt: skip
    scored, lines = [], []

    def score(request, *_):
        scored.append(request.out)
        return made

    monkeypatch.setattr(of_run, "evaluate_programs", score)
    config = config_with(str(tmp_path), problems=str(data))
    store = open_run(config)
    folders = [store.location(suite_folder(policy)) for policy in (0, 2)]
    policies = [Checkpoint(folder="anywhere", model_id=name) for name in ("first", "last")]

    def evaluate(config=config):
        for folder, policy in zip(folders, policies, strict=True):
            evaluate_suites(config, policy, folder, lines.append)
        return len(scored)

    assert (evaluate(), evaluate()) == (2, 2)
    longer = config.evaluate.model_copy(update={"max_tokens": 1024})
    longer = config.model_copy(update={"evaluate": longer})
    evaluate_suites(longer, policies[1], folders[1], lines.append)
    shown = {row.policy: row for row in read_suite_scores(store, config)}
    assert shown[2].scores and not shown[2].differences, "768 tokens against 1,024"
    assert lines[-2].endswith("as its report is of another max_tokens")
    assert (evaluate(longer), evaluate(longer)) == (4, 4)
    assert read_suite_scores(store, config)[1].differences
    policies[1] = Checkpoint(folder="anywhere", model_id="made anew")
    assert evaluate(longer) == 5
    data.write_text("two\n")
    assert (evaluate(longer), evaluate(longer)) == (7, 7)
    save_evaluation(made, f"{folders[0]}/problems.json")  # by a version that said none of this
    assert evaluate(longer) == 7
    data.rename(tmp_path / "moved.jsonl")
    moved = config_with(str(tmp_path), problems=str(tmp_path / "moved.jsonl"))
    moved = moved.model_copy(update={"evaluate": moved.evaluate.model_copy(
        update={"max_tokens": 1024})})  # fmt: skip
    assert evaluate(moved) == 7


def stopped_half_way(monkeypatch, module, table) -> list[bool]:
    """The pipeline of a module is killed once a part of its table is there; whether it found that
    part, for each start."""
    kept: list[bool] = []

    def stop(assignments, *, output, **_):
        store, part = Store(output), f"{table}.parts/one.parquet"
        kept.append(store.exists(part))
        store.write_text(part, "made")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "connect_ray", lambda *_, **__: None)
    monkeypatch.setattr(module, "sample_and_measure", stop)
    return kept


def test_samples_of_a_policy_that_is_asked_otherwise_now_are_not_gone_on_with(
    tmp_path, monkeypatch
):
    policy = tmp_path / "policy"
    policy.mkdir()
    for name, content in (("config.json", "{}"), ("model.safetensors", ""), ("README.md", "")):
        (policy / name).write_text(content)
    data = write_rows(tmp_path / "problems.jsonl", *PROBLEMS)
    config = config_with(str(tmp_path), problems=str(data))
    request = of_run._request(config, "problems", str(tmp_path / "reports"))
    kept = stopped_half_way(monkeypatch, samples, "candidates")
    sampling = samples.Sampling(
        prompting=config.policy, generate=config.generate, num_samples=1, temperature=0.0
    )

    def write():
        with pytest.raises(KeyboardInterrupt):
            samples.write_samples(str(policy), request, request.load(print), sampling, print)
        return kept[-1]

    assert [write(), write()] == [False, True]
    (policy / "README.md").write_text("ours")
    assert write()
    (policy / "chat_template.jinja").write_text("{{ messages }}")
    assert [write(), write()] == [False, True]


def test_measurements_of_a_data_folder_that_changed_are_not_gone_on_with(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    programs = tmp_path / "programs.jsonl"
    programs.write_text(json.dumps({"problem_id": "one", "code": PROBLEMS[0]["solutions"][0]}))
    config = config_with(str(tmp_path), problems=str(folder))
    kept = stopped_half_way(monkeypatch, runner, "measurements")

    def measure(expected):
        tests = [{"input": [3], "expected": expected}]
        Dataset.from_list([{**PROBLEMS[0], "tests": tests}]).to_parquet(folder / "rows.parquet")
        request = of_run._request(config, "problems", str(tmp_path / "reports"))
        request = dataclasses.replace(request, programs=str(programs))
        with pytest.raises(KeyboardInterrupt):
            runner.evaluate_programs(request, request.load(print), print)
        return kept[-1]

    assert [measure(6), measure(6), measure(7), measure(7)] == [False, True, False, True]


@pytest.mark.docker
@pytest.mark.ray
def test_a_policy_is_scored_once(tmp_path, monkeypatch):
    data = write_rows(tmp_path / "problems.jsonl", *PROBLEMS)
    codes = {"one": PROBLEMS[0]["solutions"][0], "two": "def double(n):\n    return n\n"}
    asked, max_tokens = [], []

    def write(policy, request, held, sampling, tell):
        asked.append((policy, sampling.num_samples, sampling.temperature))
        max_tokens.append(sampling.generate.max_tokens)
        rows = [{"problem_id": key, "sample_index": 0, "code": code} for key, code in codes.items()]
        Path(request.programs).parent.mkdir(parents=True, exist_ok=True)
        Path(request.programs).write_text("".join(json.dumps(row) + "\n" for row in rows))

    monkeypatch.setattr(of_run, "write_samples", write)
    config = config_with(str(tmp_path), problems=str(data))
    folder, lines = str(tmp_path / suite_folder(1)), []
    checkpoint = Checkpoint(folder=str(tmp_path / "policy"), model_id="m")
    for _ in range(2):
        evaluate_suites(config, checkpoint, folder, lines.append)
    report = json.loads((tmp_path / suite_folder(1) / "problems.json").read_text())
    assert report["scores"]["pass@1"] == 0.5
    assert asked == [(checkpoint.folder, 1, 0.0)]
    assert max_tokens == [768] and config.generate.max_tokens < 768
    assert any(line.startswith("problems: pass@1 0.500") for line in lines)


@pytest.mark.parametrize("name", ["qwen-coder-0.5b", "qwen-coder-7b"])
def test_jobs_of_real_models_load_and_fit(name):
    config = load_config(Path(__file__).parents[1] / "jobs" / "configs" / f"{name}.toml")
    assert config.train.lora is not None
    assert config.generate.stop == ("\n```\n",)
    assert config.problems.num_heldout_families and not config.problems.families
    gpus = config.generate.num_engines * config.generate.gpus_per_engine
    assert (gpus, config.train.num_workers) == ((8, 8) if name.endswith("7b") else (0, 1))
