"""`skeldpo measure`: measuring programs that are given: no model, no run, one folder.

The folder holds problems.parquet, candidates.parquet and measurements.parquet, and the manifest
when it is finished; measuring again goes on where it stopped. Problems and rows are gone through a
few at a time: all that stays in memory is the text of programs that are given apart.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from skeldpo import __version__
from skeldpo.accounts.core_use import CORE_USE, read_core_shares
from skeldpo.accounts.progress import count_teller
from skeldpo.answers import Wanted
from skeldpo.config import EvaluateConfig, MeasureConfig, Section
from skeldpo.config.toml_file import load_sections
from skeldpo.connection import connect_ray
from skeldpo.console import Display
from skeldpo.measure.folder import MEASURED, PROBLEMS_FILE
from skeldpo.pipeline import Sandboxes, sample_and_measure
from skeldpo.problems.programs import given_assignment, read_programs
from skeldpo.problems.sources import LeftOutProblem, iter_problems
from skeldpo.records import (
    NO_VERDICT,
    Dropped,
    Measurement,
    Outcome,
    Problem,
    StageManifest,
    content_id,
)
from skeldpo.rounds.lease import driving
from skeldpo.rounds.stages import require_verdicts
from skeldpo.storage.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE
from skeldpo.storage.files import absolute_place
from skeldpo.storage.scratch import scratch_folder
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, Store

INPUTS_FILE = "inputs.digest"
"""What the problems, programs and settings of a folder are."""
MAX_REASON_CHARS = 160
NUM_REASONS = 20
"""Reasons that are shown; those of programs are all in the table of measurements."""


class _Sections(Section):
    measure: MeasureConfig = MeasureConfig()


def measure_given(
    *, problem_paths: Sequence[str], programs_path: str, output: str, overrides: Sequence[str],
    display: Display,
) -> None:  # fmt: skip
    """Judges and times programs, without `programs_path` the problems' own solutions; writes the
    folder `output` and shows the verdicts."""
    measure = load_sections(_Sections(), overrides).measure
    output = absolute_place(output)  # actors work in folders of their own
    store = Store(output)
    started_s = time.monotonic()
    with scratch_folder() as folder:
        aside = Store(folder)
        left_out = _write_problems(aside, problem_paths, display)
        programs = _Programs(aside, programs_path, left_out)
        asked: dict[str, int] = {}
        given = []
        for row, codes in programs.iterate(aside):
            asked[row.problem_id] = len(codes)
            given.append(content_id(row, *codes))
        if not given:
            raise ValueError(f"no problem of {list(problem_paths)} has solutions; give --programs")
        digest = content_id(measure.model_dump_json(), *given)
        _claim(store, digest)
        finished = store.read_manifest(".", MEASURED)
        if finished is not None:
            store.check_outputs(".", finished)
            display.tell(f"{output} is finished: nothing to measure")
            _drop_parts(store)  # of a start that was killed before it did
            _show(_count_verdicts(store), time.monotonic() - started_s, display)
            return
        store.write_records(PROBLEMS_FILE, Problem, (row for row, _ in programs.iterate(aside)))
    display.tell(f"measure: {len(given)} problems")
    connect_ray(display.tell, engine=measure.engine)
    with driving(store, display.tell):
        store.sweep_aside()
        sample_and_measure(
            (given_assignment(row, codes) for row, codes in programs.iterate(store)),
            engines=None,
            sandboxes=Sandboxes(measure=measure, evaluate=EvaluateConfig()),
            output=output,
            on_progress=count_teller("measure", display.tell),
        )
        verdicts = _count_verdicts(store)
        require_verdicts(asked, verdicts.by_problem)
        seconds = time.monotonic() - started_s
        store.write_manifest(".", _manifest(store, verdicts, digest, seconds))
    _drop_parts(store)
    _show(verdicts, seconds, display)
    shares = read_core_shares(store)
    if shares is not None:
        display.tell(shares.text())


def _drop_parts(store: Store) -> None:
    for table in (CANDIDATES, MEASUREMENTS, CORE_USE):
        store.drop_parts(table)


def _manifest(store: Store, verdicts: _Verdicts, digest: str, seconds: float) -> StageManifest:
    num_programs = verdicts.outcomes.total()
    lost = {
        reason: verdicts.outcomes[outcome]
        for outcome, reason in NO_VERDICT.items()
        if verdicts.outcomes[outcome]
    }
    return StageManifest(
        stage=MEASURED,
        round_index=0,
        config_digest=digest,
        num_in=num_programs,
        num_out=num_programs - sum(lost.values()),
        dropped=tuple(Dropped(reason=reason, num_rows=n) for reason, n in lost.items()),
        outputs=store.outputs(".", (PROBLEMS_FILE, CANDIDATES_FILE, MEASUREMENTS_FILE)),
        versions=(f"skeldpo=={__version__}",),
        seconds=round(seconds, 3),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class _Programs:
    """The programs of each problem: those of a file or folder, or those that the problems bring."""

    def __init__(self, problems: Store, path: str, left_out: Collection[str]) -> None:
        self._given: dict[str, list[str]] | None = None
        if path:
            rows = problems.iter_records(PROBLEMS_FILE, Problem)
            wanted = {
                row.problem_id: Wanted(language=row.language, entry_point=row.entry_point)
                for row in rows
            }
            self._given = read_programs(path, wanted, left_out)

    def iterate(self, problems: Store) -> Iterator[tuple[Problem, Sequence[str]]]:
        """The problems that have programs, each with its own."""
        for problem in problems.iter_records(PROBLEMS_FILE, Problem):
            if self._given is None:
                known = [program.code for program in problem.solutions]
                codes: Sequence[str] = [*known, *problem.wrong_programs]
            else:
                codes = self._given.get(problem.problem_id, ())
            if codes:
                yield problem, codes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdicts:
    """Programs by problem, by verdict, and by (verdict, reason) but for ACCEPTED ones."""

    by_problem: Counter[str]
    outcomes: Counter[Outcome]
    reasons: Counter[tuple[str, str]]


def _count_verdicts(store: Store) -> _Verdicts:
    outcomes: Counter[Outcome] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    by_problem: Counter[str] = Counter()
    for row in store.iter_records(MEASUREMENTS_FILE, Measurement):
        if row.phase == "check":
            by_problem[row.problem_id] += 1
            outcomes[row.outcome] += 1
            if row.outcome is not Outcome.ACCEPTED:
                lines = [line for line in row.failure.splitlines() if line.strip()] or [""]
                reasons[row.outcome.value, lines[-1].strip()[:MAX_REASON_CHARS]] += 1
    return _Verdicts(by_problem=by_problem, outcomes=outcomes, reasons=reasons)


def _write_problems(store: Store, paths: Sequence[str], display: Display) -> set[str]:
    """Writes the problems of the files, and shows those that are left out; returns their ids."""
    left_out: list[LeftOutProblem] = []
    store.write_records(PROBLEMS_FILE, Problem, iter_problems(paths, on_left_out=left_out.append))
    if left_out:
        display.table(
            f"{len(left_out)} problems left out"
            + f", the first {NUM_REASONS} of them" * (len(left_out) > NUM_REASONS),
            ("problem", "reason"),
            [
                (entry.problem_id, entry.reason[:MAX_REASON_CHARS])
                for entry in left_out[:NUM_REASONS]
            ],
        )
    return {entry.problem_id for entry in left_out}


def _show(verdicts: _Verdicts, seconds: float, display: Display) -> None:
    display.table(
        f"{len(verdicts.by_problem)} problems, {verdicts.outcomes.total()} programs",
        ("verdict", "programs"),
        [(outcome.value, str(count)) for outcome, count in verdicts.outcomes.most_common()],
    )
    reasons = verdicts.reasons.most_common(NUM_REASONS)
    if reasons:
        num_more = len(verdicts.reasons) - len(reasons)
        display.table(
            "programs that were not accepted" + f" ({num_more} more reasons)" * (num_more > 0),
            ("verdict", "reason", "programs"),
            [(*reason, str(count)) for reason, count in reasons],
        )
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    display.tell(f"took {seconds:.0f} s; this process used {peak_mib} MiB of memory at most")


def _claim(store: Store, digest: str) -> None:
    """Marks the folder as that of these inputs; ValueError if it holds something else. Where the
    inputs are all there is, a start that failed (no engine, say) has measured nothing."""
    found = set(store.names("."))
    if not found <= {INPUTS_FILE, PROBLEMS_FILE}:
        if INPUTS_FILE not in found:
            raise ValueError(f"{store.root} is not empty and no folder of `skeldpo measure`")
        if store.read_text(INPUTS_FILE) == digest:
            return
        raise ValueError(
            f"{store.root} holds measurements of other problems, programs or settings; "
            "give another --out, or remove it"
        )
    store.write_text(INPUTS_FILE, digest)
