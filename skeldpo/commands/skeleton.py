"""`skeldpo skeleton`: the skeletons of Python files, which are one group, or two in contrast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from skeldpo.config import SkeletonConfig
from skeldpo.records import Skeleton
from skeldpo.skeleton.extract import group_skeleton


def file_skeletons(
    files: Sequence[str], against: Sequence[str], config: SkeletonConfig
) -> Iterator[tuple[str, Skeleton]]:
    """(file, skeleton) of every file, first those of the group, then those it stands against.

    All files of a group count, however many and however unlike they are: who names them has chosen
    them. ValueError if a file has no skeleton, with the reason.
    """
    if config.contrast and not against:
        raise ValueError("--contrast needs the files of another group: --against FILES")
    groups = [_read(files), _read(against)]
    for own, other in (groups, reversed(groups)):
        for file, code in own.items():
            skeleton = group_skeleton(
                code, list(own.values()), config, against=list(other.values())
            )
            if not skeleton.text and code.strip():
                raise ValueError(
                    f"{file}: {skeleton.note}; name more files of its group, with other programs"
                )
            yield file, skeleton


def _read(files: Sequence[str]) -> dict[str, str]:
    """Line ends stay as they are in the file."""
    codes = {}
    for file in files:
        try:
            codes[file] = Path(file).read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: a program must be UTF-8 text: {error}") from error
        except FileNotFoundError as error:
            raise ValueError(f"no file at {file}; expected a Python program") from error
    return codes
