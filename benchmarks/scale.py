"""Does the driver stay small, and a problem as cheap, when a round has ten times as many problems?

    python -m benchmarks.scale --json FILE [--sizes 1000 10000 | --quick] [--folder DIR]

A round of N problems x 16 candidates x 1,000 tokens (`benchmarks.recorded`) goes through the
stages of a run on one machine: the streaming pipeline with recorded measurements in place of the
sandbox and recorded candidates in place of the engines, the scores of held-out problems, and the
map that makes pairs and skeletons. Each size has a driver of its own, whose highest resident set
is `driver_peak_mib_N`. `seconds_per_problem_N` is the CPU time of all processes, driver, Ray and
its workers, over N, so that what else the machine does matters little; `wall_seconds_N` is beside
it. `seconds_per_problem_ratio` is that of the last size over the first. `sample_`, `evaluate_` and
`pair_` figures are those of the stages.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

from benchmarks.recorded import RecordedMeasurer, make_assignment, make_candidates, make_problem
from skeldpo.accounts.progress import Progress
from skeldpo.config import Config
from skeldpo.config.toml_file import parse_config
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.pipeline import Sandboxes, sample_and_measure
from skeldpo.records import Candidate
from skeldpo.rounds.round_rows import RoundMaker
from skeldpo.rounds.stages import count_verdicts, round_place
from skeldpo.storage.by_problem import Sampled, StoredRows
from skeldpo.storage.store import CANDIDATES, Store, round_folder
from skeldpo.suites.evaluation import evaluation_text
from skeldpo.suites.round_scores import Author, bootstrap_of, evaluate_heldout
from skeldpo.train.learners import make_learner

TELL_EVERY_S = 60.0


def main() -> None:
    options = _options()
    if options.drive:
        print(json.dumps(drive(options.folder, options.drive)), flush=True)
        return
    figures: dict[str, float] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder or None) as folder:
            record(Store(folder), size)
            figures |= _in_new_process(folder, size)
    first, last = options.sizes[0], options.sizes[-1]
    figures["seconds_per_problem_ratio"] = (
        figures[f"seconds_per_problem_{last}"] / figures[f"seconds_per_problem_{first}"]
    )
    print(json.dumps(figures, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def record(store: Store, num_problems: int) -> None:
    """Commits the candidates of a round, as engines do."""
    for number in range(num_problems):
        problem = make_problem(number)
        rows = make_candidates(problem)
        store.write_part(f"{round_folder(1)}/{CANDIDATES}", problem.problem_id, Candidate, rows)


def drive(root: str, num_problems: int) -> dict[str, float]:
    """The stages of a round in this process; figures by name and size."""
    ray.init(
        address="local",
        num_cpus=2,
        resources={SANDBOX_RESOURCE: 2.0},
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=512 << 20,
    )
    begun_s, cpu_s = time.monotonic(), cpu_seconds()
    figures: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(name: str) -> Iterator[None]:
        before_s = cpu_seconds()
        yield
        figures[f"{name}_seconds_per_problem"] = (cpu_seconds() - before_s) / num_problems
        figures[f"{name}_peak_mib"] = peak_mib()
        print(f"{num_problems}: {name} done, {peak_mib():.0f} MiB", file=sys.stderr, flush=True)

    round_ = _Round(root, num_problems)
    with stage("sample"):
        figures["num_candidates"] = float(round_.sample())
    with stage("evaluate"):
        figures["num_scored"] = float(round_.evaluate())
    with stage("pair"):
        figures["num_pairs"] = float(round_.pair())
    figures |= {
        "driver_peak_mib": peak_mib(),
        "seconds_per_problem": (cpu_seconds() - cpu_s) / num_problems,
        "wall_seconds": time.monotonic() - begun_s,
    }
    ray.shutdown()
    return {f"{name}_{num_problems}": value for name, value in figures.items()}


class _Round:
    """A round of so many problems: its stages, as `skeldpo.rounds.driver` calls them."""

    def __init__(self, root: str, num_problems: int) -> None:
        self._store, self._config = Store(root), _config(root)
        self._folder = self._store.location(round_folder(1))
        problems = [make_problem(number) for number in range(num_problems)]
        self._heldout = [problem for problem in problems if problem.split != "train"]
        self._training = [problem for problem in problems if problem.split == "train"]

    def sample(self) -> int:
        """Returns the number of candidates."""
        sample_and_measure(
            (make_assignment(problem) for problem in [*self._heldout, *self._training]),
            engines=None,
            sandboxes=Sandboxes(
                measure=self._config.measure,
                evaluate=self._config.evaluate,
                measurer=RecordedMeasurer,
            ),
            output=self._folder,
            on_progress=_teller(),
        )
        return count_verdicts(Store(self._folder)).total()

    def evaluate(self) -> int:
        """Returns the number of problems scored."""
        report = evaluate_heldout(
            Sampled(self._folder).iter_problems(self._heldout),
            Author(model_id="made", round_index=0),
        )
        text = evaluation_text(report, bootstrap_of(self._config))
        self._store.write_text(round_place(1).evaluation, text)
        return len(report.problems)

    def pair(self) -> int:
        """Returns the number of pairs, as the table has them."""
        learner = make_learner(self._config.train)
        maker = RoundMaker(self._store, 1, learner, self._config)
        maker.make(self._training, lambda line: None)
        maker.drop_parts()
        path = f"{round_folder(1)}/{learner.table}"
        return len(StoredRows(root=self._store.root, path=path, record=learner.row))


def peak_mib() -> float:
    """The highest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_seconds() -> float:
    """CPU time of this process and all that descend from it, those that ended included."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    waiting, total = [os.getpid()], 0
    while waiting:
        process = waiting.pop()
        total += ticks.get(process, 0)
        waiting += children.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")


def _in_new_process(folder: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale", "--drive", str(size), "--folder", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _config(root: str) -> Config:
    return parse_config(
        {
            "run": {"name": "scale", "storage": root, "num_rounds": 1},
            "problems": {"num_train": 1},
            "policy": {"model": "made"},
            "pair": {"min_speedup": 1.2},
            "train": {"beta": 0.1, "skeleton_weight": 0.7, "learning_rate": 1e-4},
        },
        "benchmarks.scale",
    )


def _teller() -> Any:
    """A line every minute."""
    told_s = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal told_s
        if time.monotonic() - told_s > TELL_EVERY_S:
            told_s = time.monotonic()
            counts = f"{progress.num_done} of {progress.num_problems}"
            print(f"{counts} problems, {peak_mib():.0f} MiB", file=sys.stderr, flush=True)

    return tell


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000], help="problems")
    parser.add_argument(
        "--quick", dest="sizes", action="store_const", const=[100, 300], help="100 and 300"
    )
    parser.add_argument("--folder", default="", help="where the rounds are made, and removed")
    parser.add_argument("--drive", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
