"""Papers made by hand: every kind of table and of picture, every sign, and labels that try to be something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.agreements.city import City, Contact
from gateway.model.statistic import Category, Cell, Dimension, Margin, Period, Published, Subject
from gateway.statistics.counting import period_of
from gateway.statistics.definition import Audience, Definition, load_definitions
from gateway.statistics.paper import Paper
from gateway.statistics.papers import paper_of

ROOT = Path(__file__).parents[3]
CITY = City("Stadt Köln", "05315000", "urn:test", ZoneInfo("Europe/Berlin"), Contact("Stadt Köln, Ausländeramt", "Ort"))

HOSTILE = "=2+5 & <b>x</b> [red]y[/red] $a$"
"""A label that is a formula, markup of HTML and of rich, and mathematics, unless it is taken as text."""


def dimension(name: str, label: str, **categories: str) -> Dimension:
    """A dimension; the codes of its categories may begin with an underscore that is not theirs."""
    return Dimension(name, label, tuple(Category(code.lstrip("_"), text) for code, text in categories.items()))


STATUS = dimension(
    "statusgruppe", "Statusgruppe",
    gestattung="Aufenthaltsgestattung (Asylverfahren läuft)",
    schutz="Aufenthaltserlaubnis nach Anerkennung (Asyl, Flüchtling, subsidiärer Schutz)",
    duldung="Duldung", voruebergehend="Vorübergehender Schutz (§ 24 AufenthG)", unbekannt="unbekannt",
)  # fmt: skip
SEX = dimension("geschlecht", "Geschlecht", m="männlich", w="weiblich", dx="divers oder ohne Angabe")
AGE = dimension(
    "altersgruppe", "Altersgruppe", _0="0–2", _3="3–5", _6="6–9", _10="10–15", _16="16–17", _18="18–24", _25="25–34",
    _35="35–59", _60="60 und älter", unbekannt="unbekannt",
)  # fmt: skip
DISTRICT = dimension(
    "stadtbezirk", "Stadtbezirk", _1="Innenstadt", _2="Rodenkirchen", _3="Lindenthal", _4="Ehrenfeld", _5="Nippes",
    _6="Chorweiler", _7="Porz", _8="Kalk", _9="Mülheim", unbekannt="unbekannt",
)  # fmt: skip
KIND = dimension("unterkunft", "Art der Unterkunft", g="Gemeinschaftsunterkunft", w="Wohnung", u="unbekannt")


def published(
    dimensions: tuple[Dimension, ...],
    margins: tuple[Margin, ...],
    *,
    period: Period,
    most: int = 2000,
    base: int = 1,
    noise: int = 0,
) -> Published:
    """A table with numbers that follow from the cells, small ones withheld; its sums are sums."""
    inner = {
        tuple(one.code for one in cell): _number(index, most)
        for index, cell in enumerate(product(*(one.categories for one in dimensions)))
    }
    names = [one.name for one in dimensions]
    told: dict[Margin, dict[Cell, int | None]] = {}
    for margin in margins:
        places = [names.index(name) for name in margin]
        sums: dict[Cell, int] = {}
        for cell, number in inner.items():
            place = tuple(cell[one] for one in places)
            sums[place] = sums.get(place, 0) + number
        told[margin] = {cell: None if 0 < number < 5 else number // base * base for cell, number in sums.items()}
    return Published(Subject("bestand", period), dimensions, told, base, noise)


def paper(table: Published, *, audience: str = "oeffentlich", earlier: tuple[Published, ...] = ()) -> Paper:
    """A paper of the table."""
    return Paper(
        name="bestand-status",
        version=2,
        title="Geflüchtete nach Status, Geschlecht und Alter",
        purpose="Planung von Unterbringung, Schule und Integration",
        legal_basis=("DSG NRW § 17", "FlüAG NRW § 2"),
        measure="Personen",
        audience=audience,
        threshold=5,
        zeros=True,
        city="Stadt Köln",
        source="Stadt Köln, Ausländeramt",
        made=date(2026, 12, 2),
        published=table,
        number=7,
        earlier=earlier,
    )


def shipped(name: str, audience: Audience, *, former: int = 0) -> Paper:
    """A paper of a shipped definition with numbers that nobody counted."""
    definition = definitions()[name]
    rule = definition.rules[audience]
    tables = [
        published(definition.dimensions, rule.margins, period=period_of(definition.span, date(2026, month, 1)),
                  most=300 + 50 * month, base=rule.base, noise=rule.noise)
        for month in range(11 - former, 12)
    ]  # fmt: skip
    return paper_of(definition.text, audience, rule.told(), tables[-1], city=CITY, made=date(2026, 12, 2), number=7,
                    earlier=tuple(tables[:-1]))  # fmt: skip


@cache
def definitions() -> dict[str, Definition]:
    """What is shipped."""
    return load_definitions(ROOT / "schemas")


def stock() -> Paper:
    """Persons by status, sex and age: two and three dimensions, an age pyramid, seven former releases."""
    margins: tuple[Margin, ...] = (
        (), ("statusgruppe",), ("geschlecht",), ("altersgruppe",), ("altersgruppe", "geschlecht"),
        ("statusgruppe", "geschlecht"), ("statusgruppe", "altersgruppe", "geschlecht"),
    )  # fmt: skip
    days = [date(2026, month, 28) for month in range(4, 12)]
    tables = [
        published((STATUS, AGE, SEX), margins, period=Period(day, day), most=400 + 61 * number)
        for number, day in enumerate(days)
    ]
    return paper(tables[-1], earlier=tuple(tables[:-1]))


def districts(*, base: int = 5, noise: int = 2) -> Paper:
    """Dwellings by district, rounded and moved; the margin of the kind alone is not published."""
    month = Period(date(2026, 11, 1), date(2026, 11, 30))
    margins: tuple[Margin, ...] = ((), ("stadtbezirk",), ("stadtbezirk", "unterkunft"))
    return paper(published((DISTRICT, KIND), margins, period=month, base=base, noise=noise), audience="rat")


def hostile() -> Paper:
    """One dimension, whose labels are taken for anything but text if somebody lets them."""
    kinds = dimension("art", HOSTILE, a=HOSTILE, b="+49", c="@x", d="-", e='"; DROP', f="https://example.invalid/")
    day = Period(date(2026, 2, 28), date(2026, 2, 28))
    return paper(published((kinds,), (("art",), ()), period=day), audience="intern")


def hidden() -> Paper:
    """Few people: in each picture some or all numbers are withheld, and a line begins, breaks off and ends so."""
    margins: tuple[Margin, ...] = (
        (), ("geschlecht",), ("stadtbezirk",), ("altersgruppe", "geschlecht"), ("unterkunft",),
    )  # fmt: skip
    tables = []
    for month in range(1, 13):
        day = date(2026, month, 28)
        table = published((SEX, DISTRICT, AGE, KIND), margins, period=Period(day, day), most=200 + month)
        told = {
            margin: {
                cell: None if (place + month) % 3 == 0 or margin == ("unterkunft",) else number
                for place, (cell, number) in enumerate(numbers.items())
            }
            for margin, numbers in table.margins.items()
        }
        tables.append(replace(table, margins=told))
    return paper(tables[-1], earlier=tuple(tables[:-1]))


def total() -> Paper:
    """Nothing but one number, and that withheld."""
    year = Period(date(2026, 1, 1), date(2026, 12, 31))
    return paper(Published(Subject("flueag", year), (), {(): {(): None}}))


BY_HAND = (stock, districts, hostile, hidden, total)
"""All of them."""


def _number(index: int, most: int) -> int:
    """Many zeros, some small numbers, few large ones, the same every time."""
    spread = (index * 7919 + 13) % 101
    return 0 if spread < 30 else spread - 30 if spread < 36 else spread * most // 101
