"""Do two measuring runs of the same programs find the same pairs?

    skeldpo measure --problems P --programs F --out FIRST
    skeldpo measure --problems P --programs F --out SECOND
    python -m benchmarks.pair_repeatability FIRST SECOND [--json FILE]

Every pair that one run decides is looked up in the other: which side is faster there, and is the
ratio within 20 %? A confirming session of both programs counts before a screening one.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.measure.folder import read_measured
from skeldpo.pair import build_pairs
from skeldpo.records import Measurement, PreferencePair
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.timing import compare

PAIR = PairConfig(min_speedup=1.2, max_efficiency_pairs=1000, max_correctness_pairs=0)
RATIO_TOLERANCE = 0.2


def main() -> None:
    """Prints the figures, and the pairs that the other run contradicts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pair_repeatability")
    parser.add_argument("first", help="folder of `skeldpo measure`")
    parser.add_argument("second", help="folder of another run of the same command")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    first, second = (list(read_measured(path)) for path in (options.first, options.second))
    figures = repeatability(first, second)
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def repeatability(
    first: Sequence[MeasuredProblem], second: Sequence[MeasuredProblem]
) -> dict[str, float]:
    """Pairs of either run, and the shares of those timed in the other that repeat there."""
    ratios = []
    num_pairs = 0
    for one, other in ((first, second), (second, first)):
        again = {each.problem.problem_id: each.measurements for each in other}
        for measured in one:
            for pair in decided_pairs(measured):
                num_pairs += 1
                ratio = measured_ratio(pair, again.get(measured.problem.problem_id, ()))
                if ratio:
                    ratios.append((pair, ratio))
                    if ratio <= 1:
                        print(f"{pair.problem_id}: {pair.speedup:.2f}, the other run {ratio:.2f}")
    if not ratios:
        raise ValueError("no pair of one run was timed in the other; were they the same programs?")
    near = [abs(ratio / pair.speedup - 1) <= RATIO_TOLERANCE for pair, ratio in ratios]
    return {
        "num_pairs": float(num_pairs),
        "timed_in_both": float(len(ratios)),
        "same_direction": sum(ratio > 1 for _, ratio in ratios) / len(ratios),
        "ratio_within_20_percent": sum(near) / len(ratios),
    }


def decided_pairs(measured: MeasuredProblem) -> list[PreferencePair]:
    """Every pair of the problem that is beyond doubt."""
    built = build_pairs(
        problem=measured.problem,
        candidates=measured.candidates,
        measurements=measured.measurements,
        pair=PAIR,
        skeleton=SkeletonConfig(),
        round_index=0,
    )
    return [pair for pair in built.pairs if pair.stage == "efficiency"]


def measured_ratio(pair: PreferencePair, measurements: Sequence[Measurement]) -> float:
    """Median time of the pair's rejected program over that of its chosen one; 0 if no session has
    both."""
    sessions: dict[str, dict[str, Measurement]] = defaultdict(dict)
    for row in measurements:
        if row.cpu_times_ns and row.phase != "crosscheck":
            sessions[row.session_id][row.candidate_id] = row
    fast, slow = pair.chosen.candidate_id, pair.rejected.candidate_id
    both = [rows for rows in sessions.values() if fast in rows and slow in rows]
    if not both:
        return 0.0
    best = max(both, key=lambda rows: (rows[fast].phase == "confirm", len(rows[fast].cpu_times_ns)))
    return compare(best[fast].cpu_times_ns, best[slow].cpu_times_ns).speedup


if __name__ == "__main__":
    main()
