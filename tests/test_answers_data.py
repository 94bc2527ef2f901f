"""Reading answers keeps programs: the built-in ones, and those of data where it is there."""

from __future__ import annotations

import csv
import functools
import gzip
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeldpo.answers import Wanted, read_answer, read_program
from skeldpo.languages.python import prompt_preamble
from skeldpo.problems.families import all_families
from skeldpo.problems.family import family_problems

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SKELDPO_DATA") or REPOSITORY.parent / "shared" / "data")
PROSE = [
    "Sure! Here is a solution.",
    "It uses ```sorted``` and `heapq`, so it is O(n log n):",
    "**Explanation**\n- first\n- then\n\n1. Read\n2. Think",
    "Note: the list may be empty.",
    "| n | time |\n|---|---|\n| 1 | 2 |",
    "```\nn = 3 -> 6\ndone\n```",
    "```bash\npython solution.py < input.txt\n```",
    "Example:\n```text\nInput: 3\nOutput: 6\n```",
]


def _answers(code: str, seed: int) -> Iterator[str]:
    """The program as models give it: fences and prose of several kinds."""
    rng = random.Random(seed)
    fence = rng.choice(["```", "````", "~~~"])
    label = rng.choice(["python", "py", "python3", "Python"])
    before, after = rng.sample(PROSE, 2)
    yield f"{fence}{label}\n{code.rstrip()}\n{fence}"
    yield f"{before}\n\n{fence}{label}\n{code.rstrip()}\n{fence}\n\n{after}\n"
    draft = "```python\ndef draft():\n    return 1\n"
    yield f"<think>\n{after}\n{draft}</think>\n{fence}{label}\n{code}"


def _kept(code: str, entry_point: str, seed: int) -> None:
    wanted = Wanted(language="python", entry_point=entry_point)
    assert read_program(code, wanted).code == code
    for text in _answers(code, seed):
        assert read_answer(text, wanted).code == code.strip("\n").rstrip() + "\n"


@functools.cache
def built_in() -> list[tuple[str, str]]:
    """Entry point and code of each known program."""
    return sorted(
        {
            (problem.entry_point, known.code)
            for family in all_families()
            for problem in family_problems(family)
            for known in problem.solutions
        }
    )


def test_built_in_programs_come_back_character_by_character() -> None:
    for seed, (entry_point, code) in enumerate(built_in()[::20]):
        text = list(_answers(code, seed))[seed % 3]
        assert (
            read_answer(text, Wanted(language="python", entry_point=entry_point)).code
            == code.rstrip() + "\n"
        )


@pytest.mark.slow
def test_all_built_in_programs_come_back_character_by_character() -> None:
    assert len(built_in()) > 3000  # distinct ones of 3,660 problems
    for seed, (entry_point, code) in enumerate(built_in()):
        text = list(_answers(code, seed))[seed % 3]
        assert (
            read_answer(text, Wanted(language="python", entry_point=entry_point)).code
            == code.rstrip() + "\n"
        )


DOCS = st.lists(
    st.sampled_from(
        ["```", "```python", "    ```", "~~~", "````", "x = 1", ">>> f(1)", "Text.", "", "</think>",
         "<think>", "def f(n):", "# head", "<|im_end|>"]
    ),
    max_size=8,
)  # fmt: skip


