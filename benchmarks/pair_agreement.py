"""Do our pairs agree with EvalPerf's instruction counts? Table by distance of the clusters.

Programs of EvalPerf's tasks, spread over their clusters (higher is faster), are measured as
`skeldpo measure` does it, on inputs grown from the tasks' own. A pair agrees if its chosen program
is of the higher cluster. EvalPerf's own inputs are not public, and which program is faster may
depend on the input; measuring cross-checks on inputs of the other kinds, and takes no pair that one
of them reverses. What that is worth is told: the share that agrees among those pairs, and among all
without the cross-checks. Tasks that cannot be timed are listed with the reason. Needs Docker; the
whole takes half an hour on two cores, `--quick` (6 tasks) a few minutes.

    python -m benchmarks.pair_agreement --out FOLDER --json agreement.json [--quick]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldpo.commands.measure import measure_given
from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.console import Display
from skeldpo.measure.folder import read_measured
from skeldpo.pair import ProblemPairs, build_pairs
from skeldpo.records import Measurement, Outcome, PreferencePair, content_id
from skeldpo.storage.store import Store

NUM_PROGRAMS = 8
MIN_AGREEING_SHARE = 0.8
"""Of a task's programs on the grown input; below it the input is not what the task means."""
PAIR = PairConfig(min_speedup=1.2, max_efficiency_pairs=100, max_correctness_pairs=0)
SETTINGS = (f"measure.confirm_candidates={NUM_PROGRAMS}",)
"""All programs of a task are compared: which ones are must not depend on how they were screened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A pair with EvalPerf's clusters of its sides."""

    pair: PreferencePair
    chosen_cluster: int
    rejected_cluster: int

    @property
    def distance(self) -> int:
        return abs(self.chosen_cluster - self.rejected_cluster)

    @property
    def agrees(self) -> bool:
        return self.chosen_cluster > self.rejected_cluster


def main() -> None:
    options = _options()
    folder = Path(options.out).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    clusters = write_inputs(Path(options.data), folder, 6 if options.quick else None)
    display = Display()
    measure_given(
        problem_paths=[str(folder / "problems.jsonl")],
        programs_path=str(folder / "programs.jsonl"),
        output=str(folder / "measured"),
        overrides=SETTINGS,
        display=display,
    )
    made, wrong = measured_pairs(folder / "measured", crosschecks=True)
    unchecked, _ = measured_pairs(folder / "measured", crosschecks=False)
    judged, all_judged = (
        judge([pair for problem in problems if problem.problem_id not in wrong
               for pair in problem.pairs], clusters)
        for problems in (made, unchecked)
    )  # fmt: skip
    figures = agreement(judged, all_judged)
    show(judged, figures, made, wrong, display)
    Store(str(folder)).write_records("pairs.parquet", PreferencePair, [j.pair for j in judged])
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def write_inputs(data: Path, folder: Path, num_tasks: int | None) -> dict[tuple[str, str], int]:
    """Writes problems.jsonl and programs.jsonl; returns the cluster of each (task, program)."""
    programs: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(data / "evalperf" / "solutions.jsonl.gz"):
        programs[row["task_id"]][row["solution"]] = row["cluster"]
    tasks = [row for row in _rows(data / "mbpp_plus" / "MbppPlus.jsonl.gz")
             if row["task_id"] in programs]  # fmt: skip
    tasks = sorted(tasks, key=lambda task: content_id(task["task_id"]))[:num_tasks]
    clusters = {}
    with (
        (folder / "problems.jsonl").open("w") as problems_file,
        (folder / "programs.jsonl").open("w") as programs_file,
    ):
        for task in tasks:
            problems_file.write(json.dumps(task) + "\n")
            for code in spread(programs[task["task_id"]], NUM_PROGRAMS):
                clusters[task["task_id"], code] = programs[task["task_id"]][code]
                row = {"problem_id": task["task_id"], "code": code}
                programs_file.write(json.dumps(row) + "\n")
    return clusters


