"""ENAMEL (arXiv 2406.06647): its CSV as problems, and the programs that run for them in a sandbox.

The suite's own code (input generators, reference programs, checkers) is as little trusted as the
programs it judges: all of it runs in the sandbox, each piece away from the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldpo import values
from skeldpo.answers import Wanted, read_program
from skeldpo.evaluate import guest_inputs, guest_released
from skeldpo.evaluate.programs import LeftOut
from skeldpo.languages import python
from skeldpo.sandbox.guest_source import guest_source

SUITE = "enamel"
NUM_TESTS = (8, 4, 4, 4)
"""Tests of the four levels."""
NUM_REPEATS = 6
SEED = 998_244_353
"""The suite's own; a test's seed is SEED ^ problem number ^ number of the test."""
TOLERANCE_NS = 10_000_000
UNUSED = frozenset(
    {2, 23, 41, 45, 53, 60, 71, 92, 97, 99, 102, 123, 124, 135, 137, 138, 144, 148, 156, 157,
     159, 160}
)  # fmt: skip
"""HumanEval problems that the suite leaves out: 142 of 164 remain."""
COLUMNS = (
    "task_id", "prompt", "input_generator", "input_levels", "reference_solution", "checker",
    "entry_point",
)  # fmt: skip
ECHO = "_skeldpo_echo"
MAKE = "_skeldpo_make"
CHECK = "_skeldpo_check"
TIMED = "_skeldpo_timed"

_FIELD_LIMIT_CHARS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnamelProblem:
    """A row of the CSV; `sizes` are the generator's argument at each level, `preamble` is what the
    prompt promises to every program."""

    problem_id: str
    number: int
    prompt: str
    generator: str
    sizes: tuple[int, ...]
    reference: str
    checker: str
    entry_point: str
    preamble: str

    @property
    def wanted(self) -> Wanted:
        """What a sample is: the function, or what goes on where the prompt ends."""
        return Wanted(language=python.NAME, entry_point=self.entry_point, prompt=self.prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnamelData:
    """The problems that count, the ids of those that do not, and rows that could not be used."""

    problems: tuple[EnamelProblem, ...]
    unused_ids: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def load_enamel(path: str | Path) -> EnamelData:
    """Reads the suite's CSV; ValueError when it is none, a bad row is listed in `left_out`."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"no file at {file}; expected ENAMEL's enamel.csv")
    csv.field_size_limit(_FIELD_LIMIT_CHARS)
    try:
        rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{file}: expected the columns {', '.join(COLUMNS)}; missing {sorted(missing)}"
            )
        return _sorted_out(file, list(rows))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file} is not ENAMEL's CSV: {error}") from error


def numbered_seeds(problem: EnamelProblem) -> tuple[tuple[int, ...], ...]:
    """The seed of every test, by level."""
    seeds, first = [], 0
    for count in NUM_TESTS:
        seeds.append(tuple(SEED ^ problem.number ^ (first + index) for index in range(count)))
        first += count
    return tuple(seeds)


def assembled(problem: EnamelProblem, code: str) -> str:
    """The program of a sample, which may be a whole program or go on where the prompt ends."""
    return read_program(code, problem.wanted, goes_on=True).code


def echo_preamble(answer_text: str) -> str:
    """ECHO(*arguments) takes and gives what a sample does, and does nothing between."""
    return (
        f"_skeldpo = {{}}\nexec({guest_source(values)!r}, _skeldpo)\n"
        f'_skeldpo_held = _skeldpo["decode"]({answer_text!r})\n'
        f"def {ECHO}(*arguments):\n    return _skeldpo_held\n"
    )


def generator_program(problem: EnamelProblem) -> str:
    """MAKE(seed, size, level, index) gives the list of arguments of a test."""
    return (
        f"exec({guest_source(guest_inputs)!r}, globals())\nimport time\n"
        f"{problem.prompt}\n{problem.generator}\n"
        f"def {MAKE}(seed, size, level, index):\n"
        "    random.seed(seed)\n"
        "    return list(generate_input(size=size, lid=level, cid=index))\n"
    )


def checker_program(problem: EnamelProblem) -> str:
    """CHECK(arguments, expected, answer) says whether an answer is right."""
    return (
        f"{problem.prompt}\n    pass\n{problem.checker}\n"
        f"def {CHECK}(arguments, expected, answer):\n"
        "    try:\n"
        "        return bool(__check(tuple(arguments), expected, answer))\n"
        "    except Exception:\n"
        "        return False\n"
    )


def released_program() -> str:
    """TIMED(preamble, program, entry point, arguments, repeats, limit in s) times as ENAMEL does,
    and gives [times in ns, answers, whether it was stopped]."""
    return (
        f"{guest_source(guest_released)}\n"
        f"def {TIMED}(*arguments):\n"
        "    return list(timed(*arguments))\n"
    )


def _sorted_out(file: Path, rows: Sequence[dict[str, str]]) -> EnamelData:
    problems: dict[str, EnamelProblem] = {}
    unused: list[str] = []
    left_out: list[LeftOut] = []
    for index, row in enumerate(rows, start=1):
        name = row["task_id"] or ""
        place = f"{file}: row {index}"
        try:
            problem = _problem(row)
            if problem.problem_id in problems or problem.problem_id in unused:
                raise ValueError("this task_id is there twice; the first counts")
        except ValueError as error:
            left_out.append(LeftOut(place=place, problem_id=name, reason=str(error)))
            continue
        if problem.number in UNUSED:
            unused.append(problem.problem_id)
        else:
            problems[problem.problem_id] = problem
    if not problems:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{file}: expected problems, found none that can be used{first}")
    return EnamelData(
        problems=tuple(problems.values()), unused_ids=tuple(unused), left_out=tuple(left_out)
    )


def _problem(row: dict[str, str]) -> EnamelProblem:
    empty = [name for name in COLUMNS if not (row[name] or "").strip()]
    if empty:
        raise ValueError(f"empty columns {empty}")
    number = row["task_id"].rpartition("/")[2]
    if not number.isdecimal():
        raise ValueError(f"task_id must be such as HumanEval/0, got {row['task_id']!r}")
    sizes = row["input_levels"].split()
    if len(sizes) != len(NUM_TESTS) or not all(size.isdecimal() for size in sizes):
        raise ValueError(
            f"input_levels must be {len(NUM_TESTS)} sizes, got {row['input_levels']!r}"
        )
    if not row["entry_point"].isidentifier():
        raise ValueError(f"entry_point must be a name, got {row['entry_point']!r}")
    return EnamelProblem(
        problem_id=row["task_id"],
        number=int(number),
        prompt=row["prompt"],
        generator=row["input_generator"],
        sizes=tuple(map(int, sizes)),
        reference=row["reference_solution"],
        checker=row["checker"],
        entry_point=row["entry_point"],
        preamble=python.prompt_preamble(row["prompt"], row["entry_point"]),
    )
