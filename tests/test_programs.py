"""Given programs: three ways to give them, and what is said of one that fits nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_records import DOUBLE, FUNCTION_PROBLEM, LOOP, STDIO_PROBLEM

from skeldpo.problems.programs import dataset_candidates, known_candidates, read_programs

PROBLEM_IDS = {FUNCTION_PROBLEM.problem_id, STDIO_PROBLEM.problem_id, "a.b"}


def test_read_programs_from_jsonl_keeps_order(tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    rows = [("echo", "e"), ("double", "d1"), ("echo", "e"), ("double", "d2")]
    file.write_text("\n".join(json.dumps({"problem_id": p, "code": c}) for p, c in rows))
    assert read_programs(file, PROBLEM_IDS) == {"echo": ["e", "e"], "double": ["d1", "d2"]}


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


def test_dataset_candidates_have_ids_of_problem_place_and_code() -> None:
    first, second = dataset_candidates("double", ["a", "a"])
    assert first.candidate_id != second.candidate_id
    assert (first.origin, first.model_id, first.completion_token_ids) == ("dataset", "", ())
    assert dataset_candidates("double", ["a"])[0] == first
    assert dataset_candidates("echo", ["a"])[0].candidate_id != first.candidate_id


def test_known_candidates_are_the_solutions() -> None:
    assert [c.code for c in known_candidates(FUNCTION_PROBLEM)] == [DOUBLE, LOOP]
    assert known_candidates(STDIO_PROBLEM) == ()
