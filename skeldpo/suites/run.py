"""`skeldpo evaluate` and `skeldpo compare`: programs or policies scored on suites, as JSON reports.

A suite's data is a local file, or for Mercury also a Hugging Face id. What cannot be scored is
listed in the report with its place, and told; everything else is scored.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skeldpo import __version__
from skeldpo.answers import Wanted
from skeldpo.config import EvaluateConfig, MeasureConfig, ProblemsConfig
from skeldpo.console import Display
from skeldpo.evaluate import compare, effibench, enamel, evalplus, mercury
from skeldpo.evaluate.cores import Run, map_on_cores
from skeldpo.evaluate.enamel_released import measure_enamel_released
from skeldpo.evaluate.enamel_tests import UnusableProblem
from skeldpo.evaluate.enamel_timing import measure_enamel
from skeldpo.evaluate.evaluation import (
    Evaluation,
    ProblemResult,
    counted_text,
    load_evaluation,
    mean_scores,
    save_evaluation,
)
from skeldpo.evaluate.page import comparison_page, evaluation_page
from skeldpo.evaluate.programs import (
    LeftOut,
    ProgramSet,
    read_program_set,
    too_few_samples,
    unparsable_programs,
)
from skeldpo.evaluate.reference_suite import ReferenceSuite, score_assignment, suite_assignments
from skeldpo.measure.inputs import session_limit_ns
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.pipeline import (
    Sandboxes,
    connect_ray,
    count_teller,
    read_sampled,
    sample_and_measure,
)
from skeldpo.problems.formats import LeftOutProblem
from skeldpo.problems.sources import evaluation_problems, iter_problems, load_problems
from skeldpo.records import Measurement, Problem

SUITES = (
    "enamel", "mercury", *evalplus.SUITES, "effibench", "leetcode", "code_contests", "problems",
    "heldout",
)  # fmt: skip
NEEDS_DATA = tuple(name for name in SUITES if name not in ("mercury", "effibench", "heldout"))
FIRST_SOLUTION = "first-solution"
"""Instead of a file of programs: each problem's first known program, against its others."""
PROTOCOLS = {False: "cpu", True: "released"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRequest:
    """One suite and the programs to score on it; `data` "" is the suite's own place.

    `folder` takes what is measured while it is measured; all nodes of a cluster must see it.
    """

    suite: str
    data: str
    programs: str
    ks: tuple[int, ...]
    released: bool
    measure: MeasureConfig
    evaluate: EvaluateConfig
    folder: str

    def __post_init__(self) -> None:
        if self.suite not in SUITES:
            raise ValueError(f"no suite {self.suite!r}; known: {', '.join(SUITES)}")
        if not self.data and self.suite in NEEDS_DATA:
            raise ValueError(f"suite {self.suite} needs its data: give --data FILE")
        if not self.ks or min(self.ks) < 1:
            raise ValueError(f"--k takes numbers from 1, got {self.ks}")


def evaluate_programs(request: SuiteRequest, display: Display) -> Evaluation:
    """Scores a file or folder of programs; ValueError for a suite or file that cannot be read or
    asks for nothing, RuntimeError if no problem could be scored."""
    started_s = time.monotonic()
    if request.suite == enamel.SUITE:
        scored = _run_enamel(request, display)
    else:
        scored = _run_reference_suite(request, display)
    if not any(problem.scores for problem in scored.problems):
        first = _first_reason(scored.left_out)
        raise RuntimeError(f"{request.suite}: no problem could be scored{first}")
    return Evaluation(
        suite=request.suite,
        protocol=PROTOCOLS[request.released],
        provenance={
            **scored.where,
            "data": request.data,
            "data_sha256": _digest(request.data),
            "programs": request.programs,
            "programs_sha256": _digest(request.programs),
            "ks": list(request.ks),
            **_repeats(request),
            "measure": request.measure.model_dump(),
            "host": platform.node(),
            "skeldpo": __version__,
            "seconds": round(time.monotonic() - started_s, 3),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        problems=tuple(scored.problems),
        left_out=tuple(scored.left_out),
    )


def show_evaluation(evaluation: Evaluation, display: Display) -> None:
    """The scores as a table, and the first of what was left out."""
    rows = [
        (
            name,
            f"{i.value:.4f}",
            f"{i.low:.4f} to {i.high:.4f}",
            counted_text(i.num_problems, i.num_families),
        )
        for name, i in mean_scores(evaluation.problems).items()
    ]
    display.table(
        f"{evaluation.suite}, {evaluation.protocol} protocol",
        ("score", "mean", "95 % interval", "problems"),
        rows,
    )
    for note, count in evaluation.provenance.get("answer_notes", {}).items():
        display.tell(f"answers: {count} x {note}")
    shown = evaluation.left_out[:10]
    for entry in shown:
        display.tell(f"left out: {entry.problem_id or '?'}: {entry.reason} ({entry.place})")
    if len(evaluation.left_out) > len(shown):
        display.tell(f"... and {len(evaluation.left_out) - len(shown)} more, in the report")


def compare_reports(first: str, second: str, page: str, display: Display) -> None:
    """Shows the differences of two reports; writes them as a page when `page` is given."""
    left, right = load_evaluation(first), load_evaluation(second)
    differences = compare.compare_evaluations(left, right)
    display.table(
        f"{left.suite}, {left.protocol} protocol: {first} minus {second}",
        compare.COLUMNS,
        compare.comparison_rows(differences),
    )
    if page:
        text = comparison_page(
            differences, title=f"{left.suite}: two evaluations", first=first, second=second
        )
        Path(page).write_text(text, encoding="utf-8")
        display.tell(f"page: {page}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    problems: list[ProblemResult]
    left_out: list[LeftOut]
    where: dict[str, Any]


def _run_enamel(request: SuiteRequest, display: Display) -> _Scored:
    data = enamel.load_enamel(request.data)
    known = {problem.problem_id: problem for problem in data.problems}
    wanted = {key: problem.wanted for key, problem in known.items()}
    given = read_program_set(request.programs, tuple(known), data.unused_ids, wanted)
    left_out = [
        *data.left_out,
        *_noted(given, wanted, lambda key, code: enamel.assembled(known[key], code), request.ks),
    ]
    score = measure_enamel_released if request.released else measure_enamel

    def work(run: Run, problem: enamel.EnamelProblem) -> ProblemResult | LeftOut:
        codes = given.programs[problem.problem_id]
        try:
            return score(problem, codes, request.ks, run)
        except (UnusableProblem, SandboxFailure) as error:
            return LeftOut(place="measuring", problem_id=problem.problem_id, reason=str(error))

    asked = [known[key] for key in known if key in given.programs]
    measured = map_on_cores(
        asked, work, request.measure, _counter(request.suite, len(asked), display)
    )
    left_out += [entry for entry in measured.made if isinstance(entry, LeftOut)]
    return _Scored(
        problems=[entry for entry in measured.made if isinstance(entry, ProblemResult)],
        left_out=left_out,
        where={
            "answer_notes": dict(given.notes),
            "cores": list(measured.cores),
            "image_digest": measured.image.digest,
            "python_version": measured.image.python_version,
        },
    )


def _run_reference_suite(request: SuiteRequest, display: Display) -> _Scored:
    suite, given = _reference_suite(request, display)
    left_out = list(given.left_out)
    assignments = suite_assignments(suite, given.programs, seed=0)
    if not assignments:
        raise ValueError(
            f"{request.suite}: expected problems with programs from --programs {request.programs}, "
            f"found none among {len(suite.problems) or 'no'} problems{_first_reason(left_out)}"
        )
    connect_ray()
    with tempfile.TemporaryDirectory(dir=request.folder, prefix=".skeldpo-evaluate-") as folder:
        sample_and_measure(
            assignments,
            engines=None,
            sandboxes=Sandboxes(
                measure=request.measure.model_copy(
                    update={"profile_memory": request.measure.profile_memory or suite.has_overheads}
                ),
                evaluate=request.evaluate,
            ),
            output=folder,
            on_progress=count_teller(request.suite, display.tell),
        )
        measured = read_sampled(folder)
    rows: dict[str, list[Measurement]] = {}
    for row in measured.measurements:
        rows.setdefault(row.problem_id, []).append(row)
    results = []
    for assignment in assignments:
        key = assignment.problem.problem_id
        scored = score_assignment(
            suite,
            assignment,
            given.programs[key],
            rows.get(key, []),
            request.ks,
            session_limit_ns(request.measure),
        )
        left_out += scored.left_out
        if scored.result is not None:
            results.append(scored.result)
    return _Scored(
        problems=results,
        left_out=left_out,
        where={
            "answer_notes": dict(given.notes),
            "cores": sorted({row.core for row in measured.measurements}),
            "image_digest": _all_of(row.image_digest for row in measured.measurements),
            "python_version": _all_of(row.python_version for row in measured.measurements),
        },
    )


def _all_of(names: Iterable[str]) -> str:
    """The different names, which on one cluster are one."""
    return ", ".join(sorted(set(names)))


def _first_reason(left_out: Sequence[LeftOut]) -> str:
    """Why the first of what was left out was, to end a message with; "" if nothing was."""
    if not left_out:
        return ""
    return f"; first of {len(left_out)} left out: {left_out[0].problem_id}: {left_out[0].reason}"


def _reference_suite(request: SuiteRequest, display: Display) -> tuple[ReferenceSuite, ProgramSet]:
    """The suite and its programs, with all that was left out of either."""
    suite = load_reference_suite(request, display)
    if request.programs == FIRST_SOLUTION:
        return _first_against_others(suite, request.ks)
    wanted = {problem.problem_id: suite.wanted_of(problem) for problem in suite.problems}
    unscored = [entry.problem_id for entry in suite.left_out if entry.problem_id]
    given = read_program_set(request.programs, tuple(wanted), unscored, wanted=wanted)
    noted = _noted(given, wanted, suite.assembled, request.ks)
    return suite, replace(given, left_out=(*suite.left_out, *noted))


def load_reference_suite(request: SuiteRequest, display: Display) -> ReferenceSuite:
    """The problems and references of every suite but ENAMEL."""
    if request.suite in evalplus.SUITES:
        return evalplus.load_evalplus(
            request.data,
            request.suite,
            request.measure,
            lambda done: display.tell(f"{request.suite}: answers to {done} tasks"),
        )
    if request.suite == effibench.SUITE:
        return effibench.load_effibench(request.data or effibench.HUB_ID)
    if request.suite == mercury.SUITE:
        return mercury.load_mercury(request.data or mercury.HUB_ID)
    problems: Sequence[Problem]
    left_out: list[LeftOutProblem] = []
    if request.suite == "heldout":
        config = ProblemsConfig(num_train=1)
        problems = evaluation_problems(load_problems(config.sources), config, seed=0)
    else:
        problems = list(iter_problems([request.data], on_left_out=left_out.append))
    return ReferenceSuite(
        name=request.suite,
        problems=tuple(problems),
        frames={},
        left_out=tuple(
            LeftOut(place=entry.place, problem_id=entry.problem_id, reason=entry.reason)
            for entry in left_out
        ),
    )


def _first_against_others(
    suite: ReferenceSuite, ks: Sequence[int]
) -> tuple[ReferenceSuite, ProgramSet]:
    if min(ks) > 1:
        raise ValueError(
            f"--programs {FIRST_SOLUTION} is one program a problem: expected --k 1, got {list(ks)}"
        )
    problems, programs = [], {}
    left_out = list(suite.left_out)
    for problem in suite.problems:
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
    left_out += too_few_samples(programs, ks)
    given = ProgramSet(programs=programs, left_out=tuple(left_out))
    return replace(suite, problems=tuple(problems)), given


def _noted(
    given: ProgramSet,
    wanted: Mapping[str, Wanted],
    assemble: Callable[[str, str], str],
    ks: Sequence[int],
) -> list[LeftOut]:
    return [
        *given.left_out,
        *unparsable_programs(given.programs, wanted, assemble),
        *too_few_samples(given.programs, ks),
    ]


def _repeats(request: SuiteRequest) -> dict[str, float]:
    if request.suite == enamel.SUITE:
        return {"num_repeats": enamel.NUM_REPEATS}
    evaluate = request.evaluate
    return {"num_repeats": evaluate.num_repeats, "repeat_for_s": evaluate.repeat_for_s}


def _counter(suite: str, num_problems: int, display: Display) -> Callable[[int], None]:
    started_s = time.monotonic()
    lock = threading.Lock()

    def count(num_done: int) -> None:
        with lock:
            left_s = (time.monotonic() - started_s) / num_done * (num_problems - num_done)
            display.tell(f"{suite}: {num_done} of {num_problems} problems, {left_s:.0f} s left")

    return count


def _digest(path: str) -> str:
    """SHA-256 of a file; "" for a folder, a hub id or nothing."""
    file = Path(path) if path else None
    if file is None or not file.is_file():
        return ""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def save_and_show(evaluation: Evaluation, out: str, display: Display) -> None:
    """Writes the report and its page, and shows it."""
    save_evaluation(evaluation, out)
    page = Path(out).with_suffix(".html")
    page.write_text(evaluation_page(evaluation), encoding="utf-8")
    show_evaluation(evaluation, display)
    display.tell(f"report: {out}, page: {page}")
