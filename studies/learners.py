"""Preferences or rewards? Both learners from one policy, on as many programs, in as many steps.

    python -m studies.learners [--config FILE] [--seeds N] [--runs FOLDER] [--json FILE]
        [--first-round RUN] [--set KEY=VALUE]

Each seed has problems of its own. A round samples the policy of the arm and seed with vLLM,
measures what it wrote, and trains; the first round's programs are the same for all arms: those of a
`skeldpo run` of the same problems, if one is named. The last policies answer the held-out variants;
all arms' programs of a problem are measured in one session, unless engines write them (any model
but the starter). Nothing that is finished is repeated: the same command goes on where it was
stopped. Needs Docker and vLLM.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from skeldpo.accounts.progress import count_teller
from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.config import OF_PREFERENCES, STARTER, Config, TrainConfig
from skeldpo.config.toml_file import load_config
from skeldpo.connection import connect_ray
from skeldpo.pipeline import Engines, Sandboxes, sample_and_measure
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import Assignment, Problem, content_id
from skeldpo.rounds.run_start import make_starting_checkpoint
from skeldpo.storage.by_problem import MeasuredProblem, Sampled
from skeldpo.storage.store import round_folder
from skeldpo.suites.compare import differences
from skeldpo.suites.evaluation import mean_scores, save_evaluation
from skeldpo.suites.round_scores import bootstrap_of
from skeldpo.train.examples import make_examples
from skeldpo.train.learners import make_learner
from skeldpo.train.loading import load_network
from skeldpo.train.loop import Step, build_optimizer, plan_steps, run_steps
from skeldpo.train.reference import reference_logps
from skeldpo.train.saving import save_network
from studies.ablation_sample import (
    Writer,
    WritingJob,
    sample_policies,
    score_writers,
    write_with_engine,
)
from studies.ablation_statistics import Written, arm_evaluation
from studies.learners_page import FIRST, SHOWN, learners_section
from studies.measured_rows import learner_rows
from studies.resumable import run_jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The [study] section; studies/learners.toml says what each key means."""

    run: str
    seeds: int
    num_rounds: int
    num_train: int
    num_heldout: int
    steps_per_round: int
    num_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A round's training of an arm and seed, as it travels to a worker process."""

    key: str
    arm: str
    config: Config
    start: str
    save_to: str
    round_index: int
    measured: tuple[MeasuredProblem, ...]
    num_steps: int
    seed: int


