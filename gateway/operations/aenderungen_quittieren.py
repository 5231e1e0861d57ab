"""`aenderungenQuittieren`: the application has durably taken everything up to a number."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.model import vocabulary as v
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Epoche, Services


class Anfrage(Part):
    """Quittung der Änderungen bis einschließlich einer Laufnummer; wiederholbar."""

    bis: v.Laufnummer = Field(description="Letzte verarbeitete Laufnummer oder die Bestandsnummer eines Bestands")
    epoche: Epoche = Field(description="Epoche aus der Antwort, die quittiert wird")


class Antwort(Part):
    """Ergebnis."""

    quittiert_bis: v.Laufnummer = Field(description="Bis hierhin gilt alles als quittiert")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """Cumulative and idempotent; TokenRefused beyond what was delivered or in another epoch."""
    return Answer({"quittiertBis": services.store.acknowledge(grant, int(str(request["bis"])), str(request["epoche"]))})
