"""Figures over time as an SVG: lines in panels one above the other, in plain text that a diff can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from tests.soak.measuring import Point

WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 150, 70, 30, 50
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555")


def svg(title: str, panels: Mapping[str, Mapping[str, Sequence[Point]]]) -> str:
    """One panel for each unit of `panels`, with a line for each series in it; the x axis is minutes."""
    total = TOP + len(panels) * (HEIGHT + GAP)
    drawn = "".join(
        _panel(unit, series, TOP + place * (HEIGHT + GAP)) for place, (unit, series) in enumerate(panels.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{total}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="16" font-size="13">{escape(title)}</text>{drawn}</svg>\n'
    )


def _panel(unit: str, series: Mapping[str, Sequence[Point]], top: float) -> str:
    every = [point for points in series.values() for point in points]
    if not every:
        return ""
    last, highest = max(x for x, _ in every) or 1.0, max(y for _, y in every) * 1.1 or 1.0
    parts = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="{LEFT}" y="{top - 6}">{escape(unit)}</text>',
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{highest:.4g}</text>',
        f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
        f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 14}" text-anchor="end">{last:.0f} min</text>',
    ]
    for place, (name, points) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        line = " ".join(f"{LEFT + x / last * WIDTH:.1f},{top + HEIGHT - y / highest * HEIGHT:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        parts.append(f'<text x="{LEFT + 8 + place * 140}" y="{top + 14}" fill="{colour}">{escape(name)}</text>')
    return "".join(parts)
