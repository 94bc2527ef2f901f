"""Calibration of a core, on scripted times and in a real sandbox."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_runs import make_report

from skeldpo.commands.doctor import examine_sandbox
from skeldpo.measure.calibration import Calibration, calibrate, unsteadiness
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.sandbox.cores import LOCKS_VARIABLE


def scripted(times_ns: Iterator[int]) -> Calibration:
    return calibrate(lambda request: make_report(cpu_time_ns=next(times_ns)))


def test_calibration_times_every_kernel_in_turns() -> None:
    codes: list[str] = []

    def run(request: RunRequest) -> RunReport:
        codes.append(request.code)
        return make_report(cpu_time_ns=10**7)

    steady = calibrate(run)
    assert len(steady.times_ns) == 6
    assert codes == codes[:6] * 5
    assert (steady.variation, unsteadiness(steady, steady)) == (0.0, "")


def test_unsteady_if_one_kernel_varies_or_has_moved() -> None:
    steady = scripted(itertools.repeat(100))
    vary = scripted(itertools.cycle([100] * 5 + [100, *[100] * 5 + [130]]))
    assert vary.variation > 0.1
    assert "vary by" in unsteadiness(vary, steady)
    moved = scripted(itertools.cycle([100, 100, 100, 112, 100, 100]))
    assert moved.drift_from(steady) == pytest.approx(0.12)
    assert "moved by 12.0%" in unsteadiness(moved, steady)
    assert unsteadiness(moved, moved) == ""


def test_sandbox_that_fails_is_no_calibration() -> None:
    with pytest.raises(SandboxFailure, match="SANDBOX_FAILED"):
        calibrate(lambda request: make_report(Outcome.SANDBOX_FAILED))


@pytest.mark.docker
def test_kernels_run_in_a_sandbox_some_ten_milliseconds_each(shared_sandbox: Sandbox) -> None:
    for name, times_ns in calibrate(shared_sandbox.run).times_ns.items():
        assert 2e6 < min(times_ns) < 200e6, name


@pytest.mark.docker
def test_doctor_starts_a_sandbox_and_tells_how_steady_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOCKS_VARIABLE, str(tmp_path))  # the tests' own sandbox has the core's lease
    sandbox, promises = examine_sandbox()
    assert sandbox.state in ("ok", "warn")
    assert "vary by" in sandbox.found
    assert (promises.state, promises.found[:6]) == ("ok", "kept: ")
    assert "a core of its own" in promises.found
