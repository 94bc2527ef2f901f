"""What a container was to have, and has: PID 1's findings against the spec it was started with.

A promise of isolation that is not kept is the end of the container, as is a counter that is
missing: nothing that it says could be believed. One that only times need (a core of its own) leaves
verdicts, and rows that say why they have no times (`Measurement.unverified`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.sandbox.protocol import Hello
from skeldpo.sandbox.runtime import PROCESS_LIMIT, ContainerRuntime, ContainerSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Something that a container has, or lacks; `is_for_times` if only times rest on it."""

    name: str
    is_kept: bool
    is_for_times: bool = False


def examine_promises(
    hello: Hello, spec: ContainerSpec, runtime: ContainerRuntime
) -> tuple[Promise, ...]:
    """What PID 1 found and misses, as promises."""
    facts = hello.facts
    memory, processes = facts.get("memory_limit_bytes"), facts.get("process_limit")
    is_pinned = facts.get("cores") == sorted(spec.aside or (spec.core,))
    return (
        *(Promise(name=f"a count of {name}", is_kept=False) for name in hello.missing),
        Promise(
            name="a limit of memory",
            is_kept=isinstance(memory, int) and 0 < memory <= spec.memory_limit_bytes,
        ),
        Promise(
            name="a limit of processes",
            is_kept=isinstance(processes, int) and 0 < processes <= PROCESS_LIMIT,
        ),
        Promise(name="no network", is_kept=facts.get("interfaces") == []),
        Promise(name="a filter of system calls", is_kept=facts.get("filters_calls") is True),
        Promise(
            name="no privileges",
            is_kept=facts.get("user_id") != 0
            and facts.get("has_capabilities") is False
            and facts.get("no_new_privileges") is True,
        ),
        Promise(name="a read-only root", is_kept=facts.get("root_is_read_only") is True),
        Promise(
            name="a core of its own",
            is_kept=is_pinned and "cpuset" in runtime.controllers,
            is_for_times=True,
        ),
    )


def refusal(promises: Sequence[Promise], runtime: ContainerRuntime) -> str:
    """Why nothing can be run in such a container; empty if it can."""
    broken = [each.name for each in promises if not (each.is_kept or each.is_for_times)]
    return _said("programs cannot be run and measured here", broken, runtime) if broken else ""


def doubt(promises: Sequence[Promise], runtime: ContainerRuntime) -> str:
    """Why times taken in such a container prove nothing; empty if they do."""
    broken = [each.name for each in promises if not each.is_kept and each.is_for_times]
    return _said("times cannot be trusted here", broken, runtime) if broken else ""


def _said(what: str, broken: Sequence[str], runtime: ContainerRuntime) -> str:
    return (
        f"{what}: a container of {runtime.name} {runtime.version} lacks {', '.join(broken)}; "
        f"{runtime.advice}"
    )
