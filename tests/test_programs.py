"""Given programs: three ways to give them, and what is said of one that fits nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sample_records import DOUBLE, FUNCTION_PROBLEM, LOOP, SAMPLED, STDIO_PROBLEM

from skeldpo.answers import Wanted
from skeldpo.answers.reading import CUT, NO_PROGRAM, USAGE
from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig
from skeldpo.languages import language
from skeldpo.measure.work import ProblemWork
from skeldpo.problems.program_files import file_text
from skeldpo.problems.programs import (
    dataset_candidates,
    known_candidates,
    read_programs,
    training_assignment,
    training_candidates,
)
from skeldpo.records import KnownProgram
from skeldpo.sandbox.image import SandboxImage
from skeldpo.suites.given_programs import read_program_set

PYTHON = language("python")
PROBLEM_IDS = dict.fromkeys(
    (FUNCTION_PROBLEM.problem_id, STDIO_PROBLEM.problem_id, "a.b"), Wanted(language="python")
)


def test_read_programs_from_jsonl_keeps_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "programs.jsonl"
    rows = [("echo", "e"), ("double", "d1"), ("echo", "e"), ("double", "d2")]
    file.write_text("\n".join(json.dumps({"problem_id": p, "code": c}) for p, c in rows))
    assert read_programs(file, PROBLEM_IDS) == {"echo": ["e", "e"], "double": ["d1", "d2"]}
    monkeypatch.setenv("HOME", str(tmp_path))  # of --programs=~/..., which no shell expands
    assert read_programs("~/programs.jsonl", PROBLEM_IDS) == read_programs(file, PROBLEM_IDS)


def test_read_programs_from_a_problem_file_takes_its_solutions(tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    test = {"input": "a", "expected": "a"}
    row = {"problem_id": "echo", "statement": "s", "tests": [test], "solutions": ["x", "y"]}
    file.write_text(json.dumps(row))
    assert read_programs(file, PROBLEM_IDS) == {"echo": ["x", "y"]}


def test_read_programs_from_a_folder(tmp_path: Path) -> None:
    for name in ("double.py", "double.fast.py", "a.b.py", "a.b.x.y.py", "echo/one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# {name}")
    (tmp_path / "notes.txt").write_text("no program")
    assert read_programs(tmp_path, PROBLEM_IDS) == {
        "a.b": ["# a.b.py", "# a.b.x.y.py"],
        "double": ["# double.fast.py", "# double.py"],
        "echo": ["# echo/one.py"],
    }


def test_read_programs_unknown_problem_names_the_place(tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text('{"problem_id": "echo", "code": ""}\n{"problem_id": "ecko", "code": ""}\n')
    with pytest.raises(ValueError, match=r"programs\.jsonl:2: no problem 'ecko' among the 3"):
        read_programs(file, PROBLEM_IDS)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "dubble.slow.py").write_text("")
    with pytest.raises(ValueError, match=r"dubble\.slow\.py: no problem 'dubble'"):
        read_programs(folder, PROBLEM_IDS)


def test_read_programs_passes_over_those_for_problems_that_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text('{"problem_id": "any", "code": ""}\n{"problem_id": "echo", "code": "1"}\n')
    assert read_programs(file, PROBLEM_IDS, {"any"}) == {"echo": ["1"]}
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("any.slow.py", "echo.py"):
        (folder / name).write_text("1")
    assert read_programs(folder, PROBLEM_IDS, {"any"}) == {"echo": ["1"]}


def test_read_programs_of_another_form_is_value_error(tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    file.write_text('{"problem_id": "echo"}\n')
    with pytest.raises(ValueError, match=r"programs\.jsonl:1: expected problem_id and code"):
        read_programs(file, PROBLEM_IDS)
    with pytest.raises(ValueError, match="no file at .*none"):
        read_programs(tmp_path / "none", PROBLEM_IDS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="expected programs, found none"):
        read_programs(tmp_path / "empty", PROBLEM_IDS)


def test_bytes_that_are_no_text_give_a_program_that_python_refuses(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_bytes(b"# \xc3\xa9\ns = '\xff'\r\n")
    assert read_programs(tmp_path, PROBLEM_IDS) == {"echo": ["# \u00e9\ns = '\0'\r\n"]}


AREA = "def area(w, h):\n    return w * h\n"
FENCED = f"Here:\n```python\n{AREA}```\nTry:\n```python\nprint(area(1, 2))\n```\n"
USED = AREA + "print(area(1, 2))\n"
WANTED = {"area": Wanted(language="python", entry_point="area")}


def _mixed(folder: Path) -> dict[str, Any]:
    """The same programs as JSONL, as a problem file, as JSON and as a folder."""
    held = [
        ({"code": AREA}, AREA),
        ({"code": FENCED}, AREA),
        ({"solution": USED}, USED),
        ({"completion": USED}, AREA),
        ({"completion": f"<think>\n{FENCED}</think>\n{FENCED}"}, AREA),
        ({"code": "\ufeff" + AREA.replace("\n", "\r\n")}, AREA),
        ({"code": "def area(:\n"}, "def area(:\n"),
    ]
    lines = folder / "rows.jsonl"
    rows = [json.dumps({"task_id": "area", **row}) for row, _ in held]
    lines.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    samples = folder / "samples.json"
    samples.write_bytes(b"\xef\xbb\xbf" + json.dumps({"area": [row for row, _ in held]}).encode())
    files = folder / "files" / "area"
    files.mkdir(parents=True)
    for number, (row, _) in enumerate(held):
        if "completion" not in row:
            text = next(iter(row.values()))
            (files / f"{number}.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    expected = [code for _, code in held]
    return {"lines": lines, "samples": samples, "files": files.parent, "expected": expected}


def test_measure_and_evaluate_read_programs_alike(tmp_path: Path) -> None:
    made = _mixed(tmp_path)
    for kind in ("lines", "samples", "files"):
        measured = read_programs(made[kind], WANTED)["area"]
        evaluated = read_program_set(made[kind], ("area",), wanted=WANTED).programs["area"]
        assert tuple(measured) == evaluated
        if kind == "files":
            assert measured == [AREA, AREA, USED, AREA, "def area(:\n"]
        else:
            assert measured == made["expected"]


def test_problem_file_with_solutions_is_read_by_both(tmp_path: Path) -> None:
    tests = [{"input": [1, 2], "expected": 2}]
    row = {"problem_id": "area", "statement": "s", "entry_point": "area", "tests": tests,
           "solutions": [USED, "\ufeff" + AREA]}  # fmt: skip
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps(row))
    assert read_programs(file, WANTED) == {"area": [USED, AREA]}
    assert read_program_set(file, ("area",), wanted=WANTED).programs == {"area": (USED, AREA)}


def test_notes_count_what_was_unusual(tmp_path: Path) -> None:
    texts = [FENCED, USED, f"```python\n{AREA}", "```sh\nls\n```", AREA]
    rows = [json.dumps({"problem_id": "area", "completion": text}) for text in texts]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows))
    read = read_program_set(file, ("area",), wanted=WANTED)
    assert read.notes == {CUT: 1, NO_PROGRAM: 1, USAGE: 1}
    assert [entry.reason for entry in read.left_out] == [f"{NO_PROGRAM}: scored as failed"]


def test_file_is_decoded_as_python_does(tmp_path: Path) -> None:
    file = tmp_path / "area.py"
    file.write_bytes("# coding: latin-1\nNAME = '\u00e9'\r\n".encode("latin-1"))
    assert file_text(file, PYTHON) == "# coding: latin-1\nNAME = '\u00e9'\n"
    file.write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r")
    assert file_text(file, PYTHON) == "x = 1\ny = 2\n"
    file.write_bytes(b"x = '\xff'\n")
    with pytest.raises(UnicodeDecodeError):
        file_text(file, PYTHON)


def test_dataset_candidates_have_ids_of_problem_place_and_code() -> None:
    first, second = dataset_candidates(FUNCTION_PROBLEM, ["a", "a"])
    assert first.candidate_id != second.candidate_id
    assert (first.origin, first.model_id, first.completion_token_ids) == ("dataset", "", ())
    assert dataset_candidates(FUNCTION_PROBLEM, ["a"])[0] == first
    assert dataset_candidates(STDIO_PROBLEM, ["a"])[0].candidate_id != first.candidate_id


def test_training_problem_brings_as_many_programs_of_every_kind() -> None:
    speeds = ["fast"] * 2 + ["slow"] * 9 + ["unknown"] * 9
    known = tuple(
        KnownProgram(code=f"{speed}{index}", speed=speed) for index, speed in enumerate(speeds)
    )
    problem = replace(FUNCTION_PROBLEM, solutions=known, wrong_programs=("wrong0", "wrong1"))
    chosen = training_candidates(problem, 10, seed=1)
    kinds = Counter(candidate.code.rstrip("0123456789") for candidate in chosen)
    assert kinds == {"fast": 2, "slow": 3, "unknown": 3, "wrong": 2}
    assert training_candidates(problem, 10, seed=1) == chosen
    assert training_candidates(problem, 10, seed=2) != chosen
    whole = training_candidates(problem, 100, seed=3)
    assert [c.code for c in whole] == [*(k.code for k in known), "wrong0", "wrong1"]
    assert set(chosen) <= set(whole)


@pytest.mark.parametrize(
    ("programs", "num_samples", "num_known"), [("policy", 8, 0), ("data", 0, 2), ("both", 8, 2)]
)
def test_training_problem_is_sampled_or_brings_its_programs(
    programs: str, num_samples: int, num_known: int
) -> None:
    generate = GenerateConfig.model_validate({"programs": programs})
    asked = training_assignment(FUNCTION_PROBLEM, generate, 2, seed=5)
    assert (asked.num_samples, len(asked.candidates)) == (num_samples, num_known)
    assert {c.origin for c in asked.candidates} <= {"dataset"}
    assert (asked.purpose, asked.round_index, asked.seed) == ("train", 2, 5)


@pytest.mark.parametrize(("purpose", "expected"), [("train", "sampled"), ("evaluate", "dataset")])
def test_sampled_program_is_run_for_the_known_one_that_it_equals(
    purpose: str, expected: str
) -> None:
    """In training, so that the pair has the ids that the engine wrote."""
    known = known_candidates(FUNCTION_PROBLEM)
    asked = replace(
        training_assignment(FUNCTION_PROBLEM, GenerateConfig(), 1, seed=0),
        purpose=purpose,
        candidates=(*known, SAMPLED),
    )

    work = ProblemWork(asked, _run_nothing, MeasureConfig(), EvaluateConfig())
    image = SandboxImage(reference="r", digest="d", python_version="3.11")
    rows = {row.candidate_id: row.equal_to for row in work.rows(image, 0)}
    twin, other = known
    run_for = {"sampled": SAMPLED.candidate_id, "dataset": twin.candidate_id}[expected]
    assert rows == {
        twin.candidate_id: run_for,
        SAMPLED.candidate_id: run_for,
        other.candidate_id: other.candidate_id,
    }


def test_whole_answer_is_run_for_the_one_that_was_cut_off_behind_the_same_program() -> None:
    """Else nothing of that program could be chosen, the whole answer neither."""
    cut = replace(SAMPLED, candidate_id="cut", finish_reason="length")
    asked = training_assignment(FUNCTION_PROBLEM, GenerateConfig(programs="policy"), 1, seed=0)
    for candidates in ((cut, SAMPLED), (SAMPLED, cut), (cut, *known_candidates(FUNCTION_PROBLEM))):
        work = ProblemWork(
            replace(asked, candidates=candidates), _run_nothing, MeasureConfig(), EvaluateConfig()
        )
        image = SandboxImage(reference="r", digest="d", python_version="3.11")
        run_for = {row.candidate_id: row.equal_to for row in work.rows(image, 0)}
        assert run_for["cut"] != "cut"


def _run_nothing(request: object) -> NoReturn:
    raise AssertionError("nothing is to be run")


def test_known_candidates_are_the_solutions() -> None:
    assert [c.code for c in known_candidates(FUNCTION_PROBLEM)] == [DOUBLE, LOOP]
    assert known_candidates(STDIO_PROBLEM) == ()