def load_study(
    path: Path, seeds: int = 0, overrides: Sequence[str] = ()
) -> tuple[Study, dict[str, Config]]:
    """The study of a file, and the configuration of each arm, with `overrides` as a run takes them;
    ValueError names a wrong key."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Study)}
    given = values.get("study", {})
    if set(given) != known:
        raise ValueError(
            f"{path} [study]: missing {sorted(known - set(given))}, "
            f"unknown {sorted(set(given) - known)}"
        )
    study = Study(**(given | ({"seeds": seeds} if seeds else {})))
    sizes = {
        "problems.num_heldout_variants": study.num_heldout,
        "problems.num_train": study.num_train,
        "run.num_rounds": study.num_rounds,
    }
    shared = sizes | values.get("base", {})
    return study, {
        name: _configured(study.run, shared | settings, overrides)
        for name, settings in values["arms"].items()
    }


def _configured(run: str, settings: dict[str, Any], own: Sequence[str]) -> Config:
    """The run's settings with the arm's; of a learner of rewards without those of preferences."""
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    if settings.get("train.learner") == "rewards":
        defaults = {name: TrainConfig.model_fields[name].get_default() for name in OF_PREFERENCES}
        overrides += [f"train.{name}={json.dumps(value)}" for name, value in defaults.items()]
    return load_config(run, [*overrides, *own])


def equal_steps(
    examples: Sequence[Any], train: TrainConfig, seed: int, num_steps: int
) -> tuple[Step, ...]:
    """The product's plan with `num_steps`: each phase keeps its share of them, in more passes over
    its examples or in fewer, and `num_steps` are at least one a phase. ValueError if there is
    nothing to go over."""
    plan = plan_steps(examples, make_learner(train), seed)
    if not plan:
        raise ValueError(f"{len(examples)} examples give no step")
    quotas = _quotas(Counter(step.phase for step in plan), num_steps)
    longer = plan
    while short := quotas - Counter(step.phase for step in longer):
        train = _one_more_pass(train, next(iter(short)))
        longer = plan_steps(examples, make_learner(train), seed)
    kept: list[Step] = []
    for phase, quota in quotas.items():
        kept += [step for step in longer if step.phase == phase][:quota]
    # Where the schedule of the product's own plan would be.
    rates = [plan[index * len(plan) // num_steps].learning_rate for index in range(num_steps)]
    return tuple(
        replace(step, index=index, learning_rate=rate)
        for index, (step, rate) in enumerate(zip(kept, rates, strict=True))
    )


def _quotas(counts: Counter[str], total: int) -> Counter[str]:
    """Shares of `total` in proportion to the counts, in their order; every phase has a step, of
    which `total` must hold as many."""
    bounds = [0, *itertools.accumulate(counts.values())]
    ends = [round(bound * total / bounds[-1]) for bound in bounds]
    quotas = [max(1, end - start) for start, end in itertools.pairwise(ends)]
    quotas[quotas.index(max(quotas))] += total - sum(quotas)
    return Counter(dict(zip(counts, quotas, strict=True)))


def _one_more_pass(train: TrainConfig, phase: str) -> TrainConfig:
    if train.learner == "rewards":
        epochs = train.policy_gradient.inner_epochs + 1
        longer = train.policy_gradient.model_copy(update={"inner_epochs": epochs})
        return train.model_copy(update={"policy_gradient": longer})
    name = f"{phase}_epochs"
    return train.model_copy(update={name: getattr(train, name) + 1})


def train_job(job: Job) -> dict[str, Any]:
    """Trains and saves; the row of the results."""
    started_s = time.monotonic()
    train = job.config.train
    learner = make_learner(train)
    rows, account = learner_rows(learner, job.measured, job.config, job.round_index)
    examples = make_examples(rows, job.start, job.config).kept
    network = load_network(job.start, train, job.config.policy.max_model_tokens, job.seed)
    steps = equal_steps(examples, train, job.seed, job.num_steps)
    table = {
        row.example_id: row
        for row in reference_logps(network, learner, examples, train.max_tokens_per_forward, "")
    }
    history: list[dict[str, float]] = []

    def on_step(_: int, metrics: dict[str, float]) -> bool:
        history.append(metrics)
        return False

    run_steps(network, build_optimizer(network, train), steps, table, learner, on_step)
    tokenizer = AutoTokenizer.from_pretrained(job.start)
    save_network(network, tokenizer, job.save_to, "A policy of the study of learners.")
    return {
        "key": job.key,
        "arm": job.arm,
        "account": account,
        "num_examples": len(examples),
        "num_steps": len(steps),
        "policy": job.save_to,
        "last": {name: value for name, value in history[-1].items() if name != "seconds"},
        "seconds": round(time.monotonic() - started_s, 1),
    }


class Rounds:
    """The rounds of all arms and seeds, below one folder."""

    def __init__(
        self, study: Study, arms: dict[str, Config], folder: Path, first_round: str = ""
    ) -> None:
        self._study = study
        self._first_round = first_round
        self._arms = arms
        self._folder = folder
        self._config = config = next(iter(arms.values()))
        problems = load_problems(config.problems.sources, config.problems.families)
        self._problems = keep_out(problems, config.keep_out).problems
        found = evaluation_problems(self._problems, config.problems, seed=config.run.seed)
        self.heldout = tuple(p for p in found if p.split == "heldout_variant")

    def start(self) -> Checkpoint:
        """The policy that all start from, made once."""
        done, place = self._folder / "policy-0.done", str(self._folder / "policy-0")
        if not done.exists():
            made = make_starting_checkpoint(self._config, self._problems, place, print)
            done.write_text(made.folder)
        return load_checkpoint(done.read_text())

    def run(self, start: Checkpoint) -> dict[tuple[str, int], str]:
        """The folder of the last policy of each arm and seed."""
        policies = {
            (arm, seed): start.folder for arm in self._arms for seed in range(self._study.seeds)
        }
        for index in range(1, self._study.num_rounds + 1):
            jobs = list(self._jobs(index, policies))
            rows = run_jobs(jobs, train_job, self._folder / "results.jsonl")
            for (arm, seed), row in zip(list(policies), rows, strict=True):
                policies[arm, seed] = row["policy"]
        return policies

    def _jobs(self, index: int, policies: dict[tuple[str, int], str]) -> Iterator[Job]:
        for (arm, seed), policy in policies.items():
            config = self._arms[arm]
            problems = self._round_problems(config, seed, index)
            sampled = self._sample(config, problems, policy, seed, index)
            key = f"{arm}/{seed}/{index}"
            yield Job(
                key=key,
                arm=arm,
                config=config,
                start=policy,
                save_to=str(self._folder / "policies" / key),
                round_index=index,
                measured=tuple(sampled.iter_problems(problems)),
                num_steps=self._study.steps_per_round,
                seed=seed,
            )

    def _round_problems(self, config: Config, seed: int, index: int) -> tuple[Problem, ...]:
        return tuple(
            training_problems(
                self._problems,
                config.problems,
                round_index=seed * self._study.num_rounds + index,
                seed=config.run.seed,
            )
        )

    def _sample(
        self, config: Config, problems: Sequence[Problem], policy: str, seed: int, index: int
    ) -> Sampled:
        """What a policy writes in a round, measured; arms that share the policy share it."""
        if index == 1 and self._first_round:
            return first_round_of(self._first_round, problems, load_checkpoint(policy).model_id)
        place = str(self._folder / f"sampled-{content_id(policy, seed, index)}")
        connect_ray(print, engine=config.measure.engine)
        sample_and_measure(
            [
                Assignment(
                    problem=problem,
                    purpose="train",
                    round_index=index,
                    num_samples=config.generate.num_samples,
                    temperature=config.generate.temperature,
                    seed=int(content_id(seed, index, problem.problem_id), 16) % (1 << 31),
                    candidates=(),
                )
                for problem in problems
            ],
            engines=Engines(
                checkpoint=load_checkpoint(policy),
                prompting=config.policy,
                generate=config.generate,
            ),
            sandboxes=Sandboxes(measure=config.measure, evaluate=config.evaluate),
            output=place,
            on_progress=count_teller(f"seed {seed}, round {index}", print),
        )
        return Sampled(place)


def first_round_of(run: str, problems: Sequence[Problem], model_id: str) -> Sampled:
    """Round 1 of a run; ValueError if it is of other problems, or of another model's programs."""
    sampled = Sampled(str(Path(run, round_folder(1))))
    missing = [p.problem_id for p in problems if p.problem_id not in sampled.measurements]
    if missing:
        raise ValueError(
            f"{run}: round 1 has nothing of {len(missing)} of {len(problems)} training problems "
            f"({missing[0]} among them); set the study's num_train and seed as that run did"
        )
    for each in sampled.iter_problems(problems):
        if any(row.origin == "sampled" and row.model_id != model_id for row in each.candidates):
            raise ValueError(f"{run}: round 1 was written by another model than {model_id[:12]}")
    return sampled


