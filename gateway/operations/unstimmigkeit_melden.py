"""`unstimmigkeitMelden`: the application tells the foreigners office that something seems wrong."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotAgreed
from gateway.model import vocabulary as v
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Services, Zeile


class Anfrage(Part):
    """Meldung einer Unstimmigkeit (DSGVO Art. 5 Abs. 1 lit. d)."""

    personenkennung: v.Kennung = Field(description="Kennung der Person")
    feld: Zeile | None = Field(None, description="Betroffenes Feld, zum Beispiel anschrift.strasse")
    beschreibung: v.TextC500 = Field(description="Was nicht stimmt; keine Angaben zu Dritten")


class Antwort(Part):
    """Bestätigung."""

    meldungsnummer: v.Kennung = Field(description="Nummer der Meldung für Rückfragen")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """The report is stored for the foreigners office; NotFound for persons this application cannot see.

    The answer names the person to the audit trail only, with no field.
    """
    field = request.get("feld")
    if field is not None and field not in grant.agreement.fields:
        raise NotAgreed("feld is not in the agreement", code="feld-nicht-vereinbart")
    reported = services.store.report(
        grant, str(request["personenkennung"]), None if field is None else str(field), str(request["beschreibung"])
    )
    return Answer({"meldungsnummer": reported.number}, (reported.concerned,))
