"""Does the skeleton help, and when? All arms of a study, resumable, and docs/RESULTS.md.

    python -m benchmarks.ablation [--config benchmarks/ablation.toml] [--seeds N] [--quick]

One starter, one set of measured programs a seed; every arm is trained from them at every learning
rate, and scored on the known programs of problems it has not seen. A training that is finished is
not repeated: the same command goes on where it was stopped, and more seeds, arms or learning rates
add to what is there. Needs Docker and vLLM for the pairs; `--quick` has two seeds, two learning
rates and four arms.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import ray
import torch

from benchmarks.ablation_report import results_page
from benchmarks.ablation_study import (
    Arm,
    Study,
    World,
    arm_id,
    arm_pairs,
    family_of,
    load_study,
    make_world,
    with_skeletons,
    world_id,
)
from benchmarks.ablation_train import Job, KnownPrograms, train_job
from skeldpo.config import Config
from skeldpo.pipeline import (
    Engines,
    Sampled,
    Sandboxes,
    connect_ray,
    count_teller,
    sample_and_measure,
)
from skeldpo.policy import Policy, load_policy_folder, make_starting_policy
from skeldpo.problems.programs import known_candidates
from skeldpo.records import Assignment, content_id
from skeldpo.train.model import load_policy
from skeldpo.train.trainer import tokenize_pairs


def main() -> None:
    """Runs what is missing of the study and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation")
    parser.add_argument("--config", default="benchmarks/ablation.toml")
    parser.add_argument("--seeds", type=int, help="instead of the number in the file")
    parser.add_argument("--quick", action="store_true", help="two seeds, the four main arms")
    parser.add_argument("--runs", default="runs", help="folder of the study's own folder")
    parser.add_argument("--out", default="", help="write the page here; else it is only printed")
    options = parser.parse_args()
    study, arms = load_study(Path(options.config), quick=options.quick)
    if options.seeds:
        study = dataclasses.replace(study, seeds=options.seeds)
    folder = Path(options.runs).absolute() / f"ablation-{world_id(study, arms[0].config)}"
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(study, arms[0].config)
    start = _starting_policy(arms[0].config, world, folder)
    sampled = _sample(arms[0].config, world, start, folder)
    rows = _train_all(list(_jobs(study, arms, world, sampled, start, folder)), folder)
    page = results_page(
        study,
        rows,
        _score_start(start, arms[0].config, world),
        _groups(study, world),
        f"python -m benchmarks.ablation --config {options.config}"
        + f" --seeds {options.seeds}" * bool(options.seeds)
        + " --quick" * options.quick,
    )
    (folder / "RESULTS.md").write_text(page, encoding="utf-8")
    if options.out:
        Path(options.out).write_text(page, encoding="utf-8")
    print(page)


def _starting_policy(config: Config, world: World, folder: Path) -> Policy:
    done = folder / "policy-0.done"
    place = str(folder / "policy-0")
    if not done.exists():
        policy = make_starting_policy(config, world.starter, place, print)
        done.write_text(policy.folder)
    return load_policy_folder(done.read_text())


def _sample(config: Config, world: World, start: Policy, folder: Path) -> Sampled:
    """Programs of all seeds' problems, known and sampled, measured."""
    problems = {problem.problem_id: problem for seed in world.train for problem in seed}
    connect_ray()
    sampled = sample_and_measure(
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
        engines=Engines(policy=start, prompting=config.policy, generate=config.generate),
        sandboxes=Sandboxes(measure=config.measure, evaluate_repeats=config.evaluate.num_repeats),
        output=str(folder / "sampled"),
        on_progress=count_teller("pairs", print),
    )
    ray.shutdown()  # its processes would share the cores with the trainings
    return sampled


def _train_all(wanted: Sequence[Job], folder: Path) -> list[dict[str, Any]]:
    """One row a training, in order; those of an earlier start are read."""
    path = folder / "results.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    finished = {row["key"]: row for row in map(json.loads, lines)}
    rows = [finished[job.key] for job in wanted if job.key in finished]
    jobs = [job for job in wanted if job.key not in finished]
    num_before = len(rows)
    started_s = time.monotonic()
    with (
        path.open("a", encoding="utf-8") as results,
        ProcessPoolExecutor(
            max_workers=os.cpu_count(),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=torch.set_num_threads,
            initargs=(1,),
        ) as pool,
    ):
        running = [pool.submit(train_job, job) for job in jobs]
        for done in as_completed(running):
            row = done.result()
            rows.append(row)
            results.write(json.dumps(row) + "\n")
            results.flush()
            seconds_each = (time.monotonic() - started_s) / (len(rows) - num_before)
            left_s = seconds_each * (len(wanted) - len(rows))
            print(
                f"training {len(rows)} of {len(wanted)}: {row['key']}, "
                f"{row['num_steps']} steps in {row['seconds']:.0f} s, {left_s:.0f} s left",
                flush=True,
            )
    order = {job.key: place for place, job in enumerate(wanted)}
    return sorted(rows, key=lambda row: order[row["key"]])


def _jobs(
    study: Study,
    arms: Sequence[Arm],
    world: World,
    sampled: Sampled,
    start: Policy,
    folder: Path,
) -> Iterator[Job]:
    for seed, problems in enumerate(world.train):
        for arm in arms:
            made = arm_pairs(arm, problems, sampled)
            tokens = with_skeletons(arm, tokenize_pairs(made, start.folder, arm.config).kept, seed)
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
                    num_points=study.num_points,
                )


def _score_start(start: Policy, config: Config, world: World) -> dict[str, Any]:
    policy = load_policy(start.folder, config.train, config.policy.max_model_tokens, 0)
    return {"masses": KnownPrograms(world.heldout, config, start.folder).masses(policy)}


def _groups(study: Study, world: World) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {"with": [], "without": []}
    for problem in world.heldout:
        is_without = family_of(problem) in study.families_without_pairs
        groups["without" if is_without else "with"].append(problem.problem_id)
    return groups


if __name__ == "__main__":
    main()
