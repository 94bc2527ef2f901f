"""Stages of a run: where each lies, its manifest, and what a later start may believe of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from types import MappingProxyType

from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.records import (
    NO_VERDICT,
    Assignment,
    Dropped,
    Outcome,
    Output,
    StageManifest,
)
from skeldpo.rounds.alive import RunNote
from skeldpo.rounds.lease import Lease
from skeldpo.rounds.tracking import Tracker
from skeldpo.storage.by_problem import MEASUREMENTS_FILE, count_values
from skeldpo.storage.store import CANDIDATES, WEIGHTS, Store, closing_folder, round_folder

CLOSING = "closing-"
"""What the names of a closing evaluation's stages begin with."""
_PACKAGES = ("skeldpo", "ray", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where stages lie: `folder` is that of a round, or of the evaluation that closes a run of
    `round_index` rounds, whose stages have names with a prefix. `samples_as` is the round that the
    sampled policy enters, or would."""

    folder: str
    round_index: int
    prefix: str
    samples_as: int

    @property
    def title(self) -> str:
        """What lines of progress begin with."""
        return f"closing {self.round_index}" if self.prefix else f"round {self.round_index}"

    @property
    def evaluation(self) -> str:
        """The held-out scores of the policy that was sampled here."""
        return f"{self.folder}/evaluation.json"

    def stage(self, name: str) -> str:
        """The name of a stage in manifests."""
        return f"{self.prefix}{name}"


def round_place(index: int) -> Place:
    """A round; 0 is the start."""
    return Place(folder=round_folder(index), round_index=index, prefix="", samples_as=index)


def closing_place(num_rounds: int) -> Place:
    """What closes a run of so many rounds. A run that is extended later keeps it."""
    return Place(
        folder=closing_folder(num_rounds),
        round_index=num_rounds,
        prefix=CLOSING,
        samples_as=num_rounds + 1,
    )


def find_finished(store: Store, place: Place, name: str) -> StageManifest | None:
    """The manifest of a finished stage, or None."""
    return store.read_manifest(place.folder, place.stage(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Rows of a stage that is finished: those asked for, those made, and why others were not."""

    num_in: int
    num_out: int
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One that is running, and when it began."""

    name: str
    place: Place
    started_s: float


class Stages:
    """Begins and finishes the stages of one run, which this process holds."""

    def __init__(
        self, store: Store, lease: Lease, tracker: Tracker, config_digest: str, note: RunNote
    ) -> None:
        self._store = store
        self._lease = lease
        self._tracker = tracker
        self._config_digest = config_digest
        self._note = note

    def begin(self, name: str, place: Place) -> Stage | None:
        """None when the stage was finished before; ValueError if what it wrote has changed since,
        weights aside (`finished_weights`)."""
        self._lease.require()
        manifest = find_finished(self._store, place, name)
        if manifest is None:
            self._note.begin(place.stage(name), place.round_index)
            return Stage(name=name, place=place, started_s=time.monotonic())
        self._store.check_outputs(place.folder, manifest)
        self._note.tell(f"{place.title}: {name} was finished {manifest.finished_at}")
        return None

    def finish(
        self, stage: Stage, account: Account, files: Iterable[str] = (), *others: Output
    ) -> None:
        """Writes the manifest of a stage that wrote files, and other outputs, in its folder."""
        self._lease.require()
        place = stage.place
        manifest = StageManifest(
            stage=place.stage(stage.name),
            round_index=place.round_index,
            config_digest=self._config_digest,
            num_in=account.num_in,
            num_out=account.num_out,
            dropped=account.dropped,
            outputs=(*others, *self._store.outputs(place.folder, files)),
            versions=tuple(f"{name}=={version(name)}" for name in _PACKAGES),
            seconds=round(time.monotonic() - stage.started_s, 3),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._store.write_manifest(place.folder, manifest)
        self._tracker.log(place.round_index, [{f"{manifest.stage}/seconds": manifest.seconds}])

    def finished_weights(self, place: Place, name: str) -> Checkpoint:
        """What a finished stage trained; ValueError if its folder holds other weights."""
        manifest = find_finished(self._store, place, name)
        assert manifest is not None
        expected = {output.path: output.digest for output in manifest.outputs}[WEIGHTS]
        return same_weights(self._store.location(f"{place.folder}/{WEIGHTS}"), expected)


def same_weights(folder: str, model_id: str) -> Checkpoint:
    """The checkpoint of a folder; ValueError if its weights are not those of `model_id`."""
    checkpoint = load_checkpoint(folder)
    if checkpoint.model_id != model_id:
        raise ValueError(
            f"the weights in {folder} are not those that the run went on with: SHA-256 "
            f"{checkpoint.model_id[:16]}..., expected {model_id[:16]}...; put them back, or give "
            "the run another name (--set run.name=...)"
        )
    return checkpoint


def require_author(store: Store, place: Place, checkpoint: Checkpoint) -> None:
    """ValueError if the programs at a place, or where an earlier start closed before it, were
    written by other weights than those that enter it: what they were made from was made anew."""
    before = () if place.prefix else (closing_place(place.round_index - 1),)
    for each in (*before, place):
        others = _authors(store, each) - {checkpoint.model_id}
        if others:
            raise ValueError(
                f"{store.location(each.folder)} holds programs of other weights (SHA-256 "
                f"{min(others)[:16]}...) than those that {place.title} samples now "
                f"({checkpoint.model_id[:16]}..., {checkpoint.folder}), which were made anew: put "
                "back the weights that were there, or remove that folder and all that was made "
                "after it (folders of later rounds, and of what closed the run) and start the "
                "same command again"
            )


def _authors(store: Store, place: Place) -> set[str]:
    """Who wrote the samples of a stage: of a finished one all, of one that was begun the first that
    is seen."""
    table = f"{place.folder}/{CANDIDATES}"
    paths: Iterable[str] = (f"{table}.parquet",)
    if find_finished(store, place, "sample") is None:
        paths = store.part_paths(table)
    for path in paths:
        found = count_values(store, path, ("origin", "model_id"))
        authors = {model_id for origin, model_id in found if origin == "sampled"}
        if authors:
            return authors
    return set()


def account_of(num_in: int, lost: Mapping[str, int]) -> Account:
    """Rows that were asked for, and how many of them were lost, by reason."""
    dropped = tuple(Dropped(reason=r, num_rows=n) for r, n in sorted(lost.items()) if n)
    return Account(num_in=num_in, num_out=num_in - sum(lost.values()), dropped=dropped)


def count_verdicts(store: Store) -> Counter[tuple[str, Outcome]]:
    """Rows of phase "check" in a sample stage's folder, by problem and verdict."""
    found = count_values(store, MEASUREMENTS_FILE, ("phase", "problem_id", "outcome"))
    return Counter(
        {(key, Outcome(name)): n for (phase, key, name), n in found.items() if phase == "check"}
    )


def sample_account(
    assignments: Iterable[Assignment],
    verdicts: Mapping[tuple[str, Outcome], int],
    unwritten: Mapping[str, int] = MappingProxyType({}),
) -> Account:
    """The account of programs that were asked for, from `count_verdicts`; `unwritten` are
    those of problems that were given up before they were written, by problem.

    RuntimeError unless each of the others has one.
    """
    asked = {
        each.problem.problem_id: each.num_samples + len(each.candidates) for each in assignments
    }
    written = {key: count - unwritten.get(key, 0) for key, count in asked.items()}
    by_problem: Counter[str] = Counter()
    outcomes: Counter[Outcome] = Counter()
    for (key, outcome), count in verdicts.items():
        by_problem[key] += count
        outcomes[outcome] += count
    require_verdicts(written, by_problem)
    lost = {reason: outcomes[outcome] for outcome, reason in NO_VERDICT.items()}
    lost[NO_VERDICT[Outcome.QUARANTINED]] += sum(unwritten.values())
    return account_of(sum(asked.values()), lost)


def require_verdicts(asked: Mapping[str, int], found: Counter[str]) -> None:
    """RuntimeError unless as many verdicts are there as programs were asked for, by problem."""
    wrong = [key for key in {**asked, **found} if found[key] != asked.get(key, 0)]
    if wrong:
        first = wrong[0]
        raise RuntimeError(
            f"{sum(asked.values())} programs were asked for and {found.total()} have a verdict; "
            f"{len(wrong)} problems differ, such as {first}: {asked.get(first, 0)} asked for, "
            f"{found[first]} there. Nothing was removed; remove the parts of these problems (in "
            "candidates.parts and measurements.parts) and start the same command again"
        )
