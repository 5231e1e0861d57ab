"""The invented population of the case system: each person follows from seed and place, none is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from gateway.simulator import canaries
from gateway.simulator.cases import Erwartung, Fall, Mitglied, Patch
from gateway.simulator.draft import draft, number
from gateway.simulator.edge_cases import cases_for
from gateway.simulator.families import Haushalt, Rolle, household_of, plan
from gateway.simulator.record import Inhalt, Satz, Satzart, Wert, patched

MAX_PERSONS: Final = 1_000_000
_BERLIN: Final = ZoneInfo("Europe/Berlin")
_RECORDED: Final = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
_PER_SECOND: Final = 3
_CANARY_EVERY: Final = 40


@dataclass(frozen=True, slots=True)
class Sonderfall:
    """A special person: the case it stands for, and what should become of its record."""

    gruppe: str
    name: str
    personennummer: str
    erwartung: Erwartung


@dataclass(frozen=True, slots=True)
class _Slot:
    fall: Fall
    place: int
    first: int


class Population:
    """`persons` records, each a pure function of (seed, persons, index); index i is KV-<i+1>, change number i+1.

    From 240 persons on all special cases are there, in front; fewer persons are a sample of them. `canaries`
    marks forbidden fields and refused records with texts that tests can look for. ValueError for a size that
    is not between 1 and a million.
    """

    def __init__(self, seed: int, persons: int, *, canaries: bool = True) -> None:
        if not 1 <= persons <= MAX_PERSONS:
            raise ValueError(f"persons must be between 1 and {MAX_PERSONS}")
        self.seed, self.persons, self.marked = seed, persons, canaries
        slots: list[_Slot] = []
        for fall in cases_for(persons):
            first = len(slots)
            slots.extend(_Slot(fall, place, first) for place in range(len(fall.mitglieder)))
        self._slots = tuple(slots)

    def __len__(self) -> int:
        return self.persons

    def record(self, index: int) -> Satz:
        """The record of the person with this index (from 0) at the beginning of time; IndexError beyond the end."""
        if not 0 <= index < self.persons:
            raise IndexError("no such person")
        if index >= len(self._slots):
            household = self._ordinary(index)
            inhalt = draft(household, household.members.index(index))
            return self._satz(index, self.with_secrets(index, inhalt), Mitglied())
        slot = self._slots[index]
        member = slot.fall.mitglieder[slot.place]
        inhalt = patched(draft(self._special(slot), slot.place), _resolved(member.patch, slot.first))
        inhalt = self.with_secrets(index, inhalt)
        if self.marked and member.erwartung is Erwartung.QUARANTAENE:
            inhalt = canaries.with_marked_texts(inhalt, partial(canaries.canary, self.seed, index))
        return self._satz(index, inhalt, member)

    def records(self) -> Iterator[Satz]:
        """All records in the order of their numbers, made one by one."""
        return (self.record(index) for index in range(self.persons))

    def titel(self, index: int) -> str | None:
        """The title in force of the record, without making the whole record where that can be avoided."""
        return self.record(index).titel if index < len(self._slots) else self._ordinary(index).titel

    def satzart(self, index: int) -> Satzart:
        """The kind of the record."""
        slot = self._slots[index] if index < len(self._slots) else None
        return slot.fall.mitglieder[slot.place].satzart if slot else Satzart.PERSON

    def cases(self) -> Iterator[Sonderfall]:
        """Every special person, once for each group and case it stands for."""
        for index, slot in enumerate(self._slots):
            member = slot.fall.mitglieder[slot.place]
            for group, name in ((slot.fall.gruppe, slot.fall.name), *member.auch):
                yield Sonderfall(group, name, number(index), member.erwartung)

    def canaries(self) -> Iterator[str]:
        """Every marked text: none may be found outside the case system and the encrypted store."""
        for satz in self._secretive():
            yield from canaries.marks(satz.inhalt)

    def forbidden_values(self) -> Iterator[str]:
        """Every text of a forbidden field: none may be found anywhere outside the case system."""
        for satz in self._secretive():
            yield from canaries.forbidden_texts(satz.inhalt)

    def with_secrets(self, index: int, inhalt: Inhalt) -> Inhalt:
        """The record with forbidden fields if this person has any: every 40th."""
        if index % _CANARY_EVERY:
            return inhalt
        word = partial(canaries.canary, self.seed, index) if self.marked else canaries.sober
        return canaries.with_forbidden(inhalt, word)

    def newcomer(self, index: int, *, born: bool) -> Inhalt:
        """The ordinary content of a further person beyond the population: an arrival or a child."""
        roles = (Rolle.KIND if born else Rolle.ALLEIN,)
        return draft(plan(f"{self.seed}:neu:{index}", (index,), titel="AG-01", roles=roles), 0)

    def _secretive(self) -> Iterator[Satz]:
        for index in range(self.persons):
            refused = index < len(self._slots) and self._expected(index) is Erwartung.QUARANTAENE
            if refused or index % _CANARY_EVERY == 0:
                yield self.record(index)

    def _expected(self, index: int) -> Erwartung:
        slot = self._slots[index]
        return slot.fall.mitglieder[slot.place].erwartung

    def _ordinary(self, index: int) -> Haushalt:
        return household_of(self.seed, index, len(self._slots), self.persons)

    def _special(self, slot: _Slot) -> Haushalt:
        fall = slot.fall
        members = tuple(range(slot.first, slot.first + len(fall.mitglieder)))
        roles = tuple(member.rolle for member in fall.mitglieder)
        return plan(f"{self.seed}:fall:{slot.first}", members, land=fall.land, titel=fall.titel, roles=roles)

    def _satz(self, index: int, inhalt: Inhalt, member: Mitglied) -> Satz:
        recorded = moment(_RECORDED + timedelta(seconds=index // _PER_SECOND))
        return Satz(number(index), index + 1, recorded, member.satzart, inhalt, schreibung=member.schreibung)


def moment(when: datetime) -> str:
    """An instant as the case system writes it: local time of Cologne with its offset, to the second."""
    return when.astimezone(_BERLIN).isoformat(timespec="seconds")


def _resolved(patch: Mapping[str, Wert | None], first: int) -> Patch:
    return {path: None if value is None else _numbered(value, first) for path, value in patch.items()}


def _numbered(value: Wert, first: int) -> Wert:
    if isinstance(value, str):
        return number(first + int(value[1:])) if value.startswith("@") and value[1:].isdigit() else value
    if isinstance(value, list):
        return [_numbered(item, first) for item in value]
    return {name: _numbered(item, first) for name, item in value.items()}
