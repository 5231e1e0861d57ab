"""What a case is: one special person or several that belong together, and what should become of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from gateway.simulator.families import Rolle
from gateway.simulator.record import Satzart, Schreibung, Wert

Patch: TypeAlias = "dict[str, Wert | None]"
"""What is put into an ordinary record, by path; None takes a field away."""


class Erwartung(Enum):
    """What a careful reader of the case system does with the record."""

    GUT = "taken"
    QUARANTAENE = "quarantined"
    OFFEN = "taken after a documented correction, or quarantined"


@dataclass(frozen=True, slots=True)
class Mitglied:
    """One person of a case: what differs from an ordinary person.

    A path with None takes the field away. A text `@0`, `@1` ... stands for the number of that member.
    """

    patch: Mapping[str, Wert | None] = field(default_factory=dict)
    rolle: Rolle = Rolle.ALLEIN
    satzart: Satzart = Satzart.PERSON
    schreibung: Schreibung = Schreibung.SCHLICHT
    erwartung: Erwartung = Erwartung.GUT
    auch: tuple[tuple[str, str], ...] = ()
    """Further (group, name) that this person stands for."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A case: one person or several that belong together, all from one country on one title."""

    gruppe: str
    name: str
    mitglieder: tuple[Mitglied, ...]
    land: str | None = None
    titel: str | None = None


def single(gruppe: str, name: str, patch: Mapping[str, Wert | None], land: str | None = None, **more: object) -> Fall:
    """A case of one person; `titel` goes to the case, everything else to the person."""
    titel = more.pop("titel", None)
    member = replace(Mitglied(patch), **more)  # type: ignore[arg-type]  # fields of Mitglied, checked by replace
    return Fall(gruppe, name, (member,), land, titel if isinstance(titel, str) else None)
