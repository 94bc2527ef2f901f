"""From the command line of `skeldpo evaluate` to requests, and from requests to reports."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.config_file import load_sections
from skeldpo.config_section import Section
from skeldpo.console import Display
from skeldpo.suites.run import SuiteRequest, compare_reports, evaluate_programs, save_and_show
from skeldpo.suites.samples import Sampling, write_samples

ENAMEL_MEMORY_MIB = 1024
"""Its inputs are larger than those of other suites; ENAMEL itself allows 4 GiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One report to be made; with `policy`, its programs are written first, to `request.programs`.

    `compared_with` is an earlier report to show this one against, or "".
    """

    request: SuiteRequest
    policy: str
    sampling: Sampling
    out: str
    compared_with: str


def suite_requests(options: argparse.Namespace) -> list[Asked]:
    """Everything a command line asks for, checked; ValueError says what does not fit."""
    if options.against and not options.policy:
        raise ValueError("--against names a second policy and needs --policy")
    sampling = _sampling(options)
    if options.policy and max(options.k) > sampling.num_samples:
        raise ValueError(f"--k {max(options.k)} needs --num-samples {max(options.k)} or more")
    suites = list(dict.fromkeys(options.suite))
    if options.released_protocol and "enamel" not in suites:
        raise ValueError(
            "--released-protocol is for enamel; the other suites report beyond_released beside "
            "beyond"
        )
    data = _data_by_suite(suites, options.data)
    policies = [policy for policy in (options.against, options.policy) if policy] or [""]
    many = len(suites) > 1 or len(policies) > 1
    made = []
    for suite in suites:
        compared_with = ""
        for place, policy in enumerate(policies):
            name = suite + ("-against" if len(policies) > 1 and place == 0 else "")
            out = str(Path(options.out) / f"{name}.json") if many else options.out
            programs = options.programs or f"{Path(out).with_suffix('')}-samples.jsonl"
            made.append(
                Asked(
                    request=_request(suite, data.get(suite, ""), programs, out, options),
                    policy=policy,
                    sampling=sampling,
                    out=out,
                    compared_with=compared_with,
                )
            )
            compared_with = out
    return made


def run_requests(asked: Sequence[Asked], display: Display) -> int:
    """Makes the reports, one after another; returns how much was left out of them."""
    num_left_out = 0
    for one in asked:
        Path(one.request.folder).mkdir(parents=True, exist_ok=True)
        if one.policy:
            write_samples(one.policy, one.request, one.sampling, display)
        evaluation = evaluate_programs(one.request, display)
        if one.policy:
            evaluation = replace(
                evaluation, provenance={**evaluation.provenance, "policy": one.policy}
            )
        save_and_show(evaluation, one.out, display)
        num_left_out += len(evaluation.left_out)
        if one.compared_with:
            page = f"{Path(one.out).with_suffix('')}-comparison.html"
            compare_reports(one.out, one.compared_with, page, display)
    return num_left_out


def _request(
    suite: str, data: str, programs: str, out: str, options: argparse.Namespace
) -> SuiteRequest:
    sections = _sections(options)
    measure, evaluate = sections["measure"], sections["evaluate"]
    assert isinstance(measure, MeasureConfig)
    assert isinstance(evaluate, EvaluateConfig)
    if suite == "enamel" and not any(s.startswith("measure.memory_limit_mib") for s in options.set):
        measure = measure.model_copy(update={"memory_limit_mib": ENAMEL_MEMORY_MIB})
    return SuiteRequest(
        suite=suite,
        data=data,
        programs=programs,
        ks=tuple(sorted(set(options.k))),
        released=options.released_protocol and suite == "enamel",
        measure=measure,
        evaluate=evaluate,
        folder=str(Path(out).absolute().parent),
    )


def _sampling(options: argparse.Namespace) -> Sampling:
    sections = _sections(options)
    policy, generate = sections["policy"], sections["generate"]
    evaluate = sections["evaluate"]
    assert isinstance(policy, PolicyConfig)
    assert isinstance(generate, GenerateConfig)
    assert isinstance(evaluate, EvaluateConfig)
    return Sampling(
        prompting=policy,
        generate=generate,
        num_samples=evaluate.num_samples,
        temperature=evaluate.temperature,
    )


def _sections(options: argparse.Namespace) -> dict[str, Section]:
    return load_sections(
        {
            "measure": MeasureConfig(),
            "evaluate": EvaluateConfig(num_samples=options.num_samples),
            "policy": PolicyConfig(model=options.policy or "none"),
            "generate": GenerateConfig(),
        },
        options.set,
    )


def _data_by_suite(suites: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Each FILE belongs to the suite before its "=", or to the only one."""
    data: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or name not in suites:
            name, path = (suites[0], text) if len(suites) == 1 else ("", text)
        if not name or name in data:
            raise ValueError(
                f"--data {text!r}: with suites {', '.join(suites)}, give one SUITE=FILE for each"
            )
        data[name] = path
    return data
