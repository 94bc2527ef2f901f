"""What a container was to have and lacks is said, and costs it its times, or its life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skeldpo.commands.doctor import examine_engine
from skeldpo.measure.actor import refuse_times
from skeldpo.records import Measurement, Outcome
from skeldpo.sandbox.docker import DockerRuntime, docker_dialect
from skeldpo.sandbox.guest.facts import facts
from skeldpo.sandbox.podman import podman_dialect
from skeldpo.sandbox.promises import Promise, doubt, examine_promises, refusal
from skeldpo.sandbox.protocol import Hello
from skeldpo.sandbox.runtime import CGROUP_CONTROLLERS, ContainerSpec

SPEC = ContainerSpec(image="i", core=3, memory_limit_bytes=1 << 29, oci_runtime="", labels={})
KEPT: dict[str, object] = {
    "cores": [3],
    "memory_limit_bytes": 1 << 29,
    "process_limit": 64,
    "user_id": 65534,
    "has_capabilities": False,
    "no_new_privileges": True,
    "filters_calls": True,
    "root_is_read_only": True,
    "interfaces": [],
}
DOCKER = DockerRuntime(None, docker_dialect("20.10"))


def podman_info(*, rootless: bool, cgroups: str, controllers: list[str]) -> dict[str, object]:
    """The parts of `podman info` that matter."""
    host = {
        "security": {"rootless": rootless},
        "cgroupVersion": cgroups,
        "cgroupControllers": controllers,
    }
    return {"host": host, "version": {"Version": "4.3.1"}}


def examined(
    changes: dict[str, object] | None = None,
    missing: tuple[str, ...] = (),
    runtime: DockerRuntime = DOCKER,
    spec: ContainerSpec = SPEC,
) -> tuple[Promise, ...]:
    hello = Hello(python_version="3.11", missing=missing, facts=KEPT | (changes or {}))
    return examine_promises(hello, spec, runtime)


def test_container_that_has_everything_is_taken() -> None:
    promises = examined()
    assert all(promise.is_kept for promise in promises)
    assert refusal(promises, DOCKER) == doubt(promises, DOCKER) == ""


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"memory_limit_bytes": -1}, "a limit of memory"),
        ({"memory_limit_bytes": 1 << 30}, "a limit of memory"),
        ({"memory_limit_bytes": "max"}, "a limit of memory"),
        ({"process_limit": -1}, "a limit of processes"),
        ({"process_limit": 65}, "a limit of processes"),
        ({"interfaces": ["eth0"]}, "no network"),
        ({"interfaces": None}, "no network"),
        ({"filters_calls": False}, "a filter of system calls"),
        ({"user_id": 0}, "no privileges"),
        ({"has_capabilities": True}, "no privileges"),
        ({"no_new_privileges": False}, "no privileges"),
        ({"root_is_read_only": False}, "a read-only root"),
    ],
)
def test_isolation_that_is_not_there_is_refused(changes: dict[str, object], name: str) -> None:
    """Whoever says so: it is what PID 1 sees that counts."""
    promises = examined(changes)
    assert refusal(promises, DOCKER) == (
        f"programs cannot be run and measured here: a container of docker 20.10 lacks {name}; "
        f"{DOCKER.advice}"
    )
    assert doubt(promises, DOCKER) == ""


def test_missing_count_is_refused() -> None:
    """gVisor's kernel, for one, has neither clocks of other processes nor these cgroup files."""
    missing = ("kills for lack of memory", "the CPU time of a container's processes")
    said = refusal(examined(missing=missing), DOCKER)
    assert "lacks a count of kills for lack of memory, a count of the CPU time of a" in said


def test_facts_that_gvisor_hides_are_not_kept() -> None:
    """A runtime of which nothing is seen keeps nothing: no promise is taken on trust."""
    hello = Hello(python_version="3.11", missing=(), facts={})
    assert not any(p.is_kept for p in examine_promises(hello, SPEC, DOCKER) if not p.is_for_times)


