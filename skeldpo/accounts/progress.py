"""How far a pipeline is: its counts, and the lines that tell them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skeldpo.accounts.actors import NO_ACTORS, Actors
from skeldpo.accounts.quarantine import QUARANTINE, kept_rows, too_many
from skeldpo.records import Measurement
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, PROBLEM_ID, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pipeline is; counts include what an earlier start had finished, and problems that
    are done those that were quarantined. `faults`: what has gone wrong since the last time, with a
    problem, an actor, or the core a problem was timed on."""

    num_problems: int
    num_done: int
    num_quarantined: int
    num_measured: int
    num_accepted: int
    faults: tuple[str, ...]
    actors: Actors


def count_teller(
    title: str, tell: Callable[[str], None], *, is_judged: bool = True
) -> Callable[[Progress], None]:
    """A callback that tells lines: engines starting, then counts with rates and time left; and what
    goes wrong. Without `is_judged` candidates are only written, so none is called accepted."""
    clock_s = time.monotonic()
    first: list[Progress] = []
    is_ready = False

    def show(progress: Progress) -> None:
        nonlocal clock_s, is_ready
        for fault in progress.faults:
            tell(f"{title}: {fault}")
        actors = progress.actors
        engines = "engine" if actors.num_engines == 1 else f"{actors.num_engines} engines"
        if actors.num_engines and not first:
            num_left = progress.num_problems - progress.num_done
            tell(f"{title}: {num_left} problems to write for; starting the {engines}")
        first.append(progress)
        elapsed_s = max(time.monotonic() - clock_s, 1e-3)
        if actors.num_engines and not is_ready:
            if actors.num_ready < actors.num_engines and progress.num_done == first[0].num_done:
                return
            how = f" ({actors.how})" if actors.how else ""
            tell(f"{title}: {engines} ready after {elapsed_s:.0f} s{how}")
            is_ready = True
            if progress.num_done == first[0].num_done:
                clock_s = time.monotonic()
                return
        tell(_count_line(title, progress, first[0], elapsed_s, is_judged))

    return show


def _count_line(
    title: str, now: Progress, first: Progress, elapsed_s: float, is_judged: bool
) -> str:
    verb = "measured" if is_judged else "generated"
    parts = [f"{title}: {verb} {now.num_done} of {now.num_problems} problems"]
    if is_judged and now.num_measured:
        rate = (now.num_measured - first.num_measured) / elapsed_s
        parts.append(f"{now.num_accepted} of {now.num_measured} candidates accepted")
        parts.append(f"{rate:.1f} candidates/s")
    if now.actors.tokens_per_s:
        parts.append(f"{now.actors.tokens_per_s:.0f} tokens/s")
    if now.num_quarantined:
        parts.append(f"{now.num_quarantined} quarantined")
    num_new, num_left = now.num_done - first.num_done, now.num_problems - now.num_done
    is_known = num_new or not num_left
    left_s = num_left * elapsed_s / max(1, num_new)
    parts.append(f"{left_s:.0f} s left" if is_known else f"{elapsed_s:.0f} s so far")
    return ", ".join(parts)


class Counts:
    """Adds up the rows of a running pipeline, and those of an earlier start."""

    def __init__(
        self, store: Store, waiting: set[str], keys: list[str], max_quarantined: float
    ) -> None:
        self._num_problems = len(keys)
        self._max_quarantined = max_quarantined
        self._done = {key for key in keys if key not in waiting}
        self._quarantined = {key for key in self._done if store.has_part(QUARANTINE, key)}
        self._outcomes: Counter[str] = Counter()
        self._faults: list[str] = []
        self._actors = NO_ACTORS
        self.first_token_at = 0.0
        for key in self._done:
            rows = store.read_part(MEASUREMENTS, key, Measurement)
            self._outcomes.update(r.outcome.value for r in rows if r.phase == "check")

    @property
    def num_done(self) -> int:
        """Problems that have all their rows."""
        return len(self._done)

    @property
    def num_left(self) -> int:
        """Problems that lack rows."""
        return self._num_problems - len(self._done)

    @property
    def quarantined(self) -> list[str]:
        """Problems that were given up, sorted."""
        return sorted(self._quarantined)

    def has(self, problem_id: str) -> bool:
        """Whether the row of a problem has arrived."""
        return problem_id in self._done

    def add(self, row: dict[str, str]) -> bool:
        """Counts one row of `ProgramMeasurer`; False if it came before."""
        key = row[PROBLEM_ID]
        if key in self._done:
            return False
        self._done.add(key)
        self._outcomes.update(json.loads(row["outcomes"]))
        notes = [row["note"]] if row["note"] else []
        faults = json.loads(row["faults"])
        if row["failure"]:
            faults.append(f"the sandbox failed: {row['failure']}")
        if row[QUARANTINE]:
            self._quarantined.add(key)
            faults = [row[QUARANTINE]]
        self._faults += [*notes, *(f"problem {key}: {fault}" for fault in faults)]
        return True

    def take_back(self, rows: Sequence[dict[str, str]]) -> None:
        """Uncounts rows whose problems are done once more."""
        for row in rows:
            self._done.remove(row[PROBLEM_ID])
            self._outcomes.subtract(json.loads(row["outcomes"]))

    def require_few(self, store: Store) -> None:
        """RuntimeError if too many problems are quarantined, which are then forgotten."""
        if len(self._quarantined) <= self._max_quarantined * self._num_problems:
            return
        rows = kept_rows(store, self.quarantined)
        for row in rows:
            for table in (QUARANTINE, CANDIDATES, MEASUREMENTS):
                if table != CANDIDATES or row.stage == "generate":
                    store.remove_part(table, row.problem_id)
        raise RuntimeError(
            too_many(rows, self._num_problems, self._max_quarantined, "generating and measuring")
        )

    def note_first_token(self, actors: Actors) -> None:
        """Keeps when the first token of all passes was written."""
        self.first_token_at = self.first_token_at or actors.first_token_at

    def look(self, actors: Actors, faults: Sequence[str] = ()) -> Progress:
        """The sums, with what the actors of the pass say now, and what is wrong with the nodes."""
        self._faults += faults
        num_more = actors.num_replaced - self._actors.num_replaced
        if num_more > 0:
            self._faults.append(f"{num_more} of Ray's actors died and were started again")
        return self.progress(actors)

    def progress(self, actors: Actors | None = None) -> Progress:
        """The sums so far, and what has gone wrong since they were last asked for."""
        self._actors = actors or self._actors
        faults, self._faults = tuple(self._faults), []
        return Progress(
            num_problems=self._num_problems,
            num_done=self.num_done,
            num_quarantined=len(self._quarantined),
            num_measured=sum(self._outcomes.values()),
            num_accepted=self._outcomes["ACCEPTED"],
            faults=faults,
            actors=self._actors,
        )
