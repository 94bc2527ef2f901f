"""The one runner: the programs of a request are measured on Ray and scored, as a JSON report.

Each problem's measurements are committed as it finishes, in a folder beside the report; the same
command goes on from there, and the folder is removed when the report is written. What cannot be
scored is listed in the report with its place, and told; everything else is scored.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skeldpo import __version__
from skeldpo.accounts.progress import count_teller
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.connection import connect_ray
from skeldpo.measure.inputs import session_limit_ns
from skeldpo.pipeline import Sandboxes, sample_and_measure
from skeldpo.records import Assignment, Problem, content_id
from skeldpo.storage.by_problem import MEASUREMENTS_FILE, Sampled, count_values
from skeldpo.storage.files import folder_and_name, is_url
from skeldpo.storage.store import Store
from skeldpo.suites.contract import Protocol, Suite, SuiteData, SuiteProblems
from skeldpo.suites.evaluation import Evaluation, LeftOut, ProblemResult
from skeldpo.suites.given_programs import (
    ProgramSet,
    read_program_set,
    unparsable_programs,
)
from skeldpo.suites.scoring import Terms, given_codes, score_problem, suite_assignments

FIRST_SOLUTION = "first-solution"
"""Instead of a file of programs: each problem's first known program, against its others."""
PROTOCOLS = {False: "cpu", True: "released"}
IDENTITY = "identity.txt"
"""Of what the parts in a folder are, in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRequest:
    """One suite and the programs to score on it, for the report `out`; `data` "" is the suite's own
    place. All nodes of a cluster must see the folder of the report."""

    suite: Suite
    data: str
    programs: str
    ks: tuple[int, ...]
    released: bool
    measure: MeasureConfig
    evaluate: EvaluateConfig
    out: str

    def __post_init__(self) -> None:
        if not self.data and self.suite.needs_data:
            raise ValueError(f"suite {self.suite.name} needs its data: give --data FILE")
        if not self.ks or min(self.ks) < 1:
            raise ValueError(f"--k takes numbers from 1, got {self.ks}")

    @property
    def protocol(self) -> Protocol:
        """How its programs are measured and scored."""
        released = self.suite.released if self.released else None
        return released or self.suite.protocol

    @property
    def parts_folder(self) -> str:
        """Where it keeps what is done while it is not finished."""
        folder, name = folder_and_name(self.out)
        return f"{folder}/.{name.removesuffix('.json')}.parts"

    def load(self, tell: Callable[[str], None]) -> SuiteProblems:
        """The problems of its suite."""
        return self.suite.load(
            SuiteData(
                source=self.data or self.suite.hub_id,
                measure=self.measure,
                tell=lambda line: tell(f"{self.suite.name}: {line}"),
            )
        )


def suite_limits(suite: Suite, measure: MeasureConfig) -> MeasureConfig:
    """The suite's memory limit, unless the user set one."""
    if not suite.memory_limit_mib or "memory_limit_mib" in measure.model_fields_set:
        return measure
    return measure.model_copy(update={"memory_limit_mib": suite.memory_limit_mib})


