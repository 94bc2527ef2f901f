"""The command line: answers at once, and a mistake is one message and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from skeldpo.cli import RUN_FAILED, USER_ERROR, main, run_guarded
from skeldpo.records import Problem

QUICKSTART = str(Path(__file__).parents[1] / "jobs" / "configs" / "quickstart.toml")
HELP = """
import sys, time
from skeldpo.cli import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
heavy = {"torch", "ray", "vllm", "transformers", "docker", "numpy", "pyarrow"}
print("LOADED", sorted(heavy & set(sys.modules)), time.process_time())
"""


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The message of a command that ends with exit code 2."""
    assert main(arguments) == USER_ERROR
    message = capsys.readouterr().err
    assert message.startswith("skeldpo: ")
    assert "Traceback" not in message
    return message


def test_help_takes_under_a_second_and_imports_nothing_heavy() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HELP], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for command in ("run", "init-policy", "measure", "pair", "status", "report", "doctor",
                    "skeleton", "inspect", "answers", "export", "evaluate", "compare"):  # fmt: skip
        assert command in shown
    _, loaded, cpu_time_s = shown.splitlines()[-1].rsplit(maxsplit=2)
    assert shown.splitlines()[-1].startswith("LOADED []"), shown
    assert loaded == "[]"
    assert float(cpu_time_s) < 1.0


@pytest.mark.parametrize("command", ["run", "measure", "pair", "export", "init-policy", "evaluate"])
def test_command_help_exits_with_zero(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert "--set" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run"], ["pair", "folder"]])
def test_wrong_command_line_exits_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: skeldpo" in capsys.readouterr().err


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from skeldpo import __version__

    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"skeldpo {__version__}\n"


def test_run_missing_config_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = _refused(capsys, "run", "--config", str(tmp_path / "none.toml"))
    assert f"no configuration file at {tmp_path}/none.toml" in message


def test_run_unknown_key_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    message = _refused(capsys, "run", "--config", QUICKSTART, "--set", "train.betta=1")
    assert "unknown key train.betta; did you mean train.beta?" in message


def test_run_missing_problem_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    setting = 'problems.sources=["nowhere.jsonl"]'
    message = _refused(capsys, "run", "--config", QUICKSTART, "--dry-run", "--set", setting)
    assert "no file at nowhere.jsonl" in message


def test_run_malformed_problem_file_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"problem_id": "p", "statement": "s", "tests": [{"input": 1}]}\n')
    setting = f'problems.sources=["{file}"]'
    message = _refused(capsys, "run", "--config", QUICKSTART, "--dry-run", "--set", setting)
    assert f"{file}:1: a test has the keys input and expected" in message


@pytest.mark.parametrize("section", ["generate", "evaluate"])
def test_dry_run_refuses_several_greedy_samples(
    section: str, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = f"{section}.temperature=0"
    message = _refused(capsys, "run", "--config", QUICKSTART, "--dry-run", "--set", setting)
    assert f"{section}.temperature = 0 is greedy" in message
    assert f"set {section}.num_samples = 1" in message


def test_dry_run_prints_the_resolved_configuration_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "--config", QUICKSTART, "--dry-run", "--set", "train.beta=0.375"]
    assert main([*arguments, "--set", "problems.num_train=7"]) == 0
    shown = capsys.readouterr().out
    resolved = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])
    assert resolved["train"]["beta"] == 0.375
    assert resolved["measure"]["cpu_limit_s"] > 0
    assert "a round trains on 7 and evaluates on" in shown.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_dry_run_counts_the_problems_that_are_kept_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], family_pool: list[Problem]
) -> None:
    names = tmp_path / "names.txt"
    family = [p for p in family_pool if p.split == "train" and p.problem_id.startswith("two_sum")]
    names.write_text(family[0].problem_id.upper() + "\n")
    setting = f'keep_out.files=["{names}"]'
    assert main(["run", "--config", QUICKSTART, "--dry-run", "--set", setting]) == 0
    shown = capsys.readouterr().out
    assert "1 problems kept out of training: 1 by id (names.txt)" in shown


def test_pair_unmeasured_folder_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = _refused(capsys, "pair", str(tmp_path), "--out", str(tmp_path / "pairs.parquet"))
    assert f"{tmp_path} holds no finished measurements" in message
    assert "skeldpo measure" in message
    assert list(tmp_path.iterdir()) == []


def test_pair_unknown_setting_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "pairs.parquet")
    message = _refused(capsys, "pair", str(tmp_path), "--out", out, "--set", "pair.min_sped=2")
    assert "unknown key pair.min_sped; did you mean pair.min_speedup?" in message


def test_measure_missing_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["measure", "--out", str(out), "--programs", str(tmp_path / "programs.jsonl")]
    message = _refused(capsys, *arguments, "--problems", str(tmp_path / "none.jsonl"))
    assert f"no file at {tmp_path}/none.jsonl" in message
    message = _refused(capsys, *arguments, "--problems", "families")
    assert f"no file at {tmp_path}/programs.jsonl" in message
    bare = tmp_path / "bare.jsonl"
    row = {"problem_id": "p", "statement": "s", "tests": [{"input": "", "expected": ""}]}
    bare.write_text(json.dumps(row))
    message = _refused(capsys, "measure", "--out", str(out), "--problems", str(bare))
    assert "bare.jsonl'] has solutions; give --programs" in message
    assert not out.exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("bad input"), USER_ERROR),
        (RuntimeError("bad machine"), RUN_FAILED),
        (OSError("bad disk"), RUN_FAILED),
        (KeyboardInterrupt(), 130),
    ],
)
def test_run_guarded_gives_one_line_and_a_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(display: object) -> None:
        raise error

    assert run_guarded(command) == code
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert str(error) in shown


def test_run_guarded_raises_for_a_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(display: object) -> None:
        raise ValueError("bad input")

    monkeypatch.setenv("SKELDPO_TRACEBACK", "1")
    with pytest.raises(ValueError, match="bad input"):
        run_guarded(command)
    monkeypatch.delenv("SKELDPO_TRACEBACK")

    def broken(display: object) -> None:
        raise KeyError("our own mistake")

    with pytest.raises(KeyError):
        run_guarded(broken)


def test_new_policy_does_not_mix_with_what_a_folder_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"another model")
    for out in (str(tmp_path), f"~/{tmp_path.name}"):
        assert main(["init-policy", f"--out={out}"]) == USER_ERROR
        assert "is not empty (model-00001-of-00002.safetensors)" in capsys.readouterr().err


def test_no_samples_are_refused_in_our_words(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", "--suite", "heldout", "--policy", "p", "--out", "o.json"]
    assert main([*asked, "--num-samples", "0"]) == USER_ERROR
    assert capsys.readouterr().err == "skeldpo: --num-samples takes a number from 1, got 0\n"
