"""Which pictures a report has, what they show and what they say to those who do not see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model.statistic import Cell, Dimension, Margin, Published
from gateway.statistics.grid import NOTHING, Gap, Value, shown
from gateway.statistics.paper import Paper, brief, dimensions, spoken

AGE, SEX = "altersgruppe", "geschlecht"
UNKNOWN = "unbekannt"
"""The code of the category of those whose age is not known: they are in no place of a pyramid."""

LEFT, RIGHT = "m", "w"
"""The codes of those on the two sides of an age pyramid."""

MOST_BARS = 30
"""Of more categories only the largest are drawn."""

MOST_LINES = 5
"""More lines than this nobody tells apart; a dimension of more categories has no time line."""


@dataclass(frozen=True)
class Pyramid:
    """Bars to the left and to the right for each age group, the youngest at the bottom."""

    groups: tuple[str, ...]
    sides: tuple[str, str]
    left: tuple[Value, ...]
    right: tuple[Value, ...]


@dataclass(frozen=True)
class Bars:
    """One bar for each category, from the top."""

    labels: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Lines:
    """One line for each series over the same moments; a gap where a number is withheld."""

    moments: tuple[str, ...]
    series: tuple[tuple[str, tuple[Value, ...]], ...]


@dataclass(frozen=True)
class Chart:
    """A picture with its title, and its text alternative: what it shows, in sentences. `note` is seen by everyone."""

    key: str
    title: str
    alternative: str
    note: str
    picture: Pyramid | Bars | Lines
    exact: bool


def charts(paper: Paper) -> tuple[Chart, ...]:
    """An age pyramid if ages by sex are published; bars for each single dimension; time lines over former releases.

    There is no picture of which every number would be withheld.
    """
    made = [_pyramid(paper, margin) for margin in paper.published.margins if _is_pyramid(paper, margin)]
    beyond = {AGE, SEX} if made else set()
    for margin in paper.published.margins:
        if len(margin) == 1 and margin[0] not in beyond:
            made += _bars(paper, margin)
    return (*made, *_lines(paper))


def _is_pyramid(paper: Paper, margin: Margin) -> bool:
    if set(margin) != {AGE, SEX}:
        return False
    ages, sexes = dimensions(paper.published, (AGE, SEX))
    told = (_number(paper.published, margin, {AGE: age.code, SEX: sex.code})
            for age in ages.categories if age.code != UNKNOWN
            for sex in sexes.categories if sex.code in (LEFT, RIGHT))  # fmt: skip
    return {LEFT, RIGHT} <= {one.code for one in sexes.categories} and any(isinstance(one, int) for one in told)


def _pyramid(paper: Paper, margin: Margin) -> Chart:
    published = paper.published
    ages, sexes = dimensions(published, (AGE, SEX))
    groups = [one for one in ages.categories if one.code != UNKNOWN]
    labels = tuple(one.label for one in groups)
    sides = tuple(next(one for one in sexes.categories if one.code == code) for code in (LEFT, RIGHT))
    columns = [tuple(_number(published, margin, {AGE: age.code, SEX: side.code}) for age in groups) for side in sides]
    others = [one.label for one in sexes.categories if one not in sides]
    others += [f"{ages.label} {one.label}" for one in ages.categories if one not in groups]
    told = (_summary(side.label, labels, column, paper) for side, column in zip(sides, columns, strict=True))
    note = "Die Altersgruppen umfassen verschieden viele Jahre."
    if others:
        note += f" Nicht im Bild, aber in der Tabelle: {', '.join(others)}."
    left, right = (one.label for one in sides)
    return Chart(
        key="alterspyramide",
        title=f"Alterspyramide: {paper.measure}, {paper.period}",
        alternative=" ".join((f"Alterspyramide, links {left}, rechts {right}.", *told)),
        note=note,
        picture=Pyramid(labels, (left, right), *columns),
        exact=paper.is_exact,
    )


def _bars(paper: Paper, margin: Margin) -> list[Chart]:
    (dimension,) = dimensions(paper.published, margin)
    told = [(one.label, _number(paper.published, margin, {dimension.name: one.code})) for one in dimension.categories]
    drawn, note = told, ""
    if len(told) > MOST_BARS:
        known = [(-value, place) for place, (_, value) in enumerate(told) if isinstance(value, int)]
        drawn = [told[place] for place in sorted(place for _, place in sorted(known)[:MOST_BARS])]
        note = f"Nur die {MOST_BARS} größten von {len(told)} Zahlen, ohne gesperrte; alle stehen in der Tabelle."
    if len(drawn) < 2 or not any(isinstance(value, int) for _, value in drawn):
        return []
    labels, values = tuple(label for label, _ in told), tuple(value for _, value in told)
    return [
        Chart(
            key=f"balken-{dimension.name}",
            title=f"{paper.measure} nach {dimension.label}, {paper.period}",
            alternative=f"Balken nach {dimension.label}. {_summary('', labels, values, paper)} {note}".rstrip(),
            note=note,
            picture=Bars(tuple(label for label, _ in drawn), tuple(value for _, value in drawn)),
            exact=paper.is_exact,
        )
    ]


def _lines(paper: Paper) -> list[Chart]:
    """Time lines of the total and of short dimensions, where former releases have the same margin."""
    every = (*paper.earlier, paper.published)
    made = []
    for margin in paper.published.margins:
        alike = [one for one in every if _same(one, paper.published, margin)]
        parts = dimensions(paper.published, margin)
        if len(alike) < 2 or len(margin) > 1 or (margin and len(parts[0].categories) > MOST_LINES):
            continue
        chosen: list[tuple[str, Cell]] = [(one.label, (one.code,)) for one in parts[0].categories] if margin else []
        series = tuple(
            (label, tuple(_gap(one.margins[margin][cell]) for one in alike))
            for label, cell in chosen or [("Insgesamt", ())]
        )
        if any(isinstance(value, int) for _, values in series for value in values):
            made.append(_time_line(paper, parts, series, alike))
    return made


def _time_line(
    paper: Paper,
    parts: tuple[Dimension, ...],
    series: tuple[tuple[str, tuple[Value, ...]], ...],
    alike: Sequence[Published],
) -> Chart:
    by = f" nach {parts[0].label}" if parts else " insgesamt"
    begin, end = (spoken(one.subject.period) for one in (alike[0], alike[-1]))
    told = [f"{name}: von {_said(line[0], paper)} auf {_said(line[-1], paper)}." for name, line in series]
    return Chart(
        key=f"verlauf-{parts[0].name}" if parts else "verlauf",
        title=f"Verlauf: {paper.measure}{by}",
        alternative=f"Linien von {begin} bis {end} über {len(alike)} Veröffentlichungen. {' '.join(told)}",
        note=_gaps(series),
        picture=Lines(tuple(brief(one.subject.period) for one in alike), series),
        exact=paper.is_exact,
    )


def _gaps(series: tuple[tuple[str, tuple[Value, ...]], ...]) -> str:
    return "Wo eine Linie fehlt, ist die Zahl gesperrt." if any(Gap.WITHHELD in line for _, line in series) else ""


def _same(one: Published, other: Published, margin: Margin) -> bool:
    """Whether both count the same people by the same categories of this margin, each rounded and moved alike."""
    if margin not in one.margins or _kind(one) != _kind(other):
        return False
    return dimensions(one, margin) == dimensions(other, margin)


def _kind(one: Published) -> tuple[str, int, int]:
    return one.subject.population, one.base, one.noise


def _number(published: Published, margin: Margin, codes: dict[str, str]) -> Value:
    return _gap(published.margins[margin][tuple(codes[name] for name in margin)])


def _gap(number: int | None) -> Value:
    return Gap.WITHHELD if number is None else number


def _summary(what: str, labels: tuple[str, ...], values: tuple[Value, ...], paper: Paper) -> str:
    """The largest and the smallest number, and how many are withheld."""
    known = [(value, label) for label, value in zip(labels, values, strict=True) if isinstance(value, int)]
    withheld = len(values) - len(known)
    begin = f"{what}: " if what else ""
    verb = "ist" if withheld == 1 else "sind"
    hidden = f" {withheld} von {len(values)} Zahlen {verb} gesperrt." if withheld else ""
    if not known:
        return f"{begin}Alle Zahlen sind gesperrt."
    most, least = max(known, key=lambda one: one[0]), min(known, key=lambda one: one[0])
    return (
        f"{begin}Am meisten: {most[1]} ({_said(most[0], paper)}); "
        f"am wenigsten: {least[1]} ({_said(least[0], paper)}).{hidden}"
    )


def _said(number: Value, paper: Paper) -> str:
    """The number as it is read out."""
    text = shown(number, exact=paper.is_exact)
    return {NOTHING: "0", Gap.WITHHELD.value: "gesperrt"}.get(text, text)
