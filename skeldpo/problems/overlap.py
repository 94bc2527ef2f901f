"""Training problems that are also in an evaluation set, by id or by statement.

Ids are compared without case and punctuation, also without what stands before the last slash
("leetcode/Two-Sum" is "two sum"). Statements are compared by runs of five words: the share of the
shorter one's that the other has, and of fewer words all of them. A problem told in other words is
not found.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeldpo.config import KeepOutConfig
from skeldpo.problems.reader import read_rows
from skeldpo.records import Problem

NUM_RUN_WORDS = 5
_ID_KEYS = (
    "problem_id", "task_id", "slug_name", "slug", "id", "task_name", "problem_idx", "question_id",
    "name",
)  # fmt: skip
_STATEMENT_KEYS = (
    "statement", "problem_description", "pretty_content", "markdown_description", "content",
    "question_content", "question", "description", "text", "query", "instruct_prompt",
    "complete_prompt", "prompt",
)  # fmt: skip
"""The likeliest first: beside a statement, `prompt` is code (Mercury, LeetCodeDataset)."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""Chinese and Japanese have no blanks between words: each character counts as one."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")

Run = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationProblem:
    """A problem that nothing may be trained on; `statement` is empty where only names are known."""

    source: str
    evaluation_id: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A training problem and the evaluation problem that it matches; `share` is 1 for an id."""

    problem_id: str
    matched: EvaluationProblem
    by: Literal["id", "statement"]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """What is left of the problems, and each that was left out."""

    problems: tuple[Problem, ...]
    overlaps: tuple[Overlap, ...]

    def account(self) -> str:
        """How many were left out, by file and reason, in a line; empty if none was."""
        if not self.overlaps:
            return ""
        counts = Counter((each.matched.source, each.by) for each in self.overlaps)
        parts = [f"{count} by {by} ({source})" for (source, by), count in sorted(counts.items())]
        return f"{len(self.overlaps)} problems kept out of training: {', '.join(parts)}"


def keep_out(problems: Sequence[Problem], config: KeepOutConfig) -> KeptOut:
    """Leaves out the training problems that are in one of `config.files`."""
    evaluation = [each for path in config.files for each in read_evaluation(path)]
    training = [problem for problem in problems if problem.split == "train"]
    overlaps = find_overlaps(training, evaluation, config.max_overlap)
    gone = {overlap.problem_id for overlap in overlaps}
    return KeptOut(
        problems=tuple(problem for problem in problems if problem.problem_id not in gone),
        overlaps=tuple(overlaps),
    )


def read_evaluation(path: str) -> list[EvaluationProblem]:
    """The problems of a file of names (.txt, one a line), or of what `problems.reader` takes.

    Rows need an id, as rows of problems have (EffiBench's task_name is one), and may have a
    statement.
    """
    file = Path(path).expanduser()
    if file.suffix != ".txt":
        found = [_from_row(row, file.name, where) for where, row in read_rows(path)]
    elif not file.is_file():
        raise ValueError(f"no file at {file}; keep_out.files names evaluation sets")
    else:
        found = [
            EvaluationProblem(source=file.name, evaluation_id=line.strip(), statement="")
            for line in file.read_text(encoding="utf-8-sig").splitlines()
            if line.strip()
        ]
    if not found:
        raise ValueError(f"{file}: expected evaluation problems, found none")
    for each in found:
        if not each.statement.strip() and not _names(each.evaluation_id):
            raise ValueError(
                f"{file}: problem {each.evaluation_id!r} can be found by nothing: expected a name "
                f"that is more than a number, or a statement ({', '.join(_STATEMENT_KEYS)})"
            )
    return found


def find_overlaps(
    problems: Iterable[Problem], evaluation: Sequence[EvaluationProblem], max_overlap: float
) -> list[Overlap]:
    """Every problem that matches an evaluation problem, with the best match: an id before a
    statement, then the largest share (from `max_overlap`)."""
    by_id: dict[str, EvaluationProblem] = {}
    for each in reversed(evaluation):
        by_id.update(dict.fromkeys(_names(each.evaluation_id), each))
    runs = [_runs(each.statement) for each in evaluation]
    holders: dict[Run, list[int]] = defaultdict(list)
    for number, found in enumerate(runs):
        for run in found:
            holders[run].append(number)
    overlaps = []
    for problem in problems:
        named = next((by_id[n] for n in _names(problem.problem_id) if n in by_id), None)
        if named is not None:
            overlaps.append(
                Overlap(problem_id=problem.problem_id, matched=named, by="id", share=1.0)
            )
            continue
        own = _runs(problem.statement)
        shared = Counter(number for run in own for number in holders.get(run, ()))
        shares = {n: count / min(len(own), len(runs[n])) for n, count in shared.items()}
        best = max(shares, key=lambda n: (shares[n], -n), default=-1)
        if best >= 0 and shares[best] >= max_overlap:
            overlaps.append(
                Overlap(
                    problem_id=problem.problem_id, matched=evaluation[best], by="statement",
                    share=shares[best],
                )
            )  # fmt: skip
    return overlaps


def _from_row(row: Mapping[str, Any], source: str, where: str) -> EvaluationProblem:
    key = next((row[key] for key in _ID_KEYS if row.get(key) not in (None, "")), None)
    if key is None:
        raise ValueError(
            f"{where}: an evaluation problem needs one of {', '.join(_ID_KEYS)}; "
            f"got the columns {sorted(map(str, row))}"
        )
    statement = next((row[key] for key in _STATEMENT_KEYS if row.get(key)), "")
    if isinstance(statement, list):  # Mercury
        statement = "\n\n".join(map(str, statement))
    return EvaluationProblem(source=source, evaluation_id=str(key), statement=str(statement))


def _names(problem_id: str) -> list[str]:
    """The whole id and its last part, in lower case with blanks for punctuation.

    A part that is only a number (HumanEval/7) names nothing by itself.
    """
    names = [" ".join(re.findall(r"[^\W_]+", part.lower()))
             for part in (problem_id, problem_id.rpartition("/")[2])]  # fmt: skip
    return [name for name in names if name and not name.isdecimal()]


def _runs(statement: str) -> frozenset[Run]:
    words = _WORD.findall(_TAG.sub(" ", statement).lower())
    num_runs = max(1, len(words) - NUM_RUN_WORDS + 1) if words else 0
    return frozenset(tuple(words[start : start + NUM_RUN_WORDS]) for start in range(num_runs))