def evaluate_programs(
    request: SuiteRequest, held: SuiteProblems, tell: Callable[[str], None]
) -> Evaluation:
    """Scores a file or folder of programs; ValueError for a file that cannot be read or asks for
    nothing, RuntimeError if no problem could be scored."""
    started_s = time.monotonic()
    if request.programs == FIRST_SOLUTION:
        held, given = _first_against_others(held, request.ks)
    else:
        given = _read_programs(request, held)
    left_out = list(given.left_out)
    assignments = suite_assignments(held, given.programs, seed=0)
    if not assignments:
        raise ValueError(
            f"{request.suite.name}: expected problems with programs from --programs "
            f"{request.programs}, found none among {len(held.problems) or 'no'} problems"
            f"{_first_reason(left_out)}"
        )
    sampled = _measured(request, assignments, tell)
    terms = Terms(
        score=request.protocol.score,
        ks=request.ks,
        stopped_ns=session_limit_ns(request.measure),
    )
    results: list[ProblemResult] = []
    measured = sampled.iter_problems(assignment.problem for assignment in assignments)
    for assignment, found in zip(assignments, measured, strict=True):
        codes = given_codes(assignment, given.programs[found.problem.problem_id])
        scored = score_problem(held, assignment, codes, found.measurements, terms)
        left_out += scored.left_out
        results += [scored.result] if scored.result is not None else []
    if not any(problem.scores for problem in results):
        Store(request.parts_folder).remove("")
        first = _first_reason(left_out)
        raise RuntimeError(f"{request.suite.name}: no problem could be scored{first}")
    return Evaluation(
        suite=request.suite.name,
        protocol=PROTOCOLS[request.released],
        provenance=_provenance(request, given, sampled)
        | {
            "seconds": round(time.monotonic() - started_s, 3),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        problems=tuple(results),
        left_out=tuple(left_out),
    )


def parts_of(folder: str, identity: str, tell: Callable[[str], None]) -> str:
    """A folder of parts; those of something else are dropped."""
    store = Store(folder)
    if store.exists(IDENTITY) and store.read_text(IDENTITY) != identity:
        tell(f"{folder}: parts of other programs or settings, starting anew")
        store.remove("")
    store.write_text(IDENTITY, identity)
    return folder


def data_identity(request: SuiteRequest, problems: Iterable[Problem]) -> str:
    """Says what a request asks of which problems; a folder or data set may hold others later."""
    data = file_digest(request.data) or request.data or request.suite.hub_id
    return content_id(request.suite.name, data, __version__, *map(content_id, problems))


def _measured(
    request: SuiteRequest, assignments: Sequence[Assignment], tell: Callable[[str], None]
) -> Sampled:
    """Every measurement that is asked for, those of an earlier start included."""
    measure = request.measure.model_copy(
        update={"profile_memory": request.measure.profile_memory or request.suite.profiles_memory}
    )
    identity = content_id(
        data_identity(request, (assignment.problem for assignment in assignments)),
        PROTOCOLS[request.released],
        measure.model_dump_json(),
        request.evaluate.model_dump_json(),
        *(c.candidate_id for assignment in assignments for c in assignment.candidates),
    )
    folder = parts_of(f"{request.parts_folder}/scores", identity, tell)
    tell(f"{request.suite.name}: {len(assignments)} problems to measure")
    connect_ray(tell, engine=measure.engine, generates=False)
    sample_and_measure(
        assignments,
        engines=None,
        sandboxes=Sandboxes(
            measure=measure, evaluate=request.evaluate, session=request.protocol.session
        ),
        output=folder,
        on_progress=count_teller(request.suite.name, tell),
    )
    return Sampled(folder)


def _read_programs(request: SuiteRequest, held: SuiteProblems) -> ProgramSet:
    """The programs of the request's file, with all that was left out of them or of the suite."""
    wanted = {problem.problem_id: held.wanted_of(problem) for problem in held.problems}
    unscored = [entry.problem_id for entry in held.left_out if entry.problem_id]
    ignored = [*held.ignored_ids, *unscored]
    given = read_program_set(request.programs, tuple(wanted), ignored, wanted=wanted)
    return replace(
        given,
        left_out=(
            *held.left_out,
            *given.left_out,
            *unparsable_programs(given.programs, wanted, held.assembled),
        ),
    )


def _first_against_others(
    held: SuiteProblems, ks: Sequence[int]
) -> tuple[SuiteProblems, ProgramSet]:
    if min(ks) > 1:
        raise ValueError(
            f"--programs {FIRST_SOLUTION} is one program a problem: expected --k 1, got {list(ks)}"
        )
    problems, programs = [], {}
    left_out = list(held.left_out)
    for problem in held.problems:
        first, *others = problem.solutions or (None,)
        if first is None or not others:
            left_out.append(
                LeftOut(place="solutions", problem_id=problem.problem_id,
                        reason=f"{FIRST_SOLUTION} needs two known programs or more in `solutions`, "
                               f"it has {len(problem.solutions)}")
            )  # fmt: skip
            continue
        problems.append(replace(problem, solutions=tuple(others)))
        programs[problem.problem_id] = (first.code,)
    given = ProgramSet(programs=programs, left_out=tuple(left_out))
    return replace(held, problems=tuple(problems)), given


def _provenance(request: SuiteRequest, given: ProgramSet, sampled: Sampled) -> dict[str, Any]:
    evaluate = request.evaluate
    repeats = request.protocol.num_repeats
    names = ("core", "image_digest", "python_version")
    cores, images, versions = zip(
        *count_values(sampled.store, MEASUREMENTS_FILE, names), strict=True
    )
    return {
        "answer_notes": dict(given.notes),
        "cores": sorted(set(cores)),
        "image_digest": _all_of(images),
        "python_version": _all_of(versions),
        "data": request.data,
        "data_sha256": file_digest(request.data),
        "programs": request.programs,
        "programs_sha256": file_digest(request.programs),
        "ks": list(request.ks),
        "num_repeats": repeats or evaluate.num_repeats,
        **({} if repeats else {"repeat_for_s": evaluate.repeat_for_s}),
        "measure": request.measure.model_dump(),
        "host": platform.node(),
        "skeldpo": __version__,
    }


def _all_of(names: Iterable[str]) -> str:
    """The different names, which on one cluster are one."""
    return ", ".join(sorted(set(names)))


def _first_reason(left_out: Sequence[LeftOut]) -> str:
    """Why the first of what was left out was, to end a message with; "" if nothing was."""
    if not left_out:
        return ""
    return f"; first of {len(left_out)} left out: {left_out[0].problem_id}: {left_out[0].reason}"


def file_digest(path: str) -> str:
    """SHA-256 of a file; "" for a folder, a hub id or nothing."""
    if not (is_url(path) or Path(path).expanduser().is_file()):
        return ""
    folder, name = folder_and_name(path)
    return Store(folder).digest(name)
