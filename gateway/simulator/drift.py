"""What happens to records without a word: no reader of changes can know, only who compares the whole stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final

from gateway.simulator.record import Satz, Satzart, patched


class Drift(Enum):
    """How an event is kept silent."""

    VANISHES = "the record is no longer in the stock, and no record L was ever given out"
    SAME_NUMBER = "the record is another under its old change number"
    RETURNS = "a deleted or merged record stands in the stock again as it was before, under its old number"
    UNDELIVERED = "the event happens, but its records are in no withdrawal of changes"


SILENT: Final[Mapping[str, tuple[Drift, str]]] = {
    "stilles-verschwinden": (Drift.VANISHES, ""),
    "stille-aenderung": (Drift.SAME_NUMBER, ""),
    "stille-rueckkehr": (Drift.RETURNS, ""),
    "verlorene-aenderung": (Drift.UNDELIVERED, "umzug"),
    "verlorener-zuzug": (Drift.UNDELIVERED, "zuzug"),
    "verlorene-sperre": (Drift.UNDELIVERED, "sperre-setzen"),
    "verlorene-loeschung": (Drift.UNDELIVERED, "loeschung"),
    "verlorene-zusammenfuehrung": (Drift.UNDELIVERED, "zusammenfuehrung"),
}
"""Every silent event by its name, with the event that it keeps silent, as `POST /schritt?ereignis=` takes it."""


class Silence:
    """What stands in the stock otherwise than was ever told: until the person's next ordinary change."""

    def __init__(self) -> None:
        self._instead: dict[tuple[str, int], Satz | None] = {}
        self._people: set[str] = set()
        self._undelivered: set[int] = set()

    def seen(self, satz: Satz) -> Satz | None:
        """What stands in the stock for this latest state of a person; None if it has vanished."""
        return self._instead.get((satz.personennummer, satz.aenderungsnummer), satz)

    def knows(self, personennummer: str) -> bool:
        """Whether anything about the person was ever kept silent."""
        return personennummer in self._people

    def withheld(self, satz: Satz) -> bool:
        """Whether this state is in no withdrawal of changes."""
        return satz.aenderungsnummer in self._undelivered

    def vanish(self, satz: Satz) -> None:
        """The state is gone."""
        self._instead[satz.personennummer, satz.aenderungsnummer] = None
        self._people.add(satz.personennummer)

    def replace(self, satz: Satz, by: Satz) -> None:
        """`by` stands in the place of the state."""
        self._instead[satz.personennummer, satz.aenderungsnummer] = by
        self._people.add(satz.personennummer)

    def withhold(self, numbers: Iterable[int]) -> None:
        """The states with these change numbers are delivered in no withdrawal of changes."""
        self._undelivered.update(numbers)

    def deliver(self, number: int) -> None:
        """The state with this change number is delivered from now on."""
        self._undelivered.discard(number)

    def forget(self, personennummer: str) -> None:
        """What stands in the stock is again what was told."""
        self._instead = {key: satz for key, satz in self._instead.items() if key[0] != personennummer}


def renamed(satz: Satz, name: str) -> Satz:
    """The same state of the person under another family name."""
    inhalt = patched(satz.inhalt, {"personalien.famName": name})
    return Satz(satz.personennummer, satz.aenderungsnummer, satz.geaendert_am, satz.satzart, inhalt, satz.ziel)


def before(versions: Sequence[Satz], base: Satz | None) -> Satz | None:
    """The last living state before the person's latest one; None if there was none."""
    living = [satz for satz in versions[:-1] if satz.satzart is Satzart.PERSON]
    return living[-1] if living else base
