"""What the policies of the ablation write: sampled at the point where their arms are compared.

Probabilities of known programs leave out programs that nobody listed, so each arm's policies also
answer the held-out problems. All policies' programs of a problem are measured together with its
known ones, in one session, and a program that several wrote is run once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from skeldpo.accounts.progress import count_teller
from skeldpo.answers import Wanted, read_answer
from skeldpo.checkpoints import load_checkpoint
from skeldpo.config import Config
from skeldpo.connection import connect_ray
from skeldpo.pipeline import Engines, Sandboxes, sample_and_measure
from skeldpo.problems.programs import known_candidates
from skeldpo.prompts import Prompts
from skeldpo.records import Assignment, Candidate, Problem, content_id
from skeldpo.storage.by_problem import MeasuredProblem, Sampled, measured_problems
from skeldpo.storage.store import Store
from skeldpo.suites.round_scores import Author, evaluate_heldout
from studies.ablation_statistics import Written
from studies.measured_rows import read_rows
from studies.resumable import map_jobs

BATCH_PROMPTS = 32
PROGRAMS = "programs.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A policy that is sampled: `name` is its arm and seed."""

    name: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingJob:
    """As it travels to a worker process."""

    writer: Writer
    problems: tuple[Problem, ...]
    config: Config
    num_samples: int
    temperature: float


def write_programs(job: WritingJob) -> list[Candidate]:
    """Samples of every problem, with the configuration's top-p.

    The product samples with vLLM; here a process would start longer than it samples.
    """
    config = job.config
    tokenizer = AutoTokenizer.from_pretrained(job.writer.folder)
    prompts = Prompts(tokenizer, config.policy)
    model = AutoModelForCausalLM.from_pretrained(job.writer.folder).eval()
    model.to("cuda" if config.train.use_gpu else "cpu")
    candidates: list[Candidate] = []
    set_seed(config.run.seed)
    for start in range(0, len(job.problems), BATCH_PROMPTS):
        problems = job.problems[start : start + BATCH_PROMPTS]
        asked = [prompts.code_prompt_ids(p.statement, p.starter_code) for p in problems]
        ids, mask = _left_padded(asked, prompts.eos_token_id)
        with torch.no_grad():
            made = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                do_sample=True,
                temperature=job.temperature,
                top_p=config.generate.top_p,
                top_k=0,
                num_return_sequences=job.num_samples,
                max_new_tokens=config.generate.max_tokens,
                eos_token_id=prompts.stop_token_ids,
                pad_token_id=prompts.eos_token_id,
            )  # (prompts * samples, tokens)
        rows = made[:, ids.shape[1] :].tolist()
        for place, row in enumerate(rows):
            problem = problems[place // job.num_samples]
            ends = [index for index, token in enumerate(row) if token in prompts.stop_token_ids]
            answer = row[: ends[0] + 1] if ends else row
            candidates.append(
                Candidate(
                    candidate_id=content_id(
                        problem.problem_id, job.writer.name, place % job.num_samples
                    ),
                    problem_id=problem.problem_id,
                    language=problem.language,
                    code=read_answer(
                        prompts.decode(answer, problem.language),
                        Wanted(language=problem.language, entry_point=problem.entry_point),
                    ).code,
                    origin="sampled",
                    model_id=job.writer.name,
                    round_index=1,
                    sample_index=place % job.num_samples,
                    seed=config.run.seed,
                    finish_reason="stop" if ends else "length",
                    prompt_token_ids=tuple(asked[place // job.num_samples]),
                    completion_token_ids=tuple(answer),
                )
            )
    return candidates


def sample_policies(jobs: Sequence[WritingJob], folder: Path) -> list[Candidate]:
    """Everything the jobs' policies write, kept in the folder: a later start reads it there."""
    store = Store(str(folder))
    if jobs and not store.exists(PROGRAMS):
        done = map_jobs(jobs, write_programs, use_gpu=jobs[0].config.train.use_gpu)
        found = {job.writer.name: rows for job, rows in done}
        rows = [row for job in jobs for row in found[job.writer.name]]
        store.write_records(PROGRAMS, Candidate, rows)
    return store.read_records(PROGRAMS, Candidate)


def score_writers(
    written: Sequence[Candidate], problems: Sequence[Problem], config: Config, folder: Path
) -> dict[str, Written]:
    """Scores by name of the writer; goes on where it was stopped."""
    connect_ray(print, engine=config.measure.engine)
    sample_and_measure(
        list(_assignments(written, problems)),
        engines=None,
        sandboxes=Sandboxes(measure=config.measure, evaluate=config.evaluate),
        output=str(folder),
        on_progress=count_teller("scores", print),
    )
    measured = read_rows(str(folder))
    found = {}
    for name in dict.fromkeys(candidate.model_id for candidate in written):
        own = [row for row in written if row.model_id == name]
        found[name] = _written(
            name,
            measured_problems(
                problems,
                [*(c for p in problems for c in known_candidates(p)), *own],
                measured.measurements,
            ),
            own,
        )
    return found


def write_with_engine(job: WritingJob, folder: Path) -> Written:
    """What vLLM writes with the policy of a job, as it does in rounds: it ends at `generate.stop`,
    which `write_programs` does not know. Scored, and kept in the folder."""
    name, config = job.writer.name, job.config
    sample_and_measure(
        list(_assignments((), job.problems, job.num_samples, job.temperature)),
        engines=Engines(
            checkpoint=load_checkpoint(job.writer.folder),
            prompting=config.policy,
            generate=config.generate,
        ),
        sandboxes=Sandboxes(measure=config.measure, evaluate=config.evaluate),
        output=str(folder),
        on_progress=count_teller(name, print),
    )
    own = [row for row in read_rows(str(folder)).candidates if row.origin == "sampled"]
    return _written(name, Sampled(str(folder)).iter_problems(job.problems), own)


def _written(name: str, measured: Iterable[MeasuredProblem], own: Sequence[Candidate]) -> Written:
    """The scores of a policy, of which `own` are the programs."""
    report = evaluate_heldout(measured, Author(model_id=name, round_index=1))
    texts: dict[str, list[str]] = {}
    for row in own:
        texts.setdefault(row.problem_id, []).append(row.code)
    return Written(
        per_problem=report.problems,
        distinct_share=float(np.mean([len(set(t)) / len(t) for t in texts.values()])),
        mean_tokens=float(np.mean([len(row.completion_token_ids) for row in own])),
    )


def _assignments(
    written: Sequence[Candidate],
    problems: Sequence[Problem],
    num_samples: int = 0,
    temperature: float = 0.0,
) -> Iterator[Assignment]:
    """Of each problem the known programs and those written, and as many as engines shall write."""
    for problem in problems:
        own = tuple(row for row in written if row.problem_id == problem.problem_id)
        yield Assignment(
            problem=problem,
            purpose="evaluate",
            round_index=1,
            num_samples=num_samples,
            temperature=temperature,
            seed=int(content_id(problem.problem_id), 16) % (1 << 31),
            candidates=(*known_candidates(problem), *own),
        )


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, (rows, longest)."""
    longest = max(map(len, rows))
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
