"""A plot of the times of a run, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from qrcascade.pytest_plugin.outcome import Outcome

__all__ = ["colour", "latency"]

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 900, 300, 80, 30, 20
_DOT = 4.0


def colour(outcome: Outcome) -> str:
    """Return the CSS class for the outcome of a picture."""
    if outcome.wrong or outcome.lost or outcome.broken:
        return "bad"
    return "good" if outcome.is_read else "warn"


def latency(outcomes: Sequence[Outcome]) -> str:
    """Plot each picture's time as a dot and bare zxing-cpp's as a ring, fastest first, on a log scale."""
    timed = sorted((o for o in outcomes if o.ms), key=lambda o: (o.ms or 0, o.key))
    if not timed:
        return "<p>No picture was timed.</p>"
    logs = [math.log10(ms) for o in timed for ms in (o.ms, o.bare_ms) if ms]
    low = math.floor(min(logs))
    high = max(low + 1, math.ceil(max(logs)))
    lines = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Milliseconds of each picture">',
        *_legend(),
        *_grid(low, high),
    ]
    step = (_WIDTH - _LEFT) / len(timed)
    for i, outcome in enumerate(timed):
        x = _LEFT + (i + 0.5) * step
        if outcome.bare_ms:
            title = f"{outcome.key}: bare zxing-cpp {outcome.bare_ms:.1f} ms"
            lines.append(_dot(x, _y(math.log10(outcome.bare_ms), low, high), None, title))
        if outcome.ms:
            title = f"{outcome.key}: {outcome.ms:.1f} ms, {outcome.what}"
            lines.append(_dot(x, _y(math.log10(outcome.ms), low, high), colour(outcome), title))
    return "\n".join([*lines, "</svg>"])


def _y(log: float, low: int, high: int) -> float:
    """Return the y coordinate in pixels for a decimal logarithm."""
    return _HEIGHT - _BOTTOM - (log - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def _dot(x: float, y: float, kind: str | None, title: str = "") -> str:
    """Return a dot of a CSS class, or a ring without one."""
    look = 'fill="none" stroke="currentColor"' if kind is None else f'class="{kind}" fill="currentColor"'
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" {look}>{inner}</circle>'


def _grid(low: int, high: int) -> Iterator[str]:
    """Yield a line for each power of ten."""
    for power in range(low, high + 1):
        y = _y(power, low, high)
        yield (
            f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity=".2"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>'
        )


def _legend() -> Iterator[str]:
    marks = (("good", "read"), ("warn", "not read"), ("bad", "wrong or lost"), (None, "bare zxing-cpp"))
    for i, (kind, words) in enumerate(marks):
        x = _LEFT + 10 + 130 * i
        yield f'{_dot(x, 12, kind)}<text x="{x + 10}" y="16">{words}</text>'
