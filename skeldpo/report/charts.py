"""Charts as inline SVG text: lines with intervals, histograms, stacked bars. Pure.

Colours are the CSS classes `c0` to `c4`, which the page defines for light and dark; every mark
carries its values as a tooltip (`<title>`), so a chart needs no script. Sizes are in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

NUM_COLORS = 5
_WIDTH, _HEIGHT = 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 34
_MAX_DOTS = 24
"""Points of a line above which the line stands alone."""
_DODGE = 9
"""Distance of the intervals of two lines at the same place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value with its interval; `low` = `high` = `y` draws none."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line: its name in the legend, its colour number, and whether it is a pale backdrop."""

    name: str
    color: int
    points: tuple[Point, ...]
    is_pale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A bar of a histogram; `name` says in words what it counts."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a stacked bar."""

    name: str
    color: int
    size: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A row of stacked segments."""

    name: str
    segments: tuple[Segment, ...]
    text: str


class _Frame:
    """Maps values to pixels of one chart."""

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self._x_low, x_high = x_range
        self._y_low, y_high = y_range
        self._x_span = (x_high - self._x_low) or 1.0
        self._y_span = (y_high - self._y_low) or 1.0

    def x(self, value: float) -> float:
        share = (value - self._x_low) / self._x_span
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self._y_low) / self._y_span
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    x_ticks: Sequence[Tick] = (),
    marks: Sequence[Tick] = (),
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> str:
    """Lines over a common x axis; `marks` are named vertical rules, `limits` bound the y axis. What
    is not finite has no place on it and is left out."""
    series = [replace(line, points=tuple(filter(_is_finite, line.points))) for line in series]
    points = [point for line in series for point in line.points]
    if not points:
        return ""
    xs = [point.x for point in points] + [tick.at for tick in x_ticks]
    pad = 0.25 if x_ticks else 0.0
    ticks_y = nice_ticks(min(p.low for p in points), max(p.high for p in points), limits)
    frame = _Frame((min(xs) - pad, max(xs) + pad), (ticks_y[0], ticks_y[-1]))
    parts = [_grid(frame, ticks_y), _x_axis(frame, x_ticks or _integer_ticks(xs), x_label)]
    for mark in marks:
        at = frame.x(mark.at)
        parts.append(
            f'<line class="mark" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        )
        parts.append(f'<text class="small" x="{at + 4}" y="{_TOP + 8}">{escape(mark.text)}</text>')
    shown = [line for line in series if line.points]
    for place, line in enumerate(shown):
        dodge = (place - (len(shown) - 1) / 2) * _DODGE if x_ticks else 0.0
        parts.append(_line(frame, line, dodge))
    return _svg(title, parts)


def histogram(
    columns: Sequence[Column],
    *,
    ticks: Sequence[Tick],
    title: str,
    x_label: str,
    color: int,
    max_count: int,
) -> str:
    """Bars of equal width; bar i spans i to i + 1 on the x axis."""
    ticks_y = nice_ticks(0, max(1, max_count), (0, math.inf))
    frame = _Frame((0, len(columns)), (0, ticks_y[-1]))
    parts = [_grid(frame, [tick for tick in ticks_y if float(tick).is_integer()])]
    parts.append(_x_axis(frame, ticks, x_label))
    for index, column in enumerate(columns):
        if column.count:
            left, right, top = frame.x(index), frame.x(index + 1), frame.y(column.count)
            parts.append(
                f'<rect class="fill c{color}" x="{left + 1:.1f}" y="{top}" rx="2" '
                f'width="{right - left - 2:.1f}" height="{frame.y(0) - top:.1f}">'
                f"<title>{escape(column.name)}: {column.count}</title></rect>"
            )
    return _svg(title, parts)


def stacked_bars(bars: Sequence[Bar], *, title: str) -> str:
    """Horizontal bars on a common scale, with the row's text at their end."""
    most = max((sum(s.size for s in bar.segments) for bar in bars), default=0.0) or 1.0
    left, right, row, width = 64, 74, 26, 720
    parts = []
    for index, bar in enumerate(bars):
        top, x = index * row + 4, float(left)
        parts.append(f'<text class="tick" x="0" y="{top + 14}">{escape(bar.name)}</text>')
        for segment in bar.segments:
            size = segment.size / most * (width - left - right)
            parts.append(
                f'<rect class="fill c{segment.color}" x="{x:.1f}" y="{top}" height="18" '
                f'width="{max(size - 1, 0.5):.1f}"><title>{escape(bar.name)}, '
                f"{escape(segment.name)}: {escape(segment.text)}</title></rect>"
            )
            x += size
        parts.append(f'<text class="tick" x="{x + 6:.1f}" y="{top + 14}">{escape(bar.text)}</text>')
    return _svg(title, parts, width=width, height=len(bars) * row + 4)


def nice_ticks(low: float, high: float, limits: tuple[float, float]) -> list[float]:
    """3 to 6 round numbers that enclose [low, high]; the outer ones stay within the limits."""
    if high - low < 1e-9:
        low, high = low - 0.05 * (abs(low) or 1), high + 0.05 * (abs(high) or 1)
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) <= 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(index * step, 10) for index in range(first, last + 1)]
    return [tick for tick in ticks if limits[0] <= tick <= limits[1]] or [low, high]


def _is_finite(point: Point) -> bool:
    return all(map(math.isfinite, (point.x, point.y, point.low, point.high)))


def _integer_ticks(xs: Sequence[float]) -> list[Tick]:
    ticks = nice_ticks(min(xs), max(xs), (min(xs), max(xs)))
    return [Tick(at=tick, text=f"{tick:g}") for tick in ticks if float(tick).is_integer()]


def _line(frame: _Frame, line: Series, dodge: float) -> str:
    places = [(round(frame.x(p.x) + dodge, 1), frame.y(p.y), p) for p in line.points]
    pale = " pale" if line.is_pale else ""
    path = " ".join(f"{x},{y}" for x, y, _ in places)
    parts = [f'<polyline class="line c{line.color}{pale}" points="{path}"/>']
    for x, y, point in places if len(places) <= _MAX_DOTS and not line.is_pale else ():
        has_interval = point.low < point.high
        interval = f" [{point.low:.4g}, {point.high:.4g}]" if has_interval else ""
        if has_interval:
            parts.append(
                f'<line class="line thin c{line.color}" x1="{x}" x2="{x}" '
                f'y1="{frame.y(point.low)}" y2="{frame.y(point.high)}"/>'
            )
        parts.append(
            f'<circle class="fill c{line.color}" cx="{x}" cy="{y}" r="4">'
            f"<title>{escape(line.name)}: {point.y:.4g}{interval}</title></circle>"
        )
    return "".join(parts)


def _grid(frame: _Frame, ticks: Sequence[float]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{frame.y(tick)}" '
        f'y2="{frame.y(tick)}"/><text class="tick end" x="{_LEFT - 6}" '
        f'y="{frame.y(tick) + 4}">{tick:g}</text>'
        for tick in ticks
    )


def _x_axis(frame: _Frame, ticks: Sequence[Tick], label: str) -> str:
    texts = "".join(
        f'<text class="tick middle" x="{frame.x(tick.at)}" y="{_HEIGHT - _BOTTOM + 15}">'
        f"{escape(tick.text)}</text>"
        for tick in ticks
    )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return (
        f'{texts}<text class="small middle" x="{middle}" y="{_HEIGHT - 4}">{escape(label)}</text>'
    )


def _svg(title: str, parts: Sequence[str], width: int = _WIDTH, height: int = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
