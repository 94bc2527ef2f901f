"""A run: rounds of sample, evaluate, pair and train, resumed from whatever is finished.

Round k samples the policy of round k - 1 on the round's training problems and on the held-out ones,
in one pipeline; so round 1 evaluates the starting policy, and a closing round without training the
last one. A stage is finished when its manifest is there; starting a run again does only the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from skeldpo.checkpoints import (
    Checkpoint,
    fetch_checkpoint,
    load_checkpoint,
    local_folder,
    push_checkpoint,
)
from skeldpo.config import STARTER, Config
from skeldpo.config_file import parse_config
from skeldpo.connection import connect_ray
from skeldpo.files import is_url
from skeldpo.node_cache import new_folder
from skeldpo.pipeline import (
    Engines,
    Sampled,
    Sandboxes,
    count_teller,
    read_sampled,
    sample_and_measure,
)
from skeldpo.probe import check_storage
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.programs import known_candidates
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import (
    NO_VERDICT,
    Assignment,
    Dropped,
    Measurement,
    Outcome,
    Problem,
    Purpose,
    StageManifest,
    content_id,
)
from skeldpo.store import Store, round_folder, run_root
from skeldpo.suites.evaluation import evaluation_text, mean_scores, round_evaluation_path
from skeldpo.suites.round_scores import Author, bootstrap_of, evaluate_heldout
from skeldpo.tracking import Tracker

if TYPE_CHECKING:
    from skeldpo.train.learners.contract import AnyLearner

MAX_FAILED_SHARE = 0.1
"""Share of candidates that the sandbox failed on above which the measurements are not to be
used."""
_PACKAGES = ("skeldpo", "ray", "torch", "transformers")

Tell = Callable[[str], None]
"""Shows a line of progress."""


def failed_rows(verdicts: Sequence[Measurement]) -> list[Measurement]:
    """The rows that the sandbox failed on if they are too many of all, else none: a problem that is
    at fault itself says nothing about the machine."""
    failed = [row for row in verdicts if row.outcome is Outcome.SANDBOX_FAILED]
    return failed if len(failed) > MAX_FAILED_SHARE * len(verdicts) else []


def run_rounds(config: Config, tell: Tell) -> Store:
    """Runs, or goes on with, all rounds of a configuration; returns the run's folder."""
    run = _Run(config, tell)
    connect_ray()
    check_storage(run.store)
    checkpoint = run.start()
    for index in range(1, config.run.num_rounds + 1):
        samples = run.sample(index, checkpoint, is_training=True)
        run.evaluate(index, samples, checkpoint)
        rows = run.rows(index, samples)
        checkpoint = run.train(index, rows, checkpoint)
    closing = config.run.num_rounds + 1
    samples = run.sample(closing, checkpoint, is_training=False)
    run.evaluate(closing, samples, checkpoint)
    return run.store


def make_starting_checkpoint(
    config: Config, problems: Sequence[Problem], folder: str, tell: Tell
) -> Checkpoint:
    """What enters round 1: trained from scratch into `folder`, downloaded there, or a local folder,
    which is put at `folder` if that is an URL.

    ValueError if it cannot be had, or not with the adapters of train.lora.
    """
    if is_url(folder):
        with new_folder() as place:
            made = make_starting_checkpoint(config, problems, place, tell)
            return push_checkpoint(made, folder)
    model = config.policy.model
    if model == STARTER:
        from skeldpo.starter import train_starter

        train_starter(
            problems=problems,
            config=config.starter,
            policy=config.policy,
            output_folder=folder,
            seed=config.run.seed,
            on_progress=tell,
        )
        checkpoint = load_checkpoint(folder)
    else:
        checkpoint = fetch_checkpoint(model, folder)
    if config.train.lora is not None:
        from skeldpo.train.adapters import check_adapters

        check_adapters(local_folder(checkpoint, weights=False), config.train.lora)
    return checkpoint


def open_run(config: Config) -> Store:
    """The folder of a run, made if it is not there; ValueError if another configuration made it."""
    store = Store(run_root(config.run.storage, config.run.name))
    if not store.exists("config.json"):
        store.write_text("config.json", config.model_dump_json(indent=1))
        return store
    made_with = parse_config(
        json.loads(store.read_text("config.json")), f"{store.root}/config.json"
    )
    if made_with.digest() != config.digest():
        raise ValueError(
            f"{store.root} was made by another configuration ({_differences(made_with, config)}); "
            "give the run another name (--set run.name=...) or remove that folder"
        )
    store.write_text("config.json", config.model_dump_json(indent=1))
    return store


@dataclass(slots=True)
class _Stage:
    """A stage that is running: its place, and when it began."""

    name: str
    round_index: int
    started_s: float


