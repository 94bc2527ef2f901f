"""`skeldpo skeleton`: the skeletons of program files, which are one group, or two in contrast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldpo.config import MeasureConfig, SkeletonConfig
from skeldpo.judging.stdio import input_text
from skeldpo.languages import language_of_files
from skeldpo.languages.contract import Language
from skeldpo.measure.lines import CPU_LIMIT_S, hot_lines
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.problems.program_files import file_text
from skeldpo.problems.reader import read_utf8
from skeldpo.records import Skeleton
from skeldpo.sandbox.container import RunRequest
from skeldpo.skeleton.extract import HotLines, group_skeleton
from skeldpo.skeleton.placement import kept_words


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSkeleton:
    """The skeleton of a file, and what is to be said of it."""

    file: str
    skeleton: Skeleton
    notes: tuple[str, ...]


def file_skeletons(
    files: Sequence[str],
    against: Sequence[str],
    config: SkeletonConfig,
    stdin_path: str = "",
    profile: bool = False,
) -> Iterator[FileSkeleton]:
    """Of every file, first those of the group, then those it stands against.

    The dynamic method runs the files in a sandbox, as scripts that read the file at `stdin_path`;
    so does `profile`. Then the notes say how much is kept of the lines that take the time.

    All files of a group count, however many and however unlike they are: who names them has chosen
    them. ValueError if a file has no skeleton, with the reason.
    """
    if config.contrast and not against:
        raise ValueError("--contrast needs the files of another group: --against FILES")
    written_in = language_of_files([*files, *against])
    groups = [_read(files, written_in), _read(against, written_in)]
    profiled: HotLines = {}
    if profile or config.method == "dynamic":
        codes = sorted({*groups[0].values(), *groups[1].values()})
        stdin_text = read_utf8(Path(stdin_path).expanduser()) if stdin_path else ""
        profiled = _profile(codes, written_in, input_text(stdin_text))
    for own, other in (groups, reversed(groups)):
        for file, code in own.items():
            skeleton = group_skeleton(
                code,
                list(own.values()),
                config,
                written_in,
                against=list(other.values()),
                hot_lines=profiled,
            )
            if not skeleton.text:
                raise ValueError(
                    f"{file}: {skeleton.note}; name more files of its group, with other programs"
                )
            notes = [skeleton.note] if skeleton.note else []
            if code in profiled:
                kept = kept_words(code, skeleton.kept_spans, profiled[code], written_in)
                notes.append(
                    f"kept {kept.num_hot_kept} of {kept.num_hot} words on the lines that take the "
                    f"time, {kept.num_other_kept} of {kept.num_other} on all others"
                )
            yield FileSkeleton(file=file, skeleton=skeleton, notes=tuple(notes))


def _profile(codes: Sequence[str], written_in: Language, stdin_text: str) -> HotLines:
    """The hot lines of scripts that have any."""

    def lines_of(run: Run, code: str) -> tuple[int, ...]:
        request = RunRequest(
            language=written_in.NAME,
            kind="stdio",
            code=code,
            entry_point="",
            input_texts=(stdin_text,),
            cpu_limit_s=CPU_LIMIT_S,
        )
        return hot_lines(run, request)

    found = map_on_cores(codes, lines_of, MeasureConfig(), lambda done: None)
    return {code: lines for code, lines in zip(codes, found, strict=True) if lines}


def _read(files: Sequence[str], written_in: Language) -> dict[str, str]:
    codes = {}
    for file in files:
        try:
            codes[file] = file_text(Path(file), written_in)
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: a program must be UTF-8 text: {error}") from error
        except FileNotFoundError as error:
            raise ValueError(f"no file at {file}; expected a program") from error
        if not written_in.tokens(codes[file]):
            raise ValueError(f"{file}: no program in it, which shares nothing; leave it out")
    return codes
