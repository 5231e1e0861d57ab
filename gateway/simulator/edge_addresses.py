"""Group F: addresses that are no street with a number in Cologne."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from gateway.simulator import addresses
from gateway.simulator.cases import Erwartung, Fall, single
from gateway.simulator.chance import chance
from gateway.simulator.families import STICHTAG
from gateway.simulator.record import Inhalt, Wert
from gateway.simulator.titles import day

_TODAY: Final = day(STICHTAG)
_KOELN: Final[Inhalt] = {"plz": "50825", "ort": "Köln", "ags": addresses.KOELN, "stadtteilNr": "401"}
_BASE: Final[Inhalt] = {"aktuell": "J", "wohnungsart": "WO", "str": "Zaunkönigpfad", "hausNr": "912"}


def shared_shelter(bed: int) -> Inhalt:
    """A bed in the one shelter that holds many of the special persons."""
    return addresses.shelter(1, "01.03.2026", f"Zi. {101 + bed // 4}")


def cases() -> Iterator[Fall]:
    """One case per kind of address."""
    for label, change in _NOW.items():
        yield _at(label, [{name: v for name, v in (_BASE | _KOELN | change).items() if v != ""}])
    yield _at("Umzug am Tag des Abzugs", [_flat(_TODAY), _former("01.02.2024", _TODAY)])
    yield _at("Einzug nach dem Auszug", [_flat("01.03.2025") | {"auszug": "15.01.2025"}], Erwartung.OFFEN)
    backdated = day(STICHTAG - timedelta(days=400))
    yield _at("rückwirkender Umzug", [_flat(backdated), _former("01.02.2020", backdated)])
    yield _at("Umverteilung in eine andere Gemeinde", [addresses.elsewhere(chance("umverteilung"), _TODAY)])
    yield _at("zwei Wohnungen", [_flat("01.05.2024"), _flat("01.09.2025") | {"aktuell": "N", "str": "Am Mühlrad"}])
    yield _at("keine Wohnung erfasst", None)


_NOW: Final[dict[str, Inhalt]] = {
    "ohne Hausnummer": {"hausNr": "o.Nr."},
    "Hausnummer 12 a": {"hausNr": "912 a", "teilNr": "2"},
    "Hausnummer 12-14": {"hausNr": "912-914"},
    "Hausnummer 12 1/2": {"hausNr": "912 1/2"},
    "bei einem anderen (c/o)": {"bei": "Müller-Łukasiewicz", "zusatz": "Hinterhaus, 2. Eingang"},
    "Hotel": {"wohnungsart": "SO", "zusatz": "Hotel Zum Fliederhang, Zimmer 17", "objektNr": "HO-0007"},
    "Notunterkunft": {"wohnungsart": "GU", "zusatz": "Turnhalle, Bett M&uuml;ller 14", "objektNr": "NU-0003"},
    "Landeseinrichtung": {"wohnungsart": "AE", "objektNr": "ZUE-12"},
    "Schutzeinrichtung": {"wohnungsart": "SE", "str": "Rosmarinsteig", "zusatz": "Haus Ginster", "objektNr": "SE-01"},
    "Justizvollzug": {"wohnungsart": "JV", "str": "Kranichring", "zusatz": "Haus 4", "objektNr": "JVA-01"},
    "ohne festen Wohnsitz": {"wohnungsart": "OF", "str": "", "hausNr": "", "plz": "", "stadtteilNr": ""},
    "unbekannter Aufenthalt": {"wohnungsart": "UB", "str": "", "hausNr": "", "plz": "", "ort": "", "ags": "",
                               "stadtteilNr": ""},
    "Postleitzahl passt nicht": {"plz": "51149", "stadtteilNr": "101"},
}  # fmt: skip


def _flat(moved_in: str) -> Inhalt:
    return _BASE | _KOELN | {"einzug": moved_in}


def _former(moved_in: str, moved_out: str) -> Inhalt:
    return _flat(moved_in) | {"aktuell": "N", "str": "Güterbahnhofsweg", "auszug": moved_out}


def _at(label: str, dwellings: list[Inhalt] | None, expected: Erwartung = Erwartung.GUT) -> Fall:
    addresses_now: list[Wert] | None = None if dwellings is None else list(dwellings)
    return single("F", label, {"wohnung": addresses_now}, titel="AG-01", erwartung=expected, auch=(("A", "einzeln"),))
