"""The findings of the machine that the tests run on, and of things that are really broken."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
from importlib.metadata import version

import pytest
from rich.console import Console

from skeldpo.commands.doctor import (
    LOOK_AGAIN,
    RUN,
    Finding,
    examine,
    next_command,
    show_findings,
)
from skeldpo.console import Display


def finding(name: str) -> Finding:
    return next(row for row in examine() if row.name == name)


def make_finding(state, remedy: str) -> Finding:
    return Finding(name="thing", state=state, found="[red]found", remedy=remedy)


def test_versions_found_are_those_installed():
    for name in ("torch", "ray", "transformers", "docker"):
        row = finding(name)
        assert row.found.startswith(version(name))
        assert row.state in ("ok", "warn")


def test_examination_is_quick_and_imports_nothing_heavy():
    program = (
        "import sys, time; from skeldpo.commands import doctor; "
        "doctor.examine(); heavy = {'torch', 'ray', 'vllm', 'transformers'} & set(sys.modules); "
        "print(sorted(heavy), time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    heavy, _, cpu_time_s = done.stdout.strip().rpartition(" ")
    assert heavy == "[]"
    assert float(cpu_time_s) < 3


def test_engine_that_is_not_there_is_missing_and_says_how_to_start_it(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    findings = examine()
    row = next(row for row in findings if row.name == "container engine")
    assert row.state == "missing" and "nothing.sock" in row.found
    assert next_command(findings) == "bash cluster/setup.sh engine"


def test_engine_that_hangs_is_given_up_soon(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        started_s = time.monotonic()
        assert finding("container engine").state == "missing"
        assert time.monotonic() - started_s < 10


def test_core_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("SKELDPO_SANDBOX_CORES", "99999")
    row = finding("cores")
    assert row.state == "missing" and "99999" in row.found
    assert row.remedy == "unset SKELDPO_SANDBOX_CORES"


def test_every_core_in_a_sandbox_is_a_warning(monkeypatch):
    cores = ",".join(str(core) for core in os.sched_getaffinity(0))
    monkeypatch.setenv("SKELDPO_SANDBOX_CORES", cores)
    assert finding("cores").state == "warn"


def test_home_that_does_not_exist_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SKELDPO_HOME", str(tmp_path / "no where"))
    assert finding("disk").remedy == f"mkdir -p '{tmp_path}/no where'"


@pytest.mark.parametrize("template", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "http://127.0.0.1:{}/"])
def test_ray_address_is_tried(monkeypatch, template):
    with socket.create_server(("127.0.0.1", 0)) as head:
        head_port = head.getsockname()[1]
        monkeypatch.setenv("RAY_ADDRESS", template.format(head_port))
        assert finding("Ray cluster").state == "ok"
    for address in (template.format(head_port), "127.0.0.1:99999", f"{'a' * 64}.b:6379"):
        monkeypatch.setenv("RAY_ADDRESS", address)
        row = finding("Ray cluster")
        assert row.state == "missing" and row.remedy == "unset RAY_ADDRESS"


def test_ray_cluster_is_not_looked_for_without_an_address(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert "Ray cluster" not in {row.name for row in examine()}


def test_next_command_is_the_first_missing_remedy_else_a_run():
    ok, warn = make_finding("ok", ""), make_finding("warn", "tune")
    first, second = make_finding("missing", "first"), make_finding("missing", "second")
    assert next_command([ok, warn, first, second]) == "first"
    assert next_command([ok, warn]) == RUN
    # Storage that does not answer has no command; a run would fail all the same.
    assert next_command([ok, make_finding("missing", "")]) == LOOK_AGAIN
    assert next_command([make_finding("missing", ""), first]) == "first"


def test_findings_are_shown_as_they_are_with_the_next_command_last():
    text = io.StringIO()
    console = Console(file=text, width=80, highlight=False, soft_wrap=True)
    show_findings([make_finding("warn", "tune")], Display(console))
    assert text.getvalue() == f"warn     thing  [red]found -> tune\n\nnext: {RUN}\n"
