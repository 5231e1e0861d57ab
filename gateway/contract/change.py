"""One change between two published contracts, and what it does to a client that was built from the older one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Final


class Effect(Enum):
    """What a change does to existing clients; the worse the higher `rank`."""

    COMPATIBLE = "compatible"
    """Every request valid before is valid now, and every answer valid now was valid before."""
    TOLERANT = "compatible-for-tolerant-clients"
    """Requests stay valid; answers may hold, or lack, what strict clients stumble over. The rule names them."""
    BREAKING = "breaking"
    """A correct client is refused, or is not told (any more, or silently) what it was promised."""

    @property
    def rank(self) -> int:
        return list(Effect).index(self)

    @property
    def german(self) -> str:
        return _GERMAN[self]


class Direction(Enum):
    """Which way what has changed travels."""

    REQUEST = "request"
    ANSWER = "answer"
    SERVICE = "service"


@dataclass(frozen=True)
class Rule:
    """A kind of change: its effect, why (one clause, English and German), and on which stacks it breaks.

    `english` and `german` say what has changed; {old} and {new} stand for the two states.
    """

    name: str
    effect: Effect
    english: str
    german: str
    why: str
    why_german: str
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """Something that differs: the rule it falls under, where (the first of `places`), and the two states.

    `hint` and `hint_german` add what is probable but not certain.
    """

    rule: Rule
    direction: Direction
    places: tuple[str, ...]
    old: str = ""
    new: str = ""
    hint: str = ""
    hint_german: str = ""

    @property
    def effect(self) -> Effect:
        return self.rule.effect

    def english(self) -> str:
        """One sentence: where, what, and why it does or does not break."""
        what = self.rule.english.format(old=self.old, new=self.new) + (f" ({self.hint})" if self.hint else "")
        breaks = f"; breaks {', '.join(self.rule.breaks)}" if self.rule.breaks else ""
        return f"{self._where('and {} more places')}: {what}: {self.rule.why}{breaks}."

    def german(self) -> str:
        """The same in German, for the change log."""
        what = self.rule.german.format(old=self.old, new=self.new) + (
            f" ({self.hint_german})" if self.hint_german else ""
        )
        breaks = (
            f"; betroffen: {', '.join(STACKS.get(one, one) for one in self.rule.breaks)}" if self.rule.breaks else ""
        )
        return f"{self._where('und {} weitere Stellen')}: {what}: {self.rule.why_german}{breaks}."

    def _where(self, more: str) -> str:
        return self.places[0] + (f" ({more.format(len(self.places) - 1)})" if len(self.places) > 1 else "")


_GERMAN = {
    Effect.COMPATIBLE: "verträglich",
    Effect.TOLERANT: "verträglich für nachsichtige Gegenstellen",
    Effect.BREAKING: "bricht",
}


STACKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clients that validate answers against the XSD": "wer Antworten gegen das Schema prüft",
        "gSOAP with SOAP_XML_STRICT": "gSOAP mit SOAP_XML_STRICT",
        "gSOAP (throws)": "gSOAP (Fehler)",
        "gSOAP (lengths and bounds)": "gSOAP (Längen und Grenzen)",
        ".NET (throws)": ".NET (Fehler)",
        ".NET from svcutil": ".NET mit Klassen von svcutil",
        ".NET (configuration by contract name)": ".NET (Konfiguration nach Namen)",
        "Apache CXF (throws)": "Apache CXF (Fehler)",
        "Apache CXF with schema validation": "Apache CXF mit Schemaprüfung",
        "JAX-WS RI (null, silently)": "JAX-WS RI (null, ohne Hinweis)",
        "whoever sends the attribute": "wer das Attribut sendet",
        "applications that do not work without the value": "Anwendungen, die ohne die Angabe nicht arbeiten",
        "applications with a fixed number of places": "Anwendungen mit fester Zahl von Feldern",
        "applications with columns of the old length": "Anwendungen mit Spalten der alten Länge",
        "clients that look at the list's version": "wer die Version der Liste auswertet",
        "clients that read the WSDL when they run": "wer die WSDL zur Laufzeit liest",
        "generated code that is made anew": "neu erzeugter Code",
        "clients that catch declared faults only": "wer nur vereinbarte Fehler abfängt",
    }
)
"""Who breaks, in German; names of products stand for themselves."""


def gathered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Equal changes at several places as one, the worst first, otherwise in the order they were found."""
    found: dict[Change, list[str]] = {}
    for change in changes:
        places = found.setdefault(replace(change, places=()), [])
        places += [place for place in change.places if place not in places]
    one = [replace(change, places=tuple(places)) for change, places in found.items()]
    return tuple(sorted(one, key=lambda change: -change.effect.rank))


def worst(changes: Iterable[Change]) -> Effect:
    """The worst effect of all; COMPATIBLE if there is no change."""
    return max((change.effect for change in changes), key=lambda effect: effect.rank, default=Effect.COMPATIBLE)
