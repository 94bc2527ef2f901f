"""Programs written by other tools, as they come: -> problem id -> programs, and what was left out.

Read are Mercury's samples JSON ({slug: [{"completion": ...}]}), ENAMEL's codes[i][j] (a list, or
an object by problem number), JSONL and Parquet rows of EvalPlus ({"task_id", "solution"}) or ours
({"problem_id", "code"}), raw or inside code fences, and a folder of Python files. A row that cannot
be used is listed with its place and does not stop the others.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldpo.problems.formats import read_rows
from skeldpo.prompts import extract_code

ID_KEYS = ("problem_id", "task_id", "slug_name", "problem_idx")
CODE_KEYS = ("code", "solution", "completion")
SAMPLE_KEYS = ("candidate_id", "sample_id", "sample_index", "_identifier")
_NUMBERED = re.compile(r"(.*)[/_](\d+)\Z", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of the input that was not scored, or scored as failed; `place` says where it is."""

    place: str
    problem_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSet:
    """Programs by problem, in the order they were given, and what could not be used."""

    programs: Mapping[str, tuple[str, ...]]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLine:
    """A line of a JSONL file; `row` None says why in `reason`."""

    place: str
    row: Mapping[str, Any] | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One entry of a file; `code` None says why in `reason`."""

    place: str
    problem_id: str
    sample_key: str
    code: str | None
    reason: str = ""


def read_program_set(
    path: str | Path, problem_ids: Sequence[str], ignored_ids: Sequence[str] = ()
) -> ProgramSet:
    """Reads a file or folder of programs for the problems of a suite.

    Programs for `ignored_ids`, problems that the suite has and does not score, are passed over.
    ValueError when the file cannot be read at all, or holds no program for any problem.
    """
    source = Path(path)
    names = _Names([*problem_ids, *ignored_ids])
    scored = set(problem_ids)
    programs: dict[str, list[str]] = {}
    left_out: list[LeftOut] = []
    seen: set[tuple[str, str]] = set()
    for found in _entries(source):
        problem_id = names.find(found.problem_id)
        reason = found.reason
        if not reason and problem_id is None:
            reason = f"no problem {found.problem_id!r} in this suite"
        elif not reason and found.sample_key and (found.problem_id, found.sample_key) in seen:
            reason = f"sample {found.sample_key} of this problem is there twice; the first counts"
        if reason or problem_id is None:
            left_out.append(LeftOut(place=found.place, problem_id=found.problem_id, reason=reason))
        elif problem_id in scored:
            seen.add((found.problem_id, found.sample_key))
            assert found.code is not None
            programs.setdefault(problem_id, []).append(found.code)
            if not found.code.strip():
                left_out.append(LeftOut(place=found.place, problem_id=problem_id,
                                        reason="empty program: scored as failed"))  # fmt: skip
    if not programs:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(
            f"{source}: expected programs for this suite's {len(problem_ids)} problems, "
            f"found none{first}"
        )
    left_out += [
        LeftOut(place=str(source), problem_id=problem_id, reason="no program given")
        for problem_id in problem_ids
        if problem_id not in programs
    ]
    return ProgramSet(
        programs={key: tuple(codes) for key, codes in programs.items()}, left_out=tuple(left_out)
    )


def json_lines(source: Path) -> Iterator[JsonLine]:
    """The objects of a JSONL file, gzipped or not, and the lines that are none."""
    with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"{source}:{number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                yield JsonLine(place=place, row=None, reason=f"not valid JSON: {error}")
                continue
            if isinstance(row, dict):
                yield JsonLine(place=place, row=row, reason="")
            else:
                reason = f"expected an object, got {type(row).__name__}"
                yield JsonLine(place=place, row=None, reason=reason)


def unparsable_programs(
    programs: Mapping[str, Sequence[str]], assemble: Callable[[str, str], str]
) -> list[LeftOut]:
    """Programs that are no Python; `assemble(problem_id, code)` is the text that would be run."""
    found = []
    for problem_id, codes in programs.items():
        for index, code in enumerate(codes):
            reason = _syntax_problem(assemble(problem_id, code)) if code.strip() else ""
            if reason:
                found.append(
                    LeftOut(
                        place=f"sample {index}",
                        problem_id=problem_id,
                        reason=f"no Python program ({reason}): scored as failed",
                    )
                )
    return found


def too_few_samples(programs: Mapping[str, Sequence[str]], ks: Sequence[int]) -> list[LeftOut]:
    """Problems that have fewer samples than the largest k: they do not count in that "@k"."""
    largest = max(ks)
    return [
        LeftOut(place=f"{len(codes)} samples", problem_id=problem_id,
                reason=f"not scored @{largest}: that needs {largest} samples")
        for problem_id, codes in programs.items()
        if len(codes) < largest
    ]  # fmt: skip


class _Names:
    """A suite's problem ids, found also by number or with "_" for "/"."""

    def __init__(self, problem_ids: Sequence[str]) -> None:
        self._known = {problem_id: problem_id for problem_id in problem_ids}
        numbered = [match for match in map(_NUMBERED.match, problem_ids) if match]
        if len(numbered) == len(problem_ids) and len({match[1] for match in numbered}) == 1:
            for match in numbered:
                self._known[match[2]] = match.string
                self._known[f"{match[1]}_{match[2]}"] = match.string

    def find(self, name: str) -> str | None:
        """The problem id that is meant, or None."""
        return self._known.get(name)


