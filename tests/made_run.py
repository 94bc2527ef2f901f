"""A run that was made by hand, with the real records, pairs and scores."""

from __future__ import annotations

import dataclasses
import random

from skeldpo.accounts.core_use import CORE_USE, CoreUse
from skeldpo.config import Config
from skeldpo.config.toml_file import parse_config
from skeldpo.pair import build_pairs
from skeldpo.problems.programs import dataset_candidates, known_candidates
from skeldpo.records import (
    Candidate,
    Dropped,
    KnownProgram,
    Measurement,
    Outcome,
    PreferencePair,
    Problem,
    StageManifest,
)
from skeldpo.rounds.run_start import open_run
from skeldpo.rounds.stages import Place, closing_place, round_place
from skeldpo.rounds.tracking import Tracker
from skeldpo.storage.by_problem import measured_problems
from skeldpo.storage.store import Store, round_folder
from skeldpo.suites.evaluation import evaluation_text
from skeldpo.suites.round_scores import Author, bootstrap_of, evaluate_heldout

NUM_ROUNDS = 2
STEADY = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99)
FAST = (
    "def solve(items):\n    seen = set(items)\n    return len(seen)\n",
    "def solve(items):\n    return len(set(items))\n",
)
SLOW = (
    "def solve(items):\n    seen = []\n    for item in items:\n        if item not in seen:\n"
    "            seen.append(item)\n    return len(seen)\n",
    "def solve(items):\n    count = 0\n    for place in range(len(items)):\n"
    "        if items[place] not in items[:place]:\n            count += 1\n    return count\n",
)
HOSTILE = "def solve(items):\n    return '</pre><script>alert(1)</script>' < items & 1\n"


def make_config(storage: str) -> Config:
    return parse_config(
        {
            "run": {"name": "made-up", "storage": storage, "num_rounds": NUM_ROUNDS},
            "policy": {"model": "starter"},
            "problems": {"num_train": 12},
            "pair": {"min_speedup": 1.2},
            "train": {"beta": 0.1, "skeleton_weight": 0.7, "learning_rate": 1e-4},
            "evaluate": {"num_bootstrap": 200},
        },
        "test",
    )


def make_problem(key: str, split: str) -> Problem:
    return Problem(
        problem_id=key,
        language="python",
        source="families",
        split=split,
        difficulty="easy",
        kind="function",
        statement="Count the distinct items & return <how many>.",
        entry_point="solve",
        starter_code="def solve(items):",
        tests=(),
        generators=("def generate_input(size, seed):\n    return [[0] * size]\n",),
        checker="exact",
        reference=FAST[0],
        solutions=(
            KnownProgram(code=FAST[0], speed="fast"),
            KnownProgram(code=SLOW[0], speed="slow"),
        ),
    )


