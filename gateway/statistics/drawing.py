"""Pictures drawn by matplotlib; only this file and those who call it load it, and a server never does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from gateway.statistics import svg
from gateway.statistics.charts import Bars, Chart, Lines, Pyramid
from gateway.statistics.grid import Gap, Value, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, NARROW = 600, 320
"""Widths of the two drawings of a chart in user units, which are pixels where there is room for them."""

_FONT = 13
_LETTER = 7.4
"""The widest that a letter of running text is, in any font that a page may choose at this size."""

_DASHES = ("solid", (0, (6, 2)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (1, 3)))
_MARKERS = ("o", "s", "^", "D", "v")
"""Lines are told apart without colour too."""


def draw(chart: Chart) -> tuple[str, str]:
    """The chart as two SVG elements to put into a page, for wide and for narrow windows.

    The same chart gives the same bytes: no settings, fonts or files of the machine take part. Text stays text, in the
    font of the page; colours are the page's variables.
    """
    return _drawn(chart, WIDE), _drawn(chart, NARROW)


def _drawn(chart: Chart, width: int) -> str:
    with _house_settings():
        picture = chart.picture
        if isinstance(picture, Pyramid):
            figure = _pyramid(picture, width, exact=chart.exact)
        elif isinstance(picture, Bars):
            figure = _bars(picture, width, exact=chart.exact)
        else:
            figure = _lines(picture, width)
        text = StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    size = "breit" if width == WIDE else "schmal"
    return svg.element(text.getvalue(), key=f"{chart.key}-{size}", title=chart.title, alternative=chart.alternative)


@contextmanager
def _house_settings() -> Iterator[None]:
    """matplotlib as it comes, with our settings, whatever the user's or the folder's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rc("svg", fonttype="none", hashsalt="gateway")
        mpl.rc("font", size=_FONT)
        yield


def _figure(width: int, height: float) -> Figure:
    """A figure whose points are user units."""
    return Figure(figsize=(width / 72, height / 72), dpi=72, frameon=False)


def _area(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """An area without axes, between these distances from the edges in user units."""
    width, height = figure.get_figwidth() * 72, figure.get_figheight() * 72
    area = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )
    area.set_axis_off()
    return area


def _write(area: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], *, to: str = "left",
           colour: str = svg.TEXT, bold: bool = False) -> None:  # fmt: skip
    """Text at a place of the area's scale, shifted by user units; `shift` says where its line stands."""
    area.annotate(text, at, xytext=shift, textcoords="offset points", ha=to, va="baseline", color=colour,
                  fontweight="bold" if bold else "normal", annotation_clip=False, parse_math=False)  # fmt: skip


def _most(*columns: tuple[Value, ...]) -> float:
    """The end of a scale that has room for all numbers."""
    return float(max((one for column in columns for one in column if isinstance(one, int)), default=0) or 1)


def _bar(area: Axes, y: float, value: Value, thick: float, colour: str) -> None:
    if isinstance(value, int) and value:
        area.add_patch(Rectangle((0, y - thick / 2), value, thick, facecolor=colour, linewidth=0))


def _label(value: Value, *, exact: bool) -> tuple[str, str]:
    """What stands at the end of a bar, and its colour."""
    if isinstance(value, Gap):
        return "gesperrt", svg.QUIET
    return shown(value, exact=exact), svg.TEXT


def _longest(values: tuple[Value, ...]) -> int:
    """The letters of the longest number at the end of a bar; where it is withheld there is no bar, and room enough."""
    return max((len(shown(one, exact=False)) for one in values if isinstance(one, int)), default=1)


def _bars(bars: Bars, width: int, *, exact: bool) -> Figure:
    """Labels left of the bars where there is room, else above each."""
    wide = width == WIDE
    room = 220 if wide else 0
    labels = [_wrapped(one, room - 16 if wide else width) for one in bars.labels]
    heights = [max(30.0, 16 * len(one) + 10) if wide else 16 * len(one) + 34 for one in labels]
    figure = _figure(width, sum(heights) + 8)
    longest = _longest(bars.values)
    area = _area(figure, room, 4, 10 + longest * 8.5, 4)
    area.set_xlim(0, _most(bars.values))
    area.set_ylim(sum(heights), 0)
    area.plot([0, 0], [0, sum(heights)], color=svg.EDGE, linewidth=1)
    top = 0.0
    for lines, height, value in zip(labels, heights, bars.values, strict=True):
        middle = top + height / 2 if wide else top + height - 19
        _bar(area, middle, value, 18, svg.SERIES[0])
        text, colour = _label(value, exact=exact)
        _write(area, text, (value if isinstance(value, int) else 0, middle), (6, -4.5), colour=colour)
        first = middle - 8 * (len(lines) - 1) if wide else top + 11
        for number, line in enumerate(lines):
            place = (0, first + 16 * number)
            _write(area, line, place, (-10, -4.5) if wide else (0, -4.5), to="right" if wide else "left")
        top += height
    return figure


