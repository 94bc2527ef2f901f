"""The public names: listed, documented, quick to import; what the examples of docs/API.md print."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from effibench_rows import effibench_row
from scripted_runs import PROBLEM as SCRIPTED
from scripted_runs import linear, make_script

from skeldpo import api
from skeldpo.config import MeasureConfig

REPOSITORY = Path(__file__).parent.parent
PAGE = (REPOSITORY / "docs" / "API.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Code of the page, the markers that it is run under, and what it prints."""

    title: str
    code: str
    markers: tuple[str, ...]
    printed: str


def _blocks() -> list[Block]:
    fences = (
        r"^## (?P<title>.+?)$|^```python(?P<markers>[ \w]*)\n(?P<code>.*?)^```$"
        r"(?:\n\n```text\n(?P<printed>.*?)^```$)?"
    )
    blocks, title = [], ""
    for found in re.finditer(fences, PAGE, re.MULTILINE | re.DOTALL):
        title = found["title"] or title
        if found["code"]:
            markers, printed = tuple(found["markers"].split()), found["printed"] or ""
            blocks.append(Block(title=title, code=found["code"], markers=markers, printed=printed))
    return blocks


BLOCKS = _blocks()


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(place, id=block.title, marks=[getattr(pytest.mark, m) for m in block.markers])
        for place, block in enumerate(BLOCKS)
    ],
)
def test_example_prints_what_the_page_says(
    place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the examples before it that need nothing."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for block in BLOCKS[:place]:
        if not block.markers:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.code, block.title, "exec"), names)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(BLOCKS[place].code, BLOCKS[place].title, "exec"), names)
    assert printed.getvalue() == BLOCKS[place].printed


def test_every_function_has_an_example() -> None:
    functions = {name for name in api.__all__ if name[0].islower()} | {"Sandbox"}
    imported = set(re.findall(r"\w+", " ".join(re.findall(r"from skeldpo.api import (.+)", PAGE))))
    assert functions - {"Sandbox"} <= imported
    assert len(BLOCKS) == 9
    assert all(name in PAGE for name in functions)


def test_all_names_are_there_and_documented() -> None:
    assert list(api.__all__) == sorted(set(api.__all__))
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_importing_needs_neither_torch_nor_ray() -> None:
    program = (
        "import sys, time; import skeldpo; "
        "quick = 'pydantic' not in sys.modules; import skeldpo.api; "
        "heavy = {'torch', 'ray', 'vllm', 'transformers'} & set(sys.modules); "
        "print(quick, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "True []"


PROBLEM = api.read_problem(
    {
        "problem_id": "p",
        "statement": "Double it.",
        "entry_point": "f",
        "generators": ["def generate_input(size, seed):\n    return [size]\n"],
        "reference": "def f(a):\n    return 2 * a\n",
    }
)


def test_one_text_is_not_taken_for_a_list_of_its_letters() -> None:
    """Every letter was judged as a program; a skeleton kept the letters that both texts have."""
    with pytest.raises(ValueError, match="measure_programs: codes: expected a list of texts"):
        api.measure_programs(PROBLEM, "def f(a): return a + a")
    with pytest.raises(ValueError, match="skeleton: group: expected a list of texts"):
        api.skeleton("x = 1", "x = 2")
    with pytest.raises(ValueError, match="skeleton: against: number 1 must be text, got NoneType"):
        api.skeleton("x = 1", ["x = 2"], against=["y", None])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (None, "no problem: AttributeError"),
        ([1], "no problem: AttributeError"),
        (effibench_row(markdown_description=1), "markdown_description must be a string, got 1"),
    ],
)
def test_a_row_that_is_no_problem_is_a_value_error(row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        api.read_problem(row)


def test_what_cannot_be_compared_is_refused_before_it_is_measured() -> None:
    with pytest.raises(ValueError, match="min_speedup"):
        api.compare(PROBLEM, "a", "b", min_speedup=1.0)
    with pytest.raises(ValueError, match="problem p has no tests"):
        api.run_program(None, PROBLEM, "def f(a): return a")  # type: ignore[arg-type]


def test_a_comparison_is_as_certain_as_its_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six rounds, all of which are won, p is 1/64."""
    script = make_script(a=linear(10), b=linear(40))
    sandbox = SimpleNamespace(run=script.run, unverified="")
    image = SimpleNamespace(digest="", python_version="")
    monkeypatch.setattr(api, "_leased", lambda _: contextlib.nullcontext((sandbox, image, 0)))
    measure = MeasureConfig(min_cpu_time_ms=1.0, max_p_value=0.02, confirm_repeats=(6,))
    found = api.compare(SCRIPTED, "a", "b", min_speedup=1.2, measure=measure)
    assert (found.faster, found.p_value, found.reason) == ("first", 1 / 64, "")


@pytest.mark.docker
def test_example_program_finds_the_faster_one() -> None:
    script = REPOSITORY / "examples" / "measure_two_programs.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 30
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("faster: second, "), done.stdout
