"""`skeldpo measure` before anything is measured."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from test_bad_input import PROBLEM, RIGHT, write_problems

from skeldpo.cli import RUN_FAILED, USER_ERROR, main
from skeldpo.commands import measure
from skeldpo.measure.actor import session_row
from skeldpo.records import Assignment, Candidate, Measurement, Outcome
from skeldpo.rounds import lease
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, Store


def test_start_that_measured_nothing_does_not_bind_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("RAY_ADDRESS", "local")  # a cluster of this machine would be joined, else
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


def test_start_that_was_killed_after_its_manifest_leaves_no_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(assignments: Iterable[Assignment], *, output: str, **_: object) -> None:
        store = Store(output)
        assert not store.exists("candidates.parts/.writing-00000000-x.parquet"), "swept"
        for asked in assignments:
            key = asked.problem.problem_id
            rows = [session_row(c.candidate_id, asked, Outcome.ACCEPTED) for c in asked.candidates]
            store.write_part(CANDIDATES, key, Candidate, asked.candidates)
            store.write_part(MEASUREMENTS, key, Measurement, rows)
            store.join_parts(CANDIDATES, Candidate, [key])
            store.join_parts(MEASUREMENTS, Measurement, [key])

    monkeypatch.setattr(measure, "connect_ray", lambda *_, **__: None)
    monkeypatch.setattr(measure, "sample_and_measure", record)
    monkeypatch.setattr(lease, "SETTLE_S", 0.0)
    problems = write_problems(tmp_path / "problems.jsonl", {"sound": {}})
    programs = tmp_path / "programs.jsonl"
    programs.write_text(json.dumps({"problem_id": "sound", "code": RIGHT}))
    out = tmp_path / "measured"
    left = out / "candidates.parts" / ".writing-00000000-x.parquet"
    command = ["measure", "--problems", str(problems), "--programs", str(programs)]
    with monkeypatch.context() as killed:
        killed.setattr(measure, "_drop_parts", lambda _: (_ for _ in ()).throw(SystemExit(9)))
        with pytest.raises(SystemExit):
            main([*command, "--out", str(out)])
    assert (out / "candidates.parts").is_dir() and (out / "measure.manifest.json").is_file()
    assert main([*command, "--out", str(out)]) == 0
    assert "is finished: nothing to measure" in capsys.readouterr().out
    assert not list(out.glob("*.parts"))
    (out / "measure.manifest.json").unlink()
    left.parent.mkdir()
    left.write_text("half")
    os.utime(left, (1, 1))
    assert main([*command, "--out", str(out)]) == 0
    assert not list(out.glob("*.parts"))
