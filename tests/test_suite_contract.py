"""A suite is one module: what a new one needs, and that nothing else names the built-in ones."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from enamel_rows import ROW as ENAMEL_ROW
from enamel_rows import write_csv
from hand_scores import scored_by_session
from mercury_rows import write_rows
from scripted_runs import make_report
from toy_suite import REFERENCE, SUITE

from skeldpo import cli
from skeldpo.api import evaluate
from skeldpo.cli import RUN_FAILED, USER_ERROR, main
from skeldpo.config import MeasureConfig
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.storage.files import with_ending
from skeldpo.suites import runner
from skeldpo.suites.all import SUITES, find_suite
from skeldpo.suites.contract import Suite, SuiteData
from skeldpo.suites.enamel import load_enamel
from skeldpo.suites.given_programs import read_program_set
from skeldpo.suites.requests import suite_requests
from skeldpo.suites.runner import SuiteRequest

REPOSITORY = Path(__file__).parent.parent
WRONG = "def double(n):\n    return n\n"
PLAIN_WORDS = ("leetcode", "code_contests", "heldout")
"""Names of suites that are words of other things, too: no text must be one of them. "problems" is
also a key of reports and configurations: only its module must not be imported."""


def test_suite_of_ones_own_is_found_by_its_module() -> None:
    assert find_suite("toy_suite") is SUITE
    assert find_suite(SUITES[0].name) is SUITES[0]
    with pytest.raises(ValueError, match="expected a skeldpo.suites.contract.Suite as SUITE"):
        find_suite("skeldpo.suites.metrics")
    with pytest.raises(ValueError, match=r"no suite 'no\.such'; known: enamel"):
        find_suite("no.such")


def test_suite_of_ones_own_is_loaded_and_scored(tmp_path: Path) -> None:
    def run(request: RunRequest) -> RunReport:
        twice = 2 if request.code == REFERENCE else 1
        inputs = [json.loads(text)[0] for text in request.input_texts]
        answers = tuple(str(twice * n) for n in inputs)
        return make_report(answer_texts=answers, cpu_time_ns=1000)

    source = str(_write_data(tmp_path))
    held = SUITE.load(SuiteData(source=source, measure=MeasureConfig(), tell=print))
    result = scored_by_session(held, (WRONG, REFERENCE), SUITE.protocol, run)
    assert result.scores == {"pass@1": 0.5, "shortest": len(WRONG)}


@pytest.mark.docker
@pytest.mark.ray
@pytest.mark.slow
def test_evaluation_that_was_stopped_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    data = _write_data(tmp_path)
    programs = write_rows(
        tmp_path / "programs.jsonl",
        *({"problem_id": key, "code": code} for key in "ab" for code in (REFERENCE, WRONG)),
    )
    out = tmp_path / "report.json"
    stop = tmp_path / "stop-b"
    stop.touch()
    code, said = _evaluate(data, programs, out)
    assert code == RUN_FAILED, said
    assert "the same command goes on from there" in said
    assert not out.exists()
    assert (tmp_path / "log").read_text().split() == ["a"]
    stop.unlink()
    code, said = _evaluate(data, programs, out)
    assert code == 0, said
    assert (tmp_path / "log").read_text().split() == ["a", "b"]
    report = json.loads(out.read_text())
    assert (report["suite"], report["scores"]["pass@1"]) == ("toy", 0.5)
    assert not list(tmp_path.glob(".*.parts"))


def _evaluate(data: Path, programs: Path, out: Path) -> tuple[int, str]:
    """Exit code and words of the command, with the toy suite on $PYTHONPATH."""
    folders = (REPOSITORY / "tests", REPOSITORY)
    done = subprocess.run(
        [sys.executable, "-m", "skeldpo.cli", "evaluate", "--suite", "toy_suite", "--data", data,
         "--programs", programs, "--out", out, "--set", "measure.num_cores=1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_suite_without_its_data_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "report.json")
    arguments = ["--suite", "toy_suite", "--programs", "p", "--out", out]
    assert main(["evaluate", *arguments]) == USER_ERROR
    assert "suite toy needs its data" in capsys.readouterr().err


def test_docs_tables_are_what_the_suites_say() -> None:
    text = (REPOSITORY / "docs" / "SUITES.md").read_text(encoding="utf-8")
    for table in (
        _table(("suite", "`--data`", "scores"), lambda s: (s.data, s.scores)),
        _table(("suite", "an answer is right if"), lambda s: (s.equality,)),
    ):
        assert table in text, f"docs/SUITES.md lacks this table:\n{table}"


def test_setting_that_an_evaluation_would_not_read_is_refused() -> None:
    given = ["evaluate", "--suite", "heldout", "--policy", "p", "--out", "r.json", "--set"]
    for setting in ("generate.max_tokens=900", "generate.temperature=0.2"):
        options = cli._parser(names_suites=False).parse_args([*given, setting])
        with pytest.raises(ValueError, match=rf"does not read {setting.partition('=')[0]}: "):
            suite_requests(options)
    (asked,) = suite_requests(
        cli._parser(names_suites=False).parse_args([*given, "evaluate.max_tokens=900"])
    )
    assert asked.sampling.generate.max_tokens == 900


def test_files_of_a_home_folder_are_read_where_no_shell_has_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    held = load_enamel(write_csv(tmp_path / "enamel.csv", ENAMEL_ROW))
    assert load_enamel("~/enamel.csv") == held
    assert runner.file_digest("~/enamel.csv") == runner.file_digest(f"{tmp_path}/enamel.csv") != ""
    write_rows(tmp_path / "p.jsonl", {"problem_id": "a", "code": "x = 1\n"})
    assert read_program_set("~/p.jsonl", ["a"]).programs == {"a": ("x = 1\n",)}


def test_memory_limit_of_a_suite_holds_unless_the_user_sets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[SuiteRequest] = []
    monkeypatch.setattr(runner, "evaluate_programs", lambda request, *_: asked.append(request))
    data = str(write_csv(tmp_path / "enamel.csv", ENAMEL_ROW))
    given = ["evaluate", "--suite", "enamel", "--data", data, "--programs", "p", "--out", "r.json"]
    for overrides in ([], ["--set", "measure.memory_limit_mib=512"]):
        options = cli._parser(names_suites=False).parse_args([*given, *overrides])
        asked += [each.request for each in suite_requests(options)]
    for measure in (None, MeasureConfig(cpu_limit_s=5), MeasureConfig(memory_limit_mib=512)):
        evaluate("enamel", "p", data=data, measure=measure, folder=str(tmp_path))
    with pytest.raises(ValueError, match="is a folder; give the file of the report in it"):
        folder = ["--out", str(tmp_path)]
        suite_requests(cli._parser(names_suites=False).parse_args([*given[:-2], *folder]))
    limits = [request.measure.memory_limit_mib for request in asked]
    assert limits == [1024, 512, 1024, 1024, 512]


@pytest.mark.parametrize("place", ["/all/", "s3://all/"])
def test_what_lies_beside_a_report_has_its_whole_name(place: str) -> None:
    assert with_ending(f"{place}a.json", "-samples.jsonl") == f"{place}a-samples.jsonl"
    names = [f"{place}qwen2.5", f"{place}qwen2.7", f"{place}qwen2.json"]
    assert len({with_ending(name, ".html") for name in names}) == 3
    for name in names:
        assert with_ending(name, ".html") != name


def test_help_names_every_suite(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert ", ".join(suite.name for suite in SUITES) in said


def test_suite_is_named_only_by_its_own_module_and_the_tuple() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {text!r}"
        for path in _readers_of_suites()
        for line, text in _texts(path)
        for suite in SUITES
        if not path.name.startswith(suite.name) and _names(suite, text)
    ]
    assert not found, "\n".join(found)


def _names(suite: Suite, text: str) -> bool:
    if suite.name == "problems":
        return text == f"skeldpo.suites.{suite.name}"
    if suite.name in PLAIN_WORDS:
        return text in (suite.name, f"skeldpo.suites.{suite.name}")
    return re.search(rf"\b{suite.name}\b", text) is not None


def _readers_of_suites() -> list[Path]:
    package = REPOSITORY / "skeldpo"
    names = ("suites", "report", "commands", "measure", "rounds")
    rooms = [package / name for name in names]
    files = [path for room in rooms for path in room.glob("*.py") if path.name != "all.py"]
    return [*files, *(package / name for name in ("cli.py", "pipeline.py"))]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module, without its comments and docstrings, and the names of its imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skeldpo.suites."):
            yield node.lineno, str(node.module)


def _table(columns: tuple[str, ...], cells) -> str:
    rows = [(f"`{suite.name}`", *cells(suite)) for suite in SUITES]
    head, *lines = ["| " + " | ".join(row) + " |" for row in (columns, *rows)]
    return "\n".join([head, "|---" * len(columns) + "|", *lines])


def _write_data(folder: Path) -> Path:
    rows = ({"problem_id": "a", "inputs": [1, 2]}, {"problem_id": "b", "inputs": [5]})
    return write_rows(folder / "rows.jsonl", *(row | {"folder": str(folder)} for row in rows))
