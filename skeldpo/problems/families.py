"""Reads the built-in families, which are data: a folder of `built_in/` each (docs/PROBLEMS.md).

`built_in/order.txt` has their order. In a folder, `family.toml` has everything but programs,
`generator.py` is the generator, and VARIATION.py has the programs of a variation, each below a line
`# %% fast` or `# %% slow`. Every mistake is a ValueError that names file and field.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from skeldpo.config import Section
from skeldpo.judging.checkers import CHECKERS, is_named
from skeldpo.languages.python.data import is_name
from skeldpo.problems.family import Family, Variation
from skeldpo.records import Example, KnownProgram
from skeldpo.values import encode

FOLDER = Path(__file__).parent / "built_in"
ORDER = "order.txt"
_FAMILY, _GENERATOR, _CHECKER = "family.toml", "generator.py", "checker.py"
_CELL = re.compile(r"^# %% (fast|slow)\n", re.MULTILINE)


def all_families() -> tuple[Family, ...]:
    """Every built-in family, in the order of `order.txt`."""
    return read_families(FOLDER)


def read_families(folder: Path) -> tuple[Family, ...]:
    """The families of a folder; ValueError if `order.txt` is not the list of its folders."""
    names = _text(folder / ORDER).split()
    found = {file.parent.name for file in folder.glob(f"*/{_FAMILY}")}
    if sorted(names) != sorted(found):
        raise ValueError(
            f"{folder / ORDER}: expected each folder with a {_FAMILY} once; not a folder: "
            f"{sorted(set(names) - found)}, not listed: {sorted(found - set(names))}, "
            f"twice: {sorted({name for name in names if names.count(name) > 1})}"
        )
    return tuple(_read_family(folder / name) for name in names)


def _identifier(name: str) -> str:
    if not is_name(name):
        raise ValueError("expected a name of Python")
    return name


_Name = Annotated[str, AfterValidator(_identifier)]
_Names = Annotated[tuple[_Name, ...], Field(min_length=1)]


class _VariationTable(Section):
    name: _Name
    wordings: tuple[str, ...] = Field(min_length=1)
    tests: str


class _FamilyTable(Section):
    topic: str
    difficulty: str
    held_out: bool
    checker: str
    entry_points: _Names
    parameters: tuple[_Names, ...] = Field(min_length=1, max_length=7)
    variations: tuple[_VariationTable, ...] = Field(min_length=1)


def _read_family(folder: Path) -> Family:
    file = folder / _FAMILY
    table = _table(file)
    names = [table.entry_points[0], *(choices[0] for choices in table.parameters)]
    if len(set(names)) < len(names):
        raise ValueError(f"{file}: entry_points and parameters must start with different names")
    has_checker = table.checker == _CHECKER
    if not has_checker and not is_named(table.checker):
        known = ", ".join(sorted(CHECKERS))
        raise ValueError(f"{file}: checker: expected {known} or {_CHECKER}, got {table.checker!r}")
    own = [_GENERATOR, *([_CHECKER] if has_checker else [])]
    files = own + [f"{variation.name}.py" for variation in table.variations]
    there = sorted(each.name for each in folder.glob("*.py"))
    if there != sorted(files):
        raise ValueError(f"{file}: expected the programs {sorted(files)} beside it, found {there}")
    return Family(
        name=folder.name,
        topic=table.topic,
        difficulty=table.difficulty,
        entry_points=table.entry_points,
        parameters=table.parameters,
        variations=tuple(_variation(file, variation, names) for variation in table.variations),
        generator=_text(folder / _GENERATOR, "generate_input"),
        checker=_text(folder / _CHECKER, "check") if has_checker else table.checker,
        held_out=table.held_out,
    )


def _table(file: Path) -> _FamilyTable:
    try:
        return _FamilyTable.model_validate(tomllib.loads(_text(file)))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise ValueError(f"{file}: " + "; ".join(map(_explain, error.errors()))) from error


def _explain(item: Any) -> str:
    """What is wrong with a field, counted from 0 in a list."""
    name = ".".join(map(str, item["loc"]))
    if item["type"] != "extra_forbidden":
        return f"{name}: {item['msg']}, got {item['input']!r:.80}"
    model = _FamilyTable if len(item["loc"]) == 1 else _VariationTable
    known = list(model.model_fields)
    close = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
    return f"unknown key {name}; did you mean {', '.join(close or known)}?"


def _variation(file: Path, table: _VariationTable, names: list[str]) -> Variation:
    where = f"{file}: variation {table.name!r}"
    for number, wording in enumerate(table.wordings):
        text = Template(wording)
        if not text.is_valid() or not set(text.get_identifiers()) <= set(names):
            marked = ", ".join(f"${name}" for name in names)
            raise ValueError(f"{where}: wordings.{number}: $ stands before {marked}: {wording!r}")
    return Variation(
        name=table.name,
        wordings=table.wordings,
        programs=_programs(file.with_name(f"{table.name}.py")),
        tests=tuple(
            _test(f"{where}: tests, line {number}", line, len(names) - 1)
            for number, line in enumerate(table.tests.splitlines(), start=1)
            if line.strip()
        ),
    )


def _programs(file: Path) -> tuple[KnownProgram, ...]:
    """The program of each cell, without the blank lines around it."""
    before, *cells = _CELL.split(_text(file))
    programs = [
        KnownProgram(code=code.strip("\n") + "\n", speed="fast" if speed == "fast" else "slow")
        for speed, code in zip(cells[::2], cells[1::2], strict=True)
    ]
    speeds = [known.speed for known in programs]
    if before.strip() or set(speeds) != {"fast", "slow"} or speeds != sorted(speeds):
        raise ValueError(
            f"{file}: expected programs below lines '# %% fast', then programs below lines "
            f"'# %% slow', got {before.strip()!r:.40} and then {speeds}"
        )
    return tuple(programs)


def _test(where: str, line: str, num_parameters: int) -> Example:
    try:
        held = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(held, dict) or set(held) != {"input", "expected"}:
        raise ValueError(f"{where}: a test has the keys input and expected, got {line}")
    arguments = held["input"]
    if not isinstance(arguments, list) or len(arguments) != num_parameters:
        raise ValueError(f"{where}: input is a list of {num_parameters} arguments, got {line}")
    return Example(input_text=encode(arguments), expected_text=encode(held["expected"]))


def _text(file: Path, must_define: str = "") -> str:
    if not file.is_file():
        raise ValueError(f"no file at {file}")
    text = file.read_text(encoding="utf-8")
    if must_define not in text:
        raise ValueError(f"{file}: expected a definition of {must_define}")
    return text
