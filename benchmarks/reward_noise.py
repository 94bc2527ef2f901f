"""What do identical programs earn for their speed? The reward's levels against one run each.

    python -m benchmarks.reward_noise [--groups 1000] [--minutes M] [--json FILE]
                                      [--set SECTION.KEY=VALUE]

Groups of four copies of a known program are measured and rewarded as a round's answers are, on the
sandbox cores of this machine. A policy that chose each copy's spelling by a coin would have the
score-function gradient mean(A_i (x_i - 1/2)), x the spelling, A the advantage: of identical
programs its expectation is 0, and what it is in a group is noise. `levels_*` is of the product's
rewards, `one_run_*` of -log of the wall time of each program's first run, divided by the group's
standard deviation, as trainers with a reward function of their own do it:

- `*_nonzero_share`: groups with a gradient;
- `*_walk`: root of the sum of its squares, so far from 0 its sum goes by chance;
- `*_first`, `*_last`: mean advantage of the program that ran first and last of its group.

`groups_left_out`: whose program is not right here, or that were not begun in time.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.null_programs import spread
from skeldpo.config import MeasureConfig, PolicyGradientConfig, RewardsConfig, Section
from skeldpo.config.toml_file import load_sections
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.problems.sources import load_problems
from skeldpo.records import Problem
from skeldpo.rewards.advantages import advantages
from skeldpo.rewards.measured import GroupRequest, Place, Settings, measure_group
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.image import ensure_image

SIZE = 4
"""Programs of a group."""


class _Sections(Section):
    measure: MeasureConfig
    rewards: RewardsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What SIZE copies earned, and the wall times of their first runs in nanoseconds, both in the
    order in which they ran first."""

    rewards: tuple[float, ...]
    first_ns: tuple[int, ...]


def measure_copies(
    run: Run, problem: Problem, code: str, settings: Settings, place: Place
) -> Group | None:
    """Rewards and times of the program's copies; None if one of them is not right here."""
    # What no function needs is not read out of an answer, so each has an attribute of its own.
    programs = [f"{code.rstrip()}\n\n\n{problem.entry_point}.copy = {n}\n" for n in range(SIZE)]
    first_ns: dict[str, int] = {}

    def watched(request: RunRequest) -> RunReport:
        report = run(request)
        first_ns.setdefault(request.code, report.wall_time_ns)
        return report

    request = GroupRequest(problem=problem, completions=tuple(programs))
    answer = measure_group(request, watched, settings, place)
    earned = {
        code: own.reward
        for code, own in zip(programs, answer.programs, strict=True)
        if own.is_right
    }
    order = [code for code in first_ns if code in earned]
    if len(order) < SIZE:
        return None
    return Group(
        rewards=tuple(earned[code] for code in order),
        first_ns=tuple(first_ns[code] for code in order),
    )


def gradient_figures(
    name: str, gains: Sequence[Sequence[float]], spellings: Sequence[Sequence[float]]
) -> dict[str, float]:
    """Of a kind of reward: `gains` are the advantages of each group's programs, `spellings` their
    x - 1/2."""
    gradients = [
        statistics.fmean(map(float.__mul__, own, x))
        for own, x in zip(gains, spellings, strict=True)
    ]
    return {
        f"{name}_nonzero_share": statistics.fmean(any(own) for own in gains),
        f"{name}_sum": sum(gradients),
        f"{name}_walk": math.sqrt(sum(gradient**2 for gradient in gradients)),
        f"{name}_first": statistics.fmean(own[0] for own in gains),
        f"{name}_last": statistics.fmean(own[-1] for own in gains),
    }


def figures_of(groups: Sequence[Group], seed: int = 0) -> dict[str, float]:
    """The figures that are printed, by name; `seed` draws the spellings."""
    coin = random.Random(seed)
    spellings = [[coin.choice((-0.5, 0.5)) for _ in group.rewards] for group in groups]
    levels = [advantages(group.rewards, PolicyGradientConfig()) for group in groups]
    divided = PolicyGradientConfig(divide_by_std=True)
    one_run = [
        advantages([-math.log(time_ns) for time_ns in group.first_ns], divided) for group in groups
    ]
    return {
        "groups": float(len(groups)),
        **gradient_figures("levels", levels, spellings),
        **gradient_figures("one_run", one_run, spellings),
    }


def main() -> None:
    """Measures, prints a table and writes the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward_noise")
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="then no further group")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    options = parser.parse_args()
    default = _Sections(measure=MeasureConfig(min_cpu_time_ms=5.0), rewards=RewardsConfig())
    sections = load_sections(default, options.set)
    settings = Settings(rewards=sections.rewards, measure=sections.measure)
    problems = [p for p in load_problems(["families"]) if p.split == "train"]
    started_s = time.monotonic()
    measure = sections.measure
    image = ensure_image(measure.image, numpy=measure.numpy, engine=measure.engine)
    place = Place(image=image, core=0, unverified="")  # the core is said in rows that nobody reads

    def work(run: Run, item: tuple[Problem, str]) -> Group | None:
        if time.monotonic() - started_s > 60 * options.minutes:
            return None
        return measure_copies(run, *item, settings, place)

    done = map_on_cores(
        spread(problems, options.groups),
        work,
        measure,
        lambda number: None if number % 50 else print(f"{number} groups", flush=True),
    )
    groups = [group for group in done if group is not None]
    if not groups:
        raise SystemExit("no group whose programs are right and were run")
    figures = figures_of(groups)
    figures["groups_left_out"] = float(len(done) - len(groups))
    figures["seconds"] = round(time.monotonic() - started_s, 1)
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
