"""Problems that a stage gave up on, with the reason, and how often each was tried.

One bad problem costs one problem: it is tried a bounded number of times, then its row in the
quarantine table says why, and the run goes on. An actor that dies cannot say what killed it, so a
try is marked in the store before it begins: the mark is what is known when the actor is started
again. Marks count within one pass of a pipeline; those of a driver that was killed are forgotten.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from skeldpo.records import Assignment, content_id
from skeldpo.storage.store import Store

QUARANTINE = "quarantine"
"""The table, beside those of a sample stage; its parts are there until the round is made anew."""
TRIES = "tries"
"""The folder of marks."""
REASON_CHARS = 400
GroupStage = Literal["generate", "measure"]
ErrorStage = Literal["pair", "train"]
Stage = Literal["generate", "measure", "pair", "train"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A problem that a stage gave up on; "pair" is the stage that makes a learner's rows, "train"
    makes examples of them. `host_id` and `actor` say where it was tried last; in those stages it is
    the driver, or a task of it."""

    problem_id: str
    stage: Stage
    reason: str
    num_tries: int
    host_id: str
    actor: str

    def told(self) -> str:
        """One line, without the problem's id."""
        tries = "1 try" if self.num_tries == 1 else f"{self.num_tries} tries"
        return f"quarantined in {self.stage} after {tries}: {self.reason} ({self.place})"

    @property
    def place(self) -> str:
        """Where it was tried last."""
        return f"{self.actor} on {self.host_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The number of a try, from 1, and of the one before it: where it was, and how it ended, empty
    if its actor died without a word."""

    num_tries: int
    host_id: str
    actor: str
    ended: str


class Tries:
    """The tries of one actor at problems, each alone or some together."""

    def __init__(
        self, store: Store, stage: GroupStage, pass_id: str, host_id: str, actor: str
    ) -> None:
        self._store = store
        self._prefix = f"{TRIES}/{pass_id}-{stage}-"
        self._stage = stage
        self._host_id = host_id
        self._actor = actor

    def begin(self, problem_ids: Sequence[str]) -> Mark:
        """Marks a try, before it begins, and tells of the last."""
        last = self._read(problem_ids)
        self._write(problem_ids, last.num_tries + 1, "")
        return Mark(
            num_tries=last.num_tries + 1, host_id=last.host_id, actor=last.actor, ended=last.ended
        )

    def fail(self, problem_ids: Sequence[str], reason: str) -> None:
        """Says how the try ended, before the actor is given up."""
        self._write(problem_ids, self._read(problem_ids).num_tries, reason)

    def end(self, problem_ids: Sequence[str]) -> None:
        """The problems are done."""
        self._store.remove(self._path(problem_ids))

    def given_up(self, problem_id: str, last: Mark, num_tries: int) -> Quarantined:
        """The row of a problem after its last try, of which `last` tells."""
        return Quarantined(
            problem_id=problem_id,
            stage=self._stage,
            reason=(last.ended or "its actor died without a word, each time")[:REASON_CHARS],
            num_tries=num_tries,
            host_id=last.host_id,
            actor=last.actor,
        )

    def refused(self, problem_id: str, reason: str, num_tries: int = 1) -> Quarantined:
        """The row of a problem that this actor knows is bad."""
        return Quarantined(
            problem_id=problem_id,
            stage=self._stage,
            reason=reason[:REASON_CHARS],
            num_tries=num_tries,
            host_id=self._host_id,
            actor=self._actor,
        )

    def _path(self, problem_ids: Sequence[str]) -> str:
        return f"{self._prefix}{content_id(*problem_ids)}.json"

    def _read(self, problem_ids: Sequence[str]) -> Mark:
        path = self._path(problem_ids)
        if not self._store.exists(path):
            return Mark(num_tries=0, host_id=self._host_id, actor=self._actor, ended="")
        return Mark(**json.loads(self._store.read_text(path)))

    def _write(self, problem_ids: Sequence[str], num_tries: int, ended: str) -> None:
        mark = {
            "num_tries": num_tries,
            "host_id": self._host_id,
            "actor": self._actor,
            "ended": ended[:REASON_CHARS],
        }
        self._store.write_text(self._path(problem_ids), json.dumps(mark))


def keep(store: Store, row: Quarantined) -> None:
    """Commits a row."""
    store.write_part(QUARANTINE, row.problem_id, Quarantined, [row])


def kept(store: Store, problem_id: str) -> Quarantined | None:
    """The row of a problem, if it has one."""
    if not store.has_part(QUARANTINE, problem_id):
        return None
    (row,) = store.read_part(QUARANTINE, problem_id, Quarantined)
    return row


def kept_rows(store: Store, keys: Iterable[str]) -> list[Quarantined]:
    """The rows of those of these problems that have one, opened by name."""
    return [row for key in keys if (row := kept(store, key)) is not None]


def read_quarantine(store: Store) -> list[Quarantined]:
    """Every row of a sample stage's folder, by problem, whether its stages are finished or not: for
    people, as what a running stage has added is read as far as this node sees it."""
    found = {row.problem_id: row for row in finished_quarantine(store)}
    found |= {row.problem_id: row for row in store.listed_rows(QUARANTINE, Quarantined)}
    return [found[key] for key in sorted(found)]


def finished_quarantine(store: Store) -> list[Quarantined]:
    """The rows of a sample stage's folder when its stages were finished."""
    path = f"{QUARANTINE}.parquet"
    return store.read_records(path, Quarantined) if store.exists(path) else []


