"""How often does measuring see a difference where there is none, and miss one that is there?

    python -m benchmarks.timing_noise [--quick] [--scale 0.25] [--only null|slowed] [--json FILE]
                                      [--set SECTION.KEY=VALUE]

Programs go through the whole pipeline of a run: Ray Data actors, Docker sandboxes, screening,
confirmation on fresh measurements, and the rule that makes pairs; all sandbox cores are busy.
`false_pair_rate`: two copies of one program, the rate that a pair's nominal p-value does not tell;
`renamed_false_pair_rate`: a program and the same with other names, comments and order of functions;
`null_best_of_8_rate`: eight copies, best against worst; `power_R`: programs made R times slower.
Rates are shares of problems.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.null_programs import KERNELS, copies, rewritten, slowed_problem, slowed_program
from benchmarks.null_programs import spread as spread_programs
from skeldpo.accounts.progress import count_teller
from skeldpo.config import EvaluateConfig, MeasureConfig, PairConfig, Section, SkeletonConfig
from skeldpo.config.toml_file import load_sections
from skeldpo.connection import connect_ray
from skeldpo.pair import build_pairs
from skeldpo.pipeline import (
    Sandboxes,
    sample_and_measure,
)
from skeldpo.problems.programs import given_assignment
from skeldpo.problems.sources import load_problems
from skeldpo.records import Assignment, Measurement, Outcome, PreferencePair, Problem
from studies.measured_rows import read_rows

MIN_SPEEDUP = 1.2
SLOW_DOWNS = (1.25, 1.5, 2.0)
RATIO_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Problems of each kind."""

    identical: int
    renamed: int
    best_of_8: int
    slowed: int

    def scaled(self, factor: float) -> Sizes:
        """Each kind times `factor`, at least one problem."""
        return Sizes(
            identical=max(1, round(factor * self.identical)),
            renamed=max(1, round(factor * self.renamed)),
            best_of_8=max(1, round(factor * self.best_of_8)),
            slowed=max(1, round(factor * self.slowed)),
        )


class _Sections(Section):
    measure: MeasureConfig


FULL = Sizes(identical=1000, renamed=300, best_of_8=150, slowed=100)
QUICK = Sizes(identical=24, renamed=12, best_of_8=4, slowed=4)