def _syntax_problem(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _entries(source: Path) -> Iterator[_Found]:
    if source.is_dir():
        return _folder_entries(source)
    if not source.is_file():
        raise ValueError(f"no file or folder at {source}; expected programs")
    if source.suffix == ".json":
        return _json_entries(source)
    if source.suffix == ".parquet":
        return (_row_entry(place, row) for place, row in read_rows(source))
    return _line_entries(source)


def _line_entries(source: Path) -> Iterator[_Found]:
    for line in json_lines(source):
        if line.row is None:
            yield _refused(line.place, "", line.reason)
        else:
            yield _row_entry(line.place, line.row)


def _row_entry(place: str, row: Mapping[str, Any]) -> _Found:
    problem_id = next((row[key] for key in ID_KEYS if row.get(key) is not None), None)
    if problem_id is None:
        return _refused(place, "", f"no {' or '.join(ID_KEYS)} among the keys {sorted(row)}")
    code = next((row[key] for key in CODE_KEYS if row.get(key) is not None), None)
    sample_key = next((str(row[key]) for key in SAMPLE_KEYS if row.get(key) is not None), "")
    return _entry(place, str(problem_id), code, sample_key)


def _json_entries(source: Path) -> Iterator[_Found]:
    repeated: list[str] = []

    def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                repeated.append(key)
            made.setdefault(key, value)
        return made

    try:
        text = source.read_text(encoding="utf-8")
        held = json.loads(text, object_pairs_hook=first_of_each)
    except ValueError as error:
        raise ValueError(f"{source} is not valid JSON: {error}") from error
    if not isinstance(held, dict | list):
        raise ValueError(f"{source}: expected an object or a list, got {type(held).__name__}")
    named = held.items() if isinstance(held, dict) else enumerate(held)
    for name, samples in named:
        place = f"{source}[{name!r}]"
        if isinstance(held, list) and isinstance(samples, dict):
            yield _row_entry(place, samples)
            continue
        if not isinstance(samples, list):
            yield _refused(place, str(name), f"expected a list of programs, got {samples!r:.80}")
            continue
        for index, sample in enumerate(samples):
            code = sample
            if isinstance(sample, dict):
                code = next((sample[key] for key in CODE_KEYS if key in sample), None)
            yield _entry(f"{place}[{index}]", str(name), code, "")
    for key in repeated:
        yield _refused(f"{source}[{key!r}]", key, "this key is there twice; the first counts")


def _folder_entries(folder: Path) -> Iterator[_Found]:
    """PROBLEM_ID.py, PROBLEM_ID.anything.py or PROBLEM_ID/anything.py, numbers in their order."""
    files = sorted(folder.rglob("*.py"), key=lambda file: (file.parent, _number(file.stem), file))
    for file in files:
        name = file.parent.name if file.parent != folder else file.stem.partition(".")[0]
        try:
            code = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            yield _refused(str(file), name, f"a program must be UTF-8 text: {error}")
            continue
        yield _entry(str(file), name, code, "")


def _number(stem: str) -> int:
    return int(stem) if stem.isdecimal() else -1


def _entry(place: str, problem_id: str, code: Any, sample_key: str) -> _Found:
    if not isinstance(code, str):
        keys = " or ".join(CODE_KEYS)
        return _refused(place, problem_id, f"expected program text ({keys}), got {code!r:.80}")
    text = extract_code(code) if "```" in code else code
    return _Found(place=place, problem_id=problem_id, sample_key=sample_key, code=text)


def _refused(place: str, problem_id: str, reason: str) -> _Found:
    return _Found(place=place, problem_id=problem_id, sample_key="", code=None, reason=reason)
