"""People to count: records with their versions as the store would give them, without a store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model.statistic import Counted
from gateway.statistics.counting import Town, count, period_of
from gateway.statistics.definition import Definition, read_definition
from gateway.store.standing import Life

KOELN = "05315000"
ZONE = ZoneInfo("Europe/Berlin")
TOWN = Town(KOELN, ZONE)
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


def document(number: str = "1", control: dict[str, Any] | None = None, **person: Any) -> dict[str, Any]:
    """A Datensatz as it is stored; `person` replaces fields of a Syrian woman of Köln, None takes one away."""
    stated = {
        "geburt": {"datum": "1990-05-17"},
        "geschlecht": "w",
        "staatsangehoerigkeit": ["475"],
        "anschrift": home(),
        "ersteinreisedatum": "2015-10-01",
        "zuzugsdatum": "2015-11-01",
        **person,
    }
    told = {name: value for name, value in stated.items() if value is not None}
    return {"person": told, "steuerung": {"quellsystemPersonennummer": number, **(control or {})}}


def home(**changes: str) -> dict[str, str]:
    """A dwelling in Köln."""
    where = {"strasse": "Domstraße", "hausnummer": "1", "postleitzahl": "50668", "gemeindeschluessel": KOELN}
    return where | {"stadtteil": "101", "art": "wohnung"} | changes


def life(*versions: dict[str, Any] | tuple[datetime, dict[str, Any]], key: int = 1, known: int | None = None) -> Life:
    """A person with these versions, the first recorded long ago unless a moment says otherwise."""
    dated = [one if isinstance(one, tuple) else (LONG_AGO, one) for one in versions]
    recorded = [moment for moment, _ in dated]
    return Life("okvisa", key, recorded, known or len(dated), lambda place: dated[place][1])


def status(code: str, begin: str | None = None, end: str | None = None) -> dict[str, Any]:
    """An Aufenthaltsstatus; days are inclusive."""
    dates = {"beginn": begin, "ende": end}
    return {"art": code, **{name: day for name, day in dates.items() if day is not None}}


def counted(definition: Definition, day: date, *people: Life) -> Counted:
    """What is counted of these people in the period that `day` is in."""

    def lives(_what: str) -> Iterator[Life]:
        yield from people

    return count(definition, period_of(definition.span, day), lives, TOWN)


def definition(counting: str, *features: str, span: str = "stichtag", more: str = "") -> Definition:
    """A definition that counts by these features; `more` is further text, for example their groups."""
    listed = ", ".join(f'"{name}"' for name in features)
    parts = [part for part in more.split("[[") if part.strip()]
    told = {part.split('"')[1]: part for part in parts}
    chosen = "".join(told.get(name, f'merkmale]]\nname = "{name}"\n').join(("[[", "\n")) for name in features)
    return read_definition(
        f"""
[statistik]
kennung = "probe"
fassung = 1
titel = "Probe"
art = "{span}"
zaehlung = "{counting}"
gliederungen = [[], [{listed}]]
[rechtsgrundlage]
normen = ["DSG NRW § 17"]
zweck = "Probe"
{chosen}
[kreis.intern]
mindestzahl = 3
mindestintervall = 3
nullen = "zeigen"
""",
        "probe.toml",
    )
