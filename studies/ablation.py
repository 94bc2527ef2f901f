"""Does the skeleton help, and when? All arms of a study, resumable, and docs/RESULTS.md.

    python -m studies.ablation [--config FILE] [--seeds N] [--quick] [--resume]

One starter, one set of measured programs a seed; every arm is trained from them at every learning
rate, and scored on the known programs of problems it has not seen; the policies at the point where
arms are compared then write programs, which are run. A training that is finished is not repeated:
the same command goes on where it was stopped, and more seeds, arms or learning rates add to what is
there. Needs Docker and vLLM for the pairs; `--quick` has two seeds, two learning rates and the main
arms.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skeldpo.accounts.progress import count_teller
from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.config import Config
from skeldpo.connection import connect_ray
from skeldpo.pipeline import (
    Engines,
    Sandboxes,
    sample_and_measure,
)
from skeldpo.problems.family import family_of
from skeldpo.problems.programs import known_candidates
from skeldpo.records import Assignment, content_id
from skeldpo.rounds.run_start import make_starting_checkpoint
from skeldpo.suites.evaluation import save_evaluation
from skeldpo.train.examples import make_examples
from studies.ablation_page import Findings, frontier_plot, results_page
from studies.ablation_rounds import first_half, own_programs, sample_round, second_half
from studies.ablation_sample import Writer, WritingJob, sample_policies, score_writers
from studies.ablation_statistics import Written, arm_evaluation, chosen_policies
from studies.ablation_study import (
    Arm,
    Study,
    World,
    arm_id,
    arm_pairs,
    load_study,
    make_world,
    with_skeletons,
    world_id,
)
from studies.ablation_train import Job, score_job, train_job
from studies.measured_rows import MeasuredRows, read_rows
from studies.ranking_page import read_figures
from studies.resumable import run_jobs


def main() -> None:
    """Runs what is missing of the study and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m studies.ablation")
    parser.add_argument("--config", default="studies/ablation.toml")
    parser.add_argument("--seeds", type=int, help="instead of the number in the file")
    parser.add_argument("--run-seed", type=int, help="everything drawn anew: a second study")
    parser.add_argument("--quick", action="store_true", help="two seeds, the main arms")
    parser.add_argument(
        "--resume", action="store_true", help="fail unless there is a study to go on with"
    )
    parser.add_argument("--runs", default="runs", help="folder of the study's own folder")
    parser.add_argument("--out", default="", help="write the page here; else it is only printed")
    parser.add_argument(
        "--ranking", nargs="*", default=[], help="files of `studies.ranking --json`, to show"
    )
    parser.add_argument(
        "--learners", nargs="*", default=[], help="files of `studies.learners --json`, to show"
    )
    options = parser.parse_args()
    study, arms = load_study(Path(options.config), quick=options.quick, run_seed=options.run_seed)
    if options.seeds:
        study = dataclasses.replace(study, seeds=options.seeds)
    folder = Path(options.runs).absolute() / f"ablation-{world_id(study, arms[0].config)}"
    if options.resume and not folder.exists():
        parser.error(f"--resume: there is no study of this configuration at {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(study, arms[0].config)
    start = _starting_checkpoint(arms[0].config, world, folder)
    sampled = _sample(arms[0].config, world, start, folder)
    jobs = list(_jobs(study, arms, world, sampled, start, folder))
    rows = _train(study, arms, jobs, world, folder)
    groups = _groups(study, world)
    chosen = {"start": (start.folder,)} | chosen_policies(study, rows, groups["with"])
    written = _write_and_score(study, chosen, world, arms[0].config, folder)
    found = Findings(
        study=study,
        rows=rows,
        start=_score_start(jobs[0], folder),
        groups=groups,
        written=written,
        rankings=read_figures(options.ranking),
        learners=read_figures(options.learners),
        families={p.problem_id: family_of(p.source) for p in world.heldout},
    )
    _tell(found, options, folder)


def _tell(found: Findings, options: argparse.Namespace, folder: Path) -> None:
    """The page with its plot, in the study's folder and where it was asked for; and a report of
    each arm for `skeldpo compare`."""
    command = f"python -m studies.ablation --config {options.config}"
    command += f" --seeds {options.seeds}" * bool(options.seeds)
    command += f" --run-seed {options.run_seed}" * (options.run_seed is not None)
    command += " --quick" * options.quick
    for name in ("ranking", "learners"):
        files = getattr(options, name)
        command += f" --{name} {' '.join(files)}" * bool(files)
    for arm, own in found.written.items():
        save_evaluation(arm_evaluation(arm, own, command), folder / "arms" / f"{arm}.json")
    plot = frontier_plot(found)
    for place in [folder / "RESULTS.md", *([Path(options.out)] if options.out else [])]:
        drawn = place.with_suffix(".svg")
        drawn.write_text(plot, encoding="utf-8")
        page = results_page(found, command, drawn.name)
        place.write_text(page, encoding="utf-8")
    print(page)


def _starting_checkpoint(config: Config, world: World, folder: Path) -> Checkpoint:
    done = folder / "policy-0.done"
    place = str(folder / "policy-0")
    if not done.exists():
        made = make_starting_checkpoint(config, world.starter, place, print)
        done.write_text(made.folder)
    return load_checkpoint(done.read_text())


def _sample(config: Config, world: World, start: Checkpoint, folder: Path) -> MeasuredRows:
    """Programs of all seeds' problems, known and sampled, measured."""
    problems = {problem.problem_id: problem for seed in world.train for problem in seed}
    connect_ray(print, engine=config.measure.engine)
    sample_and_measure(
        [
            Assignment(
                problem=problem,
                purpose="train",
                round_index=1,
                num_samples=config.generate.num_samples,
                temperature=config.generate.temperature,
                seed=int(content_id(problem.problem_id), 16) % (1 << 31),
                candidates=known_candidates(problem),
            )
            for problem in problems.values()
        ],
        engines=Engines(checkpoint=start, prompting=config.policy, generate=config.generate),
        sandboxes=Sandboxes(measure=config.measure, evaluate=config.evaluate),
        output=str(folder / "sampled"),
        on_progress=count_teller("pairs", print),
    )
    return read_rows(str(folder / "sampled"))


def _train(
    study: Study, arms: Sequence[Arm], jobs: Sequence[Job], world: World, folder: Path
) -> list[dict[str, Any]]:
    """A row for every training; those of several rounds are told by their last."""
    repeated = {arm.name: arm for arm in arms if arm.rounds > 1}
    run = functools.partial(
        run_jobs, work=train_job, path=folder / "results.jsonl", use_gpu=_uses_gpu(jobs[0])
    )
    rows = run([job for job in jobs if job.arm not in repeated])
    firsts = [first_half(job, study) for job in jobs if job.arm in repeated]
    if not firsts:
        return rows
    made = run(firsts)
    policies = {row["key"]: row["points"][-1]["policy"] for row in made}
    sampled = sample_round(firsts, policies, world, arms[0].config, folder)
    seconds = []
    for job in firsts:
        arm = repeated[job.arm]
        pairs = arm_pairs(arm, world.train[job.seed], own_programs(job.key, sampled))
        tokens = with_skeletons(
            arm, make_examples(pairs, policies[job.key], arm.config).kept, job.seed
        )
        seconds.append(second_half(job, study, policies[job.key], tokens))
    return rows + run(seconds)


def _score_start(job: Job, folder: Path) -> dict[str, Any]:
    """The masses of the policy that every training starts from."""
    start = dataclasses.replace(job, key="start")
    (row,) = run_jobs([start], score_job, folder / "start.jsonl", use_gpu=_uses_gpu(job))
    return row


def _uses_gpu(job: Job) -> bool:
    return job.config.train.use_gpu


def _write_and_score(
    study: Study,
    chosen: Mapping[str, Sequence[str]],
    world: World,
    config: Config,
    folder: Path,
) -> dict[str, list[Written]]:
    """What the chosen policies write, by arm."""
    writers = {
        arm: [Writer(name=f"{arm}/{seed}", folder=place) for seed, place in enumerate(places)]
        for arm, places in chosen.items()
    }
    place = folder / f"written-{content_id(chosen, study.num_samples)}"
    jobs = [
        WritingJob(writer=writer, problems=world.heldout, config=config,
                   num_samples=study.num_samples, temperature=config.evaluate.temperature)
        for own in writers.values() for writer in own
    ]  # fmt: skip
    rows = sample_policies(jobs, place)
    scores = score_writers(rows, world.heldout, config, place)
    return {arm: [scores[writer.name] for writer in own] for arm, own in writers.items()}


def _jobs(
    study: Study,
    arms: Sequence[Arm],
    world: World,
    sampled: MeasuredRows,
    start: Checkpoint,
    folder: Path,
) -> Iterator[Job]:
    for seed, problems in enumerate(world.train):
        for arm in arms:
            made = arm_pairs(arm, problems, sampled)
            tokens = with_skeletons(arm, make_examples(made, start.folder, arm.config).kept, seed)
            for rate in study.learning_rates:
                train = arm.config.train.model_copy(update={"learning_rate": rate})
                key = f"{arm.name}-{arm_id(arm, study)}/{rate:g}/{seed}"
                yield Job(
                    key=key,
                    arm=arm.name,
                    seed=seed,
                    start=start.folder,
                    save_to=str(folder / "policies" / key),
                    pairs=tuple(tokens),
                    config=arm.config.model_copy(update={"train": train}),
                    heldout=world.heldout,
                    num_steps=study.num_steps,
                    num_points=study.num_points,
                )


def _groups(study: Study, world: World) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {"with": [], "without": []}
    for problem in world.heldout:
        is_without = family_of(problem.source) in study.families_without_pairs
        groups["without" if is_without else "with"].append(problem.problem_id)
    return groups


if __name__ == "__main__":
    main()