def _pyramid(pyramid: Pyramid, width: int, *, exact: bool) -> Figure:
    """Age groups in the middle, one side left and one right of them, on the same scale."""
    count, step = len(pyramid.groups), 30
    figure = _figure(width, count * step + 34)
    longest = _longest((*pyramid.left, *pyramid.right))
    middle = 16 + max(len(one) for one in pyramid.groups) * _LETTER
    side, margin = (width - middle) / 2, 8 + longest * 8.5
    most = _most(pyramid.left, pyramid.right)
    for index, values in enumerate((pyramid.left, pyramid.right)):
        left = index == 0
        area = _area(figure, margin if left else side + middle, 30, side + middle if left else margin, 4)
        area.set_xlim((most, 0) if left else (0, most))
        area.set_ylim(-0.5, count - 0.5)
        _write(area, pyramid.sides[index], (0, count - 0.5), (0, 12), to="right" if left else "left", bold=True)
        for y, value in enumerate(values):
            _bar(area, y, value, 0.72, svg.SERIES[index])
            text, colour = _label(value, exact=exact)
            place = (value if isinstance(value, int) else 0, y)
            _write(area, text, place, (-6 if left else 6, -4.5), to="right" if left else "left", colour=colour)
            if left:
                _write(area, pyramid.groups[y], (0, y), (middle / 2, -4.5), to="center")
    return figure


def _lines(lines: Lines, width: int) -> Figure:
    """Lines over a scale from zero; their names, with their signs, stand above."""
    names = [_wrapped(name, width - 44) for name, _ in lines.series]
    above = sum(16 * len(one) + 4 for one in names)
    figure = _figure(width, 280 + above)
    most = _most(*(values for _, values in lines.series))
    ticks = [one for one in MaxNLocator(5, integer=True).tick_values(0, most) if one >= 0]
    longest = max(len(shown(int(one), exact=False)) for one in ticks)
    area = _area(figure, 14 + longest * 8.5, 14 + above, 44, 34)
    last = len(lines.moments) - 1
    area.set_xlim(0, last)
    area.set_ylim(0, ticks[-1])
    for one in ticks:
        area.plot([0, last], [one, one], color=svg.EDGE, linewidth=1, clip_on=False)
        _write(area, shown(int(one), exact=False), (0, one), (-8, -4.5), to="right", colour=svg.QUIET)
    for at in _some(len(lines.moments), 6 if width == WIDE else 3):
        _write(area, lines.moments[at], (at, 0), (0, -22), to="center", colour=svg.QUIET)
    for number, (_, values) in enumerate(lines.series):
        _line(area, values, number)
    _names(figure, names, width, above)
    return figure


def _line(area: Axes, values: tuple[Value, ...], number: int) -> None:
    heights = [float(one) if isinstance(one, int) else float("nan") for one in values]
    area.plot(range(len(values)), heights, color=svg.SERIES[number], linestyle=_DASHES[number], linewidth=2,
              marker=_MARKERS[number], markersize=6, markeredgewidth=0, clip_on=False)  # fmt: skip


def _names(figure: Figure, names: list[list[str]], width: int, height: float) -> None:
    area = _area(figure, 0, 0, 0, figure.get_figheight() * 72 - height)
    area.set_xlim(0, width)
    area.set_ylim(height, 0)
    y = 10.0
    for number, lines in enumerate(names):
        area.plot([4, 34], [y, y], color=svg.SERIES[number], linestyle=_DASHES[number], linewidth=2)
        area.plot([19], [y], color=svg.SERIES[number], marker=_MARKERS[number], markersize=6, markeredgewidth=0)
        for line in lines:
            _write(area, line, (42, y), (0, -4.5))
            y += 16
        y += 4


def _wrapped(text: str, width: float) -> list[str]:
    """The text in lines that are no wider than that; `§ 24` stays together."""
    return textwrap.wrap(text.replace("§ ", "§\u00a0"), int(width / _LETTER))


def _some(count: int, most: int) -> list[int]:
    """At most so many of these places, evenly, the last one always."""
    step = -(-(count - 1) // (most - 1)) if count > 1 else 1
    return sorted(range(count - 1, -1, -step))
