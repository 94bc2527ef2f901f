"""A run: rounds of sample, evaluate, pair and train, resumed from whatever is finished.

Round k samples the policy of round k - 1 on the round's training problems and on the held-out ones,
in one pipeline; so round 1 evaluates the starting policy, and what closes the run the last one. A
stage is finished when its manifest is there; starting a run again does only the rest, and with more
rounds it goes on from where it had closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from skeldpo.accounts.core_use import CORE_USE
from skeldpo.accounts.progress import count_teller
from skeldpo.accounts.quarantine import QUARANTINE, finished_quarantine, keep_errors, unwritten_of
from skeldpo.checkpoints import Checkpoint
from skeldpo.config import Config
from skeldpo.connection import connect_ray
from skeldpo.pipeline import Engines, Limits, Sandboxes, sample_and_measure
from skeldpo.probe import check_storage
from skeldpo.problems.kept import keep_problems
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.programs import known_candidates, training_assignment
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import (
    Assignment,
    Measurement,
    Outcome,
    Output,
    Problem,
    Purpose,
    StageManifest,
    content_id,
)
from skeldpo.rounds.alive import RunNote
from skeldpo.rounds.kept_engines import KeptEngines
from skeldpo.rounds.lease import Lease, driving
from skeldpo.rounds.round_clock import RoundClock
from skeldpo.rounds.round_rows import RoundMaker
from skeldpo.rounds.run_start import (
    POLICY_0,
    Tell,
    keep_start,
    kept_start,
    make_starting_checkpoint,
    open_run,
    run_store,
)
from skeldpo.rounds.stages import (
    Account,
    Place,
    Stages,
    account_of,
    closing_place,
    count_verdicts,
    find_finished,
    require_author,
    round_place,
    sample_account,
)
from skeldpo.rounds.tracking import Tracker
from skeldpo.sizing.check import check_run
from skeldpo.storage.by_problem import MEASUREMENTS_FILE, Sampled, StoredRows
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, WEIGHTS, Store
from skeldpo.suites.evaluation import evaluation_text, mean_scores
from skeldpo.suites.of_run import check_suites, evaluate_suites, suite_folder, trained_on
from skeldpo.suites.round_scores import Author, bootstrap_of, evaluate_heldout

if TYPE_CHECKING:
    from skeldpo.train.learners.contract import AnyLearner

MAX_FAILED_SHARE = 0.1
"""Share of candidates that the sandbox failed on above which the measurements are not to be
used."""


def failed_problems(verdicts: Mapping[tuple[str, Outcome], int]) -> Counter[str]:
    """How many programs of each problem the sandbox failed on, if those are too many of all, else
    none: a problem that is at fault itself says nothing about the machine."""
    failed = Counter(
        {key: n for (key, outcome), n in verdicts.items() if outcome is Outcome.SANDBOX_FAILED}
    )
    return failed if failed.total() > MAX_FAILED_SHARE * sum(verdicts.values()) else Counter()


def run_rounds(config: Config, tell: Tell, sample: Callable[..., float] | None = None) -> Store:
    """Runs, or goes on with, all rounds of a configuration; returns the run's folder. `sample` is
    called in place of `sample_and_measure`: with other actors, say.

    RuntimeError if another process drives the run.
    """
    with driving(run_store(config), tell) as lease:
        check_run(config, tell, shows=False)
        run = _Run(config, tell, lease, sample or sample_and_measure)
        with run.note, run.engines:
            run.check_storage()
            base = checkpoint = run.start()
            for index in range(1, config.run.num_rounds + 1):
                run.clock.begin_round()
                samples = run.sample(round_place(index), checkpoint)
                run.evaluate(round_place(index), samples, checkpoint)
                rows = run.rows(index)
                checkpoint = run.train(index, rows, samples, (base, checkpoint))
                run.tell_overhead(index)
            run.close(checkpoint)
            run.engines.end()  # suites start their own
            # Last, for a suite of hundreds of problems takes longer than a round.
            for policy, scored in ((0, base), (config.run.num_rounds, checkpoint)):
                run.score_suites(policy, scored)
    return run.store


class _Run:
    """The stages of one run; each reads its outputs back when it was finished before."""

    def __init__(
        self, config: Config, tell: Tell, lease: Lease, sample: Callable[..., float]
    ) -> None:
        self._config = config
        self._sample = sample
        check_suites(config)
        self.store = open_run(config)
        self.store.sweep_aside()
        self.note = RunNote(self.store, tell)
        self._tell = self.note.tell
        self.engines = KeptEngines(config, self._tell)
        self.clock = RoundClock()
        self._tracker = Tracker(self.store, config.tracking, config.run.name)
        self._stages = Stages(self.store, lease, self._tracker, config.digest(), self.note)
        problems = config.problems
        kept = keep_out(load_problems(problems.sources, problems.families), config.keep_out)
        if account := kept.account():
            tell(account)
        for line in trained_on(config, kept.problems):
            tell(line)
        self._problems = kept.problems
        keep_problems(self.store, self._problems)
        self._heldout = evaluation_problems(self._problems, problems, seed=config.run.seed)
        if not self._heldout:
            tell(
                "no problem has split heldout_variant or heldout_family: nothing will be evaluated "
                "(docs/PROBLEMS.md)"
            )

    def check_storage(self) -> None:
        """RuntimeError names the nodes that cannot use the run's folder."""
        connect_ray(self._tell, engine=self._config.measure.engine)
        check_storage(self.store)

    def start(self) -> Checkpoint:
        """What enters round 1."""
        stage = self._stages.begin("start", round_place(0))
        if stage is None:
            return kept_start(self.store)
        self._tell(f"start: making the starting policy ({self._config.policy.model})")
        folder = self.store.location(POLICY_0)
        checkpoint = make_starting_checkpoint(self._config, self._problems, folder, self._tell)
        keep_start(self.store, checkpoint)
        self._stages.finish(stage, Account(num_in=1, num_out=1))
        return checkpoint

    def sample(self, place: Place, checkpoint: Checkpoint) -> Sampled:
        """Candidates of the place's problems, written by the checkpoint, and their measurements."""
        connect_ray(self._tell, engine=self._config.measure.engine)
        output = self.store.location(place.folder)
        stage = self._stages.begin("sample", place)
        require_author(self.store, place, checkpoint)
        if stage is None:
            self._drop_parts(place)
            return Sampled(output)
        assignments = self._assignments(place)
        self.clock.begin_sampling()
        first_token_at = self._sample(
            assignments,
            engines=Engines(
                checkpoint=checkpoint,
                prompting=self._config.policy,
                generate=self._config.generate,
                keepers=self.engines.keepers,
            ),
            sandboxes=Sandboxes(measure=self._config.measure, evaluate=self._config.evaluate),
            output=output,
            on_progress=self.note.following(count_teller(place.title, self._tell)),
            limits=Limits(
                max_quarantined=self._config.run.max_quarantined,
                max_node_wait_s=self._config.run.max_node_wait_s,
            ),
        )
        self._tell_first_token(place, self.clock.sampled(first_token_at))
        verdicts = count_verdicts(Store(output))
        unwritten = unwritten_of(finished_quarantine(Store(output)), assignments)
        account = sample_account(assignments, verdicts, unwritten)
        failed = failed_problems(verdicts)
        if failed:
            self._forget_failed(place, failed, verdicts.total())
        self._stages.finish(stage, account, ("candidates.parquet", "measurements.parquet"))
        self._drop_parts(place)
        return Sampled(output)

    def _tell_first_token(self, place: Place, figures: dict[str, float]) -> None:
        for seconds in figures.values():
            self._tell(f"{place.title}: first token {seconds:.1f} s after {self.clock.since}")
        self._tracker.log(place.samples_as, [figures] if figures else [])

    def tell_overhead(self, index: int) -> None:
        """What of a round was neither writing nor measuring nor a step of the training."""
        figures = self.clock.end_round()
        if figures:
            all_s, overhead_s = figures.values()
            self._tell(f"round {index}: {all_s:.0f} s, of which {overhead_s:.0f} s are overhead")
            self._tracker.log(index, [figures])

    def _forget_failed(self, place: Place, failed: Counter[str], num_verdicts: int) -> NoReturn:
        """Raises; what the sandbox failed on is measured again at the next start."""
        path = f"{place.folder}/{MEASUREMENTS_FILE}"
        rows = self.store.iter_records(path, Measurement)
        reason = next(row.failure for row in rows if row.outcome is Outcome.SANDBOX_FAILED)
        for problem_id in failed:
            for table in (MEASUREMENTS, QUARANTINE):
                self.store.remove_part(f"{place.folder}/{table}", problem_id)
        raise RuntimeError(
            f"{place.title}: sandbox failures in {failed.total()} of {num_verdicts} candidates "
            f"(limit {MAX_FAILED_SHARE:.0%}), e.g. {reason[:200]!r}; "
            "`skeldpo doctor` checks this machine, then start the same command again"
        )

    def evaluate(self, place: Place, samples: Sampled, checkpoint: Checkpoint) -> None:
        """Scores the checkpoint that was sampled on the held-out problems."""
        stage = self._stages.begin("evaluate", place)
        if stage is None:
            return
        index = place.samples_as
        closed = self._closed_before(place)
        if closed is not None:
            text = self.store.read_text(closing_place(index - 1).evaluation)
            self.store.write_text(place.evaluation, text)
            self._tell(
                f"{place.title}: policy of round {index - 1} was evaluated as the run closed"
            )
            account = Account(num_in=closed.num_in, num_out=closed.num_out, dropped=closed.dropped)
            self._stages.finish(stage, account, ("evaluation.json",))
            return
        report = evaluate_heldout(
            samples.iter_problems(self._heldout),
            Author(model_id=checkpoint.model_id, round_index=index - 1),
        )
        bootstrap = bootstrap_of(self._config)
        self.store.write_text(place.evaluation, evaluation_text(report, bootstrap))
        scores = {name: s.value for name, s in mean_scores(report.problems, bootstrap).items()}
        self._tracker.log(index, [{f"evaluate/{name}": value for name, value in scores.items()}])
        self._tell(
            f"{place.title}: policy of round {index - 1} on held-out problems: "
            + ", ".join(f"{name} {value:.3f}" for name, value in scores.items() if "/" not in name)
        )
        account = account_of(len(self._heldout), {"no verdict": len(report.unscored)})
        self._stages.finish(stage, account, ("evaluation.json",))

    def close(self, checkpoint: Checkpoint) -> None:
        """Evaluates the last policy, unless a further round of an earlier start did."""
        place = closing_place(self._config.run.num_rounds)
        if find_finished(self.store, round_place(place.samples_as), "evaluate"):
            require_author(self.store, round_place(place.samples_as), checkpoint)
            self._tell(f"{place.title}: round {place.samples_as} has evaluated its policy")
            return
        samples = self.sample(place, checkpoint)
        self.evaluate(place, samples, checkpoint)

    def score_suites(self, policy: int, checkpoint: Checkpoint) -> None:
        """Scores the policy after a round on evaluate.suites."""
        folder = self.store.location(suite_folder(policy))
        evaluate_suites(
            self._config, checkpoint, folder, lambda line: self._tell(f"policy {policy}: {line}")
        )

    def rows(self, index: int) -> StoredRows[Any]:
        """What train.learner makes of the round's training problems."""
        learner, place = self._learner(), round_place(index)
        path = f"{place.folder}/{learner.table}"
        rows: StoredRows[Any] = StoredRows(root=self.store.root, path=path, record=learner.row)
        problems = self._training_problems(index)
        earlier = self._earlier(index, {problem.problem_id for problem in problems})
        maker = RoundMaker(self.store, index, learner, self._config, earlier)
        stage = self._stages.begin(learner.stage, place)
        if stage is not None:
            made = maker.make(problems, lambda line: self._tell(f"round {index}: {line}"))
            self._tracker.log(index, [made.figures])
            self._tell(f"round {index}: {made.account}")
            account = Account(num_in=len(problems), num_out=made.num_used, dropped=made.dropped)
            self._stages.finish(stage, account, (learner.table,))
        maker.drop_parts()
        return rows

    def train(
        self, index: int, rows: StoredRows[Any], samples: Sampled, policies: tuple[Checkpoint, ...]
    ) -> Checkpoint:
        """The checkpoint after the round; `policies` are what entered round 1, and this round."""
        from skeldpo.train.agreement import NUM_COMPARED
        from skeldpo.train.trainer import train_checkpoint

        base, checkpoint = policies

        place, seed = round_place(index), _seed(self._config.run.seed, "train", index)
        ray_folder = f"{place.folder}/ray-train"
        stage = self._stages.begin("train", place)
        if stage is None:
            self.store.remove(ray_folder)
            return self._stages.finished_weights(place, "train")
        self.engines.make_room()
        self._tell(f"round {index}: training on {len(rows)} {self._learner().wording.noun}s")
        result = train_checkpoint(
            config=self._config,
            rows=rows,
            start=checkpoint,
            base_folder=base.folder,
            candidates=samples.draw_candidates(checkpoint.model_id, 4 * NUM_COMPARED, seed),
            output_folder=self.store.location(f"{place.folder}/{WEIGHTS}"),
            reference_path=self.store.location(f"{place.folder}/reference_logps.parquet"),
            storage_path=self.store.location(ray_folder),
            run_name=f"{self._config.run.name}-{place.folder}-train",
            seed=seed,
            tell=lambda line: self._tell(f"round {index}: {line}"),
        )
        self.clock.trained(sum(row.get("seconds", 0.0) for row in result.metrics))
        self._tracker.log(index, [*result.metrics, result.round_metrics])
        keep_errors(
            Store(self.store.location(place.folder)), result.errors,
            [problem.problem_id for problem in self._training_problems(index)],
            self._config.run.max_quarantined, f"round {index}: train", "train",
        )  # fmt: skip
        account = Account(num_in=len(rows), num_out=result.num_examples, dropped=result.dropped)
        weights = Output(path=WEIGHTS, digest=result.checkpoint.model_id)
        self._stages.finish(stage, account, ("reference_logps.parquet",), weights)
        self.store.remove(ray_folder)
        return result.checkpoint

    def _drop_parts(self, place: Place) -> None:
        """Of a sample stage that is finished: its tables were read back."""
        for table in (CANDIDATES, MEASUREMENTS, CORE_USE):
            self.store.drop_parts(f"{place.folder}/{table}")

    def _learner(self) -> AnyLearner:
        from skeldpo.train.learners import make_learner  # torch, which sampling does without

        return make_learner(self._config.train)

    def _training_problems(self, index: int) -> list[Problem]:
        return training_problems(
            self._problems, self._config.problems, round_index=index, seed=self._config.run.seed
        )

    def _earlier(self, index: int, problem_ids: set[str]) -> list[int]:
        """The earlier rounds that had some of these problems, which come again when all were
        used."""
        return [
            before
            for before in range(1, index)
            if any(p.problem_id in problem_ids for p in self._training_problems(before))
        ]

    def _assignments(self, place: Place) -> list[Assignment]:
        """Held-out problems first: they take longest to measure. None of them where the run had
        closed before, and scored this policy: `evaluate` takes that over."""
        index = place.samples_as
        asked = []
        if not self._closed_before(place):
            asked = [self._assignment(problem, "evaluate", index) for problem in self._heldout]
        if not place.prefix:
            asked += [self._assignment(p, "train", index) for p in self._training_problems(index)]
        return asked

    def _closed_before(self, place: Place) -> StageManifest | None:
        """The evaluation that closed an earlier start, of the policy that enters a round."""
        if place.prefix:
            return None
        return find_finished(self.store, closing_place(place.round_index - 1), "evaluate")

    def _assignment(self, problem: Problem, purpose: Purpose, index: int) -> Assignment:
        if purpose == "train":
            seed = _seed(self._config.run.seed, problem.problem_id, index)
            return training_assignment(problem, self._config.generate, index, seed)
        return Assignment(
            problem=problem,
            purpose=purpose,
            round_index=index,
            num_samples=self._config.evaluate.num_samples,
            temperature=self._config.evaluate.temperature,
            # Every policy answers a held-out problem with the same seed.
            seed=_seed(self._config.run.seed, problem.problem_id, 0),
            candidates=known_candidates(problem),
        )


def _seed(*parts: object) -> int:
    return int(content_id(*parts), 16) % (1 << 31)
