"""Problems and programs that are at fault: each is named with its reason, and the run goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from skeldpo.cli import main
from skeldpo.problems.sources import MAX_TESTS_BYTES, load_problems
from skeldpo.records import Measurement, Outcome
from skeldpo.storage.store import Store

RIGHT = "def double(n):\n    return 2 * n\n"
SLOW = (
    "def double(n):\n    total = 0\n    for _ in range(2):\n        total += n\n    return total\n"
)
GENERATOR = "def generate_input(size, seed):\n    return [size]\n"
PROBLEM = {
    "statement": "Double a number.",
    "entry_point": "double",
    "starter_code": "def double(n):",
    "tests": [{"input": [3], "expected": 6}, {"input": [0], "expected": 0}],
    "generators": [GENERATOR],
    "reference": RIGHT,
}
FAULTS = {
    "bad_reference": ({"reference": "def double(n):\n    return n\n"}, "its reference fails"),
    "raising_generator": (
        {"generators": ["def generate_input(size, seed):\n    raise KeyError(size)\n"]},
        "input generator 0 fails",
    ),
    "endless_generator": (
        {"generators": ["def generate_input(size, seed):\n    while True: pass\n"]},
        "input generator 0 fails",
    ),
    "unsteady_generator": (
        {"generators": ["import os\ndef generate_input(size, seed):\n    return [os.getpid()]\n"]},
        "input generator 0 differs for the same seed",
    ),
    "raising_checker": (
        {"checker": "def check(given, answer, expected):\n    raise ValueError('no')\n"},
        "its checker refuses the expected answer",
    ),
}
PROGRAMS = {
    "binary": "\x00\x7fELF\x01\x02",
    "ten_megabytes": f"{RIGHT}\nTEXT = '{'x' * (10 << 20)}'\n",
    "not_python": "double the number",
}


def write_problems(path: Path, rows: dict[str, dict]) -> Path:
    lines = [json.dumps(PROBLEM | {"problem_id": key} | changes) for key, changes in rows.items()]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.docker
@pytest.mark.ray
def test_faults_are_named_and_the_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = write_problems(
        tmp_path / "problems.jsonl",
        {key: changes for key, (changes, _) in FAULTS.items()} | {"programs": {}, "sound": {}},
    )
    given = [(key, code) for key in (*FAULTS, "sound") for code in (RIGHT, SLOW)]
    given += [("programs", code) for code in PROGRAMS.values()]
    programs = tmp_path / "programs.jsonl"
    programs.write_text(
        "\n".join(json.dumps({"problem_id": key, "code": code}) for key, code in given)
    )
    out = tmp_path / "measured"
    arguments = [
        "measure",
        "--problems",
        str(problems),
        "--programs",
        str(programs),
        "--out",
        str(out),
    ]
    quick = ["--set", "measure.min_cpu_time_ms=2", "--set", "measure.confirm_repeats=[8]"]
    assert main([*arguments, *quick]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for key, (_, reason) in FAULTS.items():
        given_up = "(quarantined in measure after 1 try: )?"
        assert re.search(f"problem {key}: {given_up}{re.escape(reason)}", told), key
    assert "programs that were not accepted" in told and "SyntaxError" in told
    rows = Store(str(out)).read_records("measurements.parquet", Measurement)
    failures = " ".join(row.failure for row in rows if row.problem_id == "programs")
    assert "null bytes" in failures and "bytes, the limit is 1048576" in failures
    outcomes: dict[str, set[Outcome]] = {}
    for row in rows:
        if row.phase == "check":
            outcomes.setdefault(row.problem_id, set()).add(row.outcome)
    unjudged = {"bad_reference", "raising_checker"}
    assert {key for key, found in outcomes.items() if found == {Outcome.FAULTY_PROBLEM}} == unjudged
    for key in {*FAULTS, "sound"} - unjudged:
        assert outcomes[key] == {Outcome.ACCEPTED}, key
    assert outcomes["programs"] == {Outcome.COMPILE_ERROR}

    written = (out / "measurements.parquet").stat().st_mtime_ns
    assert main([*arguments, *quick]) == 0, "again"
    assert "is finished: nothing to measure" in " ".join(capsys.readouterr().out.split())
    assert (out / "measurements.parquet").stat().st_mtime_ns == written
    write_problems(problems, {"sound": {"generators": []}})
    programs.write_text(json.dumps({"problem_id": "sound", "code": RIGHT}))
    assert main([*arguments, *quick]) == 2
    assert "other problems, programs or settings" in " ".join(capsys.readouterr().err.split())


def test_problem_with_tests_of_too_many_bytes_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tests = [{"input": ["x" * (MAX_TESTS_BYTES // 2)], "expected": "x"}] * 3
    path = write_problems(tmp_path / "problems.jsonl", {"huge": {"tests": tests}, "sound": {}})
    assert [problem.problem_id for problem in load_problems([str(path)])] == ["sound"]
    assert "problem 'huge': its tests have 96 MiB, at most 64 MiB are run" in caplog.text
