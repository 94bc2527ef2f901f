"""Mercury (arXiv 2402.07844): its rows as problems with a distribution of reference programs.

A row's tests, conversions and checks are those of the suite; programs are timed by our sandbox, all
tests in one process, references and samples in turns. `evaluate_offline` compares on the host where
it is a plain comparison with the expected value, else in the sandbox, away from the program.
"""

from __future__ import annotations

from skeldpo.answers import Wanted
from skeldpo.languages import python
from skeldpo.problems.mercury import OWNER, framed_problem
from skeldpo.problems.reader import data_rows
from skeldpo.records import Problem
from skeldpo.suites.contract import Protocol, Suite, SuiteProblems
from skeldpo.suites.evaluation import LeftOut, require_any
from skeldpo.suites.scoring import PLACE_SCORES, place_among_references

NAME = "mercury"
HUB_ID = "Elfsong/Mercury"
HUB_SPLIT = "eval"


def load_mercury(source: str) -> SuiteProblems:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when the source is no such file; a row that cannot be used is listed.
    """
    problems: dict[str, Problem] = {}
    frames: dict[str, str] = {}
    wanted: dict[str, Wanted] = {}
    left_out: list[LeftOut] = []
    for line in data_rows(source, HUB_SPLIT):
        row = line.row or {}
        name = str(row.get("slug_name") or "")
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if name in problems:
                raise ValueError("this slug_name is there twice; the first counts")
            problems[name], frames[name] = framed_problem(row)
            wanted[name] = Wanted(language=python.NAME, entry_point=f"{OWNER}.{row['entry_point']}")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            left_out.append(LeftOut(place=line.place, problem_id=name, reason=_told(error)))
    require_any(problems, "rows of Mercury", source, left_out)
    return SuiteProblems(
        problems=tuple(problems.values()),
        frames=frames,
        left_out=tuple(left_out),
        wanted=wanted,
    )


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


SUITE = Suite(
    name=NAME,
    data=f"rows of `{HUB_ID}` as JSONL or Parquet; without `--data` the Hugging Face dataset",
    scores=PLACE_SCORES,
    equality="it is `equal` (PROBLEMS.md), or the row's own `evaluate_offline` takes it where that "
    "is no comparison",
    load=lambda data: load_mercury(data.source),
    protocol=Protocol(score=place_among_references),
    hub_id=HUB_ID,
    needs_data=False,
)
