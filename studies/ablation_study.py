"""What the ablation compares: its file, the arms' settings, and the pairs of each seed and arm."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from skeldpo.config import Config
from skeldpo.config.toml_file import load_config
from skeldpo.pair import build_pairs
from skeldpo.problems.family import family_of
from skeldpo.problems.overlap import keep_out
from skeldpo.problems.sources import evaluation_problems, load_problems, training_problems
from skeldpo.records import Candidate, Measurement, PreferencePair, Problem, content_id
from skeldpo.train.learners.preferences import PairTokens
from studies.measured_rows import MeasuredRows

OWN_KEYS: dict[str, tuple[Any, ...]] = {
    "skeletons": ("own", "shuffled", "only"),
    "programs": ("all", "known"),
    "rounds": (1, 2),
}
"""What an arm may set beside configuration keys; the first value is the default."""
ARM_SECTIONS = ("train", "pair", "skeleton")
"""Of the configuration: what else there is makes the programs, which all arms share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The [study] section; studies/ablation.toml says what each key means.

    An empty `control` is none; `main` are the arms of the plot and of `--quick`."""

    question: str
    run: str
    seeds: int
    num_train: int
    num_heldout: int
    families_without_pairs: tuple[str, ...]
    learning_rates: tuple[float, ...]
    num_steps: int
    num_points: int
    num_samples: int
    target_share: float
    primary: tuple[str, str]
    control: str
    main: tuple[str, ...]

    def quick(self) -> Study:
        """Two seeds and the two largest learning rates: the smaller ones are not done in time."""
        return replace(self, seeds=2, learning_rates=self.learning_rates[-2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way of training: its settings, its skeletons, which programs make its pairs, and in how
    many rounds it takes the study's steps."""

    name: str
    config: Config
    skeletons: str
    programs: str
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The problems of a study: for the starter, for pairs by seed, and for scores."""

    starter: tuple[Problem, ...]
    train: tuple[tuple[Problem, ...], ...]
    heldout: tuple[Problem, ...]


def load_study(path: Path, *, quick: bool, run_seed: int | None = None) -> tuple[Study, list[Arm]]:
    """The study of a file and its arms; ValueError names a key that is unknown or missing.

    Another `run_seed` than the run's own draws everything anew: starter, problems, orders."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Study)}
    given = values.get("study", {})
    if set(given) != known:
        raise ValueError(
            f"{path} [study]: missing {sorted(known - set(given))}, "
            f"unknown {sorted(set(given) - known)}"
        )
    lists = ("families_without_pairs", "learning_rates", "primary", "main")
    values_by_key: dict[str, Any] = {k: tuple(v) if k in lists else v for k, v in given.items()}
    study = Study(**values_by_key)
    base = values.get("base", {}) | ({} if run_seed is None else {"run.seed": run_seed})
    arms = []
    for name, settings in values.get("arms", {}).items():
        own = {key: settings.get(key, allowed[0]) for key, allowed in OWN_KEYS.items()}
        for key, allowed in OWN_KEYS.items():
            if own[key] not in allowed:
                raise ValueError(
                    f"{path} [arms.{name}] {key}: expected {allowed}, got {own[key]!r}"
                )
        foreign = [k for k in settings if k not in OWN_KEYS and k.split(".")[0] not in ARM_SECTIONS]
        if foreign:
            raise ValueError(f"{path} [arms.{name}]: arms differ in {ARM_SECTIONS}, got {foreign}")
        keys = {key: value for key, value in settings.items() if key not in OWN_KEYS}
        arms.append(Arm(name=name, config=_configured(study, base | keys), **own))
    missing = {*study.primary, study.control, *study.main} - {"", *(arm.name for arm in arms)}
    if missing:
        raise ValueError(f"{path}: [study] names {sorted(missing)}, which are no arms")
    if quick:
        study, arms = study.quick(), [arm for arm in arms if arm.name in study.main]
    return study, arms