def make_candidate(problem: Problem, index: int, code: str, round_index: int) -> Candidate:
    return Candidate(
        candidate_id=f"{problem.problem_id}-{round_index}-{index}",
        problem_id=problem.problem_id,
        language="python",
        code=code,
        origin="sampled",
        model_id=f"weights-{round_index - 1}",
        round_index=round_index,
        sample_index=index,
        seed=0,
        finish_reason="stop",
        prompt_token_ids=(1, 2),
        completion_token_ids=tuple(range(len(code) // 3)),
    )


def make_check(candidate: Candidate, outcome: Outcome) -> Measurement:
    return Measurement(
        candidate_id=candidate.candidate_id,
        problem_id=candidate.problem_id,
        equal_to=candidate.candidate_id,
        phase="check",
        session_id="",
        outcome=outcome,
        cpu_times_ns=(),
        baseline_times_ns=(),
        peak_memory_bytes=1 << 20,
        failure="" if outcome is Outcome.ACCEPTED else "it failed",
        input_digest="",
        host_id="node-a",
        core=1,
        image_digest="d",
        python_version="3.11",
    )


def make_timed(row: Measurement, phase: str, ratio: float, num_repeats: int) -> Measurement:
    times = tuple(round(ratio * each * 10**8) for each in STEADY[:num_repeats])
    return dataclasses.replace(
        row,
        phase=phase,
        session_id=f"{row.problem_id}-{phase}",
        cpu_times_ns=times,
        baseline_times_ns=(10**8,) * num_repeats,
    )


def sample_training(problem: Problem, index: int, rng: random.Random):
    """Two fast, two slow and a wrong program of one problem, timed twice; the slowest is of the
    data set."""
    codes = [*FAST, *SLOW, HOSTILE]
    candidates = [make_candidate(problem, i, code, index) for i, code in enumerate(codes)]
    (candidates[3],) = dataset_candidates(problem, codes[3:4])
    slowness = 1.15 + rng.random() ** 2 * 9
    ratios = dict(zip(candidates, (1.0, 1.05, slowness, 1.3 * slowness), strict=False))
    checks = [make_check(c, Outcome.ACCEPTED) for c in candidates[:-1]]
    wrong = rng.choice([Outcome.WRONG_ANSWER, Outcome.TIME_LIMIT, Outcome.SANDBOX_FAILED])
    rows = [*checks, make_check(candidates[-1], wrong)]
    for phase, num_repeats in (("screen", 3), ("confirm", 8)):
        rows += [
            make_timed(row, phase, ratio, num_repeats)
            for row, ratio in zip(checks, ratios.values(), strict=True)
        ]
    return candidates, rows


def sample_heldout(problem: Problem, index: int, rng: random.Random):
    """Four samples, the more of them right and fast the later the round, and known programs."""
    candidates = list(known_candidates(problem))
    rows = [make_check(c, Outcome.ACCEPTED) for c in candidates]
    rows += [make_timed(row, "screen", r, 6) for row, r in zip(rows, (1.0, 5.0), strict=True)]
    for place in range(4):
        code = (SLOW if index == 1 else FAST)[place % 2]
        candidate = make_candidate(problem, place, code, index)
        candidates.append(candidate)
        if rng.random() < 0.45 + 0.15 * index:
            check = make_check(candidate, Outcome.ACCEPTED)
            rows += [check, make_timed(check, "screen", 0.4 + rng.random() * 6 / index, 6)]
        else:
            rows.append(make_check(candidate, Outcome.WRONG_ANSWER))
    return candidates, rows


def step_rows(num_steps: int, rng: random.Random) -> list[dict[str, float]]:
    rows = []
    for step in range(num_steps):
        row = {"step": float(step), "loss": 0.69 - 0.005 * step + 0.05 * rng.random()}
        for term in ("code", "skeleton")[: 1 + (step >= num_steps // 4)]:
            row[f"{term}/rewards/margins"] = 0.02 * step + 0.1 * rng.random()
            row[f"{term}/rewards/accuracies"] = min(1.0, 0.5 + 0.01 * step + 0.2 * rng.random())
        rows.append(row)
    return rows


class MadeRun:
    """Writes a run's folder stage by stage, as `run_rounds` does."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.store = open_run(config)
        self.tracker = Tracker(self.store, config.tracking, config.run.name)
        self.rng = random.Random(0)
        self.train = [make_problem(f"train-{i}", "train") for i in range(12)]
        self.heldout = [
            make_problem(f"{split}-{i}", split)
            for split in ("heldout_variant", "heldout_family")
            for i in range(10)
        ]

    def finish(self, stage: str, place: Place, num_in: int, dropped: tuple[Dropped, ...]) -> None:
        index = place.round_index
        manifest = StageManifest(
            stage=place.stage(stage),
            round_index=index,
            config_digest=self.config.digest(),
            num_in=num_in,
            num_out=num_in - sum(row.num_rows for row in dropped),
            dropped=dropped,
            outputs=(),
            versions=("skeldpo==0.1.0", "torch==2.13.0"),
            seconds={"start": 12.5, "sample": 80.25, "train": 44.0}.get(stage, 0.8) * (1 + index),
            finished_at="2026-01-02T03:04:05+00:00",
        )
        self.store.write_manifest(place.folder, manifest)

    def sampled(self, index: int, *, is_training: bool):
        made = [sample_heldout(problem, index, self.rng) for problem in self.heldout]
        if is_training:
            made += [sample_training(problem, index, self.rng) for problem in self.train]
        candidates = [row for rows, _ in made for row in rows]
        measurements = [row for _, rows in made for row in rows]
        return candidates, measurements

    def sample_and_evaluate(self, place: Place):
        folder, index = place.folder, place.samples_as
        candidates, measurements = self.sampled(index, is_training=not place.prefix)
        self.store.write_records(f"{folder}/candidates.parquet", Candidate, candidates)
        self.store.write_records(f"{folder}/measurements.parquet", Measurement, measurements)
        use = CoreUse(
            problem_id="p", pass_id="one", actor_id="a", host_id="h", core=1, held_from_s=0.0,
            begun_s=1.0, ended_s=10.0, program_cpu_s=6.0, input_cpu_s=1.0,
        )  # fmt: skip
        self.store.write_records(f"{folder}/{CORE_USE}.parquet", CoreUse, [use])
        checks = [row for row in measurements if row.phase == "check"]
        failed = sum(row.outcome is Outcome.SANDBOX_FAILED for row in checks)
        dropped = (Dropped(reason="the sandbox failed", num_rows=failed),) if failed else ()
        self.finish("sample", place, len(checks), dropped)
        report = evaluate_heldout(
            measured_problems(self.heldout, candidates, measurements),
            Author(model_id=f"weights-{index - 1}", round_index=index - 1),
        )
        text = evaluation_text(report, bootstrap_of(self.config))
        self.store.write_text(place.evaluation, text)
        self.finish("evaluate", place, len(self.heldout), ())
        return candidates, measurements

    def pair_and_train(self, index: int, candidates, measurements) -> None:
        pairs = [
            pair
            for problem in self.train
            for pair in build_pairs(
                problem=problem,
                candidates=[c for c in candidates if c.problem_id == problem.problem_id],
                measurements=[m for m in measurements if m.problem_id == problem.problem_id],
                pair=self.config.pair,
                skeleton=self.config.skeleton,
                round_index=index,
            ).pairs
        ]
        path = f"{round_folder(index)}/pairs.parquet"
        self.store.write_records(path, PreferencePair, pairs)
        reason = "efficiency: no speed difference beyond doubt; correctness: no wrong candidate"
        self.finish(
            "pair", round_place(index), len(self.train), (Dropped(reason=reason, num_rows=1),)
        )
        self.tracker.log(index, step_rows(60, self.rng))
        self.finish("train", round_place(index), len(pairs), ())

    def whole(self) -> Store:
        self.finish("start", round_place(0), 1, ())
        for index in range(1, NUM_ROUNDS + 1):
            self.pair_and_train(index, *self.sample_and_evaluate(round_place(index)))
        self.sample_and_evaluate(closing_place(NUM_ROUNDS))
        return self.store
