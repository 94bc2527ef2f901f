"""`skeldpo measure` before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_bad_input import PROBLEM, RIGHT, write_problems

from skeldpo.cli import RUN_FAILED, USER_ERROR, main


def test_start_that_measured_nothing_does_not_bind_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    problems = write_problems(tmp_path / "problems.jsonl", {"sound": {}})
    programs = tmp_path / "programs.jsonl"
    programs.write_text(json.dumps({"problem_id": "sound", "code": RIGHT}))
    out = tmp_path / "measured"
    command = ["measure", "--problems", str(problems), "--programs", str(programs)]
    for limit in ("2", "3"):  # the second start has other settings
        asked = [*command, "--out", str(out), "--set", f"measure.cpu_limit_s={limit}"]
        assert main(asked) == RUN_FAILED
        assert "cannot reach a container engine" in capsys.readouterr().err
    (out / "candidates.parts").mkdir()
    assert main([*command, "--out", str(out)]) == USER_ERROR
    assert "other problems, programs or settings" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text(PROBLEM["statement"])
    assert main([*command, "--out", str(tmp_path / "mine")]) == USER_ERROR
    assert "is not empty and no folder of" in capsys.readouterr().err
