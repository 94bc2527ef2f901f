"""The second round of an ablation's arms: what the first one's policies write, measured and paired.

All policies' programs of a problem are measured together with its known ones, in one session, and
a program that several wrote is run once; a policy's pairs are those of its own programs and of the
known ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from skeldpo.accounts.progress import count_teller
from skeldpo.config import Config
from skeldpo.connection import connect_ray
from skeldpo.pipeline import (
    Sandboxes,
    sample_and_measure,
)
from skeldpo.problems.programs import known_candidates
from skeldpo.records import Assignment, Candidate, Measurement, Problem, content_id
from skeldpo.train.learners.preferences import PairTokens
from studies.ablation_sample import Writer, WritingJob, sample_policies
from studies.ablation_study import Study, World
from studies.ablation_train import Job
from studies.measured_rows import MeasuredRows, read_rows


def first_half(job: Job, study: Study) -> Job:
    """The first round of a training: half of its steps and points."""
    half = study.num_steps // 2
    return replace(
        job, key=f"{job.key}/round-1", num_steps=half, num_points=max(1, study.num_points // 2)
    )


def second_half(job: Job, study: Study, policy: str, pairs: Sequence[PairTokens]) -> Job:
    """The second round of a training whose first was `job`: the rest of its steps, from its policy,
    which is the reference now."""
    return replace(
        job,
        key=job.key.removesuffix("1") + "2",
        start=policy,
        save_to=f"{job.save_to}/round-2",
        pairs=tuple(pairs),
        num_steps=study.num_steps - job.num_steps,
        num_points=max(1, study.num_points - job.num_points),
    )


def sample_round(
    jobs: Sequence[Job], policies: Mapping[str, str], world: World, config: Config, folder: Path
) -> MeasuredRows:
    """Programs that the `policies` (folders by key of the job) write for their seeds' training
    problems, beside the known ones, measured; goes on where it was stopped."""
    place = folder / f"round-2-{content_id(dict(policies))}"
    written = sample_policies(
        [
            WritingJob(
                writer=Writer(name=job.key, folder=policies[job.key]),
                problems=world.train[job.seed],
                config=config,
                num_samples=config.generate.num_samples,
                temperature=config.generate.temperature,
            )
            for job in jobs
        ],
        place,
    )
    problems = {problem.problem_id: problem for seed in world.train for problem in seed}
    connect_ray(print, engine=config.measure.engine)
    sample_and_measure(
        list(_assignments(problems, written)),
        engines=None,
        sandboxes=Sandboxes(measure=config.measure, evaluate=config.evaluate),
        output=str(place),
        on_progress=count_teller("pairs", print),
    )
    known = tuple(row for problem in problems.values() for row in known_candidates(problem))
    measured = read_rows(str(place))
    return replace(measured, candidates=(*known, *written))


def _assignments(
    problems: Mapping[str, Problem], written: Sequence[Candidate]
) -> Iterator[Assignment]:
    by_problem: dict[str, list[Candidate]] = {key: [] for key in problems}
    for row in written:
        by_problem[row.problem_id].append(row)
    for key, problem in problems.items():
        yield Assignment(
            problem=problem,
            purpose="train",
            round_index=2,
            num_samples=0,
            temperature=0.0,
            seed=int(content_id(key, "round 2"), 16) % (1 << 31),
            candidates=(*known_candidates(problem), *by_problem[key]),
        )


def own_programs(writer: str, sampled: MeasuredRows) -> MeasuredRows:
    """Only what a policy wrote and what was known, with the measurements of programs that others
    wrote as well and that were measured under their names."""
    kept = [c for c in sampled.candidates if c.origin == "dataset" or c.model_id == writer]
    ids = {candidate.candidate_id for candidate in kept}
    rows: dict[str, list[Measurement]] = {}
    checks: dict[str, Measurement] = {}
    for row in sampled.measurements:
        rows.setdefault(row.candidate_id, []).append(row)
        if row.phase == "check":
            checks[row.candidate_id] = row
    leaders: dict[str, str] = {}  # under whose name a program that was measured goes here
    for key in sorted(ids):
        run_as = checks[key].equal_to
        leaders.setdefault(run_as, run_as if run_as in ids else key)
    measurements = []
    for candidate in kept:
        key = candidate.candidate_id
        run_as = checks[key].equal_to
        leader = leaders[run_as]
        own = rows[run_as] if leader == key else [checks[key]]
        measurements += [replace(row, candidate_id=key, equal_to=leader) for row in own]
    return MeasuredRows(candidates=tuple(kept), measurements=tuple(measurements))
