"""`aenderungenAbrufen`: what has changed since the last acknowledgement; repeated until acknowledged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part
from gateway.model.types import Pattern, Tree
from gateway.operations.messages import Answer, Epoche, Seitengroesse, Services
from gateway.store.feed import Change

Aenderungsart = Annotated[
    str,
    Pattern(
        "Aenderungsart",
        "neu: erstmals im Bestand; geaendert: Angaben geändert; entfallen: nicht mehr im Bestand, Daten löschen; "
        "zusammengefuehrt: in einer anderen Person aufgegangen",
        "neu|geaendert|entfallen|zusammengefuehrt",
    ),
]


class Anfrage(Part):
    """Die nächsten noch nicht quittierten Änderungen."""

    anzahl: Seitengroesse | None = Field(None, description="Höchste Zahl von Änderungen; höchstens wie vereinbart")


class Aenderung(Part):
    """Eine Änderung; je Person höchstens eine offene, die letzte gilt."""

    laufnummer: v.Laufnummer = Field(description="Fortlaufende Nummer")
    art: Aenderungsart = Field(description="Was zu tun ist")
    personenkennung: v.Kennung = Field(description="Kennung der Person")
    zusammengefuehrt_mit: v.Kennung | None = Field(
        None, description="Nur bei zusammengefuehrt: Kennung der Person, unter der die Angaben weitergeführt werden"
    )
    person: Person | None = Field(None, description="Nur bei neu und geaendert: die Person, wie sie jetzt ist")


class Antwort(Part):
    """Die Änderungen in aufsteigender Laufnummer."""

    aenderung: tuple[Aenderung, ...] = Field((), description="Die Änderungen")
    letzte_laufnummer: v.Laufnummer = Field(description="Bis hierhin kann quittiert werden")
    weitere: v.Wahrheit = Field(description="true: Es gibt weitere Änderungen")
    epoche: Epoche = Field(description="Kennzeichen des Datenbestands; beim Quittieren angeben")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """The oldest unacknowledged changes, rendered as the persons are now."""
    asked = request.get("anzahl")
    limit = min(asked, grant.page_size) if isinstance(asked, int) else grant.page_size
    page = services.store.changes(grant, limit)
    tree: Tree = {"letzteLaufnummer": page.last_number, "weitere": page.more, "epoche": page.epoch}
    if page.changes:
        tree["aenderung"] = [_entry(change) for change in page.changes]
    return Answer(tree, tuple(change.person for change in page.changes if change.person is not None))


def _entry(change: Change) -> Tree:
    entry: Tree = {"laufnummer": change.number, "art": change.kind.value, "personenkennung": change.kennung}
    if change.merged_into is not None:
        entry["zusammengefuehrtMit"] = change.merged_into
    if change.person is not None:
        entry["person"] = change.person.tree
    return entry
