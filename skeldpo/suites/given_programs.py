"""Programs for the problems of a suite: problem id -> programs, and what was left out.

A row that cannot be used is listed with its place and does not stop the others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from skeldpo.answers import Wanted
from skeldpo.languages import DEFAULT
from skeldpo.problems.program_files import ProgramEntry, program_entries
from skeldpo.storage.files import local_copy
from skeldpo.suites.evaluation import LeftOut

_NUMBERED = re.compile(r"(.*)[/_](\d+)\Z", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSet:
    """Programs by problem, in the order they were given, and what could not be used. `notes` counts
    what was unusual about the texts that programs were read from (skeldpo.answers)."""

    programs: Mapping[str, tuple[str, ...]]
    left_out: tuple[LeftOut, ...]
    notes: Mapping[str, int] = field(default_factory=dict)


def read_program_set(
    path: str | Path,
    problem_ids: Sequence[str],
    ignored_ids: Sequence[str] = (),
    wanted: Mapping[str, Wanted] | None = None,
) -> ProgramSet:
    """Reads a file or folder of programs for the problems of a suite.

    Programs for `ignored_ids`, problems that the suite has and does not score, are passed over.
    `wanted` says what the programs of a problem are. ValueError when the file cannot be read at
    all, or holds no program for any problem.
    """
    source = str(path)
    names = _Names([*problem_ids, *ignored_ids])
    asked, scored = wanted or {}, set(problem_ids)
    programs: dict[str, list[str]] = {}
    left_out: list[LeftOut] = []
    notes: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for entry in _entries(source):
        given = next((name for name in entry.names if names.find(name)), entry.names[-1])
        problem_id = names.find(given)
        reason = entry.reason
        if not reason and problem_id is None:
            reason = f"no problem {given!r} in this suite"
        elif not reason and entry.sample_key and (given, entry.sample_key) in seen:
            reason = f"sample {entry.sample_key} of this problem is there twice; the first counts"
        if reason or problem_id is None:
            left_out.append(LeftOut(place=entry.place, problem_id=given, reason=reason))
        elif problem_id in scored:
            seen.add((given, entry.sample_key))
            answer = entry.answer(asked.get(problem_id, Wanted(language=DEFAULT)))
            programs.setdefault(problem_id, []).append(answer.code)
            notes.update([answer.note] if answer.note else [])
            if not answer.code.strip():
                why = answer.note or "empty program"
                left_out.append(LeftOut(place=entry.place, problem_id=problem_id,
                                        reason=f"{why}: scored as failed"))  # fmt: skip
    if not programs:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(
            f"{source}: expected programs for this suite's {len(problem_ids)} problems, "
            f"found none{first}"
        )
    left_out += [
        LeftOut(place=source, problem_id=problem_id, reason="no program given")
        for problem_id in problem_ids
        if problem_id not in programs
    ]
    return ProgramSet(
        programs={key: tuple(codes) for key, codes in programs.items()},
        left_out=tuple(left_out),
        notes=dict(sorted(notes.items())),
    )


def _entries(source: str) -> Iterator[ProgramEntry]:
    with local_copy(source) as path:
        for entry in program_entries(Path(path).expanduser()):
            yield replace(entry, place=entry.place.replace(path, source))


def unparsable_programs(
    programs: Mapping[str, Sequence[str]],
    wanted: Mapping[str, Wanted],
    assemble: Callable[[str, str], str],
) -> list[LeftOut]:
    """Programs that do not parse; `assemble(problem_id, code)` is the text that would be run."""
    found = []
    for problem_id, codes in programs.items():
        written_in = wanted[problem_id].written_in
        for index, code in enumerate(codes):
            reason = written_in.syntax_error(assemble(problem_id, code)) if code.strip() else ""
            if reason:
                found.append(
                    LeftOut(
                        place=f"sample {index}",
                        problem_id=problem_id,
                        reason=f"no {written_in.TITLE} program ({reason}): scored as failed",
                    )
                )
    return found


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
