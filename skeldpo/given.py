"""Measuring and pairing programs that are given: no model, no run, one folder.

The folder holds problems.parquet, candidates.parquet and measurements.parquet, and the manifest
when it is finished; measuring again goes on where it stopped.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from skeldpo import __version__
from skeldpo.config import MeasureConfig, PairConfig, SkeletonConfig, load_sections
from skeldpo.console import Display
from skeldpo.pair import ProblemPairs, build_pairs
from skeldpo.pipeline import Sampled, Sandboxes, connect_ray, count_teller, sample_and_measure
from skeldpo.problems.programs import dataset_candidates, read_programs
from skeldpo.problems.sources import load_problems
from skeldpo.records import (
    Assignment,
    Candidate,
    Dropped,
    Measurement,
    Outcome,
    PreferencePair,
    Problem,
    StageManifest,
    content_id,
)
from skeldpo.store import Store

STAGE = "measure"
DEFAULT_MIN_SPEEDUP = 1.2
MAX_REASON_CHARS = 160

Row = TypeVar("Row", Candidate, Measurement)


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
    store.write_records("problems.parquet", Problem, problems)
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
            stage=STAGE,
            round_index=0,
            config_digest=digest,
            num_in=sum(verdicts.values()),
            num_out=sum(verdicts.values()) - failed,
            dropped=(Dropped(reason="sandbox failed", num_rows=failed),) if failed else (),
            outputs=("problems.parquet", "candidates.parquet", "measurements.parquet"),
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


def pair_given(
    *, folder: str, output: str, overrides: Sequence[str], display: Display
) -> list[PreferencePair]:
    """Pairs of a measured folder, as a Parquet file; shows how many and why others gave none."""
    sections = load_sections(
        {"pair": PairConfig(min_speedup=DEFAULT_MIN_SPEEDUP), "skeleton": SkeletonConfig()},
        overrides,
    )
    pair, skeleton = sections["pair"], sections["skeleton"]
    assert isinstance(pair, PairConfig)
    assert isinstance(skeleton, SkeletonConfig)
    store = Store(str(Path(folder).absolute()))
    if store.read_manifest(".", STAGE) is None:
        raise ValueError(
            f"{folder} holds no finished measurements (no {STAGE}.manifest.json); "
            "run `skeldpo measure ... --out` with this folder first"
        )
    problems = store.read_records("problems.parquet", Problem)
    candidates = _by_problem(store.read_records("candidates.parquet", Candidate))
    measurements = _by_problem(store.read_records("measurements.parquet", Measurement))
    made = [
        build_pairs(
            problem=problem,
            candidates=candidates[problem.problem_id],
            measurements=measurements[problem.problem_id],
            pair=pair,
            skeleton=skeleton,
            round_index=0,
        )
        for problem in problems
    ]
    pairs = [row for problem_pairs in made for row in problem_pairs.pairs]
    if not pairs:
        reasons = Counter(row.reason for p in made for row in p.dropped)
        raise RuntimeError(f"no pair from {len(problems)} problems: {dict(reasons)}")
    target = Path(output).absolute()
    Store(str(target.parent)).write_records(target.name, PreferencePair, pairs)
    _show_pairs(made, output, display)
    return pairs


def _show_pairs(made: Sequence[ProblemPairs], output: str, display: Display) -> None:
    pairs = [row for problem_pairs in made for row in problem_pairs.pairs]
    fast = [row for row in pairs if row.stage == "efficiency"]
    with_skeleton = sum(bool(row.chosen.skeleton.text) for row in fast)
    num_efficiency = sum(not p.efficiency_reason for p in made)
    num_correctness = sum(not p.correctness_reason for p in made)
    display.tell(
        f"{output}: {len(fast)} efficiency pairs ({with_skeleton} with skeletons) from "
        f"{num_efficiency} of {len(made)} problems, {len(pairs) - len(fast)} correctness pairs "
        f"from {num_correctness}"
    )
    speedups = sorted(row.speedup for row in fast)
    if speedups:
        display.tell(
            f"speedup: median {speedups[len(speedups) // 2]:.2f}, least {speedups[0]:.2f}, "
            f"largest {speedups[-1]:.1f}"
        )
    for title, reasons in (
        ("problems without an efficiency pair", Counter(p.efficiency_reason for p in made)),
        ("problems without a correctness pair", Counter(p.correctness_reason for p in made)),
    ):
        rows = [(reason, str(count)) for reason, count in reasons.most_common() if reason]
        if rows:
            display.table(title, ("reason", "problems"), rows)


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


def _by_problem(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.problem_id].append(row)
    return found
