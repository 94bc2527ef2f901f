"""Two programs beside each other: what is shown of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from skeldpo.pages.code import PLAIN, Sections
from skeldpo.records import PairSide, PreferencePair

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSide:
    """A program under a heading. `kind` is the style's word for its colour, `said` what is known of
    it in a word or two, `time` its time in words and `share` that time over the longer one of both
    sides (0: not timed). `note` says why there is no skeleton; `facts` are folded."""

    kind: str
    name: str
    code: str
    language: str
    said: str = ""
    time: str = ""
    share: float = 0.0
    failure: str = ""
    sections: Sections = field(default=PLAIN)
    skeleton: str = ""
    note: str = ""
    facts: Facts = ()


def pair_sides(
    pair: PreferencePair,
    times_ns: tuple[float, float] = (0.0, 0.0),
    facts: tuple[Facts, Facts] = ((), ()),
) -> tuple[ShownSide, ShownSide]:
    """Both sides of a pair, with the median CPU times of the session that decided it, where these
    are known."""
    is_timed = min(pair.chosen.time_ratio, pair.rejected.time_ratio) > 0
    longest = max(pair.chosen.time_ratio, pair.rejected.time_ratio)
    first, second = (
        ShownSide(
            kind=name,
            name=name,
            code=side.code,
            language=pair.language,
            said=side.origin,
            time=_time_text(side, time_ns),
            share=side.time_ratio / longest if is_timed else 0.0,
            sections=_sections(side),
            skeleton=side.skeleton.text.rstrip(),
            note=side.skeleton.note,
            facts=own,
        )
        for name, side, time_ns, own in zip(
            ("chosen", "rejected"), (pair.chosen, pair.rejected), times_ns, facts, strict=True
        )
    )
    return first, second


def milliseconds(time_ns: float) -> str:
    """Three digits of a time."""
    time_ms = time_ns / 1e6
    digits = 0 if time_ms >= 100 else 1 if time_ms >= 10 else 2
    return f"{time_ms:,.{digits}f} ms"


def _time_text(side: PairSide, time_ns: float) -> str:
    ratio = f"{side.time_ratio:.2f} x the baseline" if side.time_ratio else ""
    known: Sequence[str] = [milliseconds(time_ns)] if time_ns else []
    return ", ".join([*known, ratio] if ratio else known)


def _sections(side: PairSide) -> Sections:
    return Sections(
        marked=side.prone_spans, kept=side.skeleton.kept_spans if side.skeleton.text else None
    )