def main() -> None:
    """Measures, prints a table and writes the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a smaller version within a minute")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes")
    parser.add_argument("--only", choices=("null", "slowed"), help="leave the other half out")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--set", action="append", default=[], metavar="measure.KEY=VALUE")
    options = parser.parse_args()
    default = MeasureConfig(min_cpu_time_ms=5.0) if options.quick else MeasureConfig()
    measure = load_sections(_Sections(measure=default), options.set).measure
    sizes = QUICK if options.quick else FULL.scaled(options.scale)
    started_s = time.monotonic()
    kinds = [options.only] if options.only else ["null", "slowed"]
    figures = measure_rates(sizes, measure, kinds)
    figures["seconds"] = round(time.monotonic() - started_s, 1)
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def measure_rates(sizes: Sizes, measure: MeasureConfig, kinds: Sequence[str]) -> dict[str, float]:
    """The figures by name; those of the issue and the counts they come from."""
    problems = [p for p in load_problems(["families"]) if p.split == "train"]
    work: dict[str, list[Assignment]] = {}
    if "null" in kinds:
        work["identical"] = _null_assignments(problems, sizes.identical, "identical")
        work["renamed"] = _null_assignments(problems, sizes.renamed, "renamed")
        work["best_of_8"] = _null_assignments(problems, sizes.best_of_8, "best_of_8")
    if "slowed" in kinds:
        work |= {f"slowed_{r:g}": _slowed_assignments(sizes.slowed, r) for r in SLOW_DOWNS}
    pairs, refused = _measure([row for rows in work.values() for row in rows], measure)
    figures = {"programs_not_accepted": float(refused)}
    if "null" in kinds:
        figures |= _null_figures(work, pairs)
    if "slowed" in kinds:
        figures |= _slowed_figures(work, pairs)
    return figures


def _null_figures(
    work: Mapping[str, Sequence[Assignment]], pairs: Mapping[str, Sequence[PreferencePair]]
) -> dict[str, float]:
    rates = {
        kind: sum(bool(pairs[row.problem.problem_id]) for row in work[kind]) / len(work[kind])
        for kind in ("identical", "renamed", "best_of_8")
    }
    return {
        "false_pair_rate": rates["identical"],
        "renamed_false_pair_rate": rates["renamed"],
        "null_best_of_8_rate": rates["best_of_8"],
        "identical_pairs": float(len(work["identical"])),
        "renamed_pairs": float(len(work["renamed"])),
        "best_of_8_problems": float(len(work["best_of_8"])),
    }


def _slowed_figures(
    work: Mapping[str, Sequence[Assignment]], pairs: Mapping[str, Sequence[PreferencePair]]
) -> dict[str, float]:
    figures = {}
    within = num_right = 0
    for ratio in SLOW_DOWNS:
        rows = work[f"slowed_{ratio:g}"]
        found = [(row, pair) for row in rows for pair in pairs[row.problem.problem_id][:1]]
        right = [pair for row, pair in found if _is_right(row, pair)]
        figures[f"power_{str(float(ratio)).replace('.', '_')}"] = len(right) / len(rows)
        figures["slowed_pairs_per_ratio"] = float(len(rows))
        within += sum(abs(pair.speedup / ratio - 1) <= RATIO_TOLERANCE for pair in right)
        num_right += len(right)
    figures["ratio_within_10_percent"] = within / num_right if num_right else 0.0
    return figures


def _null_assignments(problems: Sequence[Problem], count: int, kind: str) -> list[Assignment]:
    rows = []
    for index, (problem, code) in enumerate(spread_programs(problems, count)):
        if kind == "renamed":
            first, second = copies(code, 2)
            codes = [first, rewritten(second, index)]
        else:
            codes = copies(code, 8 if kind == "best_of_8" else 2)
        rows.append(_assignment(problem, f"{kind}/{index}", codes))
    if len(rows) < count:
        raise ValueError(f"asked for {count} programs, the built-in problems have {len(rows)}")
    return rows


def _slowed_assignments(count: int, ratio: float) -> list[Assignment]:
    rows = []
    for index in range(count):
        kernel = KERNELS[index % len(KERNELS)]
        codes = [slowed_program(kernel, 1.0), slowed_program(kernel, ratio)]
        rows.append(_assignment(slowed_problem(kernel, index), f"slowed_{ratio:g}/{index}", codes))
    return rows


def _assignment(problem: Problem, key: str, codes: Sequence[str]) -> Assignment:
    return given_assignment(replace(problem, problem_id=key, solutions=()), codes)


def _measure(
    assignments: Sequence[Assignment], measure: MeasureConfig
) -> tuple[dict[str, list[PreferencePair]], int]:
    """Efficiency pairs by problem, largest speedup first, and how many programs were refused."""
    connect_ray(print, engine=measure.engine)
    with tempfile.TemporaryDirectory() as folder:
        sample_and_measure(
            assignments,
            engines=None,
            sandboxes=Sandboxes(measure=measure, evaluate=EvaluateConfig()),
            output=folder,
            on_progress=count_teller("timing_noise", _tell_some()),
        )
        sampled = read_rows(folder)
    measurements: dict[str, list[Measurement]] = {a.problem.problem_id: [] for a in assignments}
    for row in sampled.measurements:
        measurements[row.problem_id].append(row)
    refused = sum(
        row.phase == "check" and row.outcome is not Outcome.ACCEPTED for row in sampled.measurements
    )
    pairs = {
        assignment.problem.problem_id: [
            pair
            for pair in build_pairs(
                problem=assignment.problem,
                candidates=assignment.candidates,
                measurements=measurements[assignment.problem.problem_id],
                pair=PairConfig(min_speedup=MIN_SPEEDUP),
                skeleton=SkeletonConfig(),
                round_index=0,
            ).pairs
            if pair.stage == "efficiency"
        ]
        for assignment in assignments
    }
    return pairs, refused


def _is_right(assignment: Assignment, pair: PreferencePair) -> bool:
    """The first candidate of a slowed problem is the fast one."""
    return pair.chosen.candidate_id == assignment.candidates[0].candidate_id


def _tell_some() -> Callable[[str], None]:
    """A line every ten seconds."""
    last = [0.0]

    def tell(line: str) -> None:
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            print(line, flush=True)

    return tell


if __name__ == "__main__":
    main()