def unwritten_of(rows: Sequence[Quarantined], assignments: Sequence[Assignment]) -> dict[str, int]:
    """By problem, the candidates that were asked for and are in no table, since the problem was
    given up before they were written."""
    lost = {row.problem_id for row in rows if row.stage == "generate"}
    asked = {each.problem.problem_id: each.num_samples for each in assignments}
    return {key: asked[key] for key in sorted(lost) if asked.get(key)}


def keep_errors(
    store: Store,
    errors: Mapping[str, str],
    keys: Collection[str],
    max_share: float,
    what: str,
    stage: ErrorStage = "pair",
) -> None:
    """Commits a row for each of the problems `keys` that a stage could make nothing of, by what was
    raised, in place of those of an earlier start; RuntimeError if they are too many."""
    for row in kept_rows(store, keys):
        if row.stage == stage:
            store.remove_part(QUARANTINE, row.problem_id)
    others = [
        row
        for row in finished_quarantine(store)
        if row.stage != stage and row.problem_id not in errors
    ]
    rows = [
        Quarantined(
            problem_id=problem_id,
            stage=stage,
            reason=error[:REASON_CHARS],
            num_tries=1,
            host_id=platform.node(),
            actor=f"driver (process {os.getpid()}) or a task of it",
        )
        for problem_id, error in errors.items()
    ]
    for row in rows:
        keep(store, row)
    _write_table(store, [*others, *rows])
    reason = too_many(rows, len(keys), max_share, what)
    if reason:
        raise RuntimeError(reason)


def too_many(rows: Sequence[Quarantined], num_problems: int, max_share: float, what: str) -> str:
    """Why a run has to stop; empty if no more than `max_share` of its problems are lost."""
    if len(rows) <= max_share * num_problems:
        return ""
    reasons = Counter(f"{row.stage}: {row.reason}" for row in rows).most_common(3)
    first = rows[0]
    return (
        f"{what}: {len(rows)} of {num_problems} problems are quarantined, more than "
        f"run.max_quarantined = {max_share:g} allows; most often: "
        + "; ".join(f"{reason} ({number})" for reason, number in reasons)
        + f"; e.g. problem {first.problem_id} ({first.place}). Mend what ails them, or raise the "
        "limit (--set run.max_quarantined=...); the same command then tries them again"
    )


def write_quarantine(store: Store, keys: Iterable[str]) -> None:
    """Writes the rows of these problems as one table; none if they have none."""
    _write_table(store, kept_rows(store, keys))


def _write_table(store: Store, rows: Sequence[Quarantined]) -> None:
    path = f"{QUARANTINE}.parquet"
    if rows:
        in_order = sorted(rows, key=lambda row: row.problem_id)
        store.write_records(path, Quarantined, in_order)
    else:
        store.remove(path)  # of an earlier start
