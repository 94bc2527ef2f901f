"""`skeldpo measure` and `evaluate` on CodeContests rows: no right program is called wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from skeldpo.cli import LEFT_OUT, main
from skeldpo.records import Measurement, Outcome
from skeldpo.storage.store import Store

LOOSE = {
    "problem_id": "tint",
    "statement": "Read a word. Print DARK or PALE. Letters may be printed in any case.",
    "tests": [
        {"input": "2\r\nblack\r\nnight", "output": "DARK\r\n"},
        {"input": "\ufeff1\r\nwhite\r\n", "output": "\ufeffPALE\r\n"},
    ],
    "stress_generators": [],
    "solutions": [],
}
TINTS = (
    "n = int(input())\nwords = [input() for _ in range(n)]\n"
    "print('dark' if words == ['black', 'night'] else 'Pale')\n",
    "import sys\nlast = sys.stdin.readlines()[-1][:-1]\n"
    "print({'night': 'DARK', 'white': 'PALE'}[last], end='\\r\\n')\n",
    "import sys\nprint('DARK' if '\\r' in sys.stdin.read() else 'PALE')\n",
)
SPLITS = tuple(
    f"n = int(input())\nx = {first}\nprint(x, n - x)\n" for first in ("1", "2", "n - 1", "2 * 1")
)
SPLIT = {
    "problem_id": "split",
    "statement": "Read n. Print two positive numbers with the sum n.",
    "tests": [{"input": "7\n", "output": "1 6\n"}, {"input": "9\n", "output": "1 8\n"}],
    "stress_generators": [],
    "solutions": list(SPLITS),
}
ANY = SPLIT | {"problem_id": "any", "statement": "Read n. Print any two numbers with the sum n."}


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_no_right_program_is_refused_for_line_ends_case_or_another_right_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems, programs = tmp_path / "problems.jsonl", tmp_path / "programs.jsonl"
    problems.write_text("\n".join(map(json.dumps, (LOOSE, SPLIT, ANY))))
    given = [("tint", code) for code in TINTS]
    given += [(key, code) for key in ("split", "any") for code in SPLITS]
    programs.write_text(
        "\n".join(json.dumps({"problem_id": key, "code": code}) for key, code in given)
    )
    common = ["--set", "measure.min_cpu_time_ms=1"]
    arguments = ["--programs", str(programs), *common]
    out = tmp_path / "measured"
    assert main(["measure", "--problems", str(problems), "--out", str(out), *arguments]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 problems left out" in told and "print any two numbers" in told
    assert re.search(
        "problem split: (quarantined in measure after 1 try: )?"
        "3 of 4 known programs do not give the expected answers",
        told,
    )
    outcomes: dict[str, list[Outcome]] = {}
    for row in Store(str(out)).read_records("measurements.parquet", Measurement):
        if row.phase == "check":
            outcomes.setdefault(row.problem_id, []).append(row.outcome)
    assert outcomes["split"] == [Outcome.FAULTY_PROBLEM] * 4
    assert outcomes["tint"] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG_ANSWER]
    report = tmp_path / "report.json"
    suite = ["evaluate", "--suite", "code_contests", "--data", str(problems), "--out", str(report)]
    assert main([*suite, *arguments, "--set", "evaluate.repeat_for_s=0"]) == LEFT_OUT
    made = json.loads(report.read_text())
    reasons = {entry["problem_id"]: entry["reason"] for entry in made["left_out"]}
    assert reasons["any"].startswith("several right answers")
    assert "known programs do not give the expected answers" in reasons["split"]
