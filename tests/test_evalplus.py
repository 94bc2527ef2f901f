"""EvalPlus rows as a suite: read, answered by their own solutions, scored."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from mercury_rows import write_rows
from scripted_runs import make_report

from skeldpo.cli import LEFT_OUT, main
from skeldpo.config import MeasureConfig
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.suites import evalperf, evalplus, mbpp_plus
from skeldpo.suites.contract import SuiteData
from skeldpo.suites.evalplus import evalplus_task
from skeldpo.suites.given_programs import read_program_set
from skeldpo.values import decode

PAIRS = {
    "task_id": "Mbpp/0",
    "prompt": '"""\nAdd the pairs.\nassert add([(1, 2)]) == [3]\n"""',
    "entry_point": "add",
    "canonical_solution": "def add(pairs):\n    return [a + b for a, b in pairs]\n",
    "contract": "\n  assert all(isinstance(p, tuple) for p in pairs)\n",
    "base_input": [[[[1, 2]]]],
    "plus_input": "[[[]], [[[3, 4], [5, 6]]]]",
    "atol": 0,
}
HUMAN = {
    "task_id": "HumanEval/0",
    "prompt": 'def half(x: float) -> float:\n    """Half of x."""\n',
    "entry_point": "half",
    "canonical_solution": "    return x / 2\n",
    "base_input": [[1.0]],
    "plus_input": [[3.0]],
    "atol": 1e-6,
}


def answered(monkeypatch: pytest.MonkeyPatch) -> list[RunRequest]:
    """Lets tasks be answered without a sandbox: every answer is null."""
    made: list[RunRequest] = []

    def on_cores(items, work, config, on_done):
        def run(request: RunRequest) -> RunReport:
            made.append(request)
            return make_report(answer_texts=("null",) * len(request.input_texts))

        return tuple(work(run, item) for item in items)

    monkeypatch.setattr(evalplus, "map_on_cores", on_cores)
    return made


def suite_data(path: str) -> SuiteData:
    return SuiteData(source=path, measure=MeasureConfig(), tell=lambda line: None)


def load(tmp_path: Path, *rows: dict[str, Any]):
    path = str(write_rows(tmp_path / "rows.jsonl", *rows))
    return mbpp_plus.SUITE.load(suite_data(path))


def test_a_prompt_that_is_code_promises_its_imports_and_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = answered(monkeypatch)
    before = "from typing import List\n\n\ndef one(x):\n    return x[0]\n\n\n"
    prompt = before + 'def first(xs: List[float]) -> float:\n    """First of xs."""\n'
    row = {**HUMAN, "prompt": prompt, "entry_point": "first"}
    suite = load(tmp_path, {**row, "canonical_solution": "    return one(xs)\n"}, PAIRS)
    human, pairs = suite.problems
    scope: dict[str, Any] = {}
    exec(human.preamble, scope)
    assert scope["one"]([7]) == 7 and "List" in scope and "first" not in scope
    assert [request.preamble for request in requests] == [human.preamble, ""]
    assert pairs.preamble == ""
    file = tmp_path / "samples.jsonl"
    body, whole = "    return one(xs)\n", "def first(xs):\n    return one(xs)\n"
    rows = [
        {"task_id": "HumanEval/0", "completion": body},
        {"task_id": "HumanEval/0", "solution": whole},
        {"task_id": "HumanEval/0", "completion": f"```python\n{whole}\nprint(first([]))\n```"},
        {"task_id": "HumanEval/0", "solution": body},
    ]
    file.write_text("\n".join(json.dumps(each) for each in rows))
    wanted = {problem.problem_id: suite.wanted_of(problem) for problem in suite.problems}
    given = read_program_set(file, tuple(wanted), wanted=wanted)
    assert given.programs["HumanEval/0"] == (prompt + body, whole, whole, body)


def test_rows_become_problems_with_the_canonical_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = answered(monkeypatch)
    suite = load(tmp_path, PAIRS, HUMAN)
    pairs, human = suite.problems
    inputs = [decode(test.input_text) for test in pairs.tests]
    assert inputs == [[[(1, 2)]], [[]], [[(3, 4), (5, 6)]]]
    assert {test.expected_text for test in pairs.tests} == {"null"}
    assert pairs.statement.startswith("Add the pairs.") and not pairs.starter_code
    assert human.starter_code.startswith("def half") and "half(x" in human.solutions[0].code
    assert requests[0].input_texts == tuple(test.input_text for test in pairs.tests)
    assert suite.assembled("HumanEval/0", "x = 1") == "x = 1"


def test_checker_follows_the_row_and_the_canonical_answers() -> None:
    task = evalplus_task(HUMAN, "humaneval_plus")
    assert task.problem(["0.5", "1.5"]).checker == "evalplus:equal:1e-06"
    task = evalplus_task(HUMAN | {"task_id": "Mbpp/8", "atol": 0, "entry_point": "Diff",
                                  "prompt": "", "canonical_solution": "def Diff(x): pass"},
                         "mbpp_plus")  # fmt: skip
    assert task.problem(["[1]", "[2]"]).checker == "evalplus:set:0.0"
    assert task.problem(["[1]", "[2.5]"]).checker == "evalplus:set:1e-06"
    with pytest.raises(ValueError, match="no plain data: Match"):
        task.problem(["[1]", '{"$object":"Match"}'])


def test_not_none_tasks_expect_whether_there_is_an_answer() -> None:
    row = HUMAN | {"task_id": "Mbpp/9", "entry_point": "check_str", "prompt": "",
                   "canonical_solution": "def check_str(x): pass"}  # fmt: skip
    problem = evalplus_task(row, "mbpp_plus").problem(['{"$object":"Match"}', "null"])
    assert [test.expected_text for test in problem.tests] == ["true", "false"]
    assert problem.checker.startswith("evalplus:not_none:")


def test_rows_that_cannot_be_used_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch)
    without = {key: value for key, value in HUMAN.items() if key != "plus_input"}
    empty = HUMAN | {"task_id": "b", "base_input": [], "plus_input": []}
    broken = HUMAN | {"task_id": "c", "canonical_solution": "    return ("}
    suite = load(tmp_path, PAIRS, PAIRS, without | {"task_id": "a"}, empty, broken)
    assert [problem.problem_id for problem in suite.problems] == ["Mbpp/0"]
    reasons = [entry.reason for entry in suite.left_out]
    assert "twice" in reasons[0] and "missing plus_input" in reasons[1]
    assert "no inputs" in reasons[2] and len(reasons) == 4
    with pytest.raises(ValueError, match="none that can be used.*missing"):
        load(tmp_path, without)


CLUSTERS = {
    "task_id": "Mbpp/1",
    "entry_point": "total",
    "reference": [
        "def total(n):\n    m = 0\n    for i in range(n):\n        for _ in range(4):\n"
        "            m += i\n    return m // 4\n",
        "def total(n):\n    return sum(range(n))\n",
        "def total(n):\n    return n * (n - 1) // 2\n",
    ],
    "scores": [20.0, 70.0, 100.0],
    "pe_input": "[[300000]]",
}


def test_evalperf_rows_have_their_references_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = answered(monkeypatch)
    path = str(write_rows(tmp_path / "rows.jsonl", CLUSTERS, CLUSTERS | {"task_id": "b",
                          "scores": [1.0]}))  # fmt: skip
    suite = evalperf.SUITE.load(suite_data(path))
    (problem,) = suite.problems
    assert [known.code for known in problem.solutions] == CLUSTERS["reference"]
    assert requests[0].code == CLUSTERS["reference"][-1]
    assert suite.reference_scores == {"Mbpp/1": (20.0, 70.0, 100.0)}
    assert problem.statement == "Write the function total."
    assert suite.left_out[0].reason == "3 references, 1 scores"


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_evalperf_scores_programs_by_the_references_they_keep_up_with(tmp_path: Path) -> None:
    programs = tmp_path / "samples.jsonl"
    middle = (
        "def total(n):\n    made = 0\n    for i in range(n):\n        made += i\n    return made\n"
    )
    wrong = "def total(n):\n    return n\n"
    with programs.open("w") as file:
        for code in (middle, wrong):
            file.write(json.dumps({"task_id": "Mbpp/1", "solution": code}) + "\n")
    out = tmp_path / "report.json"
    data = write_rows(tmp_path / "evalperf.jsonl", CLUSTERS)
    code = main(
        ["evaluate", "--suite", "evalperf", "--data", str(data), "--programs", str(programs),
         "--out", str(out)]
    )  # fmt: skip
    scores = json.loads(out.read_text())["scores"]
    assert code == 0
    # Slower than sum(range(n)), faster than four additions a number.
    assert (scores["pass@1"], scores["dps"]) == (0.5, 20.0)
    assert scores["dps_norm"] == pytest.approx(100 / 3)


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_mbpp_plus_from_file_to_report(tmp_path: Path, real_data: Path) -> None:
    with gzip.open(real_data / "mbpp_plus" / "MbppPlus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 12)]
    fails = HUMAN | {"task_id": "fails", "canonical_solution": "    return 1 / 0\n"}
    data = write_rows(tmp_path / "mbpp.jsonl", *rows, PAIRS, fails)
    programs = tmp_path / "samples.jsonl"
    wrong = "def {}(*arguments):\n    return 'no such answer'\n"
    with programs.open("w") as file:
        for row in (*rows, PAIRS):
            for code in (row["canonical_solution"], wrong.format(row["entry_point"])):
                file.write(json.dumps({"task_id": row["task_id"], "solution": code}) + "\n")
    out = tmp_path / "report.json"
    code = main(
        ["evaluate", "--suite", "mbpp_plus", "--data", str(data), "--programs", str(programs),
         "--k", "1", "2", "--out", str(out)]
    )  # fmt: skip
    report = json.loads(out.read_text())
    assert code == LEFT_OUT
    assert [(e["problem_id"], e["reason"]) for e in report["left_out"]] == [
        (
            "fails",
            "its canonical solution fails on input 0: RUNTIME_ERROR: "
            "ZeroDivisionError: division by zero",
        )
    ]
    assert report["num_problems"] == 13
    assert (report["scores"]["pass@1"], report["scores"]["pass@2"]) == (0.5, 1.0)