@given(lines=DOCS, place=st.sampled_from(["doc", "string", "module"]), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_fences_in_strings_of_a_program_are_part_of_it(
    lines: list[str], place: str, seed: int
) -> None:
    text = "\n".join(lines)
    code = {
        "doc": f'def f(n):\n    """Doc.\n{text}\n    """\n    return n\n',
        "string": f'def f(n):\n    held = f"""\n{text}\n{{n}}"""\n    return held\n',
        "module": f"HELD = '''\n{text}\n'''\n\n\ndef f(n):\n    return HELD\n",
    }[place]
    _kept(code, "f", seed)


@given(text=st.text(alphabet="`~\n pythondef f():>.#\"'\\[]<thinkre/|\t\u00a0\ufeff", max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    for entry_point in ("f", "Box.f", ""):
        wanted = Wanted(language="python", entry_point=entry_point, prompt="def f():\n")
        assert isinstance(read_answer(text, wanted).code, str)
        assert isinstance(read_program(text, wanted, goes_on=True).code, str)


def _lines(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"needs {name} of the shared data")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


USAGE = """

nums = [[1, 2, 3], 2]
for n in nums:
    print({entry}(n))
assert {entry}(1) == 1, "wrong"
result = {entry}(*nums)
print("Result:", result)

if __name__ == "__main__":
    print({entry}(int(input())))
"""


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_mbpp_programs_answer_alike_without_usage(step: int) -> None:
    for seed, row in enumerate(_lines("mbpp_plus/MbppPlus.jsonl.gz")[::step]):
        code, entry = row["canonical_solution"].strip("\n") + "\n", row["entry_point"]
        _kept(code, entry, seed)
        wanted = Wanted(language="python", entry_point=entry)
        read = read_answer(f"```python\n{code}{USAGE.format(entry=entry)}```\n", wanted)
        assert read.code == read_answer(code, wanted).code
        first, second = {"__name__": "a"}, {"__name__": "a"}
        exec(code, first)
        exec(read.code, second)
        inputs = [*row["base_input"], *row["plus_input"]][:5]
        for given_input in inputs:
            answers = []
            for scope in (first, second):
                random.seed(0)
                try:
                    answers.append(repr(scope[entry](*json.loads(json.dumps(given_input)))))
                except Exception as error:
                    answers.append(repr(error))
            assert answers[0] == answers[1], row["task_id"]


@pytest.mark.parametrize("count", [60, pytest.param(1500, marks=pytest.mark.slow)])
def test_evalperf_programs_of_models_come_back(count: int) -> None:
    entry_points = {
        row["task_id"]: row["entry_point"] for row in _lines("mbpp_plus/MbppPlus.jsonl.gz")
    }
    rows = random.Random(1).sample(_lines("evalperf/solutions.jsonl.gz"), count)
    for seed, row in enumerate(rows):
        wanted = Wanted(language="python", entry_point=entry_points[row["task_id"]])
        code = row["solution"].replace("\r\n", "\n").strip("\n").rstrip() + "\n"
        text = list(_answers(code, seed))[seed % 3]
        read = read_answer(text, wanted)
        assert read.code == read_answer(code, wanted).code
        assert read_program(code, wanted).code == code


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_leetcode_references_come_back(step: int) -> None:
    rows = _lines("leetcode/LeetCodeDataset-v0.3.1-test.jsonl.gz")
    for seed, row in enumerate(rows[::step]):
        wanted = Wanted(language="python", entry_point=row["entry_point"].replace("()", "", 1))
        code = row["completion"].strip() + "\n"
        needed = read_answer(code, wanted).code
        for text in _answers(code, seed):
            assert read_answer(text, wanted).code == needed
        if needed != code:  # it has functions that nothing calls
            assert set(needed.splitlines()) < set(code.splitlines())


def test_humaneval_bodies_go_on_where_the_prompt_ends() -> None:
    path = DATA / "enamel" / "enamel.csv"
    if not path.is_file():
        pytest.skip("needs enamel.csv of the shared data")
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as held:
        rows = [row for row in csv.DictReader(held) if row["reference_solution"].strip()]
    for row in rows:
        wanted = Wanted(language="python", entry_point=row["entry_point"], prompt=row["prompt"])
        body = row["reference_solution"]
        for text in (body, f"```python\n{body}```", body + f"\n\nprint({row['entry_point']}(1))\n"):
            scope: dict[str, Any] = {}
            exec(read_answer(text, wanted).code, scope)
            assert callable(scope[row["entry_point"]])
        preamble = prompt_preamble(row["prompt"], row["entry_point"])
        assert f"def {row['entry_point']}(" not in preamble
        assert ("import" in row["prompt"].partition("def ")[0]) == ("import" in preamble)
