"""Does training with skeletons rank unseen efficient programs above inefficient ones more often?

Real programs, and nothing is generated: EvalPerf's (arXiv 2408.06450), efficient and inefficient by
the instructions it counted, or those of a folder of `skeldpo measure`, by their time. In five folds
of its tasks a small policy learns to write the programs of four folds, is trained on preferences
between them, and then scores programs of tasks it has not seen. The score of a program is DPO's
implicit reward, its log-probability less that before the preferences; "before" is that
log-probability itself, "length" says how far being short goes.

    python -m studies.ranking --json ranking.json [--quick] [--measured FOLDER] [--runs FOLDER]

Trainings that are finished are not repeated. About half an hour on two cores, `--quick` (one fold,
one seed) some minutes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from skeldpo.config import Config
from skeldpo.config.toml_file import load_config
from skeldpo.languages import python
from skeldpo.measure.folder import read_measured
from skeldpo.pair.sides import Side, Sides, pair_skeletons
from skeldpo.prompts import Prompts
from skeldpo.records import Example, KnownProgram, PairSide, PreferencePair, Problem, content_id
from skeldpo.rounds.run_start import make_starting_checkpoint
from skeldpo.skeleton.structure import alike_groups
from skeldpo.train.examples import make_examples
from skeldpo.train.learners.preferences import PairTokens, Preferences
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.network import Network
from skeldpo.train.reference import reference_logps
from studies.ablation_study import Arm, with_skeletons
from studies.labelled import LabelledProblem, area, evalperf_problems, measured_problems
from studies.ranking_page import BASE, figures_of
from studies.resumable import run_jobs

NUM_FOLDS = 5
SEEDS = (0, 1)
LEARNING_RATES = (5e-5, 2e-4)
ARMS = {"code": (0.0, "own"), "skeldpo": (0.7, "own"), "shuffled": (0.7, "shuffled"),
        "skeleton_only": (0.0, "only")}  # fmt: skip
"""Weight of the skeleton loss, and whose skeletons."""
PAIRS_PER_TASK = 6
MAX_PROGRAMS = 12
MAX_CHARACTERS = 900
MAX_STATEMENT_CHARACTERS = 2400
SETTINGS = (
    "starter.num_epochs=50", "starter.vocab_size=1024", "policy.max_model_tokens=2048",
    "train.beta=1.0", "train.label_smoothing=0.0", "train.pairs_per_step=4",
    "train.correctness_epochs=0", "train.efficiency_epochs=3",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task with its statement."""

    statement: str
    programs: LabelledProblem

    @property
    def problem(self) -> Problem:
        """As the starter reads it."""
        sides = (("fast", self.programs.efficient), ("slow", self.programs.inefficient))
        return Problem(
            problem_id=self.programs.problem_id,
            language=python.NAME,
            source="ranking",
            split="train",
            difficulty="unknown",
            kind="stdio",
            statement=self.statement,
            entry_point="",
            starter_code="",
            tests=(Example(input_text="", expected_text=""),),  # it is never run
            generators=(),
            checker="exact",
            reference="",
            solutions=tuple(
                KnownProgram(code=code, speed=speed)  # type: ignore[arg-type]
                for speed, codes in sides
                for code in codes
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training, as it travels to a worker process."""

    key: str
    start: str
    arm: Arm
    seed: int
    pairs: tuple[PreferencePair, ...]
    unseen: tuple[Task, ...]


def main() -> None:
    options = _options()
    folder = Path(options.runs).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    measured = options.measured
    tasks = measured_tasks(measured) if measured else evalperf_tasks(Path(options.data))
    config = load_config("jobs/configs/quickstart.toml", list(SETTINGS))
    num_folds, seeds = (1, SEEDS[:1]) if options.quick else (NUM_FOLDS, SEEDS)
    jobs = []
    for fold in range(num_folds):
        unseen = tuple(t for t in tasks if fold_of(t) == fold)
        known = [t for t in tasks if fold_of(t) != fold]
        start = _start(known, config, folder / f"start-{fold}")
        jobs += list(_jobs(fold, start, known, unseen, config, seeds))
    rows = run_jobs(jobs, train_and_rank, folder / "results.jsonl")
    figures = figures_of(rows, {t.programs.problem_id: t.programs.family for t in tasks})
    show(figures)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def evalperf_tasks(data: Path) -> list[Task]:
    """The tasks of EvalPerf whose statement is in MBPP+."""
    with gzip.open(data / "mbpp_plus" / "MbppPlus.jsonl.gz", "rt", encoding="utf-8") as lines:
        statements = {str(row["task_id"]): row["prompt"] for row in map(json.loads, lines)}
    return list(_tasks(evalperf_problems(data, 4 * MAX_PROGRAMS), statements))


def measured_tasks(folder: str) -> list[Task]:
    """The problems of a folder of `skeldpo measure`, but for the longest statements."""
    statements = {
        measured.problem.problem_id: measured.problem.statement
        for measured in read_measured(folder)
        if len(measured.problem.statement) <= MAX_STATEMENT_CHARACTERS
    }
    return list(_tasks(measured_problems(folder, 4 * MAX_PROGRAMS), statements))


def _tasks(problems: Iterable[LabelledProblem], statements: Mapping[str, str]) -> Iterator[Task]:
    """Those with a statement and two programs a side, of at most MAX_CHARACTERS each."""
    for problem in problems:
        efficient, inefficient = (
            tuple(code for code in side if len(code) <= MAX_CHARACTERS)[:MAX_PROGRAMS]
            for side in (problem.efficient, problem.inefficient)
        )
        if problem.problem_id in statements and min(len(efficient), len(inefficient)) > 1:
            programs = replace(problem, efficient=efficient, inefficient=inefficient)
            yield Task(statement=statements[problem.problem_id].strip('"\n '), programs=programs)


def fold_of(task: Task) -> int:
    """The fold in which a task is unseen."""
    return int(content_id("ranking", task.programs.problem_id), 16) % NUM_FOLDS


def task_pairs(task: Task, config: Config) -> list[PreferencePair]:
    """The most extreme programs of either side, one with the other, with their skeletons."""
    programs = task.programs
    sides = Sides(
        efficient=_side("efficient", programs.efficient, config),
        inefficient=_side("inefficient", programs.inefficient, config),
        hot_lines={},
        language=python,
    )
    both = list(zip(programs.efficient, programs.inefficient, strict=False))[:PAIRS_PER_TASK]
    pairs = []
    for place, (chosen, rejected) in enumerate(both):
        skeletons = pair_skeletons(chosen, rejected, sides, config.skeleton)
        made = [
            PairSide(
                candidate_id=content_id(code),
                code=code,
                origin="dataset",
                completion_token_ids=(),
                skeleton=skeleton,
                time_ratio=1.0,
            )
            for code, skeleton in zip((chosen, rejected), skeletons, strict=True)
        ]
        pairs.append(
            PreferencePair(
                pair_id=f"{programs.problem_id}/{place}",
                problem_id=programs.problem_id,
                language=python.NAME,
                round_index=1,
                stage="efficiency",
                statement=task.statement,
                starter_code="",
                chosen=made[0],
                rejected=made[1],
                speedup=2.0,  # by clusters of instruction counts, not by a time of ours
                speedup_low=1.5,
                p_value=0.0,
            )
        )
    return pairs


def train_and_rank(job: Job) -> dict[str, Any]:
    """Trains one arm; for each unseen task the chance that an efficient program scores above an
    inefficient one, by reward, by log-probability before, and by being short."""
    config = job.arm.config
    tokens = make_examples(job.pairs, job.start, config)
    pairs = with_skeletons(job.arm, tokens.kept, job.seed)
    network = load_network(job.start, config.train, config.policy.max_model_tokens, job.seed)
    programs = _UnseenPrograms(job.unseen, config, job.start)
    before = programs.logps(network)
    learner = Preferences(config.train)
    steps = plan_steps(pairs, learner, job.seed)
    budget = config.train.max_tokens_per_forward
    rows = reference_logps(network, learner, pairs, budget, "")
    table = {row.example_id: row for row in rows}
    optimizer = build_optimizer(network, config.train)
    history: list[dict[str, float]] = []

    def on_step(index: int, metrics: dict[str, float]) -> bool:
        history.append(metrics)
        return False

    run_steps(network, optimizer, steps, table, learner, on_step)
    after = programs.logps(network)
    ranked = {}
    for task in job.unseen:
        codes = task.programs.efficient, task.programs.inefficient
        scores = {
            "reward": [[after[code] - before[code] for code in side] for side in codes],
            "before": [[before[code] for code in side] for side in codes],
            "length": [[-float(len(code)) for code in side] for side in codes],
        }
        ranked[task.programs.problem_id] = {
            name: area(found[0], found[1]) for name, found in scores.items()
        }
    return {
        "key": job.key,
        "arm": job.arm.name,
        "learning_rate": config.train.learning_rate,
        "seed": job.seed,
        "num_pairs": len(pairs),
        "num_skeletons": sum(pair.has_skeleton for pair in pairs),
        "dropped": sum(row.num_rows for row in tokens.dropped),
        "margin": history[-1].get("code/rewards/margins", 0.0),
        "ranked": ranked,
    }


class _UnseenPrograms:
    """Programs of tasks as tokens, two to a prefix tree."""

    def __init__(self, tasks: Sequence[Task], config: Config, folder: str) -> None:
        prompts = Prompts(AutoTokenizer.from_pretrained(folder), config.policy)
        self._learner = Preferences(config.train)
        self._codes: list[tuple[str, str]] = []
        self._trees: list[PairTokens] = []
        for task in tasks:
            prompt = tuple(prompts.code_prompt_ids(task.statement, ""))
            codes = [*task.programs.efficient, *task.programs.inefficient]
            for left, right in zip_longest(codes[::2], codes[1::2], fillvalue=codes[0]):
                self._codes.append((left, right))
                self._trees.append(
                    PairTokens(
                        pair_id=str(len(self._trees)),
                        stage="correctness",
                        code_prompt=prompt,
                        skeleton_prompt=prompt,
                        code_chosen=tuple(prompts.answer_ids(left, python.NAME)),
                        code_rejected=tuple(prompts.answer_ids(right, python.NAME)),
                        skeleton_chosen=(),
                        skeleton_rejected=(),
                    )
                )

    def logps(self, network: Network) -> dict[str, float]:
        """Log-probability of each program, in nats."""
        found = {}
        budget = self._learner.config.max_tokens_per_forward
        rows = reference_logps(network, self._learner, self._trees, budget, "")
        for (left, right), row in zip(self._codes, rows, strict=True):
            found[left], found[right] = row.logps[:2]
        return found


def show(figures: dict[str, Any]) -> None:
    """Prints the table."""
    print(f"{figures['num_tasks']} unseen tasks; chance that an efficient program scores above an "
          "inefficient one of its task; intervals of single comparisons, not corrected for how "
          "many there are")  # fmt: skip
    for name, found in figures.items():
        if name in ("before", "length"):
            print(f"{name:24} {_text(found)}")
        elif name != "num_tasks":
            against = f"against {BASE} {_text(found['difference'])}"
            print(f"{name:24} {_text(found['reward'])}  {against}")


def _text(interval: Sequence[float]) -> str:
    value, low, high = interval
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def _side(name: str, codes: Sequence[str], config: Config) -> Side:
    groups = alike_groups(codes, config.skeleton.min_similarity, python)
    return Side(name=name, groups=tuple(groups))


def _start(known: Sequence[Task], config: Config, folder: Path) -> str:
    if not (folder / "config.json").exists():
        make_starting_checkpoint(config, [task.problem for task in known], str(folder), print)
    return str(folder)


def _jobs(
    fold: int,
    start: str,
    known: Sequence[Task],
    unseen: tuple[Task, ...],
    config: Config,
    seeds: Sequence[int],
) -> list[Job]:
    pairs = tuple(pair for task in known for pair in task_pairs(task, config))
    jobs = []
    for seed in seeds:
        for name, (weight, skeletons) in ARMS.items():
            for rate in LEARNING_RATES:
                train = config.train.model_copy(
                    update={"skeleton_weight": weight, "learning_rate": rate}
                )
                arm = Arm(
                    name=name,
                    config=config.model_copy(update={"train": train}),
                    skeletons=skeletons,
                    programs="all",
                    rounds=1,
                )
                jobs.append(
                    Job(
                        key=f"{name}/{rate:g}/{fold}/{seed}",
                        start=start,
                        arm=arm,
                        seed=seed,
                        pairs=pairs,
                        unseen=unseen,
                    )
                )
    return jobs


def _options() -> argparse.Namespace:
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m studies.ranking")
    parser.add_argument("--json", default="", help="file of the figures")
    parser.add_argument("--quick", action="store_true", help="one fold and one seed")
    parser.add_argument("--measured", default="",
                        help="take the programs of a folder of `skeldpo measure`")  # fmt: skip
    parser.add_argument("--runs", default="runs/ranking", help="folder of policies and results")
    parser.add_argument("--data", default=os.environ.get("SKELDPO_DATA") or str(shared),
                        help="folder of the data sets ($SKELDPO_DATA)")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
