"""Files of programs, as tools write them: each entry with its place, its problem and its text.

Read are Mercury's samples JSON ({slug: [{"completion": ...}]}), ENAMEL's codes[i][j] (a list, or
an object by problem number), JSONL and Parquet rows of EvalPlus ({"task_id", "solution"}) or ours
({"problem_id", "code"}), problem files whose rows carry `solutions`, and a folder of program files.
`skeldpo measure` and `skeldpo evaluate` read them here, and programs in them alike
(docs/ANSWERS.md). An entry that cannot be used has its reason and does not stop the others.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeldpo.answers import Answer, Wanted, plain_text, read_answer, read_program
from skeldpo.languages import LANGUAGES
from skeldpo.languages.contract import Language
from skeldpo.problems import leetcode
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.reader import ID_KEYS, DataRow, data_rows, files_below, json_fault
from skeldpo.problems.sources import problem_from_row

CODE_KEYS = ("code", "solution", "completion")
SAMPLE_KEYS = ("candidate_id", "sample_id", "sample_index", "_identifier")
_NOT_TEXT = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEntry:
    """One entry: the names its problem may go by, the likeliest first, its text and what it stands
    under: a key of CODE_KEYS, "list", "file" or "known" (a problem's own). `reason` says why it
    cannot be used, or ""."""

    place: str
    names: tuple[str, ...]
    sample_key: str
    text: str
    held_as: str
    reason: str = ""

    def answer(self, wanted: Wanted) -> Answer:
        """Its program: a completion is an answer of a model, everything else a program."""
        if self.held_as == "completion":
            return read_answer(self.text, wanted)
        if self.held_as == "known" or "\0" in self.text:
            return Answer(code=self.text, note="")
        # EvalPlus: a `solution`, and a file, is the whole; other tools' codes may be bodies.
        return read_program(self.text, wanted, goes_on=self.held_as in ("code", "list"))


def program_entries(source: Path) -> Iterator[ProgramEntry]:
    """The entries in their order; ValueError when the file as a whole cannot be read."""
    if source.is_dir():
        return _folder_entries(source)
    if not source.is_file():
        raise ValueError(f"no file or folder at {source}; expected programs")
    if source.suffix.lower() == ".json":
        return _json_entries(source)
    return (entry for row in data_rows(source) for entry in _data_entries(row))


def file_text(file: Path, written_in: Language) -> str:
    """The text of a program's file: a byte-order mark and what it says of its coding count.

    UnicodeDecodeError for bytes that are no text in its coding.
    """
    return plain_text(written_in.file_text(file.read_bytes()))


def _data_entries(each: DataRow) -> Iterator[ProgramEntry]:
    if each.row is None:
        yield _refused(each.place, "", each.reason)
    else:
        yield from _row_entries(each.place, each.row)


def _row_entries(place: str, row: Mapping[str, Any]) -> Iterator[ProgramEntry]:
    if "solutions" in row or leetcode.matches(row):
        yield from _known_entries(place, row)
        return
    name = next((row[key] for key in ID_KEYS if row.get(key) is not None), None)
    if name is None:
        reason = (
            f"expected problem_id and code (or solutions): no {' or '.join(ID_KEYS)} among the "
            f"keys {sorted(row)}"
        )
        yield _refused(place, "", reason)
        return
    sample_key = next((str(row[key]) for key in SAMPLE_KEYS if row.get(key) is not None), "")
    yield _sample_entry(place, str(name), row, sample_key)


def _known_entries(place: str, row: Mapping[str, Any]) -> Iterator[ProgramEntry]:
    """The known programs of a row of a problem file; none of a problem that cannot be judged."""
    try:
        problem = problem_from_row(row, source=place)
    except UnsupportedProblemError:
        return
    except ValueError as error:
        name = next((str(row[key]) for key in ID_KEYS if row.get(key)), "")
        yield _refused(place, name, str(error))
        return
    for known in problem.solutions:
        yield _entry(place, problem.problem_id, known.code, "known")


def _sample_entry(
    place: str, name: str, row: Mapping[str, Any], sample_key: str = ""
) -> ProgramEntry:
    key = next((key for key in CODE_KEYS if row.get(key) is not None), "")
    if not key:
        keys = " or ".join(CODE_KEYS)
        reason = f"expected problem_id and code (or solutions): no {keys} in {sorted(row)}"
        return _refused(place, name, reason)
    return _entry(place, name, row[key], key, sample_key)


def _json_entries(source: Path) -> Iterator[ProgramEntry]:
    repeated: list[str] = []

    def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                repeated.append(key)
            made.setdefault(key, value)
        return made

    try:
        text = source.read_text(encoding="utf-8-sig")
        held = json.loads(text, object_pairs_hook=first_of_each)
    except ValueError as error:
        raise ValueError(f"{source} is {json_fault(error)}") from error
    if not isinstance(held, dict | list):
        raise ValueError(f"{source}: expected an object or a list, got {type(held).__name__}")
    named = held.items() if isinstance(held, dict) else enumerate(held)
    for name, samples in named:
        place = f"{source}[{name!r}]"
        if isinstance(held, list) and isinstance(samples, dict):
            yield from _row_entries(place, samples)
            continue
        if not isinstance(samples, list):
            yield _refused(place, str(name), f"expected a list of programs, got {samples!r:.80}")
            continue
        for index, sample in enumerate(samples):
            where = f"{place}[{index}]"
            if isinstance(sample, dict):
                yield _sample_entry(where, str(name), sample)
            else:
                yield _entry(where, str(name), sample, "list")
    for key in repeated:
        yield _refused(f"{source}[{key!r}]", key, "this key is there twice; the first counts")


def _folder_entries(folder: Path) -> Iterator[ProgramEntry]:
    """PROBLEM_ID.py, PROBLEM_ID.anything.py or PROBLEM_ID/anything.py, numbers in their order; for
    ".py" may stand the suffix of any language."""
    files = {file: each for each in LANGUAGES for file in files_below(folder, each.FILE_SUFFIX)}
    for file in sorted(files, key=lambda file: (file.parent, _number(file.stem), file)):
        if file.parent != folder:
            names: tuple[str, ...] = (_told(file.parent.name),)
        else:
            parts = _told(file.stem).split(".")
            names = tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))
        try:
            text, reason = file_text(file, files[file]), ""
        except UnicodeDecodeError as error:
            text = file.read_bytes().decode("utf-8", errors="surrogateescape")
            text = _NOT_TEXT.sub("\0", text)
            reason = f"a program must be UTF-8 text: {error}"
        yield ProgramEntry(
            place=_told(str(file)),
            names=names,
            sample_key="",
            text=text,
            held_as="file",
            reason=reason,
        )


def _told(path: str) -> str:
    """A file's name as text: bytes that are none are escaped, as no report takes them."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _number(stem: str) -> int:
    return int(stem) if stem.isdecimal() else -1


def _entry(place: str, name: str, text: Any, held_as: str, sample_key: str = "") -> ProgramEntry:
    if not isinstance(text, str):
        keys = " or ".join(CODE_KEYS)
        return _refused(place, name, f"expected program text ({keys}), got {text!r:.80}")
    return ProgramEntry(
        place=place, names=(name,), sample_key=sample_key, text=text, held_as=held_as
    )


def _refused(place: str, name: str, reason: str) -> ProgramEntry:
    return ProgramEntry(
        place=place, names=(name,), sample_key="", text="", held_as="", reason=reason
    )