class _Run:
    """The stages of one run; each reads its outputs back when it was finished before."""

    def __init__(self, config: Config, tell: Tell) -> None:
        self._config = config
        self._tell = tell
        self.store = open_run(config)
        self._tracker = Tracker(self.store, config.tracking, config.run.name)
        problems = config.problems
        kept = keep_out(load_problems(problems.sources, problems.families), config.keep_out)
        if kept.overlaps:
            tell(kept.account())
        self._problems = kept.problems
        self._heldout = evaluation_problems(self._problems, problems, seed=config.run.seed)
        if not self._heldout:
            tell(
                "no problem has split heldout_variant or heldout_family: nothing will be evaluated "
                "(docs/PROBLEMS.md)"
            )

    def start(self) -> Checkpoint:
        """What enters round 1."""
        stage = self._begin("start", 0)
        if stage is None:
            made = json.loads(self.store.read_text("policy-0.json"))
            return Checkpoint(folder=made["folder"], model_id=made["model_id"])
        self._tell(f"start: making the starting policy ({self._config.policy.model})")
        folder = self.store.location("policy-0")
        checkpoint = make_starting_checkpoint(self._config, self._problems, folder, self._tell)
        self.store.write_text("policy-0.json", json.dumps(asdict(checkpoint)))
        self._finish(stage, 1, 1, (), ("policy-0.json",))
        return checkpoint

    def sample(self, index: int, checkpoint: Checkpoint, *, is_training: bool) -> Sampled:
        """Candidates of the round's problems, written by the checkpoint, and their measurements."""
        connect_ray()
        assignments = self._assignments(index, is_training)
        output = self.store.location(round_folder(index))
        stage = self._begin("sample", index)
        if stage is None:
            return read_sampled(output)
        sample_and_measure(
            assignments,
            engines=Engines(
                checkpoint=checkpoint,
                prompting=self._config.policy,
                generate=self._config.generate,
            ),
            sandboxes=Sandboxes(measure=self._config.measure, evaluate=self._config.evaluate),
            output=output,
            on_progress=count_teller(f"round {index}", self._tell),
        )
        samples = read_sampled(output)
        verdicts = [row for row in samples.measurements if row.phase == "check"]
        failed = failed_rows(verdicts)
        if failed:
            for problem_id in {row.problem_id for row in failed}:
                self.store.remove_part(f"{round_folder(index)}/measurements", problem_id)
            raise RuntimeError(
                f"round {index}: sandbox failures in {len(failed)} of {len(verdicts)} candidates "
                f"(limit {MAX_FAILED_SHARE:.0%}), e.g. {failed[0].failure[:200]!r}; "
                "`skeldpo doctor` checks this machine, then start the same command again"
            )
        lost = {
            reason: sum(row.outcome is outcome for row in verdicts)
            for outcome, reason in NO_VERDICT.items()
        }
        self._finish(
            stage, len(verdicts), len(verdicts) - sum(lost.values()), _dropped(lost),
            ("candidates.parquet", "measurements.parquet"),
        )  # fmt: skip
        for table in ("candidates", "measurements"):
            self.store.drop_parts(f"{round_folder(index)}/{table}")
        return samples

    def evaluate(self, index: int, samples: Sampled, checkpoint: Checkpoint) -> None:
        """Scores the checkpoint that entered the round on the held-out problems."""
        stage = self._begin("evaluate", index)
        if stage is None:
            return
        report = evaluate_heldout(
            problems=self._heldout,
            candidates=samples.candidates,
            measurements=samples.measurements,
            author=Author(model_id=checkpoint.model_id, round_index=index - 1),
        )
        bootstrap = bootstrap_of(self._config)
        self.store.write_text(round_evaluation_path(index), evaluation_text(report, bootstrap))
        scores = {name: s.value for name, s in mean_scores(report.problems, bootstrap).items()}
        self._tracker.log(index, [{f"evaluate/{name}": value for name, value in scores.items()}])
        self._tell(f"round {index}: policy of round {index - 1} on held-out problems: " + ", ".join(
            f"{name} {value:.3f}" for name, value in scores.items() if "/" not in name
        ))  # fmt: skip
        self._finish(
            stage, len(self._heldout), len(report.problems),
            _dropped({"no verdict": len(report.unscored)}), ("evaluation.json",),
        )  # fmt: skip

    def rows(self, index: int, samples: Sampled) -> Sequence[Any]:
        """What train.learner makes of the round's training problems."""
        from skeldpo.train.learners.contract import RoundSamples

        learner = self._learner()
        path = f"{round_folder(index)}/{learner.table}"
        stage = self._begin(learner.stage, index)
        if stage is None:
            return self.store.read_records(path, learner.row)
        problems = self._training_problems(index)
        made = learner.make_rows(
            RoundSamples(
                round_index=index,
                problems=problems,
                candidates=samples.candidates,
                measurements=samples.measurements,
            ),
            self._config,
        )
        self.store.write_records(path, learner.row, made.rows)
        self._tracker.log(index, [dict(made.counts)])
        self._tell(f"round {index}: {made.account}")
        num_used = len(problems) - sum(row.num_rows for row in made.dropped)
        self._finish(stage, len(problems), num_used, made.dropped, (learner.table,))
        return made.rows

    def train(self, index: int, rows: Sequence[Any], checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint after the round."""
        from skeldpo.train.trainer import train_checkpoint

        folder = self.store.location(f"{round_folder(index)}/policy")
        stage = self._begin("train", index)
        if stage is None:
            return load_checkpoint(folder)
        self._tell(f"round {index}: training on {len(rows)} {self._learner().wording.noun}s")
        result = train_checkpoint(
            config=self._config,
            rows=rows,
            start=checkpoint,
            output_folder=folder,
            reference_path=self.store.location(f"{round_folder(index)}/reference_logps.parquet"),
            storage_path=self.store.location(f"{round_folder(index)}/ray-train"),
            run_name=f"{self._config.run.name}-{round_folder(index)}-train",
            seed=_seed(self._config.run.seed, "train", index),
            tell=lambda line: self._tell(f"round {index}: {line}"),
        )
        self._tracker.log(index, [*result.metrics])
        self._finish(stage, len(rows), result.num_examples, result.dropped,
                     ("policy", "reference_logps.parquet"))  # fmt: skip
        return result.checkpoint

    def _learner(self) -> AnyLearner:
        from skeldpo.train.learners import make_learner  # torch, which sampling does without

        return make_learner(self._config.train)

    def _training_problems(self, index: int) -> list[Problem]:
        return training_problems(
            self._problems, self._config.problems, round_index=index, seed=self._config.run.seed
        )

    def _assignments(self, index: int, is_training: bool) -> list[Assignment]:
        """Held-out problems first: they take longest to measure."""
        asked = [self._assignment(problem, "evaluate", index) for problem in self._heldout]
        if is_training:
            asked += [self._assignment(p, "train", index) for p in self._training_problems(index)]
        return asked

    def _assignment(self, problem: Problem, purpose: Purpose, index: int) -> Assignment:
        evaluating = purpose == "evaluate"
        generate, evaluate = self._config.generate, self._config.evaluate
        return Assignment(
            problem=problem,
            purpose=purpose,
            round_index=index,
            num_samples=evaluate.num_samples if evaluating else generate.num_samples,
            temperature=evaluate.temperature if evaluating else generate.temperature,
            # Every policy answers a held-out problem with the same seed.
            seed=_seed(self._config.run.seed, problem.problem_id, 0 if evaluating else index),
            candidates=known_candidates(problem) if evaluating else (),
        )

    def _begin(self, name: str, index: int) -> _Stage | None:
        """None when the stage was finished before."""
        manifest = self.store.read_manifest(round_folder(index), name)
        if manifest is None:
            return _Stage(name=name, round_index=index, started_s=time.monotonic())
        self._tell(f"round {index}: {name} was finished {manifest.finished_at}")
        return None

    def _finish(
        self, stage: _Stage, num_in: int, num_out: int, dropped: tuple[Dropped, ...],
        outputs: tuple[str, ...],
    ) -> None:  # fmt: skip
        seconds = time.monotonic() - stage.started_s
        manifest = StageManifest(
            stage=stage.name,
            round_index=stage.round_index,
            config_digest=self._config.digest(),
            num_in=num_in,
            num_out=num_out,
            dropped=dropped,
            outputs=outputs,
            versions=tuple(f"{name}=={version(name)}" for name in _PACKAGES),
            seconds=round(seconds, 3),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self.store.write_manifest(round_folder(stage.round_index), manifest)
        self._tracker.log(stage.round_index, [{f"{stage.name}/seconds": manifest.seconds}])


def _seed(*parts: object) -> int:
    return int(content_id(*parts), 16) % (1 << 31)


def _dropped(reasons: dict[str, int]) -> tuple[Dropped, ...]:
    return tuple(Dropped(reason=reason, num_rows=n) for reason, n in sorted(reasons.items()) if n)


def _differences(left: Config, right: Config) -> str:
    """The keys whose values differ, as section.key."""
    before, after = left.model_dump(mode="json"), right.model_dump(mode="json")
    keys = [
        f"{section}.{key}: {before[section].get(key)!r} there, {value!r} now"
        for section in after
        for key, value in after[section].items()
        if before[section].get(key) != value and key not in ("name", "storage", "num_rounds")
    ]
    return "; ".join(keys[:5])
