"""The sandbox's own simulated case system, as its neighbour knows it: who it is, and what may happen in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests

from gateway.errors import NotFound, SettingsError, SourceError
from gateway.simulator.draft import number

SEED: Final = 1
"""Of every sandbox's population: two vendors talk of the same persons."""
_TIMEOUT: Final = 10


@dataclass(frozen=True, slots=True)
class Event:
    """Something that can happen. `undoes`: it takes back an earlier event; `two`: it takes two persons."""

    name: str
    german: str
    english: str
    undoes: bool = False
    two: bool = False


EVENTS: Final = (
    Event("umzug", "Umzug der Person und ihrer Familie", "a person and its family move"),
    Event("geburt", "Geburt eines Kindes dieser Person, noch ohne Vornamen", "a child is born, not yet named"),
    Event("namensgebung", "Ein Neugeborenes erhält seinen Vornamen", "a newborn child gets its given name"),
    Event("zuzug", "Zuzug einer bisher unbekannten Person", "somebody unknown so far arrives"),
    Event("namensaenderung", "Änderung des Familiennamens", "the family name changes"),
    Event("geschlechtsaenderung", "Änderung des Geschlechtseintrags", "the sex entry changes"),
    Event("statuswechsel", "Wechsel des Aufenthaltstitels", "the residence title changes"),
    Event("niederlassungserlaubnis", "Erteilung einer Niederlassungserlaubnis", "a settlement permit is granted"),
    Event("staatsangehoerigkeit", "Berichtigung der Staatsangehörigkeit", "the nationality is corrected"),
    Event("altersfeststellung", "Feststellung des Alters", "the age is assessed"),
    Event("azr-nummer", "Neue AZR-Nummer", "a new AZR number"),
    Event("sperre-setzen", "Auskunftssperre: die Person entfällt für alle Abrufenden", "the person is blocked"),
    Event("sperre-aufheben", "Aufhebung der Auskunftssperre", "the block is lifted", undoes=True),
    Event("einschraenkung", "Einschränkung der Verarbeitung (Art. 18 DSGVO)", "processing is restricted"),
    Event("einschraenkung-ende", "Ende der Einschränkung", "the restriction ends"),
    Event("fortzug", "Fortzug ins Unbekannte", "the person departs"),
    Event("wiederzuzug", "Rückkehr nach dem Fortzug", "the person returns", undoes=True),
    Event("tod", "Tod", "the person dies"),
    Event("tod-ruecknahme", "Rücknahme eines irrtümlichen Todes", "an erroneous death is taken back", undoes=True),
    Event("einbuergerung", "Einbürgerung", "naturalisation"),
    Event("zusammenfuehrung", "Zwei Datensätze derselben Person werden einer", "two records become one", two=True),
    Event("trennung", "Rücknahme der Zusammenführung", "a merge is taken back", undoes=True),
    Event("loeschung", "Löschung der Akte", "the record is erased"),
    Event(
        "nur-nicht-gewaehrtes", "Änderung, die niemanden erreicht (Lichtbild)", "a change nobody may see (photograph)"
    ),
)
"""What vendors may let happen, in the order in which it is offered."""


def event(name: str) -> Event:
    """The event of that name; NotFound if there is none."""
    found = next((one for one in EVENTS if one.name == name), None)
    if found is None:
        raise NotFound(f"no such event; there are: {', '.join(one.name for one in EVENTS)}")
    return found


@dataclass(frozen=True, slots=True)
class OwnSource:
    """The simulator at `url` (its SOAP service), which calls itself `name`."""

    url: str
    name: str

    def require_own(self) -> int:
        """How many person numbers it has given out; SettingsError unless it is this sandbox's, on this machine."""
        if not _is_loopback(self.url):
            raise SettingsError("source.url: a sandbox reads nothing but its own simulator on the loopback address")
        try:
            told = self._get("/lebt")
        except SourceError as error:
            raise SettingsError(f"source.url: {error}") from None
        if told.get("name") != self.name:
            raise SettingsError("source.url: this is not the simulator of this sandbox")
        return int(told["nummern"])

    def numbers(self) -> list[str]:
        """Every person number it has given out."""
        return [number(index) for index in range(self.require_own())]

    def happen(self, name: str, *groups: Sequence[str]) -> tuple[str, ...] | None:
        """The person numbers that the event has changed; None if it cannot happen to them.

        It happens to the first of the group to whom it can, the second person of an event is one of the second group;
        without a group it happens to anybody.
        """
        self.require_own()
        asked = {"ereignis": name} | ({"person": "+".join(map(",".join, groups))} if groups else {})
        told = self._send("/schritt", asked)
        return None if told is None else tuple(dict.fromkeys(one for one, _ in told["aenderungen"]))

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with _direct() as session:
                answer = session.get(self._address(path), timeout=_TIMEOUT)
            answer.raise_for_status()
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise SourceError(f"the simulator does not answer ({type(error).__name__})") from None
        return told if isinstance(told, dict) else {}

    def _send(self, path: str, asked: dict[str, str]) -> dict[str, Any] | None:
        try:
            with _direct() as session:
                answer = session.post(self._address(path), params=asked, timeout=_TIMEOUT)
            told: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise SourceError(f"the simulator does not answer ({type(error).__name__})") from None
        return told if answer.ok else None

    def _address(self, path: str) -> str:
        scheme, host, *_ = urlsplit(self.url)
        return urlunsplit((scheme, host, path, "", ""))


def _direct() -> requests.Session:
    """A session that no proxy of the environment comes between."""
    session = requests.Session()
    session.trust_env = False
    return session


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere tomorrow
