"""The suites of evaluate.suites, on which a run scores its first policy and its last.

In a run's folder `suites/policy-K/NAME.json` is the report of the policy after round K, with its
samples beside it. One greedy sample a problem: what is published of a model as pass@1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skeldpo.checkpoints import Checkpoint
from skeldpo.config import Config
from skeldpo.problems.overlap import find_overlaps, read_evaluation
from skeldpo.problems.reader import is_hub_id
from skeldpo.records import Problem
from skeldpo.storage.files import with_ending
from skeldpo.storage.store import Store
from skeldpo.suites.all import SUITES, find_suite
from skeldpo.suites.compare import Difference, differences, terms_notes
from skeldpo.suites.evaluation import (
    Evaluation,
    Interval,
    load_evaluation,
    mean_scores,
    save_evaluation,
)
from skeldpo.suites.round_scores import bootstrap_of
from skeldpo.suites.runner import SuiteRequest, evaluate_programs, file_digest, suite_limits
from skeldpo.suites.samples import Sampling, generate_for_suites, write_samples

SCORES = {
    "pass@1": 1,
    "eff@1": 1,
    "beyond@1": 1,
    "percentile@1": 1,
    "fast_1@1": 1,
    "dps": 100,
}
"""Those of a suite that are shown of a run, where it has them, each with what is the whole."""
TERMS = "of_run"
"""Of a report's provenance: the settings that may change while a run goes on, and the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteScores:
    """A policy on a suite: its scores by name and, but for policy 0, how they differ from those of
    policy 0, paired by problem; none if that was asked otherwise. `notes`: what else was unlike."""

    suite: str
    policy: int
    scores: Mapping[str, Interval]
    differences: Mapping[str, Difference]
    notes: tuple[str, ...] = ()


def check_suites(config: Config) -> None:
    """ValueError for a suite that is unknown or there twice, or whose data is not there."""
    named: dict[str, str] = {}
    for name in config.evaluate.suites:
        report = _request(config, name, "").out
        if report in named:
            raise ValueError(f"evaluate.suites: {named[report]} and {name} are one suite")
        named[report] = name


def trained_on(config: Config, problems: Sequence[Problem]) -> Iterator[str]:
    """A line if training problems ask what held-out ones do, word for word, and one for each suite
    with a file of data that training problems are in: such scores would say little."""
    training = [problem for problem in problems if problem.split == "train"]
    held_out = {_asked(problem) for problem in problems if problem.split != "train"}
    same = [problem.problem_id for problem in training if _asked(problem) in held_out]
    if same:
        yield (
            f"{len(same)} training problems ask what a held-out problem asks, word for word, such "
            f"as {same[0]}; take one of each out of problems.sources"
        )
    for name, data in config.evaluate.suites.items():
        if data and Path(data).expanduser().is_file() and find_suite(name) in SUITES:
            found = find_overlaps(training, read_evaluation(data), config.keep_out.max_overlap)
            if found:
                yield (
                    f"evaluate.suites: {len(found)} training problems are in {name}, such as "
                    f"{found[0].problem_id}; name {data} in keep_out.files, so that they go"
                )


def _asked(problem: Problem) -> tuple[str, ...]:
    """All words of a problem as the policy reads it."""
    return (*problem.statement.split(), *problem.starter_code.split())


def evaluate_suites(
    config: Config, checkpoint: Checkpoint, folder: str, tell: Callable[[str], None]
) -> None:
    """Writes the reports of a policy into a folder; those that are there are kept, unless they are
    of other weights or data, or of shorter or longer answers."""
    reports = Store(folder)
    for name in config.evaluate.suites:
        request = _request(config, name, folder)
        terms = {
            "data": file_digest(request.data) or config.evaluate.suites[name],
            "max_tokens": config.evaluate.max_tokens,
            "model_id": checkpoint.model_id,
        }
        if reports.exists(_report_name(name)):
            found = load_evaluation(request.out).provenance.get(TERMS, terms)
            changed = [key for key in terms if found[key] != terms[key]]
            if not changed:
                continue
            tell(f"{name}: scored again, as its report is of another {' and '.join(changed)}")
        held = request.load(tell)
        sampling = Sampling(
            prompting=config.policy,
            generate=generate_for_suites(config.generate, config.evaluate),
            num_samples=1,
            temperature=0.0,
        )
        write_samples(checkpoint.folder, request, held, sampling, tell)
        evaluation = evaluate_programs(request, held, tell)
        evaluation = replace(evaluation, provenance={**evaluation.provenance, TERMS: terms})
        save_evaluation(evaluation, request.out)
        Store(request.parts_folder).remove("")
        scores = mean_scores(evaluation.problems, bootstrap_of(config))
        shown = ", ".join(f"{key} {scores[key].value:.3f}" for key in SCORES if key in scores)
        tell(f"{name}: {shown}")


def suite_folder(policy: int) -> str:
    """Of the reports of the policy after a round, within a run's folder."""
    return f"suites/policy-{policy}"


def read_suite_scores(store: Store, config: Config) -> tuple[SuiteScores, ...]:
    """What is there of evaluate.suites, suite by suite, in the order of the policies."""
    bootstrap, found = bootstrap_of(config), []
    for name in config.evaluate.suites:
        first: Evaluation | None = None
        for policy in range(config.run.num_rounds + 1):
            path = f"{suite_folder(policy)}/{_report_name(name)}"
            if not store.exists(path):
                continue
            report = load_evaluation(store.location(path))
            is_like = first is not None and _has_same_terms(report, first)
            compared = differences(report, first, bootstrap) if first and is_like else ()
            found.append(
                SuiteScores(
                    suite=name,
                    policy=policy,
                    scores=mean_scores(report.problems, bootstrap),
                    differences={difference.name: difference for difference in compared},
                    notes=tuple(terms_notes(report, first)) if first and is_like else (),
                )
            )
            if policy == 0:
                first = report
    return tuple(found)


def _has_same_terms(one: Evaluation, other: Evaluation) -> bool:
    """Whether two policies were asked the same; not known of reports of earlier versions."""
    first, second = (report.provenance.get(TERMS) for report in (one, other))
    if not (first and second):
        return True
    return all(first[key] == second[key] for key in ("data", "max_tokens"))


def _report_name(name: str) -> str:
    return f"{find_suite(name).name}.json"


def _request(config: Config, name: str, folder: str) -> SuiteRequest:
    suite = find_suite(name)
    data = config.evaluate.suites[name]
    file = Path(data).expanduser()
    is_file = bool(data) and file.exists()
    if data and not is_file and not (suite.hub_id and is_hub_id(data.partition(":")[0])):
        raise ValueError(f"evaluate.suites: no file at {data} for {name}")
    out = f"{folder}/{_report_name(name)}"
    return SuiteRequest(
        suite=suite,
        data=str(file.absolute()) if is_file else data,
        programs=with_ending(out, ".samples.jsonl"),
        ks=(1,),
        released=False,
        measure=suite_limits(suite, config.measure),
        evaluate=config.evaluate,
        out=out,
    )
