"""The public names: listed, documented, quick to import; what the examples of docs/API.md print."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from skeldpo import api

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


@pytest.mark.docker
def test_example_program_finds_the_faster_one() -> None:
    script = REPOSITORY / "examples" / "measure_two_programs.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 30
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("faster: second, "), done.stdout
