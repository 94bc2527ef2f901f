"""Of how many problems of a data set can programs be timed, and why not of the others?

A problem counts if its reference (or first right program) takes 5 ms of CPU time or more on inputs
that measuring finds for it, its tests grown where it brings no generators; what the sandbox takes
itself is taken off. Rows that are left out when read count as problems that cannot be timed. Needs
Docker; about a second a problem and core. Results are kept in --out, a line a problem, and gone on
with.

    python -m benchmarks.growth SOURCE [SOURCE ...] --out growth.jsonl --json growth.json
        [--sample 200] [--least-ms 5]
"""

from __future__ import annotations

import argparse
import json
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.timeable import SANDBOX, Timeable, find_time
from skeldpo.config import MeasureConfig
from skeldpo.console import Display
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.problems.sources import LeftOutProblem, iter_problems
from skeldpo.records import Problem, content_id

LEAST_MS = 5.0
LEFT_OUT = "left out when read"
SEED = 20


def main() -> None:
    options = _options()
    display = Display()
    left_out: list[LeftOutProblem] = []
    problems = [
        p for source in options.sources for p in iter_problems([source], (), left_out.append)
    ]
    by_id: dict[str, Problem | LeftOutProblem] = {row.problem_id: row for row in left_out}
    by_id |= {problem.problem_id: problem for problem in problems}
    every = list(by_id.values())
    every.sort(key=lambda row: content_id(SEED, row.problem_id, type(row).__name__))
    rows = every[: options.sample or None]
    kept = Path(options.out)
    done = _read(kept)
    waiting = [row for row in rows if isinstance(row, Problem) and row.problem_id not in done]
    lock = threading.Lock()
    config = MeasureConfig(num_cores=options.num_cores)

    def work(run: Run, problem: Problem) -> Timeable:
        found = find_time(run, problem, config, least_ms=options.least_ms)
        if found.reason != SANDBOX:  # another time it may not
            with lock, kept.open("a") as file:
                file.write(json.dumps(asdict(found)) + "\n")
        return found

    if waiting:
        made = map_on_cores(
            waiting, work, config, lambda n: display.tell(f"{n} of {len(waiting)} problems")
        )
        done |= {each.problem_id: each for each in made}
    found = [
        done[row.problem_id]
        if isinstance(row, Problem)
        else Timeable(
            problem_id=row.problem_id, time_ms=0, num_inputs=0, generator=-1, reason=LEFT_OUT,
            detail=row.reason,
        )
        for row in rows
    ]  # fmt: skip
    figures = summary(found)
    for name, value in figures.items():
        display.tell(f"{name:>40}  {value}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def summary(found: Sequence[Timeable]) -> dict[str, float]:
    """Problems, those that can be timed, and the others by reason, the most frequent first."""
    reasons = Counter(each.reason for each in found if each.reason)
    num_timed = sum(not each.reason for each in found)
    figures: dict[str, float] = {
        "problems": len(found),
        "timeable": num_timed,
        "timeable_share": round(num_timed / max(1, len(found)), 4),
        "timeable_on_one_input": sum(not e.reason and e.num_inputs == 1 for e in found),
    }
    return figures | {f"not_{_key(reason)}": count for reason, count in reasons.most_common()}


def _key(reason: str) -> str:
    return re.sub(r"\W+", "_", reason.partition(":")[0].lower()).strip("_")


def _read(path: Path) -> dict[str, Timeable]:
    """What an earlier run found, without a last line that was cut off."""
    done = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = Timeable(**json.loads(line))
        except ValueError:
            continue
        done[row.problem_id] = row
    return done


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", nargs="+", help="as problems.sources")
    parser.add_argument("--out", required=True, help="JSONL of what was found, added to")
    parser.add_argument("--json", default="", help="write the figures there")
    parser.add_argument("--sample", type=int, default=0, help="a seeded choice of problems; 0: all")
    parser.add_argument("--least-ms", type=float, default=LEAST_MS)
    parser.add_argument("--num-cores", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
