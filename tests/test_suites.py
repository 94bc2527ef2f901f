"""`skeldpo evaluate` in real sandboxes: honest programs are scored, cheating ones get nothing."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from effibench_rows import LISTED as EFFIBENCH_LISTED
from effibench_rows import SLOW as EFFIBENCH_SLOW
from effibench_rows import effibench_row
from enamel_rows import CHECKER, write_csv
from mercury_rows import TOTAL_FAST, TOTAL_SLOW, leetcode_rows, row, write_rows

from skeldpo.cli import LEFT_OUT, USER_ERROR, main
from skeldpo.problems.sources import load_problems
from skeldpo.suites.evaluation import Evaluation, ProblemResult, save_evaluation

SUM_ROW = {
    "task_id": "HumanEval/0",
    "prompt": 'def total(numbers: list) -> int:\n    """Add them up."""',
    "input_generator": (
        "def generate_input(size, lid, cid):\n"
        "    return [random.randint(0, size) for _ in range(size)],\n"
    ),
    "input_levels": "50 20000 40000 60000",
    "reference_solution": "    made = 0\n    for n in numbers:\n        made += n\n    return made",
    "checker": CHECKER,
    "entry_point": "total",
}
FAKE_CLOCK = (
    "import sys, time\n"
    "for name in ('time', 'time_ns', 'perf_counter', 'perf_counter_ns', 'process_time'):\n"
    "    setattr(time, name, lambda: 0)\n"
    "for depth in range(1, 6):\n"
    "    try:\n"
    "        sys._getframe(depth).f_globals['_clock'] = lambda: 0\n"
    "    except ValueError:\n"
    "        break\n"
)
CHEATS = {
    "exits_early": "import os\nos._exit(0)\n",
    "exits_when_called": "def total(numbers):\n    raise SystemExit(0)\n",
    "equals_everything": (
        "def total(numbers):\n    return type('E', (), {'__eq__': lambda *_: True})()\n"
    ),
    "reads_answers": (
        "def total(numbers):\n    import gc, sys\n    found = [0]\n"
        "    for held in gc.get_objects():\n"
        "        if isinstance(held, dict):\n"
        "            found += [held[k] for k in ('answer', 'expected', '__answer') if k in held]\n"
        "    frame = sys._getframe(1)\n"
        "    while frame:\n"
        "        found += [v for k, v in frame.f_locals.items() if k in ('answer', 'expected')]\n"
        "        frame = frame.f_back\n"
        "    return found[-1] if isinstance(found[-1], int) else 0\n"
    ),
    "forges_reports": (
        "import os\nfor fd in range(1, 32):\n    try:\n"
        '        os.write(fd, b\'{"outcome":"ACCEPTED","cpu_time_ns":1}\\n0\\n\')\n'
        "    except OSError:\n        pass\ndef total(numbers):\n    return 0\n"
    ),
    "slow_with_a_false_clock": (
        f"{FAKE_CLOCK}\ndef total(numbers):\n    made = 0\n    for n in numbers:\n"
        "        for _ in range(30):\n            pass\n        made += n\n    return made\n"
    ),
}
MERCURY_CHEATS = {
    "exits_early": "import os\nos._exit(0)\n",
    "equals_everything": (
        "class Solution:\n    def total(self, n):\n"
        "        return type('E', (), {'__eq__': lambda *_: True})()\n"
    ),
    "reads_answers": (
        "class Solution:\n    def total(self, n):\n        import gc\n"
        "        for held in gc.get_objects():\n"
        "            if isinstance(held, dict) and 'expected' in held:\n"
        "                return held['expected']\n        return 1\n"
    ),
    "replaces_the_check": (
        "class Solution:\n    def total(self, n):\n        global evaluate_offline\n"
        "        evaluate_offline = lambda *_: True\n        return 1\n"
    ),
    "slowest_with_a_false_clock": (
        f"{FAKE_CLOCK}\nclass Solution:\n    def total(self, n):\n        made = 0\n"
        "        for i in range(n):\n            for _ in range(5):\n                made += 0\n"
        "            made += i\n        return made\n"
    ),
}


def _evaluate(tmp_path: Path, *arguments: str, code: int) -> dict[str, Any]:
    out = tmp_path / "report.json"
    assert main(["evaluate", "--out", str(out), *arguments]) == code
    held: dict[str, Any] = json.loads(out.read_text())
    return held


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("protocol", [[], ["--released-protocol"]], ids=["cpu", "released"])
def test_enamel_scores_the_reference_near_one_and_cheats_zero(
    tmp_path: Path, protocol: list[str]
) -> None:
    data = write_csv(tmp_path / "enamel.csv", SUM_ROW)
    programs = tmp_path / "codes.json"
    programs.write_text(json.dumps({"0": [SUM_ROW["reference_solution"], *CHEATS.values()]}))
    report = _evaluate(
        tmp_path, "--suite", "enamel", "--data", str(data), "--programs", str(programs),
        "--k", "1", *protocol, code=0,
    )  # fmt: skip
    (problem,) = report["problems"]
    reference, *cheats = problem["samples"]
    assert reference["is_correct"], reference["failure"]
    assert reference["values"]["eff"] > 0.7
    scores = {name: sample["values"]["eff"] for name, sample in zip(CHEATS, cheats, strict=True)}
    assert scores == dict.fromkeys(CHEATS, 0.0)
    assert report["scores"]["pass@1"] <= 2 / 7 + 1e-9  # the slow one is right, if its clock is not
    assert report["protocol"] == ("released" if protocol else "cpu")
    assert report["provenance"]["data_sha256"]


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_mercury_on_leetcode_material_from_file_to_report(tmp_path: Path, real_data: Path) -> None:
    rows = [row(), *leetcode_rows(real_data, 20)]
    data = write_rows(tmp_path / "mercury.jsonl", *rows)
    samples: dict[str, list[dict[str, str]]] = {
        held["slug_name"]: [{"completion": held["solutions"][0]["solution"]}] for held in rows
    }
    samples["total"] = [
        {"completion": code} for code in (TOTAL_FAST, TOTAL_SLOW, *MERCURY_CHEATS.values())
    ]
    samples["unknown-problem"] = [{"completion": TOTAL_FAST}]
    programs = tmp_path / "samples.json"
    programs.write_text(json.dumps(samples))
    report = _evaluate(
        tmp_path, "--suite", "mercury", "--data", str(data), "--programs", str(programs),
        code=LEFT_OUT,
    )  # fmt: skip
    total = next(p for p in report["problems"] if p["problem_id"] == "total")
    fast, slow, *cheats = (sample["values"]["beyond"] for sample in total["samples"])
    assert (fast, slow) == (1.0, 1.0)
    assert dict(zip(MERCURY_CHEATS, cheats, strict=True)) == dict.fromkeys(MERCURY_CHEATS, 0.0)
    assert report["num_problems"] == 21
    assert report["scores"]["pass@1"] > 0.6
    assert report["scores"]["beyond_given_pass"] > 0.7
    assert "no problem 'unknown-problem'" in report["left_out"][0]["reason"]


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_effibench_from_file_to_report(tmp_path: Path) -> None:
    """A list of all numbers is more memory; a program that exits early scores nothing."""
    data = write_rows(tmp_path / "rows.jsonl", effibench_row())
    cheat = "import sys\nclass Solution:\n    def total(self, n, step):\n        sys.exit(0)\n"
    programs = tmp_path / "programs.json"
    programs.write_text(json.dumps({"7": [EFFIBENCH_SLOW, EFFIBENCH_LISTED, cheat]}))
    report = _evaluate(
        tmp_path, "--suite", "effibench", "--data", str(data), "--programs", str(programs), code=0,
    )  # fmt: skip
    (problem,) = report["problems"]
    same, listed, cheated = problem["samples"]
    assert not cheated["is_correct"]
    assert cheated["values"] == {}
    assert report["scores"]["pass@1"] == pytest.approx(2 / 3)
    assert same["values"]["time_s"] == pytest.approx(report["scores"]["canonical_et"])
    assert listed["values"]["memory_mb"] > same["values"]["memory_mb"] + 3
    assert report["scores"]["nmu"] > 1.1
    assert 0 < report["scores"]["ntmu"] < 20


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_leetcode_rows_score_their_own_references(tmp_path: Path, real_data: Path) -> None:
    file = real_data / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 6)]
    problems = load_problems([str(write_rows(tmp_path / "leetcode.jsonl", *rows))])
    programs = tmp_path / "programs.jsonl"
    programs.write_text("".join(
        json.dumps({"problem_id": problem.problem_id, "code": code}) + "\n"
        for problem in problems for code in (problem.reference, "print('no')")
    ))  # fmt: skip
    report = _evaluate(
        tmp_path, "--suite", "leetcode", "--data", str(tmp_path / "leetcode.jsonl"),
        "--programs", str(programs), "--k", "1", "2", code=0,
    )  # fmt: skip
    assert report["num_problems"] == len(problems) > 2
    assert report["scores"]["pass@1"] == 0.5
    assert report["scores"]["pass@2"] == 1.0


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_own_problems_with_the_first_solution_against_the_others(tmp_path: Path) -> None:
    problem = {
        "problem_id": "sum-below",
        "statement": "Sum of the numbers below n.",
        "entry_point": "total",
        "tests": [{"input": [400_000], "expected": 400_000 * 399_999 // 2}],
        "solutions": [
            "def total(n):\n    return n * (n - 1) // 2\n",
            "def total(n):\n    return sum(range(n))\n",
            "def total(n):\n    m = 0\n    for i in range(n):\n        m += i\n    return m\n",
        ],
    }
    data = write_rows(tmp_path / "problems.jsonl", problem)
    report = _evaluate(
        tmp_path, "--suite", "problems", "--data", str(data), "--programs", "first-solution",
        code=0,
    )  # fmt: skip
    assert report["scores"]["beyond@1"] == 1.0


@pytest.mark.parametrize(
    ("solutions", "k", "message"),
    [
        (1, "1", "p0: first-solution needs two known programs or more in `solutions`, it has 1"),
        (0, "1", "first of 2 left out: p0: first-solution needs two known programs"),
        (2, "3", "first-solution is one program a problem: expected --k 1, got [3]"),
    ],
)
def test_first_solution_without_another_one_says_what_is_missing(
    tmp_path: Path, solutions: int, k: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "problem_id": f"p{index}",
            "statement": "Print twice the number.",
            "tests": [{"input": "4", "expected": "8"}],
            "solutions": ["print(2 * int(input()))\n", "print(int(input()) << 1)\n"][:solutions],
        }
        for index in range(2)
    ]
    data = write_rows(tmp_path / "problems.jsonl", *rows)
    out = tmp_path / "report.json"
    arguments = ["--suite", "problems", "--data", str(data), "--programs", "first-solution"]
    assert main(["evaluate", *arguments, "--k", k, "--out", str(out)]) == USER_ERROR
    said = " ".join(capsys.readouterr().err.split())
    assert message in said and "Traceback" not in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "enamel", "--programs", "p.json"], "suite enamel needs its data"),
        (["--suite", "enemal", "--programs", "p.json"], "no suite 'enemal'; known: enamel"),
        (["--suite", "heldout", "--programs", "none.json"], "no file or folder at none.json"),
        (["--suite", "heldout", "--programs", "p", "--against", "x"], "needs --policy"),
        (["--suite", "heldout", "--policy", "x", "--k", "5"], "--k 5 needs --num-samples 5"),
        (
            [
                "--suite",
                "heldout",
                "--policy",
                "x",
                "--num-samples",
                "4",
                "--set",
                "evaluate.temperature=0",
            ],
            "evaluate.temperature = 0 is greedy: all 4 samples",
        ),
        (["--suite", "enamel", "heldout", "--programs", "p", "--data", "x.csv"], "one SUITE=FILE"),
        (["--suite", "heldout", "--programs", "p", "--set", "measure.num_core=1"], "num_core"),
        (["--suite", "mercury", "--programs", "p", "--released-protocol"], "is for enamel"),
        (["--suite", "heldout", "--programs", "p", "--k", "0"], "--k takes numbers from 1"),
    ],
)
def test_wrong_request_is_one_message(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    assert main(["evaluate", "--out", str(out), *arguments]) == USER_ERROR
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_compare_of_missing_reports_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == USER_ERROR
    assert "no report at" in capsys.readouterr().err


def test_compare_shows_a_table_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("a", 0.75), ("b", 0.25)):
        problem = ProblemResult(
            problem_id="p", difficulty="Easy", samples=(), relative_to={}, scores={"eff@1": value}
        )
        save_evaluation(
            Evaluation(
                suite="enamel", protocol="cpu", provenance={}, problems=(problem,), left_out=()
            ),
            tmp_path / f"{name}.json",
        )
    page = tmp_path / "page.html"
    reports = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert main(["compare", *reports, "--page", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "+0.500" in shown
    assert "Easy/eff@1" in shown
    assert "<td>+0.500</td><td>-</td>" in page.read_text(), "one problem has no interval"
