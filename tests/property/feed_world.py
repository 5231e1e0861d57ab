"""A small model of what the feed is about: who is who at the source, and what each application may know today.

A handful of dictionaries, changed by the same events as the store, and read by rules written down a second time.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from gateway.agreements.agreement import Agreement, Condition
from gateway.model.types import Tree
from gateway.store.batch import Upsert
from tests.unit.store.store_kit import AWAY, BLOCK, FIELDS, TODAY, address, agreement, upsert

NAMES = {"1": ("Musterb", "Ada"), "2": ("Musterc", "Berta"), "3": ("Musterd", "Clara"), "4": ("Mustere", "Dora")}
KIN = [{"art": "elternteil", "personennummer": "1", "familienname": "Mustern", "vornamen": "Eva"}]
MAIN = "9"
"""The main record of all alias records; it is never known."""
STATES: dict[str, dict[str, Any]] = {
    "here": {},
    "ungranted": {"person": {"telefonnummer": ["0221 1"]}},
    "married": {"person": {"familienname": "Neu"}},
    "moved": {"person": {"anschrift": address("Ringstraße")}},
    "kin": {"familie": KIN},
    "away": {"person": {"anschrift": AWAY}},
    "blocked until tonight": {"auskunftssperre": [{"art": "3", "bis": TODAY.isoformat()}]},
    "blocked": {"auskunftssperre": BLOCK},
    "alias": {"hauptdatensatz": MAIN},
}
SAME = frozenset({"here", "ungranted"})
"""States that no application can tell apart."""

WIDE, NARROW = "wide", "narrow"
_NOT_THERE = Condition("anschrift.strasse", none_of=frozenset({"Ringstraße"}))
_ANYWHERE = (Condition("geschlecht", present=True),)
_LESS = tuple(name for name in FIELDS if name != "geburt.datum")
STREAMS = ("wohnung/1", "wohnung/2", "sozial/1")
"""One application that changes over to another contract, and one that sees people wherever they live."""

View = tuple[object, object, object]
"""Family name, street, date of birth, as far as they are told."""


def terms(stream: str, extent: str, version: int) -> Agreement:
    """The agreement of a stream: all fields of all its persons, or fewer fields of fewer."""
    application, _, major = stream.partition("/")
    found = agreement(application, version=version, major=int(major))
    if application == "sozial":
        found = replace(found, scope=_ANYWHERE)
    if extent == NARROW:
        found = replace(found, scope=(*found.scope, _NOT_THERE), fields=_LESS)
    return found


def said(number: str, change: int, state: str) -> Upsert:
    """What the source sends of a person in this state."""
    person = {"vornamen": NAMES[number][1], "familienname": NAMES[number][0]} | STATES[state].get("person", {})
    return upsert(number, change, **{**STATES[state], "person": person})


def seen(tree: Tree) -> View:
    """What an application has been told, in the words of the model."""
    place, birth = tree["anschrift"], tree.get("geburt")
    street = place.get("strasse") if isinstance(place, dict) else None
    return tree["familienname"], street, birth.get("datum") if isinstance(birth, dict) else None


@dataclass
class World:
    """`states`: number -> state of its record; `merged`: number -> where it went; `gone`: whose key is destroyed."""

    today: date = TODAY
    states: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    changes: dict[str, int] = field(default_factory=dict)
    extents: dict[str, str] = field(default_factory=lambda: {"wohnung/1": WIDE, "sozial/1": WIDE})

    def copied(self) -> World:
        """The world as it is now."""
        return deepcopy(self)

    def says(self, number: str, change: int, state: str) -> bool:
        """The source states a record; whether it counts."""
        if change <= self.changes.get(number, -1) or number in self.erased:
            return False
        self.changes[number] = change
        self.states[number] = state
        self.merged.pop(number, None)
        self.gone.discard(number)
        return True

    def removes(self, number: str, change: int) -> None:
        """The source has no such record any more, nor any that went into it."""
        if change > self.changes.get(number, -1):
            self.changes[number] = change
            self.ends(number)

    def merges(self, number: str, into: str, change: int) -> None:
        """One record has become part of another; of one that is gone, nothing can, and a circle is refused."""
        if change <= self.changes.get(number, -1) or number in self._way(into):
            return
        self.changes[number] = change
        if into in self.gone:
            self.ends(number)
        else:
            self.states.pop(number, None)
            self.merged[number] = into
            self.gone.discard(number)

    def ends(self, number: str) -> None:
        """Nothing is left of this record, nor of those that went into it."""
        self.states.pop(number, None)
        self.merged.pop(number, None)
        self.gone.add(number)
        for other in [one for one, into in self.merged.items() if into == number]:
            self.ends(other)

    def visible(self, stream: str, number: str) -> bool:
        """Whether this application may know of the record today."""
        state = self.states.get(number)
        if stream not in self.extents or state in (None, "blocked", "alias"):
            return False
        if state == "blocked until tonight" and self.today <= TODAY:
            return False
        if state == "away" and not stream.startswith("sozial"):
            return False
        return not (state == "moved" and self.extents[stream] == NARROW)

    def view(self, stream: str, number: str) -> View:
        """What it may be told of a visible one."""
        state = self.states[number]
        street: str | None = {"moved": "Ringstraße"}.get(state, "Domstraße")
        if state == "kin" and number != "1" and self._first_is_blocked():
            street = None  # they live at one address
        birth = "1990-05-17" if self.extents[stream] == WIDE else None
        return "Neu" if state == "married" else NAMES[number][0], street, birth

    def views(self, stream: str) -> dict[str, View]:
        """Everyone it may know, by person number."""
        return {number: self.view(stream, number) for number in self.states if self.visible(stream, number)}

    def target(self, stream: str, number: str) -> str | None:
        """The record that this one went into, at the end of the way, if the application may know of it."""
        return next((one for one in self._way(number)[1:] if self.visible(stream, one)), None)

    def _way(self, number: str) -> list[str]:
        """This record and those that it went into, one after the other."""
        found = [number]
        while (at := self.merged.get(found[-1])) is not None and at not in found:
            found.append(at)
        return found

    def _first_is_blocked(self) -> bool:
        state = self.states.get("1")
        return state == "blocked" or (state == "blocked until tonight" and self.today <= TODAY)
