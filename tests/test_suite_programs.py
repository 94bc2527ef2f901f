"""Programs as other tools write them, and what is said of those that cannot be used."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from skeldpo.answers import Wanted
from skeldpo.suites.given_programs import (
    ProgramSet,
    read_program_set,
    unparsable_programs,
)

NUMBERED = ("HumanEval/0", "HumanEval/1", "HumanEval/10")
SLUGS = ("two-sum", "word-break-ii")
F, G = "def f():\n    return 1\n", "def g():\n    return 2\n"


def _write(path: Path, held: Any) -> Path:
    path.write_text(held if isinstance(held, str) else json.dumps(held), encoding="utf-8")
    return path


def _reasons(read: ProgramSet) -> dict[str, str]:
    return {entry.place: entry.reason for entry in read.left_out}


def test_mercury_samples_json(tmp_path: Path) -> None:
    held = {
        "two-sum": [
            {"task_id": "two-sum", "completion": F},
            {"task_id": "two-sum", "completion": G},
        ],
        "word-break-ii": [{"task_id": "word-break-ii", "completion": G}],
    }
    read = read_program_set(_write(tmp_path / "s.json", held), SLUGS)
    assert read.programs == {"two-sum": (F, G), "word-break-ii": (G,)}
    assert read.left_out == ()


@pytest.mark.parametrize(
    "held", [[[F, G], [G], *[[]] * 8, [F]], {"0": [F, G], "1": [G], "10": [F]}]
)
def test_enamel_codes_by_place_or_number(tmp_path: Path, held: Any) -> None:
    read = read_program_set(
        _write(tmp_path / "codes.json", held), NUMBERED, [f"HumanEval/{n}" for n in range(2, 10)]
    )
    assert read.programs == {"HumanEval/0": (F, G), "HumanEval/1": (G,), "HumanEval/10": (F,)}
    assert read.left_out == ()


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_evalplus_jsonl_raw_and_fenced(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"task_id": "HumanEval/0", "solution": F},
        {"task_id": "HumanEval_1", "solution": f"Here it is:\n```python\n{G}```\nDone."},
        {"task_id": "HumanEval/0", "completion": "    return 3\n"},
        {"problem_id": "HumanEval/10", "code": F},
    ]
    path = tmp_path / f"samples{suffix}"
    with gzip.open(path, "wt") if suffix.endswith("gz") else path.open("w") as lines:
        lines.writelines(json.dumps(row) + "\n\n" for row in rows)
    read = read_program_set(path, NUMBERED)
    assert read.programs == {
        "HumanEval/0": (F, "    return 3\n"),
        "HumanEval/1": (G,),
        "HumanEval/10": (F,),
    }


def test_folder_of_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name, code in (("HumanEval_0/2.py", F), ("HumanEval_0/10.py", G), ("1.py", G)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    (tmp_path / "HumanEval_10.first.py").write_bytes(b"\xff\xfe")
    read = read_program_set(tmp_path, NUMBERED)
    assert read.programs == {"HumanEval/0": (F, G), "HumanEval/1": (G,)}
    assert "must be UTF-8" in _reasons(read)[str(tmp_path / "HumanEval_10.first.py")]


def test_file_whose_name_is_no_text_can_be_named_in_a_report(tmp_path: Path) -> None:
    """Its page was not written, after all had been measured."""
    (tmp_path / "1.py").write_text("x = 1\n")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).write_text("x = 1\n")
    (odd,) = (e for e in read_program_set(tmp_path, NUMBERED).left_out if "caf" in e.place)
    assert (odd.problem_id, odd.place) == ("caf\\xe9", f"{tmp_path}/caf\\xe9.py")
    assert odd.reason.encode()


def test_bad_rows_are_named_and_the_others_read(tmp_path: Path) -> None:
    good = {"problem_id": "two-sum", "code": F, "sample_index": 0}
    lines = [
        json.dumps(good),
        json.dumps(good),
        '{"problem_id": ',
        "[1]",
        json.dumps({"code": F}),
        json.dumps({"problem_id": "three-sum", "code": F}),
        json.dumps({"problem_id": "two-sum", "code": 7}),
        json.dumps({"problem_id": "two-sum", "code": " \n"}),
    ]
    path = _write(tmp_path / "p.jsonl", "\n".join(lines))
    read = read_program_set(path, SLUGS)
    assert read.programs == {"two-sum": (F, " \n")}
    reasons = _reasons(read)
    assert "sample 0 of this problem is there twice" in reasons[f"{path}:2"]
    assert "not valid JSON" in reasons[f"{path}:3"]
    assert "expected an object, got list" in reasons[f"{path}:4"]
    assert "no problem_id or task_id" in reasons[f"{path}:5"]
    assert "no problem 'three-sum' in this suite" in reasons[f"{path}:6"]
    assert "expected program text (code or solution or completion), got 7" in reasons[f"{path}:7"]
    assert reasons[f"{path}:8"] == "empty program: scored as failed"
    assert reasons[str(path)] == "no program given"  # for word-break-ii
    assert len(read.left_out) == 8


def test_json_keys_that_come_twice_are_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "s.json", '{"two-sum": ["a"], "two-sum": ["b"], "word-break-ii": "c"}')
    read = read_program_set(path, SLUGS)
    assert read.programs == {"two-sum": ("a",)}
    assert "twice" in _reasons(read)[f"{path}['two-sum']"]
    assert "expected a list of programs" in _reasons(read)[f"{path}['word-break-ii']"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("7", "expected an object or a list, got int"),
        ('{"three-sum": ["x"]}', "found none; first: .*no problem 'three-sum'"),
        ("{}", "found none"),
    ],
)
def test_unusable_file_is_value_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_program_set(_write(tmp_path / "s.json", text), SLUGS)


def test_missing_file_is_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file or folder at"):
        read_program_set(tmp_path / "none.json", SLUGS)


def test_text_that_is_no_program_is_named_with_its_sample() -> None:
    programs = {"a": (F, "I cannot help.", ""), "b": ("    return 1\n",)}
    wanted = dict.fromkeys(programs, Wanted(language="python"))
    found = unparsable_programs(
        programs, wanted, lambda key, code: f"def h():\n    '''{key}'''\n{code}"
    )
    assert [(entry.problem_id, entry.place) for entry in found] == [("a", "sample 1")]
    assert found[0].reason.startswith("no Python program (SyntaxError")
