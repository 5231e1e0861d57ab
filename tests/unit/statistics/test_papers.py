"""Papers of shipped reports: in the office's words, with pictures where there are any to draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.errors import StatisticError
from gateway.model.statistic import Subject
from gateway.statistics import notes
from gateway.statistics.charts import MOST_BARS, Bars, Lines, Pyramid, charts
from gateway.statistics.definition import Audience
from gateway.statistics.grid import Gap, grids
from gateway.statistics.papers import paper_of
from tests.unit.statistics import sheets

SHIPPED = [(name, audience) for name, one in sheets.definitions().items() for audience in one.rules]


@pytest.mark.parametrize(("name", "audience"), SHIPPED)
def test_every_shipped_report_has_a_paper(name: str, audience: Audience) -> None:
    """For each audience: title, law and rule as the definition has them, a table, and pictures that it has room for."""
    paper, definition = sheets.shipped(name, audience), sheets.definitions()[name]
    facts = dict(notes.facts(paper))
    assert (paper.title, paper.purpose, paper.measure) == (definition.title, definition.purpose, definition.measure)
    assert facts["Definition"] == f"{name}, Fassung {definition.version}"
    assert facts["Rechtsgrundlage"] == "; ".join(definition.legal_bases)
    assert paper.threshold == definition.rules[audience].threshold
    assert all(grid.rows and grid.columns for grid in grids(paper))
    assert charts(paper)
    assert len({chart.key for chart in charts(paper)}) == len(charts(paper))


def test_ages_by_sex_are_a_pyramid() -> None:
    """Men left, women right, no unknown age in the picture; what is not in it is named."""
    first, *_ = charts(sheets.shipped("bestand", Audience.RAT))
    assert isinstance(first.picture, Pyramid)
    assert first.picture.sides == ("männlich", "weiblich")
    assert first.picture.groups[0] == "0–2"
    assert "unbekannt" not in first.picture.groups
    assert "divers oder ohne Angabe" in first.note
    assert "unbekannt" in first.note


def test_districts_are_bars_in_their_order() -> None:
    """The Stadtbezirke stand as the definition has them, withheld ones too."""
    paper = sheets.shipped("unterbringung", Audience.RAT)
    (chart,) = [one for one in charts(paper) if one.key == "balken-stadtbezirk"]
    assert isinstance(chart.picture, Bars)
    assert chart.picture.labels[0] == "Innenstadt"
    assert len(chart.picture.labels) == 10


def test_of_many_categories_the_largest_are_drawn() -> None:
    """Of 87 Stadtteile 30 are in the picture, in their order, none larger is left out, and the page says so."""
    paper = sheets.shipped("schulpflicht", Audience.RAT)
    (chart,) = [one for one in charts(paper) if one.key == "balken-stadtteil"]
    assert isinstance(chart.picture, Bars)
    assert len(chart.picture.labels) == MOST_BARS
    told = sorted(one for one in paper.published.margins[("stadtteil",)].values() if one is not None)
    assert sorted(int(str(one)) for one in chart.picture.values) == told[-MOST_BARS:]
    assert "87" in chart.note
    assert chart.note in chart.alternative


def test_time_lines_need_former_releases_of_the_same_kind() -> None:
    """Two releases make a line; one that is rounded otherwise, or counts others, is not joined to it."""
    paper = sheets.shipped("zugang", Audience.INTERN, former=3)
    lines = [one for one in charts(paper) if isinstance(one.picture, Lines)]
    assert [one.key for one in lines] == ["verlauf", "verlauf-zugangsart", "verlauf-geschlecht"]
    assert isinstance(lines[0].picture, Lines)
    assert lines[0].picture.moments == ("08/2026", "09/2026", "10/2026", "11/2026")
    assert not [one for one in charts(sheets.shipped("zugang", Audience.INTERN)) if isinstance(one.picture, Lines)]
    rounded = sheets.shipped("zugang", Audience.OEFFENTLICH).published
    others = replace(paper.published, subject=Subject("zugang[filter]", paper.published.subject.period))
    for before in (rounded, others):
        mixed = sheets.paper(paper.published, earlier=(before,))
        assert not [one for one in charts(mixed) if isinstance(one.picture, Lines)]


def test_a_withheld_number_is_drawn_nowhere() -> None:
    """In a picture it is a gap, and its text says how many there are."""
    paper = sheets.stock()
    for chart in charts(paper):
        for values in _columns(chart.picture):
            assert all(isinstance(one, int | Gap) for one in values)
    table = sheets.published((sheets.KIND,), (("unterkunft",),), period=paper.published.subject.period)
    numbers = {**table.margins[("unterkunft",)], ("w",): None}
    (chart,) = charts(sheets.paper(replace(table, margins={("unterkunft",): numbers})))
    assert "1 von 3 Zahlen ist gesperrt" in chart.alternative


def test_the_paper_says_who_is_counted() -> None:
    """Filters are said in words of the code lists; who counted by what is gone is told as it is."""
    text = sheets.definitions()["bestand"].text + '\n[filter]\nstatusgruppe = ["1", "Q"]\nfort = ["a"]\n'
    paper = paper_of(
        text.replace('zaehlung = "bestand"', 'zaehlung = "fort"'),
        "rat",
        {"mindestzahl": 5, "nullen": "sperren"},
        sheets.stock().published,
        city=sheets.CITY,
        made=date(2026, 12, 2),
    )
    assert paper.filters == (f"Statusgruppe: {_label('1')}, Q", "fort: a")
    assert (paper.measure, paper.zeros, paper.number) == ("Fälle", False, None)
    assert notes.warnings(paper) == (notes.DRAFT,)


@pytest.mark.parametrize("text", ["", "statistik = 1\nrechtsgrundlage = 2", "=", "[statistik]\nkennung = 1"])
def test_what_is_no_definition_is_refused(text: str) -> None:
    """Nothing is shown of a table whose definition cannot be read."""
    with pytest.raises(StatisticError):
        paper_of(text, "rat", {}, sheets.stock().published, city=sheets.CITY, made=date(2026, 12, 2))


def test_an_unknown_audience_is_confidential() -> None:
    """Fail closed: what the house does not know is for internal use only."""
    assert sheets.paper(sheets.stock().published, audience="alle").audience_label == "Nur für den Dienstgebrauch"


def _columns(picture: Pyramid | Bars | Lines) -> list[tuple[int | Gap, ...]]:
    if isinstance(picture, Pyramid):
        return [picture.left, picture.right]
    return [picture.values] if isinstance(picture, Bars) else [values for _, values in picture.series]


def _label(code: str) -> str:
    (groups,) = [one for one in sheets.definitions()["bestand"].dimensions if one.name == "statusgruppe"]
    return next(one.label for one in groups.categories if one.code == code)
