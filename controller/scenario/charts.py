"""Line charts as inline SVG: a few dozen lines in place of a plotting library in every install."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from plant.forecast import Array

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's palette: told apart by people who do not see all colors."""
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 240, 56, 14, 12, 26
_MOST_POINTS = 500


@dataclass(frozen=True)
class Line:
    """One series; NaN breaks it."""

    name: str
    values: Array
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Span:
    """A shaded stretch of time, such as a fault."""

    start: datetime
    end: datetime
    name: str


@dataclass(frozen=True)
class _Frame:
    low: float
    high: float
    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        whole = max((self.last - self.first).total_seconds(), 1.0)
        share = (at - self.first).total_seconds() / whole
        return _LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)


def line_chart(
    title: str,
    unit: str,
    times: Sequence[datetime],
    lines: Sequence[Line],
    spans: Sequence[Span] = (),
    levels: Sequence[tuple[str, float]] = (),
) -> str:
    """An SVG of lines over time. `levels` are horizontal limits; an empty text where nothing is known."""
    every = [line.values[np.isfinite(line.values)] for line in lines]
    known = np.concatenate([*every, np.array([v for _, v in levels], float)]) if every else np.array([])
    if not len(times) or not sum(len(v) for v in every):
        return ""
    ticks = nice_ticks(float(known.min()), float(known.max()))
    frame = _Frame(ticks[0], ticks[-1], times[0], times[-1])
    parts = [f"<figure><figcaption>{html.escape(title)} [{html.escape(unit)}]</figcaption>"]
    parts.append(f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">')
    parts += [_span(frame, span) for span in spans if span.start < frame.last]
    parts += [_rung(frame, tick) for tick in ticks]
    parts += [_hour(frame, at) for at in _hours(frame)]
    parts += [_level(frame, name, value) for name, value in levels]
    parts += [_path(frame, times, line) for line in lines]
    parts.append("</svg>")
    keys = "".join(
        f'<span><i style="border-top:3px {"dashed" if line.dashed else "solid"} {line.color}"></i>'
        f"{html.escape(line.name)}</span>"
        for line in lines
    )
    parts.append(f'<div class="key">{keys}</div></figure>')
    return "\n".join(parts)


def bar_chart(title: str, unit: str, low: Array, width: float, heights: Array) -> str:
    """An SVG of bars, for a histogram."""
    if not len(heights) or not heights.max() > 0:
        return ""
    ticks = nice_ticks(0.0, float(heights.max()))
    across = (_WIDTH - _LEFT - _RIGHT) / (len(low) * width)
    start, thick = float(low[0]), max(width * across - 1, 0.5)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / ticks[-1] * (_HEIGHT - _TOP - _BOTTOM)

    bars = "".join(
        f'<rect x="{_LEFT + (v - start) * across:.1f}" y="{y(h):.1f}" width="{thick:.1f}" '
        f'height="{_HEIGHT - _BOTTOM - y(h):.1f}" fill="{COLORS[0]}"/>'
        for v, h in zip(low.tolist(), heights.tolist(), strict=True)
    )
    rungs = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}" class="rung"/>'
        f'<text x="{_LEFT - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        for t in ticks
    )
    span = float(low[-1]) + width - start
    marks = "".join(
        f'<text x="{_LEFT + (t - start) * across:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{t:g}</text>'
        for t in nice_ticks(start, start + span)
        if start <= t <= start + span
    )
    return (
        f"<figure><figcaption>{html.escape(title)} [{html.escape(unit)}]</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f"{rungs}{bars}{marks}</svg></figure>"
    )


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from at or below ``low`` to at or above ``high``."""
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / about
    scale = 10 ** math.floor(math.log10(raw))
    step = next(s * scale for s in (1, 2, 2.5, 5, 10) if s * scale >= raw - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def _hours(frame: _Frame) -> list[datetime]:
    hours = (frame.last - frame.first).total_seconds() / 3600
    every = next((e for e in (1, 2, 3, 6, 12, 24, 48, 96) if hours / e <= 12), 168)
    at = frame.first.replace(minute=0, second=0, microsecond=0)
    found = []
    while at <= frame.last:
        if at >= frame.first and at.hour % min(every, 24) == 0:
            found.append(at)
        at += timedelta(hours=every if every < 24 and at.hour % every == 0 else 1 if every < 24 else 24)
        if every >= 24 and at.hour != 0:
            at = at.replace(hour=0)
    return found


def _span(frame: _Frame, span: Span) -> str:
    x, end = frame.x(span.start), frame.x(span.end)
    return (
        f'<rect x="{x:.1f}" y="{_TOP}" width="{max(end - x, 1):.1f}" height="{_HEIGHT - _TOP - _BOTTOM}" '
        f'class="span"><title>{html.escape(span.name)}</title></rect>'
    )


def _rung(frame: _Frame, tick: float) -> str:
    y = frame.y(tick)
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="rung"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    )


def _hour(frame: _Frame, at: datetime) -> str:
    text = at.strftime("%d %b") if at.hour == 0 else at.strftime("%H:%M")
    x = min(max(frame.x(at), _LEFT + 14), _WIDTH - _RIGHT - 14)
    return f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{text}</text>'


def _level(frame: _Frame, name: str, value: float) -> str:
    y = frame.y(value)
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="level"/>'
        f'<text x="{_WIDTH - _RIGHT - 4}" y="{y - 4:.1f}" text-anchor="end" class="limit">'
        f"{html.escape(name)}</text>"
    )


def _path(frame: _Frame, times: Sequence[datetime], line: Line) -> str:
    every = max(1, len(times) // _MOST_POINTS)
    words, pen_down = [], False
    for at, value in zip(times[::every], line.values[::every].tolist(), strict=True):
        if not math.isfinite(value):
            pen_down = False
            continue
        words.append(f"{'L' if pen_down else 'M'}{frame.x(at):.1f} {frame.y(value):.1f}")
        pen_down = True
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    return f'<path d="{"".join(words)}" fill="none" stroke="{line.color}" stroke-width="1.6"{dash}/>'