def spread(clusters: dict[str, int], num_programs: int) -> list[str]:
    """Programs from the fastest to the slowest cluster, as many of each as possible."""
    by_cluster: dict[int, list[str]] = defaultdict(list)
    for code in sorted(clusters, key=content_id):
        by_cluster[clusters[code]].append(code)
    order = sorted(by_cluster)
    count = min(num_programs, len(order))
    places = {round(i * (len(order) - 1) / max(1, count - 1)) for i in range(count)}
    chosen = [order[place] for place in sorted(places)]
    turns = -(-num_programs // len(chosen))
    found = [by_cluster[cluster][:turns] for cluster in chosen]
    return [code for codes in found for code in codes][:num_programs]


def agreeing_share(rows: Sequence[Measurement]) -> float:
    """Of the programs, those that no input refused; being too slow for one is no disagreement."""
    programs = {row.candidate_id for row in rows}
    fine = (Outcome.ACCEPTED, Outcome.TIME_LIMIT)
    refused = {
        row.candidate_id
        for row in rows
        if row.outcome not in (fine[:1] if row.phase == "check" else fine)
    }
    return 1 - len(refused) / max(1, len(programs))


def measured_pairs(
    folder: Path, *, crosschecks: bool
) -> tuple[list[ProblemPairs], dict[str, float]]:
    """Every pair that is beyond doubt, with or without regard to the `crosschecks`, and the tasks
    whose programs disagree on the grown input with the share that agrees."""
    made, wrong = [], {}
    for measured in read_measured(str(folder)):
        rows = measured.measurements
        share = agreeing_share(rows)
        if share < MIN_AGREEING_SHARE:
            wrong[measured.problem.problem_id] = share
        made.append(
            build_pairs(
                problem=measured.problem,
                candidates=measured.candidates,
                measurements=[row for row in rows if crosschecks or row.phase != "crosscheck"],
                pair=PAIR,
                skeleton=SkeletonConfig(),
                round_index=0,
            )
        )
    return made, wrong


def judge(
    pairs: Sequence[PreferencePair], clusters: Mapping[tuple[str, str], int]
) -> list[Judgement]:
    """The pairs with the clusters of their programs, which are those of (task, program)."""
    return [
        Judgement(
            pair=pair,
            chosen_cluster=clusters[pair.problem_id, pair.chosen.code],
            rejected_cluster=clusters[pair.problem_id, pair.rejected.code],
        )
        for pair in pairs
    ]


def agreement(judged: Sequence[Judgement], unchecked: Sequence[Judgement]) -> dict[str, float]:
    """Pairs and the share that agrees: by distance of the clusters, for 2 and more, and for those
    of 2 and more without the cross-checks and reversed by one."""
    figures: dict[str, float] = {}
    for distance in sorted({each.distance for each in judged}):
        figures |= _share(f"distance_{distance}", [j for j in judged if j.distance == distance])
    held = {each.pair.pair_id for each in judged}
    far = [each for each in unchecked if each.distance >= 2]
    return (
        figures
        | _share("distance_2_or_more", [each for each in judged if each.distance >= 2])
        | _share("without_crosschecks", far)
        | _share("reversed_on_other_input", [j for j in far if j.pair.pair_id not in held])
    )


def show(
    judged: Sequence[Judgement],
    figures: Mapping[str, float],
    made: Sequence[ProblemPairs],
    wrong: dict[str, float],
    display: Display,
) -> None:
    """The table, every pair of distance 2 or more that disagrees, and the tasks without pairs."""
    by_distance = Counter(each.distance for each in judged)
    agreeing = Counter(each.distance for each in judged if each.agrees)
    display.table(
        "pairs by distance of EvalPerf's clusters (0: it sees no difference)",
        ("distance", "pairs", "agree", "share"),
        [
            (str(d), str(n), str(agreeing[d]), f"{agreeing[d] / n:.3f}" if d else "-")
            for d, n in sorted(by_distance.items())
        ],
    )
    for name in ("distance_2_or_more", "without_crosschecks", "reversed_on_other_input"):
        share, count = figures[f"{name}_agree"], figures[f"{name}_pairs"]
        display.tell(f"{name.replace('_', ' ')}: {share:.4f} of {count:.0f} pairs")
    display.table(
        "distance 2 or more, not agreeing (skeldpo inspect shows them)",
        ("task", "clusters, chosen over rejected", "speedup", "at least"),
        [
            (j.pair.problem_id, f"{j.chosen_cluster} over {j.rejected_cluster}",
             f"{j.pair.speedup:.2f}", f"{j.pair.speedup_low:.2f}")
            for j in judged if j.distance >= 2 and not j.agrees
        ],
    )  # fmt: skip
    display.table(
        "tasks without pairs",
        ("task", "reason"),
        [
            (p.problem_id, f"{wrong[p.problem_id]:.0%} of the programs agree on the grown input"
             if p.problem_id in wrong else p.efficiency_reason)
            for p in made if p.problem_id in wrong or not p.pairs
        ],
    )  # fmt: skip


def _share(name: str, judged: Sequence[Judgement]) -> dict[str, float]:
    agreeing = sum(each.agrees for each in judged)
    return {
        f"{name}_pairs": len(judged),
        f"{name}_agree": agreeing / len(judged) if judged else 0.0,
    }


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _options() -> argparse.Namespace:
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pair_agreement")
    parser.add_argument("--out", required=True, help="folder of the measurements and pairs")
    parser.add_argument("--json", default="", help="file of the figures, flat keys")
    parser.add_argument("--quick", action="store_true", help="six tasks")
    parser.add_argument("--data", default=os.environ.get("SKELDPO_DATA") or str(shared),
                        help="folder of the data sets ($SKELDPO_DATA)")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
