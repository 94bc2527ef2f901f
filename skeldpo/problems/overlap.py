"""Training problems that are also in an evaluation set, by id or by statement.

Ids are compared without case and punctuation, also without what stands before the last slash and
without a number in front ("leetcode/0001.TwoSum" is "two-sum"). Statements, with the docstrings of
their starter code, are compared by runs of five words: the share of the shorter one's that the
other has, and of fewer words all of them. A problem told in other words is not found.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeldpo.config import KeepOutConfig
from skeldpo.problems.reader import read_rows, read_utf8
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
_CODE_KEYS = ("starter_code", "prompt", "query")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""Chinese and Japanese have no blanks between words: each character counts as one."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a word of a camelCase name ends, as at the _ of snake_case."""
_DOCSTRING = re.compile(r"(\"{3}|'{3})(.*?)\1", re.DOTALL)
_HEAD = re.compile(r"\bdef\s+(\w*)\s*\(([^)]*)")
_PARAMETER = re.compile(r"(?:^|,)[\s*]*(\w+)")
_LEADING_NUMBER = re.compile(r"\d+[\W_]+")
_INDEX = re.compile(r"\d+|[a-z]\d?")
"""A part of an id that names nothing by itself: HumanEval/7, 1575/A."""

Run = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationProblem:
    """A problem that nothing may be trained on; `statement` is empty where only names are known.
    `code` is what is to be completed, if that is known."""

    source: str
    evaluation_id: str
    statement: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A training problem and the evaluation problem that it matches; `share` is 1 for an id."""

    problem_id: str
    matched: EvaluationProblem
    by: Literal["id", "statement"]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """What is left of the problems, and each that was left out. `num_unnamed` training problems
    have numbers for ids, which `names_only`, files without statements, cannot find."""

    problems: tuple[Problem, ...]
    overlaps: tuple[Overlap, ...]
    num_unnamed: int
    names_only: tuple[str, ...]

    def account(self) -> str:
        """How many were left out, by file and reason, and how many could not be compared with a
        file, in a line; empty if there are none."""
        counts = Counter((each.matched.source, each.by) for each in self.overlaps)
        parts = [f"{count} by {by} ({source})" for (source, by), count in sorted(counts.items())]
        said = []
        if parts:
            said.append(f"{len(self.overlaps)} problems kept out of training: {', '.join(parts)}")
        if self.num_unnamed and self.names_only:
            said.append(
                f"{self.num_unnamed} training problems have numbers for ids, which names alone "
                f"({', '.join(self.names_only)}) do not find: give keep_out.files rows with "
                "statements"
            )
        return "; ".join(said)


def keep_out(problems: Sequence[Problem], config: KeepOutConfig) -> KeptOut:
    """Leaves out the training problems that are in one of `config.files`."""
    evaluation = [each for path in config.files for each in read_evaluation(path)]
    training = [problem for problem in problems if problem.split == "train"]
    overlaps = find_overlaps(training, evaluation, config.max_overlap)
    gone = {overlap.problem_id for overlap in overlaps}
    return KeptOut(
        problems=tuple(problem for problem in problems if problem.problem_id not in gone),
        overlaps=tuple(overlaps),
        num_unnamed=sum(not _names(problem.problem_id) for problem in training),
        names_only=tuple(
            sorted({each.source for each in evaluation if not each.statement.strip()})
        ),
    )


def read_evaluation(path: str) -> list[EvaluationProblem]:
    """The problems of a file of names (.txt, one a line), or of what `problems.reader` takes.

    Rows need an id, as rows of problems have (EffiBench's task_name is one), or a statement, as
    those of TACO that have no name.
    """
    file = Path(path).expanduser()
    if file.suffix != ".txt":
        found = [_from_row(row, file.name, where) for where, row in read_rows(path)]
    elif not file.is_file():
        raise ValueError(f"no file at {file}; keep_out.files names evaluation sets")
    else:
        found = [
            EvaluationProblem(source=file.name, evaluation_id=line.strip(), statement="")
            for line in read_utf8(file).splitlines()
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
    by_name: dict[str, EvaluationProblem] = {}
    by_rest: dict[str, EvaluationProblem] = {}
    for each in reversed(evaluation):
        by_name.update(dict.fromkeys(_names(each.evaluation_id), each))
        by_rest.update(dict.fromkeys(_unnumbered(each.evaluation_id), each))
    runs = [_runs(each.statement, each.code) for each in evaluation]
    holders: tuple[dict[Run, list[int]], ...] = (defaultdict(list), defaultdict(list))
    for number, forms in enumerate(runs):
        for held_by, found in zip(holders, forms, strict=True):
            for run in found:
                held_by[run].append(number)
    overlaps = []
    for problem in problems:
        names = _names(problem.problem_id)
        called = ((by_name, names), (by_name, _unnumbered(problem.problem_id)), (by_rest, names))
        named = next((held[n] for held, asked in called for n in asked if n in held), None)
        if named is not None:
            overlaps.append(
                Overlap(problem_id=problem.problem_id, matched=named, by="id", share=1.0)
            )
            continue
        own = _runs(problem.statement, f"{problem.starter_code}\n{_called(problem.entry_point)}")
        shares: dict[int, float] = {}
        for form, found in enumerate(own):
            shared = Counter(n for run in found for n in holders[form].get(run, ()))
            for n, count in shared.items():
                share = count / min(len(found), len(runs[n][form]))
                shares[n] = max(share, shares.get(n, 0.0))
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
    key = next((row[key] for key in _ID_KEYS if row.get(key) not in (None, "")), "")
    statement = next((row[key] for key in _STATEMENT_KEYS if row.get(key)), "")
    if key == "" and not statement:
        raise ValueError(
            f"{where}: an evaluation problem needs one of {', '.join(_ID_KEYS)}, or a statement "
            f"({', '.join(_STATEMENT_KEYS)}); got the columns {sorted(map(str, row))}"
        )
    if isinstance(statement, list):  # Mercury
        statement = "\n\n".join(map(str, statement))
    code = [str(row[key]) for key in _CODE_KEYS if row.get(key)]
    code.append(_called(str(row.get("entry_point") or "")))
    return EvaluationProblem(
        source=source, evaluation_id=str(key), statement=str(statement), code="\n".join(code)
    )


def _called(entry_point: str) -> str:
    """The head of a function, such as twoSum of Solution().twoSum."""
    return f"def {entry_point.rpartition('.')[2]}()"


def _names(problem_id: str) -> list[str]:
    """The whole id and its last part, as `_name`; of the last part nothing where it is an index."""
    whole, last = _name(problem_id), _last_name(problem_id.rpartition("/")[2])
    return [name for name in (whole, *last) if name and not name.isdecimal()]


def _unnumbered(problem_id: str) -> list[str]:
    """The last part of an id without the number that it begins with; nothing if it has none."""
    last = problem_id.rpartition("/")[2]
    numbered = _LEADING_NUMBER.match(last)
    return _last_name(last[numbered.end() :]) if numbered else []


def _last_name(part: str) -> list[str]:
    name = _name(part)
    return [] if _INDEX.fullmatch(name) else [name]


def _name(text: str) -> str:
    """In lower case without punctuation and blanks, but for one between two numbers."""
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(re.findall(r"[^\W_]+", text.lower())))


def _runs(statement: str, code: str) -> tuple[frozenset[Run], frozenset[Run]]:
    """The runs of words of a statement, and of the same without the names of the functions and
    parameters that it or the code declares: those may be others.

    The docstrings of the code are part of a statement: HumanEval's tell the task.
    """
    told = (found[2] for found in _DOCSTRING.finditer(code) if found[2] not in statement)
    whole = "\n".join((statement, *told))
    heads = _HEAD.findall(f"{statement}\n{code}")
    names = {name for head in heads for name in (head[0], *_PARAMETER.findall(head[1])) if name}
    named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    return _word_runs(whole), _word_runs(named.sub(" ", whole) if names else whole)


def _word_runs(text: str) -> frozenset[Run]:
    plain = unicodedata.normalize("NFKC", html.unescape(_TAG.sub(" ", text)))
    words = _WORD.findall(_HUMP.sub(" ", plain).lower())
    num_runs = max(1, len(words) - NUM_RUN_WORDS + 1) if words else 0
    return frozenset(tuple(words[start : start + NUM_RUN_WORDS]) for start in range(num_runs))
