"""`skeldpo measure`: measuring programs that are given: no model, no run, one folder.

The folder holds problems.parquet, candidates.parquet and measurements.parquet, and the manifest
when it is finished; measuring again goes on where it stopped.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from skeldpo import __version__
from skeldpo.config import MeasureConfig
from skeldpo.config_file import load_sections
from skeldpo.console import Display
from skeldpo.measure.folder import (
    CANDIDATES_FILE,
    MEASURED,
    MEASUREMENTS_FILE,
    PROBLEMS_FILE,
)
from skeldpo.pipeline import Sampled, Sandboxes, connect_ray, count_teller, sample_and_measure
from skeldpo.problems.programs import dataset_candidates, read_programs
from skeldpo.problems.sources import load_problems
from skeldpo.records import (
    Assignment,
    Dropped,
    Outcome,
    Problem,
    StageManifest,
    content_id,
)
from skeldpo.store import Store

MAX_REASON_CHARS = 160


def measure_given(
    *, problems_path: str, programs_path: str, output: str, overrides: Sequence[str],
    display: Display,
) -> Sampled:  # fmt: skip
    """Judges and times programs; writes the folder `output` and shows the verdicts."""
    sections = load_sections({"measure": MeasureConfig()}, overrides)
    measure = sections["measure"]
    assert isinstance(measure, MeasureConfig)
    problems = load_problems([problems_path])
    programs = read_programs(programs_path, problems)
    problems = [problem for problem in problems if problem.problem_id in programs]
    digest = content_id(measure.model_dump_json(), *(p.problem_id for p in problems),
                        *(code for codes in programs.values() for code in codes))  # fmt: skip
    store = Store(output)
    _claim(store, digest)
    store.write_records(PROBLEMS_FILE, Problem, problems)
    started_s = time.monotonic()
    connect_ray()
    measured = sample_and_measure(
        [_assignment(problem, programs[problem.problem_id]) for problem in problems],
        engines=None,
        sandboxes=Sandboxes(measure=measure, evaluate_repeats=measure.screen_repeats),
        output=output,
        on_progress=count_teller("measure", display.tell),
    )
    verdicts = Counter(row.outcome for row in measured.measurements if row.phase == "check")
    failed = verdicts[Outcome.SANDBOX_FAILED]
    store.write_manifest(
        ".",
        StageManifest(
            stage=MEASURED,
            round_index=0,
            config_digest=digest,
            num_in=sum(verdicts.values()),
            num_out=sum(verdicts.values()) - failed,
            dropped=(Dropped(reason="sandbox failed", num_rows=failed),) if failed else (),
            outputs=(PROBLEMS_FILE, CANDIDATES_FILE, MEASUREMENTS_FILE),
            versions=(f"skeldpo=={__version__}",),
            seconds=round(time.monotonic() - started_s, 3),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    for table in ("candidates", "measurements"):
        store.drop_parts(table)
    display.table(
        f"{len(problems)} problems, {sum(verdicts.values())} programs",
        ("verdict", "programs"),
        [(outcome.value, str(count)) for outcome, count in verdicts.most_common()],
    )
    reasons = Counter(
        row.failure[:MAX_REASON_CHARS]
        for row in measured.measurements
        if row.phase == "check" and row.outcome is Outcome.SANDBOX_FAILED
    )
    if reasons:
        lines = [(reason, str(count)) for reason, count in reasons.most_common()]
        display.table("programs without a verdict", ("reason", "programs"), lines)
    return measured


def _claim(store: Store, digest: str) -> None:
    """Marks the folder as that of these inputs; ValueError if it holds something else."""
    if store.exists("inputs.digest"):
        if store.read_text("inputs.digest") != digest:
            raise ValueError(
                f"{store.root} holds measurements of other problems, programs or settings; "
                "give another --out, or remove it"
            )
    elif store.names("."):
        raise ValueError(f"{store.root} is not empty and no folder of `skeldpo measure`")
    else:
        store.write_text("inputs.digest", digest)


def _assignment(problem: Problem, codes: Sequence[str]) -> Assignment:
    return Assignment(
        problem=problem,
        purpose="train",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=0,
        candidates=dataset_candidates(problem.problem_id, codes),
    )
