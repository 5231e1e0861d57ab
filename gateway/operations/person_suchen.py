"""`personSuchen`: find one person by name and given name or date of birth; several hits give a code, no data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotAgreed
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part
from gateway.model.types import Pattern, Tree
from gateway.operations.messages import Answer, Services
from gateway.store.search import Criteria

Ergebnisstatus = Annotated[
    str,
    Pattern(
        "Ergebnisstatus",
        "01 genau eine Person gefunden; 02 mehrere Treffer, Angaben ergänzen; "
        "03 keine Person gefunden oder Auskunft gesperrt (nicht unterscheidbar, vgl. XMeld 1331)",
        "01|02|03",
    ),
]


class Anfrage(Part):
    """Suche nach einer Person. Familienname und dazu Vornamen oder Geburtsdatum sind Pflicht."""

    familienname: v.NameA90 = Field(description="Familienname")
    vornamen: v.NameA60 | None = Field(None, description="Vornamen; Pflicht, wenn das Geburtsdatum fehlt")
    geburtsdatum: v.TeilbekanntesDatum | None = Field(
        None, description="Geburtsdatum, soweit bekannt; Pflicht, wenn die Vornamen fehlen"
    )
    azr_nummer: v.AzrNummer | None = Field(
        None, description="AZR-Nummer, nur zusätzlich zu den Personalien (AZRG § 10 Abs. 4)"
    )


class Antwort(Part):
    """Ergebnis der Suche."""

    ergebnisstatus: Ergebnisstatus = Field(description="Ergebnis der Suche")
    person: Person | None = Field(None, description="Die Person; nur beim Ergebnis 01")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """Status 01 with the person, 02 or 03 without data; NotAgreed if the criteria are too few."""
    given, born, azr = (_text(request, name) for name in ("vornamen", "geburtsdatum", "azrNummer"))
    if given is None and born is None:
        raise NotAgreed("vornamen or geburtsdatum is mandatory", code="suchangaben-unvollstaendig")
    criteria = Criteria(familienname=str(request["familienname"]), vornamen=given, geburtsdatum=born, azr_nummer=azr)
    match services.store.search(grant, criteria):
        case ():
            return Answer({"ergebnisstatus": "03"})
        case (only,):
            return Answer({"ergebnisstatus": "01", "person": only.tree}, (only,))
        case _:
            return Answer({"ergebnisstatus": "02"})


def _text(request: Tree, name: str) -> str | None:
    value = request.get(name)
    return None if value is None else str(value)
