"""Problem files: what is read, and that every mistake names file, line and key."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skeldpo.judging.checkers import is_correct, is_named
from skeldpo.problems.own import KEYS
from skeldpo.problems.sources import LeftOutProblem, iter_problems, load_problems, problem_from_row
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.values import decode

DOCUMENT = Path(__file__).parents[1] / "docs" / "PROBLEMS.md"
FUNCTION: dict[str, Any] = {
    "problem_id": "p",
    "statement": "Return twice x.",
    "entry_point": "f",
    "tests": [{"input": [1, "a"], "expected": {"k": [None]}}],
}
STDIO: dict[str, Any] = {
    "problem_id": "q",
    "statement": "Echo.",
    "tests": [{"input": "a\n", "expected": "a\n"}],
}


def _write(folder: Path, *lines: str | dict[str, Any]) -> Path:
    path = folder / "problems.jsonl"
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(text) + "\n")
    return path


def _documented() -> list[str]:
    return re.findall(r"```jsonl\n(.*?)```", DOCUMENT.read_text(), re.S)


@pytest.mark.parametrize("name", ["twice(x)", "Solution().f", "a.b.c", "my f", ".f", "2x"])
def test_entry_point_that_no_program_can_define_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"jsonl:1: entry_point must be such as f, or Solution.f"):
        load_problems([str(_write(tmp_path, {**FUNCTION, "entry_point": name}))])


def test_answers_of_more_digits_than_json_takes_are_read(tmp_path: Path) -> None:
    expected = '{"input": "[5000]", "expected": "1' + "0" * 5000 + '"}'
    line = json.dumps({**FUNCTION, "tests": ["T"]}).replace('"T"', expected)
    (problem,) = load_problems([str(_write(tmp_path, line))])
    assert decode(problem.tests[0].expected_text) == 10**5000


def test_problem_file_gives_defaults_and_order(tmp_path: Path) -> None:
    function, stdio = load_problems([str(_write(tmp_path, FUNCTION, "", STDIO))])
    assert function == Problem(
        problem_id="p",
        language="python",
        source="problems.jsonl",
        split="train",
        difficulty="unknown",
        kind="function",
        statement="Return twice x.",
        entry_point="f",
        starter_code="",
        tests=(Example(input_text='[1, "a"]', expected_text='{"k": [null]}'),),
        generators=(),
        checker="exact",
        reference="",
        solutions=(),
    )
    assert (stdio.kind, stdio.entry_point) == ("stdio", "")
    assert stdio.tests == (Example(input_text="a\n", expected_text="a\n"),)


@pytest.mark.parametrize(
    ("starter", "preamble"),
    [
        ("def f(x):", ""),
        ("from typing import List\n\n\ndef f(x: List[int]) -> int:\n", "from typing import List\n"),
        ("import math\n\ndef half(x):\n    return x / 2\n\ndef f(x):\n    ...\n",
         "import math\ndef half(x):\n    return x / 2\n"),
    ],
)  # fmt: skip
def test_starter_code_promises_what_it_imports_and_defines(starter: str, preamble: str) -> None:
    assert problem_from_row({**FUNCTION, "starter_code": starter}, "here").preamble == preamble


def test_preamble_that_is_no_python_is_value_error() -> None:
    with pytest.raises(ValueError, match="preamble must be Python source"):
        problem_from_row({**FUNCTION, "preamble": "import"}, "here")


def test_problem_file_reads_every_key(tmp_path: Path) -> None:
    row = {
        **FUNCTION,
        "language": "python",
        "kind": "function",
        "starter_code": "def f(x):",
        "generators": ["def generate_input(size, seed):\n    return [size]\n"],
        "checker": "float",
        "reference": "def f(x):\n    return x\n",
        "solutions": ["a", {"code": "b", "speed": "slow"}, {"code": "c"}],
        "split": "heldout_family",
        "difficulty": "hard",
        "source": "mine",
        "max_size": 500,
        "preamble": "\ufeffimport math\r\n",
        "wrong_programs": ["d", {"code": "e"}],
    }
    assert set(row) == KEYS
    assert load_problems([str(_write(tmp_path, row))])[0].max_size == 500
    (problem,) = load_problems([str(_write(tmp_path, row))])
    assert problem.preamble == "import math\n"
    assert problem.wrong_programs == ("d", "e")
    assert problem.solutions == (
        KnownProgram(code="a", speed="unknown"),
        KnownProgram(code="b", speed="slow"),
        KnownProgram(code="c", speed="unknown"),
    )
    for key in (
        "language",
        "starter_code",
        "checker",
        "reference",
        "split",
        "difficulty",
        "source",
    ):
        assert getattr(problem, key) == row[key]
    assert problem.generators == tuple(row["generators"])


def test_problem_file_gzip_and_parquet_give_the_same(tmp_path: Path) -> None:
    expected = load_problems([str(_write(tmp_path, FUNCTION, STDIO))])
    packed = tmp_path / "problems.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "problems.jsonl").read_bytes()))
    table = tmp_path / "problems.parquet"
    test = {"input": '[1, "a"]', "expected": '{"k": [null]}'}
    pq.write_table(pa.Table.from_pylist([{**FUNCTION, "tests": [test]}, STDIO]), table)
    for path in (packed, table):
        found = load_problems([str(path)])
        assert [(p.problem_id, p.kind, p.tests) for p in found] == [
            (p.problem_id, p.kind, p.tests) for p in expected
        ]


@pytest.mark.parametrize(
    ("tests", "found"),
    [
        ([{"input": [2], "expected": 4}, {"input": [3], "expected": 1.5}], r"4\.0"),
        ([{"input": [{"x": 1}], "expected": 4}, {"input": [{"y": 3}], "expected": 1}],
         r"\{'x': 1, 'y': None\}"),
    ],
    ids=["float", "object"],
)  # fmt: skip
def test_test_that_a_column_may_have_changed_is_refused(
    tmp_path: Path, tests: list[Any], found: str
) -> None:
    row = {**FUNCTION, "tests": tests}
    table = tmp_path / "problems.parquet"
    pq.write_table(pa.Table.from_pylist([row]), table)
    with pytest.raises(ValueError, match=rf"row 1: a test holds {found}, which .* as JSON text"):
        load_problems([str(table)])
    for odd in (Decimal("1.5"), b"text"):  # as other tools write numbers and text
        pq.write_table(pa.Table.from_pylist([{**row, "tests": [{"input": [odd]}]}]), table)
        with pytest.raises(ValueError, match=r"row 1: a test holds (Decimal\('1\.5'\)|b'text')"):
            load_problems([str(table)])
    texts = [{key: json.dumps(value) for key, value in test.items()} for test in tests]
    pq.write_table(pa.Table.from_pylist([{**row, "tests": texts}]), table)
    as_lines = load_problems([str(_write(tmp_path, row))])
    assert load_problems([str(table)])[0].tests == as_lines[0].tests


def test_whole_floats_are_answers_where_floats_are_compared(tmp_path: Path) -> None:
    tests = [{"input": [2], "expected": 4.0}, {"input": [3], "expected": 1.5}]
    table = tmp_path / "problems.parquet"
    pq.write_table(pa.Table.from_pylist([{**FUNCTION, "checker": "float", "tests": tests}]), table)
    (problem,) = load_problems([str(table)])
    assert [test.expected_text for test in problem.tests] == ["4.0", "1.5"]
    tests[0]["input"] = [2.0]
    pq.write_table(pa.Table.from_pylist([{**FUNCTION, "checker": "float", "tests": tests}]), table)
    with pytest.raises(ValueError, match=r"a test holds 2\.0"):
        load_problems([str(table)])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected an object, got list"),
        (FUNCTION, "problem_id 'p' is there twice"),
        ({**STDIO, "problem": 1}, r"unknown keys \['problem'\]; known: .*'checker'"),
        ({"statement": "s"}, "problem_id must be a string, got None"),
        ({**STDIO, "problem_id": 3}, "problem_id must be a string, got 3"),
        ({**STDIO, "statement": " "}, "statement is empty"),
        ({**STDIO, "kind": "script"}, "kind must be one of function, stdio, got 'script'"),
        ({**FUNCTION, "problem_id": "r", "entry_point": "", "kind": "function"}, "its entry_point"),
        ({**STDIO, "entry_point": ["f"]}, "entry_point must be a string"),
        ({**STDIO, "tests": []}, "needs tests, or a generator with a reference"),
        ({**STDIO, "tests": {"input": "", "expected": ""}}, "tests must be a list"),
        ({**STDIO, "tests": ["a"]}, "a test has the keys input and expected, got 'a'"),
        ({**STDIO, "tests": [{"input": "a"}]}, "a test has the keys input and expected"),
        ({**STDIO, "tests": [{"input": "a", "expected": 1}]}, "of a stdio test are strings"),
        ({**STDIO, "tests": [{"input": ["a"], "expected": "a"}]}, "stdio test are strings"),
        ({**STDIO, "generators": "def generate_input"}, "generators must be a list"),
        *(
            ({**STDIO, "generators": [code]}, "Python that defines generate_input")
            for code in ("def generate(n):\n    pass\n", "generate_input.py", "generate_input(")
        ),
        ({**STDIO, "checker": "check.py"}, r"Python that defines check\(.*got 'check\.py'"),
        (
            {**STDIO, "checker": "exactly"},
            "checker must be one of equal, exact, .*got 'exactly'",
        ),
        *(
            ({**STDIO, "max_size": size}, f"max_size must be a whole number from 1, got {size!r}")
            for size in (0, -3, 1.5, True, "9")
        ),
        ({**STDIO, "max_size": 9}, "max_size is a size of generators, got 9 without generators"),
        ({**STDIO, "split": "test"}, "split must be one of train, heldout_variant.*got 'test'"),
        ({**STDIO, "solutions": [{"speed": "fast"}]}, "a solution is a program or an object"),
        ({**STDIO, "solutions": [{"code": "a", "sped": 1}]}, r"unknown keys \['sped'\] of a sol"),
        ({**STDIO, "solutions": [{"code": "a", "speed": "quick"}]}, "speed of a solution must be"),
        ('{"problem_id": "\\ud800", "statement": "s"}', "half a surrogate pair"),
    ],
)
def test_problem_file_mistake_names_file_and_line(
    tmp_path: Path, second: str | dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"problems\.jsonl:3: .*{message}"):
        load_problems([str(_write(tmp_path, FUNCTION, "", second))])


@pytest.mark.parametrize("arguments", [5, {"x": 1}, None, "[1]"])
def test_function_test_input_must_be_a_list(tmp_path: Path, arguments: object) -> None:
    row = {**FUNCTION, "tests": [{"input": arguments, "expected": 1}]}
    with pytest.raises(ValueError, match=r"problems\.jsonl:1: .*list of arguments, got"):
        load_problems([str(_write(tmp_path, row))])


def test_function_test_of_two_strings_must_be_json(tmp_path: Path) -> None:
    row = {**FUNCTION, "tests": [{"input": "[1]", "expected": "nothing"}]}
    with pytest.raises(ValueError, match="given as two strings is JSON"):
        load_problems([str(_write(tmp_path, row))])


def test_problem_file_that_is_missing_empty_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no file at .*none\.jsonl; expected a file \(JSONL"):
        load_problems([str(tmp_path / "none.jsonl")])
    with pytest.raises(ValueError, match="expected at least one problem, found none"):
        load_problems([str(_write(tmp_path, ""))])
    rows = "\n".join(json.dumps({**STDIO, "problem_id": str(i)}) for i in range(300))
    whole = gzip.compress(rows.encode())
    for name, content in {
        "a.jsonl.gz": b"{}",
        "b.jsonl.gz": whole[: len(whole) // 2],
        "c.jsonl.gz": whole[:20] + bytes(40) + whole[60:],
        "d.parquet": b"PAR1 no table PAR1",
        "e.parquet": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.* is not a "):
            load_problems([str(tmp_path / name)])


def test_documented_examples_load_and_their_programs_pass(tmp_path: Path) -> None:
    blocks = _documented()
    assert len(blocks) >= 3
    problems = load_problems([str(_write(tmp_path, *blocks))])
    assert {problem.kind for problem in problems} == {"function", "stdio"}
    for problem in problems:
        if problem.kind == "stdio":
            continue
        scope: dict[str, Any] = {}
        exec(problem.reference, scope)
        for test in problem.tests:
            arguments, expected = json.loads(test.input_text), json.loads(test.expected_text)
            answer = scope[problem.entry_point](*arguments)
            if is_named(problem.checker):
                text = json.dumps(answer)
                assert is_correct(problem.checker, "function", text, test.expected_text)
            else:
                exec(problem.checker, scope)
                assert scope["check"](arguments, answer, expected) is True
                assert scope["check"](arguments, 1, expected) is False


def test_document_names_every_key_and_checker() -> None:
    text = DOCUMENT.read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert named >= KEYS
    assert {"exact", "float", "unordered", "ignore_case"} <= named


CONTEST = {
    "problem_id": "cc",
    "statement": "You are an expert Python programmer, and here is your task:\nSort.\n",
    "solutions": ["print(1)"],
    "tests": [{"input": "1", "output": "1"}],
    "stress_generators": [
        "import random\n\ndef generate_input():\n    return str(random.random())\n"
    ],
}


def test_code_contests_row_gives_a_seeded_generator() -> None:
    problem = problem_from_row(CONTEST, source="x")
    assert (problem.source, problem.kind, problem.statement) == ("code_contests", "stdio", "Sort.")
    assert problem.tests == (Example(input_text="1\n", expected_text="1"),)
    scope: dict[str, Any] = {}
    exec(problem.generators[0], scope)
    state = random.getstate()
    try:
        made = [scope["generate_input"](64, seed) for seed in (1, 1, 2)]
    finally:
        random.setstate(state)
    assert made[0] == made[1] != made[2]


def test_stdio_tests_are_read_as_a_judge_hands_them_over(tmp_path: Path) -> None:
    test = {"input": "\ufeff2\r\nred\rblue", "expected": "\ufeff4\r\n"}
    read = Example(input_text="2\nred\nblue\n", expected_text="4\n")
    own = {**STDIO, "tests": [test, {"input": "", "expected": ""}]}
    (problem,) = load_problems([str(_write(tmp_path, own))])
    assert problem.tests == (read, Example(input_text="", expected_text=""))
    pq.write_table(pa.Table.from_pylist([own]), tmp_path / "own.parquet")
    assert load_problems([str(tmp_path / "own.parquet")])[0].tests == problem.tests
    row = {**CONTEST, "tests": [{"input": test["input"], "output": test["expected"]}]}
    assert problem_from_row(row, source="x").tests == (read,)


def test_text_arguments_of_functions_keep_their_line_ends() -> None:
    row = {**FUNCTION, "tests": [{"input": ["red\r\nblue"], "expected": "a\r"}]}
    (test,) = problem_from_row(row, source="x").tests
    assert json.loads(test.input_text) == ["red\r\nblue"]
    assert json.loads(test.expected_text) == "a\r"


def test_code_contests_row_is_judged_by_what_its_statement_lets_vary() -> None:
    tests = [{"input": "1", "output": "YES"}, {"input": "2", "output": "NO"}]
    row = {**CONTEST, "tests": tests, "statement": "Odd? You may print letters in any case."}
    assert problem_from_row(row, source="x").checker == "ignore_case"


def test_code_contests_row_of_several_answers_is_left_out_with_the_reason(tmp_path: Path) -> None:
    several = {**CONTEST, "problem_id": "several", "statement": "Sort them. Print any such order."}
    left_out: list[LeftOutProblem] = []
    path = _write(tmp_path, several, CONTEST)
    kept = list(iter_problems([str(path)], on_left_out=left_out.append))
    assert [problem.problem_id for problem in kept] == ["cc"]
    (entry,) = left_out
    assert (entry.place, entry.problem_id) == (f"{path}:1", "several")
    assert entry.reason == (
        "several right answers, and no checker for them: 'print any such order.'"
    )
    with pytest.raises(ValueError, match="found none that can be judged: 1 problems left out"):
        load_problems([str(_write(tmp_path, several))])


def test_own_problem_of_several_answers_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {**FUNCTION, "statement": "Return the members in any order."}
    row["tests"] = [{"input": [[2, 1]], "expected": [1, 2]}]
    assert len(load_problems([str(_write(tmp_path, row))])) == 1
    assert "1 problems take several answers" in caplog.text
    caplog.clear()
    load_problems([str(_write(tmp_path, {**row, "checker": "unordered"}))])
    assert not caplog.text


def test_code_contests_row_without_a_key_is_value_error() -> None:
    row = {key: value for key, value in CONTEST.items() if key != "tests"}
    with pytest.raises(ValueError, match=r"a CodeContests row needs \['tests'\]"):
        problem_from_row(row, source="x")


def test_code_contests_real_file_loads(real_data: Path) -> None:
    problems = load_problems([str(real_data / "code_contests" / "problems.jsonl.gz")])
    assert Counter(problem.checker for problem in problems) == {"exact": 25, "ignore_case": 5}
    for problem in problems:
        assert problem.kind == "stdio"
        assert problem.tests and problem.generators
        assert problem.solutions
        assert not problem.statement.startswith("You are an expert")
