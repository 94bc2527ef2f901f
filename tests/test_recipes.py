"""Every command that the recipes give: Ray, skeldpo and bash take it, on a machine without a cloud.

Nothing is started: `ray` commands are parsed by Ray's own parsers, runs are checked by `--dry-run`
with their storage on an S3 server, and files that other commands name must be there.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from object_store import BUCKET, ObjectStore, serve_objects
from ray.dashboard.modules.job.cli import job_cli_group
from ray.scripts.scripts import cli as ray_cli

import jobs.run
from skeldpo.cli import _parser

REPOSITORY = Path(__file__).parent.parent
CLUSTER = REPOSITORY / "cluster"
IN_IMAGE = "/opt/skeldpo/"
FILE_FLAGS = {"docker": "-f", "kubectl": "-f"}
SHELL_WORDS = {"export", "."}
README = (CLUSTER / "README.md").read_text()


def blocks() -> list[str]:
    """The indented blocks of the cluster's README, continued lines joined."""
    found = re.findall(r"(?:^    .+\n)+", README, re.MULTILINE)
    return [re.sub(r"\\\n\s*", "", block) for block in found]


def commands() -> Iterator[str]:
    """Each command of the blocks, and of the numbered steps."""
    for block in blocks():
        yield from (line.strip() for line in block.splitlines())
    for step in re.findall(r"^\d+\. (?:.+\n)(?:   .+\n)*", README, re.MULTILINE):
        quoted = (re.sub(r"\s+", " ", text) for text in re.findall(r"`([^`]+)`", step))
        yield from (text for text in quoted if text.count(" ") > 1 and not text.startswith("--"))


def overrides() -> list[str]:
    """Blocks that are only options, which the text says to add to a run's command."""
    return [block.strip() for block in blocks() if block.strip().startswith("--set")]


def runs() -> Iterator[list[str]]:
    """The options of each `python -m jobs.run` of the recipes."""
    entrypoint = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())["spec"]["entrypoint"]
    texts = [*commands(), entrypoint]
    found = [shlex.split(text.partition("jobs.run ")[2]) for text in texts if "jobs.run " in text]
    model = next(options for options in found if any("policy.model" in word for word in options))
    found += [model + shlex.split(block) for block in overrides()]
    (stored,) = re.findall(r"`(--set run\.storage=s3://[^`]+)`", README)
    found += [options + shlex.split(stored) for options in list(found)]
    for options in found:
        yield [word.removeprefix(IN_IMAGE).replace("//BUCKET", f"//{BUCKET}") for word in options]


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        yield server


@pytest.mark.parametrize("text", blocks())
def test_block_is_bash(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_of_the_ray_up_file_are_bash() -> None:
    cluster: dict[str, Any] = yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text())
    lists = [value for key, value in cluster.items() if key.endswith("_commands")]
    lists += [n.get("worker_setup_commands", []) for n in cluster["available_node_types"].values()]
    given = [command for each in lists for command in each]
    assert len(given) >= 8
    for command in given:
        done = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    started = [command.rpartition("; ")[2] for command in given if "ray start" in command]
    assert len(started) == 2
    for command in started:
        check_command(re.sub(r"\$\w+", "10.0.0.1", command))


@pytest.mark.parametrize("text", [text for text in commands() if not text.startswith("--set")])
def test_command_is_taken(text: str) -> None:
    check_command(text)


def check_command(text: str) -> None:
    """Fails for a command that its program would refuse, or whose files are not there."""
    words = shlex.split(text)
    while "=" in words[0]:
        words = words[1:]
    name = words[0].rpartition("/")[2]
    if name == "ray":
        parse_ray(words[1:])
    elif name == "skeldpo":
        _parser(names_suites=True).parse_args(words[1:])
    elif name in FILE_FLAGS:
        named = [b for a, b in zip(words, words[1:], strict=False) if a == FILE_FLAGS[name]]
        assert all((REPOSITORY / file).is_file() for file in named)
    elif name == "bash":
        assert (REPOSITORY / words[1]).is_file()
    elif name == "make":
        assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    elif name == "python":
        assert words[1:3] == ["-m", "pytest"] and (REPOSITORY / words[3]).is_file()
    else:
        assert name in SHELL_WORDS or words[1:3] == ["pip", "install"], text


def parse_ray(words: list[str]) -> None:
    """Ray's parser takes the words, and its entrypoint is a command as well."""
    group: click.Group = job_cli_group if words[0] == "job" else ray_cli
    name, *options = words[1:] if words[0] == "job" else words
    context = click.Context(group)
    command = group.get_command(context, name)
    assert command is not None, f"ray has no command {name}"
    parsed = command.make_context(name, options, parent=context).params
    entrypoint = list(parsed.get("entrypoint", ()))
    if entrypoint and "jobs.run" not in entrypoint:  # runs are tried below
        check_command(shlex.join(entrypoint))


def test_runs_of_the_recipes_pass_the_dry_run(
    objects: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("SKELDPO_HOME", str(tmp_path))
    given = list(runs())
    assert len(given) >= 8
    kinds = []
    for options in given:
        monkeypatch.setattr(sys, "argv", ["jobs.run", *options, "--dry-run"])
        code = jobs.run.main()
        said = capsys.readouterr()
        assert code == 0, f"{options}: {said.err}"
        assert "wrote, read and removed a token" in said.out
        kinds.append("object store" if "an object store at http" in said.out else "folder")
    assert kinds.count("object store") == kinds.count("folder") == len(given) // 2