def score(
    study: Study, config: Config, heldout: Sequence[Problem], policies: dict[str, list[str]],
    folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """Scores of each arm and their differences from preferences, paired by problem, as intervals;
    also a report of each arm for `skeldpo compare`. `config` is any arm's: they share what is read
    here."""
    writers = {
        arm: [Writer(name=f"{arm}/{seed}", folder=place) for seed, place in enumerate(places)]
        for arm, places in policies.items()
    }
    place = folder / f"written-{content_id(policies, study.num_samples)}"
    jobs = [
        WritingJob(writer=writer, problems=tuple(heldout), config=config,
                   num_samples=study.num_samples, temperature=config.evaluate.temperature)
        for own in writers.values() for writer in own
    ]  # fmt: skip
    if config.policy.model == STARTER:
        written = score_writers(sample_policies(jobs, place), heldout, config, place)
    else:
        connect_ray(print, engine=config.measure.engine)
        written = {job.writer.name: write_with_engine(job, place / job.writer.name) for job in jobs}
    bootstrap = bootstrap_of(config)
    reports = {
        arm: arm_evaluation(arm, [written[w.name] for w in own], "python -m studies.learners")
        for arm, own in writers.items()
    }
    found = {}
    for arm, report in reports.items():
        save_evaluation(report, folder / "arms" / f"{arm}.json")
        scores = mean_scores(report.problems, bootstrap)
        against = differences(report, reports[FIRST], bootstrap) if arm != FIRST else ()
        found[arm] = {
            **{n: [scores[n].value, scores[n].low, scores[n].high] for n in SHOWN},
            "by_seed": {n: [_mean(written[w.name], n) for w in writers[arm]] for n in SHOWN},
            "differences": {d.name: [d.value, d.low, d.high] for d in against if d.name in SHOWN},
        }
    return found


def _mean(written: Written, name: str) -> float:
    return mean_scores(written.per_problem)[name].value


def main() -> None:
    """Runs what is missing of the study and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m studies.learners")
    parser.add_argument("--config", default="studies/learners.toml")
    parser.add_argument("--seeds", type=int, default=0, help="instead of the number in the file")
    parser.add_argument("--runs", default="runs", help="folder of the study's own folder")
    parser.add_argument(
        "--first-round", default="", metavar="RUN", help="a run's folder, whose programs are taken"
    )
    parser.add_argument("--json", default="", help="write what was found here")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="as of skeldpo run, all arms",
    )
    options = parser.parse_args()
    study, arms = load_study(Path(options.config), options.seeds, options.set)
    digests = {name: config.digest() for name, config in arms.items()}
    identity = content_id(digests, study.num_rounds, study.steps_per_round)
    folder = Path(options.runs).absolute() / f"learners-{identity}"
    folder.mkdir(parents=True, exist_ok=True)
    rounds = Rounds(study, arms, folder, options.first_round)
    start = rounds.start()
    last = rounds.run(start)
    policies: dict[str, list[str]] = {"start": [start.folder]}
    for (arm, _), policy in last.items():
        policies.setdefault(arm, []).append(policy)
    found = asdict(study) | {
        "command": f"python -m studies.learners --config {options.config}"
        + " --first-round RUN" * bool(options.first_round),
        "arms": score(study, next(iter(arms.values())), rounds.heldout, policies, folder),
    }
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(learners_section({study.run: found})))


if __name__ == "__main__":
    main()