def _configured(study: Study, settings: dict[str, Any]) -> Config:
    overrides = [f"{key}={_toml(value)}" for key, value in settings.items()]
    return load_config(study.run, [*overrides, f"problems.num_heldout_variants={study.num_heldout}",
                                   f"problems.num_train={study.num_train}"])  # fmt: skip


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def make_world(study: Study, config: Config) -> World:
    """All problems of the study; a seed's training problems are those of the seed-th round."""
    problems = load_problems(config.problems.sources, config.problems.families)
    problems = list(keep_out(problems, config.keep_out).problems)
    paired = [p for p in problems if family_of(p.source) not in study.families_without_pairs]
    heldout = evaluation_problems(problems, config.problems, seed=config.run.seed)
    return World(
        starter=tuple(problems),
        train=tuple(
            tuple(
                training_problems(
                    paired, config.problems, round_index=seed + 1, seed=config.run.seed
                )
            )
            for seed in range(study.seeds)
        ),
        heldout=tuple(p for p in heldout if p.split == "heldout_variant"),
    )


def world_id(study: Study, config: Config) -> str:
    """What decides the starter, the programs and the held-out problems; not how many seeds."""
    sections = config.model_dump(
        mode="json", include={"policy", "problems", "starter", "generate", "measure"}
    )
    return content_id(sections, config.run.seed, study.families_without_pairs)


def arm_id(arm: Arm, study: Study) -> str:
    """What decides a training of the arm, but for learning rate and seed."""
    sections = arm.config.model_dump(mode="json", include=set(ARM_SECTIONS))
    own = (arm.skeletons, arm.programs, arm.rounds, study.num_steps, study.num_points)
    return content_id(sections, *own)[:8]


def arm_pairs(arm: Arm, problems: Sequence[Problem], sampled: MeasuredRows) -> list[PreferencePair]:
    """The arm's pairs from a seed's problems."""
    candidates: dict[str, list[Candidate]] = {problem.problem_id: [] for problem in problems}
    rows: dict[str, list[Measurement]] = {problem.problem_id: [] for problem in problems}
    for candidate in sampled.candidates:
        if candidate.problem_id in candidates and (
            arm.programs == "all" or candidate.origin == "dataset"
        ):
            candidates[candidate.problem_id].append(candidate)
    kept = {row.candidate_id for group in candidates.values() for row in group}
    for row in sampled.measurements:
        if row.candidate_id in kept:
            rows[row.problem_id].append(row)
    return [
        pair
        for problem in problems
        for pair in build_pairs(
            problem=problem,
            candidates=candidates[problem.problem_id],
            measurements=rows[problem.problem_id],
            pair=arm.config.pair,
            skeleton=arm.config.skeleton,
            round_index=1,
        ).pairs
    ]


def with_skeletons(arm: Arm, pairs: Sequence[PairTokens], seed: int) -> list[PairTokens]:
    """The pairs' tokens with the arm's skeletons: their own, another pair's, or nothing else."""
    if arm.skeletons == "own":
        return list(pairs)
    with_one = [pair for pair in pairs if pair.has_skeleton]
    if arm.skeletons == "only":
        correctness = [pair for pair in pairs if pair.stage == "correctness"]
        return correctness + [
            replace(
                pair,
                code_prompt=pair.skeleton_prompt,
                code_chosen=pair.skeleton_chosen,
                code_rejected=pair.skeleton_rejected,
            ).without_skeleton()
            for pair in with_one
        ]
    order = list(range(len(with_one)))
    random.Random(f"shuffled {seed}").shuffle(order)
    donors = {
        with_one[here].pair_id: with_one[order[place - 1]] for place, here in enumerate(order)
    }
    return [
        replace(
            pair,
            skeleton_chosen=donors[pair.pair_id].skeleton_chosen,
            skeleton_rejected=donors[pair.pair_id].skeleton_rejected,
        )
        if pair.has_skeleton
        else pair
        for pair in pairs
    ]
