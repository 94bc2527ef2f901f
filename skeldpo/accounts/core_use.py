"""What became of the sandbox cores' time: how much of it programs had, and what the rest was.

An actor writes a row a problem. The core is the actor's from its start to the end of its pass, when
the last problem of all actors is done; what is not programs is inputs, waiting or our own work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from skeldpo.storage.store import Store

CORE_USE = "core_use"
"""The table, beside that of the measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreUse:
    """What a problem took of an actor's core. Moments are seconds since 1970 by the node's clock:
    `held_from_s` when the core was taken or the problem before had ended. CPU times are from fork
    to exit: `program_cpu_s` of candidates and reference programs, `input_cpu_s` of the problem's
    generators and checker."""

    problem_id: str
    pass_id: str
    actor_id: str
    host_id: str
    core: int
    held_from_s: float
    begun_s: float
    ended_s: float
    program_cpu_s: float
    input_cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreShares:
    """Core-seconds that actors held, and the shares of them: programs, the problems' generators and
    checkers, an actor waiting (for its container, for candidates, for the others to end), and the
    rest, which is our own work between the runs of a problem."""

    num_cores: int
    held_s: float
    programs: float
    inputs: float
    waiting: float
    own: float

    def text(self) -> str:
        """A line for a person."""
        cores = "core" if self.num_cores == 1 else "cores"
        return (
            f"programs had {self.programs:.0%} of the {self.held_s:.0f} s of {self.num_cores} "
            f"sandbox {cores} (generators and checkers {self.inputs:.0%}, between runs "
            f"{self.own:.0%}, waiting {self.waiting:.0%})"
        )


def core_shares(rows: Iterable[CoreUse]) -> CoreShares | None:
    """The shares over all rows; None without any."""
    taken_s: dict[tuple[str, str], float] = {}
    ended_s: dict[str, float] = defaultdict(float)
    cores: set[tuple[str, int]] = set()
    programs_s = inputs_s = worked_s = 0.0
    for row in rows:
        actor = row.pass_id, row.actor_id
        taken_s[actor] = min(taken_s.get(actor, row.held_from_s), row.held_from_s)
        ended_s[row.pass_id] = max(ended_s[row.pass_id], row.ended_s)
        cores.add((row.host_id, row.core))
        programs_s += row.program_cpu_s
        inputs_s += row.input_cpu_s
        worked_s += row.ended_s - row.begun_s
    held_s = sum(ended_s[pass_id] - taken for (pass_id, _), taken in taken_s.items())
    if held_s <= 0:
        return None
    return CoreShares(
        num_cores=len(cores),
        held_s=held_s,
        programs=programs_s / held_s,
        inputs=inputs_s / held_s,
        waiting=(held_s - worked_s) / held_s,
        own=(worked_s - programs_s - inputs_s) / held_s,
    )


def read_core_shares(store: Store, folder: str = "") -> CoreShares | None:
    """Of a folder's measurements, finished or under way; None if nothing was measured."""
    table = f"{folder}/{CORE_USE}" if folder else CORE_USE
    if store.exists(f"{table}.parquet"):
        return core_shares(store.iter_records(f"{table}.parquet", CoreUse))
    return core_shares(store.listed_rows(table, CoreUse))


def join_core_use(store: Store, keys: Iterable[str]) -> None:
    """Joins what the actors wrote; a problem whose row is missing is left out."""
    present = [key for key in keys if store.has_part(CORE_USE, key)]
    if present:
        store.join_parts(CORE_USE, CoreUse, present)
