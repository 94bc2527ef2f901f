"""From the command line of `skeldpo evaluate` to requests, and from requests to reports."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig, Section
from skeldpo.config.toml_file import load_sections
from skeldpo.console import Display
from skeldpo.storage.files import with_ending
from skeldpo.storage.store import Store
from skeldpo.suites.all import SUITES, find_suite
from skeldpo.suites.contract import Suite, SuiteProblems
from skeldpo.suites.runner import SuiteRequest, evaluate_programs, suite_limits
from skeldpo.suites.samples import Sampling, generate_for_suites, write_samples
from skeldpo.suites.shown import compare_reports, save_and_show


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One report to be made; with `policy`, its programs are written first, to `request.programs`.

    `compared_with` is an earlier report to show this one against, or "".
    """

    request: SuiteRequest
    policy: str
    sampling: Sampling
    compared_with: str


_OF_TRAINING = {
    "keep_engines", "max_known", "max_tokens", "num_samples", "programs", "temperature",
}  # fmt: skip
"""Of [generate], what is read for training problems alone."""


class _Sections(Section):
    measure: MeasureConfig = MeasureConfig()
    evaluate: EvaluateConfig
    policy: PolicyConfig
    generate: GenerateConfig = GenerateConfig()


def suite_requests(options: argparse.Namespace) -> list[Asked]:
    """Everything a command line asks for, checked; ValueError says what does not fit."""
    if options.against and not options.policy:
        raise ValueError("--against names a second policy and needs --policy")
    if options.num_samples < 1:
        raise ValueError(f"--num-samples takes a number from 1, got {options.num_samples}")
    sampling = _sampling(options)
    if options.policy and max(options.k) > sampling.num_samples:
        raise ValueError(f"--k {max(options.k)} needs --num-samples {max(options.k)} or more")
    names = list(dict.fromkeys(options.suite))
    suites = {name: find_suite(name) for name in names}
    if options.released_protocol and not any(suite.released for suite in suites.values()):
        known = ", ".join(suite.name for suite in SUITES if suite.released)
        raise ValueError(
            f"--released-protocol is for {known}; the other suites report beyond_released beside "
            "beyond"
        )
    if len({suite.name for suite in suites.values()}) < len(suites):
        raise ValueError(f"two of the suites {', '.join(names)} have the same name")
    data = _data_by_suite(names, options.data)
    policies = [policy for policy in (options.against, options.policy) if policy] or [""]
    many = len(suites) > 1 or len(policies) > 1
    if not many and Path(options.out).expanduser().is_dir():
        raise ValueError(f"--out {options.out} is a folder; give the file of the report in it")
    made = []
    for given, suite in suites.items():
        compared_with = ""
        for place, policy in enumerate(policies):
            name = suite.name + ("-against" if len(policies) > 1 and place == 0 else "")
            out = f"{options.out.rstrip('/')}/{name}.json" if many else options.out
            programs = options.programs or with_ending(out, "-samples.jsonl")
            made.append(
                Asked(
                    request=_request(suite, data.get(given, ""), programs, out, options),
                    policy=policy,
                    sampling=sampling,
                    compared_with=compared_with,
                )
            )
            compared_with = out
    return made


def run_requests(asked: Sequence[Asked], display: Display) -> int:
    """Makes the reports, one after another; returns how much was left out of them."""
    num_left_out = 0
    loaded: dict[str, SuiteProblems] = {}
    for one in asked:
        request = one.request
        if request.suite.name not in loaded:
            loaded = {request.suite.name: request.load(display.tell)}
        held = loaded[request.suite.name]
        if one.policy:
            write_samples(one.policy, request, held, one.sampling, display.tell)
        evaluation = evaluate_programs(request, held, display.tell)
        if one.policy:
            evaluation = replace(
                evaluation, provenance={**evaluation.provenance, "policy": one.policy}
            )
        save_and_show(evaluation, request.out, display)
        Store(request.parts_folder).remove("")
        num_left_out += len(evaluation.left_out)
        if one.compared_with:
            page = with_ending(request.out, "-comparison.html")
            compare_reports(request.out, one.compared_with, page, display)
    return num_left_out


def _request(
    suite: Suite, data: str, programs: str, out: str, options: argparse.Namespace
) -> SuiteRequest:
    sections = _sections(options)
    return SuiteRequest(
        suite=suite,
        data=data,
        programs=programs,
        ks=tuple(sorted(set(options.k))),
        released=options.released_protocol and suite.released is not None,
        measure=suite_limits(suite, sections.measure),
        evaluate=sections.evaluate,
        out=out,
    )


def _sampling(options: argparse.Namespace) -> Sampling:
    sections = _sections(options)
    evaluate = sections.evaluate
    return Sampling(
        prompting=sections.policy,
        generate=generate_for_suites(sections.generate, evaluate),
        num_samples=evaluate.num_samples,
        temperature=evaluate.temperature,
    )


def _sections(options: argparse.Namespace) -> _Sections:
    defaults = _Sections(
        evaluate=EvaluateConfig(num_samples=options.num_samples),
        policy=PolicyConfig(model=options.policy or "none"),
    )
    sections = load_sections(defaults, options.set)
    unread = sorted(sections.generate.model_fields_set & _OF_TRAINING)
    if unread:
        raise ValueError(
            f"evaluate does not read generate.{', generate.'.join(unread)}: for answers on suites "
            "set evaluate.temperature, evaluate.max_tokens and --num-samples"
        )
    return sections


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
