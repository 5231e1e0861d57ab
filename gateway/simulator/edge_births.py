"""Group C: dates of birth as they are known, set, estimated, or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gateway.simulator.cases import Erwartung, Fall, single
from gateway.simulator.families import STICHTAG
from gateway.simulator.titles import day

_FIRST_OF_JANUARY = (
    ("475", 1990), ("475", 1985), ("475", 2001), ("475", 1978), ("163", 1969), ("163", 1982), ("423", 1995),
    ("423", 1999), ("423", 2003), ("438", 1988), ("438", 1992), ("224", 1994), ("224", 2000), ("273", 1997),
    ("232", 1986),
)  # fmt: skip


def cases() -> Iterator[Fall]:
    """One case per form of the date; the share of 1 January by country as in the AZR."""
    for land, year in _FIRST_OF_JANUARY:
        yield _born("1. Januar gesetzt", f"01.01.{year}", "3", land)
    yield _born("nur das Jahr", "00.00.1990", "2")
    yield _born("nur das Jahr, minderjährig", "00.00.2015", "2")
    yield _born("nur Monat und Jahr", "00.07.2018", "2")
    yield _born("unbekannt", "00.00.0000", None)
    yield single("C", "nicht erfasst", {"personalien.gebDat": None, "personalien.gebDatHerkunft": None})
    yield _born("29. Februar", "29.02.2008", "1")
    yield _born("wird am 1. Januar sechs", "01.01.2021", "1")
    yield _born("wurde am 31. Dezember sechs", "31.12.2019", "1")
    yield _born("wird am 31. Dezember vierzehn", "31.12.2012", "1")
    yield _born("wird am 1. Januar achtzehn", "01.01.2009", "1")
    yield _born("über hundert Jahre", "17.03.1923", "1")
    yield _after_entry()
    future = day(STICHTAG.replace(year=2031) + timedelta(days=9))
    yield _born("in der Zukunft", future, "1", expected=Erwartung.QUARANTAENE)
    yield _born("Altersfeststellung", "15.06.2009", "4", "423")
    yield _born("kein Kalendertag", "30.02.1994", "1", expected=Erwartung.QUARANTAENE)


def _born(
    label: str, text: str, source: str | None, land: str | None = None, expected: Erwartung = Erwartung.GUT
) -> Fall:
    patch = {"personalien.gebDat": text, "personalien.gebDatHerkunft": source}
    return single("C", label, patch, land, erwartung=expected)


def _after_entry() -> Fall:
    patch = {
        "personalien.gebDat": "12.05.2024", "personalien.gebDatHerkunft": "1",
        "aufenthalt.ersteinreise": "03.02.2023", "aufenthalt.zuzug": "03.02.2023",
    }  # fmt: skip
    return single("C", "nach der Einreise geboren", patch, erwartung=Erwartung.OFFEN)
