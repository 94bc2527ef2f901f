"""What the p-values and bounds of pairs are worth: error rates of the whole rule, simulated.

    python -m benchmarks.nominal_rates [--trials N] [--json FILE]

A confirming session is looked at several times (`measure.confirm_repeats`), has several programs
(`confirm_candidates`) and gives its largest certain difference, while a pair keeps the p-value and
the bound of its last look alone: they are nominal. Sessions are drawn here, log-normal times around
a core's moving speed, and go through the rule's own functions (`skeldpo.timing`). No sandbox and no
clock: `benchmarks.timing_noise` has the false rate of real programs end to end.

Rates are shares of sessions. At a true ratio that is the test's discount, 1.05 (`level`), every
p-value at or below `max_p_value` is an error of the test; `false_pair` are those that became a pair
all the same. `equal`: the same for identical programs. `bound`: of the pairs of a slower program,
those whose lower bound is above the true ratio, nominally 5 %.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeldpo.config import MeasureConfig, PairConfig
from skeldpo.timing import DISCOUNT, Comparison, compare, estimate_ns, is_faster, is_settled

MIN_SPEEDUP = 1.2
NOISE = (0.02, 0.05, 0.10)
"""Standard deviation of the logarithm of a run's time within a round; quiet cores have 0.005."""
ROUND_NOISE = 0.05
"""That of the core's speed from round to round, which all programs of a round share."""
SLOWER = 1.3
TYPICAL_NS = 5e7


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The comparisons of every two programs after the last look, and how many rounds there were."""

    comparisons: tuple[Comparison, ...]
    num_rounds: int


def main() -> None:
    """Prints the rates and writes the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nominal_rates")
    parser.add_argument("--trials", type=int, default=4000, help="sessions a figure")
    parser.add_argument("--json", default="", help="write the figures to this file")
    options = parser.parse_args()
    figures = rates(options.trials, MeasureConfig())
    for name, value in figures.items():
        print(f"{name:36} {value:.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def rates(num_trials: int, measure: MeasureConfig) -> dict[str, float]:
    """All figures by name: kind, programs of a session, noise."""
    figures: dict[str, float] = {"nominal_p": measure.max_p_value}
    pair = PairConfig(min_speedup=MIN_SPEEDUP)
    for noise, count in itertools.product(NOISE, (2, measure.confirm_candidates)):
        rng = np.random.default_rng(0)
        suffix = f"{count}_programs_noise_{noise:g}"
        for kind, ratio in (("level", DISCOUNT), ("equal", 1.0), ("bound", SLOWER)):
            ratios = [1.0] * (count - 1) + [ratio]
            sessions = [draw_session(ratios, noise, measure, rng) for _ in range(num_trials)]
            pairs = [found for each in sessions if (found := _pair(each, pair))]
            if kind == "bound":
                high = sum(found.speedup_low > ratio for found in pairs)
                figures[f"bound_{suffix}"] = high / len(pairs) if pairs else 0.0
                continue
            shown = sum(
                any(each.p_value <= measure.max_p_value for each in session.comparisons)
                for session in sessions
            )
            figures[f"{kind}_p_{suffix}"] = shown / num_trials
            figures[f"{kind}_false_pair_{suffix}"] = len(pairs) / num_trials
    return figures


def draw_session(
    ratios: Sequence[float], noise: float, measure: MeasureConfig, rng: np.random.Generator
) -> Session:
    """A confirming session of programs that take `ratios` times as long as the first, looked at as
    `skeldpo.measure.session` does until every two are settled."""
    times_ns: list[list[float]] = [[] for _ in ratios]
    while True:
        core = TYPICAL_NS * np.exp(rng.normal(scale=ROUND_NOISE))
        for own, ratio, error in zip(
            times_ns, ratios, rng.normal(scale=noise, size=len(ratios)), strict=True
        ):
            own.append(float(core * ratio * np.exp(error)))
        ranked = sorted(times_ns, key=estimate_ns)
        both = list(itertools.combinations(ranked, 2))
        if all(
            is_settled(
                fast,
                slow,
                looks=measure.confirm_repeats,
                min_ratio=measure.propose_ratio,
                max_p_value=measure.max_p_value,
            )
            for fast, slow in both
        ):
            break
    return Session(
        comparisons=tuple(compare(fast, slow) for fast, slow in both),
        num_rounds=len(times_ns[0]),
    )


def _pair(session: Session, pair: PairConfig) -> Comparison | None:
    """The comparison that would become a pair: the largest bound of those beyond doubt."""
    decided = [
        each
        for each in session.comparisons
        if is_faster(each, min_speedup=pair.min_speedup, max_p_value=pair.max_p_value)
    ]
    return max(decided, key=lambda each: each.speedup_low, default=None)


if __name__ == "__main__":
    main()
