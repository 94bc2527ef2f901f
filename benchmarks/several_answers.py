"""Which problems take other answers than the expected one, and how are they judged?

    python -m benchmarks.several_answers [--data FOLDER] [--run] [--json FILE]

CodeContests: what each statement says, the checker that follows from it, and whether the problem is
left out; with `--run` also how many known programs give the expected answers in the sandbox (the
evidence for problems that say nothing; some minutes, needs Docker). LeetCodeDataset: how many
problems take any order or any answer by their statements, and in how many of the former the
reference's own answer in another order would be refused, as the data's asserts compare with ==.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from skeldpo.config import MeasureConfig
from skeldpo.console import Display
from skeldpo.judging.checkers import is_correct
from skeldpo.judging.right_answers import known_programs_fault, several_answers
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.measure.verdict import Judge
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.code_contests import any_problem
from skeldpo.problems.reader import read_rows
from skeldpo.problems.sources import problem_from_row
from skeldpo.records import Outcome, Problem

MAX_TESTS = 24
"""Of a problem, for the known programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Verdicts of the known programs that were run, and the fault that they show."""

    num_accepted: int
    num_refused: int
    num_failed: int
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeetCode:
    """Numbers of problems; `any_order_refused` of those of `any_order`, with the reference's
    answers the other way round."""

    rows: int
    read: int
    several: int
    any_order: int
    any_order_refused: int
    any_answer: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--run", action="store_true", help="run known programs in the sandbox")
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    display = Display()
    rows = read_rows(Path(options.data) / "code_contests" / "problems.jsonl.gz")
    problems = [any_problem(row) for _, row in rows]
    known = known_verdicts(problems, display) if options.run else ()
    show_code_contests(problems, known, display)
    found = leetcode_figures(Path(options.data) / "leetcode")
    display.table(
        "LeetCodeDataset, by statements", ("problems", "number"),
        [(name.replace("_", " "), str(number)) for name, number in asdict(found).items()],
    )  # fmt: skip
    if options.json:
        figures = {
            "code_contests": {p.problem_id: [_checker(p), several_answers(p)] for p in problems},
            "known_programs": {
                problem.problem_id: asdict(verdicts)
                for problem, verdicts in zip(problems, known, strict=bool(known))
            },
            "leetcode": asdict(found),
        }
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def known_verdicts(problems: Sequence[Problem], display: Display) -> tuple[Known, ...]:
    """What the known programs of each problem say of its tests."""
    config = MeasureConfig(max_tests=MAX_TESTS, cpu_limit_s=5.0)

    def judge(run: Run, problem: Problem) -> Known:
        outcomes: list[Outcome] = []

        def outcome_of(code: str) -> Outcome:
            outcomes.append(Judge(problem, run, config).check(code).outcome)
            return outcomes[-1]

        fault = known_programs_fault(problem, outcome_of)
        counts = Counter(outcomes)
        accepted, refused = counts[Outcome.ACCEPTED], counts[Outcome.WRONG_ANSWER]
        return Known(
            num_accepted=accepted,
            num_refused=refused,
            num_failed=len(outcomes) - accepted - refused,
            fault=fault,
        )

    def tell(num_done: int) -> None:
        display.tell(f"known programs of {num_done} of {len(problems)} problems")

    return map_on_cores(problems, judge, config, tell)


def show_code_contests(
    problems: Sequence[Problem], known: Sequence[Known], display: Display
) -> None:
    """A line for each problem that is not judged exactly, and what the known programs say."""
    num_several = sum(bool(several_answers(problem)) for problem in problems)
    display.tell(f"CodeContests: {num_several} of {len(problems)} problems take several answers")
    for place, problem in enumerate(problems):
        said = several_answers(problem)
        fault = known[place].fault if known else ""
        if said:
            display.tell(f"{problem.problem_id} left out: {said!r}")
        elif fault:
            display.tell(f"{problem.problem_id} at fault: {fault}")
        elif problem.checker != "exact":
            display.tell(f"{problem.problem_id} judged by {_checker(problem)}")
    if known:
        display.tell(
            f"known programs: {sum(k.num_accepted for k in known)} accepted, "
            f"{sum(k.num_refused for k in known)} refused, {sum(k.num_failed for k in known)} "
            f"failed; they refute the tests of {sum(bool(k.fault) for k in known)} problems"
        )


def leetcode_figures(folder: Path) -> LeetCode:
    """Over all files of the folder; a problem that is in two of them counts twice."""
    counts: Counter[str] = Counter()
    for problem in _leetcode_problems(folder, counts):
        counts["read"] += 1
        if not several_answers(problem):
            continue
        counts["several"] += 1
        if "order" in several_answers(problem):
            counts["any_order"] += 1
            counts["any_order_refused"] += _refuses_another_order(problem)
        else:
            counts["any_answer"] += 1
    return LeetCode(**{name: counts[name] for name in LeetCode.__slots__})


def _leetcode_problems(folder: Path, counts: Counter[str]) -> Iterator[Problem]:
    for file in sorted(folder.glob("*.jsonl.gz")):
        for _, row in read_rows(file):
            counts["rows"] += 1
            try:
                yield problem_from_row(row, source="leetcode")
            except UnsupportedProblemError:
                continue


def _refuses_another_order(problem: Problem) -> bool:
    for test in problem.tests:
        expected = json.loads(test.expected_text)
        if isinstance(expected, list):
            other = json.dumps(expected[::-1])
            if not is_correct(problem.checker, problem.kind, other, test.expected_text):
                return True
    return False


def _checker(problem: Problem) -> str:
    return problem.checker if "\n" not in problem.checker else "own tolerance"


if __name__ == "__main__":
    main()