def test_core_that_is_shared_leaves_verdicts_and_no_times() -> None:
    promises = examined({"cores": [0, 1, 2, 3]})
    assert refusal(promises, DOCKER) == ""
    assert "times cannot be trusted here" in doubt(promises, DOCKER)
    assert "lacks a core of its own" in doubt(promises, DOCKER)


def test_core_is_no_promise_where_no_cpuset_can_be_set() -> None:
    """On a machine of one core every process is on that core; nothing keeps it there."""
    info = podman_info(rootless=True, cgroups="v2", controllers=["cpu", "memory", "pids"])
    runtime = DockerRuntime(None, podman_dialect(info))
    said = doubt(examined(runtime=runtime), runtime)
    assert "podman 4.3.1, rootless, cgroups v2 lacks a core of its own" in said
    assert "Delegate=cpu cpuset io memory pids" in said


def test_rootless_podman_on_cgroups_v1_limits_nothing_and_says_what_to_do() -> None:
    info = podman_info(rootless=True, cgroups="v1", controllers=[])
    runtime = DockerRuntime(None, podman_dialect(info))
    assert runtime.controllers == frozenset()
    found = {"memory_limit_bytes": -1, "process_limit": -1, "cores": [0, 1, 2, 3]}
    said = refusal(examined(found, runtime=runtime), runtime)
    assert "lacks a limit of memory, a limit of processes; cgroups v1" in said
    assert "systemd.unified_cgroup_hierarchy=1, or use Podman as root, or Docker" in said


@pytest.mark.parametrize(
    ("controllers", "cgroups", "state", "words"),
    [
        ([], "v1", "missing", "cannot limit cpu, cpuset, memory, pids of a container: cgroups v1"),
        (["cpu", "memory", "pids"], "v2", "warn", "cannot limit cpuset of a container: give users"),
        (["cpu", "cpuset", "memory", "pids"], "v2", "ok", "podman 4.3.1, rootless, cgroups v2"),
    ],
)
def test_doctor_says_what_rootless_podman_cannot_limit(
    controllers: list[str], cgroups: str, state: str, words: str
) -> None:
    info = podman_info(rootless=True, cgroups=cgroups, controllers=controllers)
    finding = examine_engine(DockerRuntime(None, podman_dialect(info)))
    assert finding.state == state and words in finding.found


def test_rootful_podman_can_limit_everything() -> None:
    controllers = ["cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "pids"]
    dialect = podman_dialect(podman_info(rootless=False, cgroups="v1", controllers=controllers))
    assert dialect.controllers == CGROUP_CONTROLLERS


def test_spare_is_measured_by_where_it_starts() -> None:
    aside = replace(SPEC, aside=(0, 1))
    assert all(promise.is_kept for promise in examined({"cores": [0, 1]}, spec=aside))
    assert doubt(examined(spec=aside), DOCKER)


def test_facts_of_this_process_are_of_the_kinds_that_are_compared() -> None:
    """Whatever limits it has, it has a root that can be written to, or other privileges."""
    found = facts()
    assert set(found) == set(KEPT)
    assert {type(value) for value in found.values()} <= {list, int, bool}
    assert refusal(examined(found), DOCKER)


ROW = Measurement(
    candidate_id="c", problem_id="p", equal_to="c", phase="check", session_id="",
    outcome=Outcome.ACCEPTED, cpu_times_ns=(), baseline_times_ns=(), peak_memory_bytes=0,
    failure="", input_digest="", host_id="h", core=0, image_digest="", python_version="",
    unverified="times cannot be trusted here",
)  # fmt: skip


def test_row_of_a_doubtful_machine_has_no_times() -> None:
    with pytest.raises(ValueError, match="cannot be trusted here"):
        replace(ROW, cpu_times_ns=(5,), baseline_times_ns=(5,))


def test_session_of_a_suite_that_takes_times_is_refused_on_a_doubtful_machine() -> None:
    untimed = replace(ROW, unverified="")
    timed = replace(untimed, phase="screen", cpu_times_ns=(5,), baseline_times_ns=(5,))
    refuse_times([untimed, timed], "")
    refuse_times([untimed], "no core of its own")  # what only writes or judges
    with pytest.raises(RuntimeError, match="no core of its own"):
        refuse_times([untimed, timed], "no core of its own")
